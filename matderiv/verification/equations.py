r"""What an answer states: every side of an equation, the left one with its sign and its factor.

`-\nabla f = -2x`, `\frac12 \nabla f = x = 2x/2` and `2*x` state the same. A derivative inside a
side becomes a symbol, for which the equation is solved.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from matderiv.errors import MatderivError, ParseError, ShapeError, Span
from matderiv.expr import Expr, is_, number_value, variable, walk
from matderiv.input.answers import (
    answer_source,
    definitions_start,
    equation_sides,
    name_of_whole,
    read_stated,
    scope_of,
    spellings,
    trimmed,
)
from matderiv.input.meaning.subscripts import FREE, free_letters, split_label
from matderiv.input.resolve import Reading
from matderiv.input.spelling import Spelled, marks
from matderiv.language.source import Name
from matderiv.numeric.sampling import same_values
from matderiv.shapes import Shape, Size, is_scalar, long_axes
from matderiv.verification.quantities import (
    DERIVATIVE,
    DIFFERENTIAL,
    VALUE,
    Quantity,
    Sign,
    named,
    signs,
)

_GRADIENT_NAME = re.compile(  # in Python
    r"(?:d[A-Za-z]\w*?_?d(?P<of>\w+)|(?:d_?|grad_?|g_|nabla_?)(?P<by>\w+)|(?P<before>\w+)_grad)"
)
_BEFORE = re.compile(r"\s*(?:\\left\s*|\\[bB]igg?l?\s*)?[(\[]\s*")
_AFTER = re.compile(r"\s*(?:\\right\s*|\\[bB]igg?r?\s*)?[)\]]\s*_\s*\{?([a-z]+)\}?\s*")
_LAST = re.compile(r"[)\]]\s*_\s*\{?([a-z]+)\}?\s*$")  # of the formula (A*x)_k
SYMBOL = "qqq"  # stands for the derivative in a side


class SomeEntriesError(ParseError):
    """A left side about the entries at some indices, `of` f and `by` the variable, alone."""

    of = by = ""


class ChangeStatedError(ParseError):
    """A left side df, the change of f, where its derivative was asked for."""


@dataclass(frozen=True)
class Answer:
    """An answer as typed to a question: the derivative of `f` by `by`, `order` times."""

    typed: str
    f: Expr
    by: Expr
    order: int
    reading: Reading
    extra: Mapping[str, Expr]
    expected: Shape
    axes: Shape = ()  # of an answer in entries
    over: Mapping[str, Size] = field(default_factory=dict)  # indices of the left side, in order
    letters: tuple[str, ...] = ()  # of the axes in the question

    def claims(self) -> tuple[Expr, ...]:
        """What the answer says that the derivative is, once for every side of it.

        Raises what reading raises, and ParseError where a left side says something else.
        """
        spelling, spans = self._sides()
        if len(spans) < 2:
            return (replace(self, over=self._as_named())._read(self.typed),)
        if spelling == "python":
            self._check_python(spans[0])
            return tuple(self._read(self._alone(span, spans)) for span in spans[1:])
        over = self._indices(spans, spelling == "latex")
        return replace(self, over=over)._from(spans, spelling == "latex")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that mean f: f, the s of ∂s_i/∂z_j = ..., and what the question calls it."""
        spelling, spans = self._sides()
        said = [q for span in spans[:-1] for q, _ in self._said(span, latex=spelling == "latex")]
        of = [q.of for q in said if q.kind == DERIVATIVE]
        derived = (split_label(name)[0] if self._below(name) else name for name in of)
        scope = scope_of(self.reading, self.extra)
        known = {*scope.shapes, *scope.sizes, self.by.name, ""}
        named = "f", *derived, name_of_whole(self.reading)
        return tuple(name for name in dict.fromkeys(named) if name not in known)

    @cached_property
    def _whole(self) -> dict[str, Expr]:
        """What the names of f mean in a side; not those that are defined, or called as in f(x)."""
        _, spans = self._sides()
        right = self.typed[spans[0][1] if len(spans) > 1 else 0 :].lstrip(" =&")
        found = {}
        for name in self.names:
            at = rf"(?<![A-Za-z_\\]){name}(?![A-Za-z0-9])"
            prime = "|['′]" if is_scalar(self.f.shape) else ""
            called = rf"['′]*\s*(?:\\left)?\((?![^()]*{at})"  # f(2x), and not f(1 - f)
            other = rf"{at}(?:\s*&?=|{called}{prime})"
            if name in right and not re.search(other, right):
                found[name] = self.f
        return found

    @property
    def in_entries(self) -> bool:
        """True where a left side has indices for all axes, such as ∂f_i/∂x_j."""
        spelling, spans = self._sides()
        return len(spans) > 1 and bool(self._indices(spans, spelling == "latex"))

    def _sides(self) -> tuple[str, list[Span]]:
        """The spelling, and the places of the sides."""
        first, strong = spellings(self.typed, self.reading)[0], marks(self.typed)[0]
        likely = [*strong, "text"][0] if first == "text" else first
        spelling = getattr(self.typed, "spelling", None) or likely
        places = equation_sides(self.typed, spelling)
        return spelling, [trimmed(self.typed, *s) for s in places if self.typed[slice(*s)].strip()]

    def _indices(self, spans: list[Span], latex: bool) -> dict[str, Size]:
        """The indices of the derivative that a left side names, and how far they run.

        ParseError where two are the same, which says nothing of the other entries, and where those
        of f are missing.
        """
        for span in spans:
            typed = self.typed[slice(*span)]
            for q, sign in self._said(span, latex=latex):
                if q.kind not in (DERIVATIVE, VALUE) or (q.kind == VALUE and not self._is_label(q)):
                    continue
                letters = "".join(map(self._below, (q.of, q.by, q.then or q.by * (q.order - 1))))
                if sign is not None and sign.operand is not None:
                    below = _LAST.search(typed[slice(*sign.operand)])
                    letters = (below[1] if below else "") + letters
                sizes = [s for s in self.axes if s != 1]
                letters = letters or _of_bracket(typed, signs(typed, latex))
                of_f = len(long_axes(self.f.shape)) if letters and not self._below(q.of) else 0
                if of_f and len(letters) + of_f == len(sizes):
                    said = f"which entry of {q.of or 'f'} this is about is not said"
                    hint = "an index for each axis, as in ∂f_i/∂x_j"
                    raise self._some_entries(q, said, span, hint)
                if len(letters) != len(sizes) and not self._is_row(q.by):
                    return {}
                if len({*letters}) < len(letters):
                    said = "this says only what the entries with equal indices are"
                    raise self._some_entries(q, said, span, "another index for each axis")
                return dict(zip(letters, sizes, strict=False))
        return {}

    def _said(self, span: Span, *, latex: bool) -> list[tuple[Quantity, Sign | None]]:
        """What a side names, and the derivatives in it."""
        typed = self.typed[slice(*span)]
        return [(named(typed, latex), None), *((s.quantity, s) for s in signs(typed, latex))]

    def _as_named(self) -> dict[str, Size]:
        """The axes with their letters in the question, else with ours, f_ij by x_k, for entries."""
        sizes = [s for s in self.axes if s != 1]
        asked = self.letters or self._in_question()
        asked = asked if len({*asked}) == len(asked) == len(sizes) else ()
        reading = replace(self.reading, free=asked or self.reading.free)
        source = answer_source(self.typed, reading, self.extra)
        found = {*source.free} if source is not None else set()
        free = free_letters(scope_of(self.reading, self.extra))
        letters = asked if found <= {*asked} else [c for c in "ijklpqrsab" if c in free]
        named = dict(zip(letters, sizes, strict=False))
        with suppress(MatderivError):  # one row for each index: -2 r_ij (x_i - mu_j)
            if 0 < len(found) < len(named) and self._read(self.typed).shape == self.expected:
                return {}
        with suppress(MatderivError):  # the same number for each entry
            if self.letters and asked and not found and is_scalar(self._read(self.typed).shape):
                return named
        return named if found and found <= named.keys() else {}

    def _in_question(self) -> tuple[str, ...]:
        """The indices of the axes where the question has the variable with one label: w_kj."""
        source = answer_source(self.reading.source, self.reading)
        nodes = [n for n in source.nodes if isinstance(n, Name)] if source is not None else []
        typed = {source.typed(n.span) for n in nodes if n.name == self.by.name} if source else ()
        labels = {re.sub(r"\W", "", t.partition("_")[2]) for t in typed}
        return (*self.reading.free, *labels.pop()) if len(labels) == 1 else ()

    def _below(self, name: str) -> str:
        """The free indices below a name; "" for a label that is none."""
        label = split_label(name)[1]
        scope = scope_of(self.reading, self.extra)
        return label if set(label) <= free_letters(scope) and name not in scope.shapes else ""

    def _from(self, spans: list[Span], latex: bool) -> tuple[Expr, ...]:
        """The claims of an equation with these sides."""
        signed: list[tuple[Span, list[Sign]]] = []
        plain, direct = [], False
        for span in spans:
            typed = self.typed[slice(*span)]
            q, found = named(typed, latex), signs(typed, latex)
            if self._is_derivative(q, span) and not self._turned(q):
                direct = True
            elif span is spans[0] and self._is_label(q):
                self._check_label(q, span)
                if q.kind == DIFFERENTIAL and q.of == "f" and f"d{self.by.name}" not in self.extra:
                    said, typed = "df is the change of f, not its derivative", str(self.typed)
                    hint = f"df/d{self.by.name} = ..."
                    raise ChangeStatedError(said, source=typed, span=span, hint=hint)
                direct = True
            elif self._is_whole(typed, found) and not self._turned(q):
                self._check_sign(found[0], typed, span, latex)
                direct = True
            elif found:
                signed.append((span, found))
            else:
                plain.append(span)
        if not plain:
            raise self._error("an answer has a side without derivatives", spans[-1])
        values = [self._read(self._alone(span, spans)) for span in plain]
        if not direct and signed:
            (first, of), *signed = signed
            values = [self._solved(first, of, e, latex) for e in values]
        last = self._read(self._alone(plain[-1], spans))
        return (*(self._solved(*s, last, latex) for s in signed), *values)

    def _check_python(self, span: Span) -> None:
        """ParseError where `dX` on the left says that it is the derivative by another variable."""
        typed = self.typed[slice(*span)].strip()
        q, said = named(typed, False), _GRADIENT_NAME.fullmatch(typed)
        variable = (said["of"] or said["by"] or said["before"]) if said else ""
        if variable in {**self.reading.variables, **dict(self.reading.parts)}:
            q = Quantity(DERIVATIVE, "", variable)
        if q.kind == DERIVATIVE:
            self._check(q, span)
        self._check_label(q, span)

    # Sides ---------------------------------------------------------------------------------------

    def _is_label(self, q: Quantity) -> bool:
        """True for a first side that only names the derivative: g, J(x), dw."""
        known = scope_of(self.reading, self.extra).shapes
        return q.kind == DIFFERENTIAL or (q.kind == VALUE and q.of not in known)

    def _check_label(self, q: Quantity, span: Span) -> None:
        """ParseError for `f = 2x`: f is what is differentiated, unless a name of the question."""
        if q.kind == VALUE and q.of == "f":
            raise self._error("f is the function itself, not its derivative", span, "∇f = ...")

    def _is_whole(self, typed: str, found: list[Sign]) -> bool:
        """True for a side that is one derivative, or its entries (∇f)_i."""
        alone = len(found) == 1 and typed[slice(*found[0].span)] == typed
        return alone or bool(self.over and _of_bracket(typed, found))

    def _turned(self, q: Quantity) -> bool:
        """True for ∂f/∂xᵀ of a number f, a row; of a vector f it says how axes lie."""
        return q.turned and is_scalar(self.f.shape)

    def _is_derivative(self, q: Quantity, span: Span) -> bool:
        """True for a side that is the derivative asked for; ParseError for another derivative."""
        if q.kind != DERIVATIVE or (q.primed and q.of in self.reading.variables):
            return False
        self._check(q, span)
        return True

    def _is_row(self, name: str) -> bool:
        """True for μ_k where the variable is Mu, whose rows the question has under this name."""
        named = self.reading.rows.get(split_label(name)[0]) == self.by.name
        return named and is_scalar(self.f.shape)

    def _check(self, q: Quantity, span: Span) -> None:
        for by in (q.by, q.then):
            base, label = split_label(by)
            own = base == self.by.name or self._is_row(by)
            if by not in ("", self.by.name) and not (own and label and {*label} <= FREE):
                said = f"this is a derivative by {by}, asked is the one by {self.by.name}"
                one = base == self.by.name and label.isdigit()
                raise self._some_entries(q, said, span) if one else self._error(said, span)
        if q.order != self.order:
            said = f"this is a derivative of order {q.order}, asked is order {self.order}"
            hint = f"order={q.order}, on the command line --order {q.order}"
            raise self._error(said, span, hint)
        names = {*self.reading.variables, *dict(self.reading.parts), self.by.name}
        if q.point and not names & {*re.findall(r"\w+", q.point)}:
            said = f"this is a derivative at {q.point}, asked is the one at {self.by.name}"
            raise self._error(said, span)
        if q.of in dict(self.reading.parts):
            raise self._error(f"this is a derivative of {q.of}, not of the whole", span)

    def _solved(self, span: Span, found: list[Sign], value: Expr, latex: bool) -> Expr:
        """What the derivative is if a side with derivatives has this value."""
        typed = self.typed[slice(*span)]
        for sign in reversed(found):
            self._check_sign(sign, typed, span, latex)
            symbol = rf"\mathrm{{{SYMBOL}}}" if latex else SYMBOL
            symbol += r"^\top" if self._turned(sign.quantity) else ""
            typed = typed[: sign.span[0]] + symbol + typed[sign.span[1] :]
        for shape in dict.fromkeys((value.shape, value.shape[::-1], self.expected)):
            q = variable(SYMBOL, shape)
            with suppress(MatderivError):
                side = self._read(Spelled(typed, "latex" if latex else "text"), {SYMBOL: q})
                if (solution := solved(side, q, value)) is not None:
                    return solution
        raise self._error("this does not say what the derivative is", span, "∇f = ... alone")

    def _check_sign(self, sign: Sign, typed: str, span: Span, latex: bool) -> None:
        r"""ParseError where `\nabla (x^T x)` is not the derivative asked about."""
        self._check(sign.quantity, span)
        if sign.operand is None:
            return
        inside = Spelled(typed[slice(*sign.operand)], "latex" if latex else "text")
        e = replace(self, over={})._read(inside)
        if e is not self.f and not same_values(self.f, e):
            raise self._error("this is a derivative of another function", span)

    # Texts ---------------------------------------------------------------------------------------

    def _read(self, typed: str, more: Mapping[str, Expr] | None = None) -> Expr:
        extra = {**self._whole, **self.extra, **(more or {})}
        try:
            return self._stated(typed, extra, self.expected)
        except ShapeError:
            if self.axes and self.axes != self.expected:
                with suppress(MatderivError):
                    return self._stated(typed, extra, self.axes)
            raise

    def _stated(self, typed: str, extra: Mapping[str, Expr], expected: Shape) -> Expr:
        reading, over = self.reading, self.over
        return read_stated(typed, reading, extra=extra, expected=expected, over=over).expr

    def _alone(self, span: Span, sides: Sequence[Span]) -> str:
        """The answer with blanks for its other sides, so that places stay; definitions remain."""
        first, last, end = sides[0][0], sides[-1][1], definitions_start(self.typed)
        last = min(last, end) if end > first else last  # lines of Python define before
        kept = self.typed[slice(*span)].ljust(max(0, last - span[0]))
        after = self.typed[last:] if span[1] <= last else ""
        alone = self.typed[:first] + " " * (span[0] - first) + kept + after
        given = getattr(self.typed, "spelling", None)
        return Spelled(alone, given) if given else alone

    def _some_entries(
        self, q: Quantity, message: str, span: Span, hint: str | None = None
    ) -> SomeEntriesError:
        """The error for a left side about some entries, by whose indices it can be judged alone."""
        error = SomeEntriesError(message, source=str(self.typed), span=span, hint=hint)
        error.of = self._below(q.of)
        error.by = "" if q.then not in ("", q.by) else split_label(q.by)[1]
        return error

    def _error(self, message: str, span: Span, hint: str | None = None) -> ParseError:
        return ParseError(message, source=str(self.typed), span=span, hint=hint)


def _of_bracket(typed: str, found: list[Sign]) -> str:
    """The indices below a bracket with nothing but a derivative in it, as in (∇f)_i; or ""."""
    if len(found) != 1:
        return ""
    start, stop = found[0].span
    below = _AFTER.fullmatch(typed, stop)
    return below[1] if below and _BEFORE.fullmatch(typed, 0, start) else ""


def solved(side: Expr, q: Expr, value: Expr) -> Expr | None:
    """The value of q for which side = value; None where q does not stand there once and linearly.

    >>> q, x = variable("q", (3,)), variable("x", (3,))
    >>> text(solved(-2*q, q, x)), text(solved(q + x, q, 2*x)), solved(q.T @ q, q, x)
    ('x/(-2)', '2*x - x', None)
    """
    if side is q:
        return value
    holding = [a for a in side.args if q in set(walk(a))]
    if len(holding) != 1:
        return None
    (inner,) = holding
    others = [a for a in side.args if a is not inner]
    if side.args.count(inner) > 1 or not (side.shape == value.shape or number_value(value) == 0):
        return None
    numbers = all(is_scalar(o.shape) and number_value(o) != 0 for o in others)
    if is_(side, "neg"):
        value = -value
    elif is_(side, "transpose"):
        value = value.T
    elif is_(side, "add") and inner.shape == side.shape:
        for o in others:
            value = value - o
    elif numbers and is_(side, "mul", "hadamard"):
        for o in others:
            value = value / o
    elif numbers and is_(side, "div", "ediv") and side.args[0] is inner:
        value = others[0] * value
    else:
        return None
    return solved(inner, q, value)
