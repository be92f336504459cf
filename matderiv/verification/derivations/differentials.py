"""Sides of equations that use differentials and derivatives as symbols: dX, d(A*x - b), ∂f/∂z.

Each such symbol becomes a variable of the right shape, so that the side can be read as an ordinary
expression; what the variable stands for is kept beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count

from matderiv.errors import LimitError, MatderivError, ParseError, Span, UnknownName
from matderiv.expr import Expr, substitute, variable, variables
from matderiv.input.axes import along
from matderiv.input.builder import Scope
from matderiv.input.meaning.kinds import meant
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.resolve import build
from matderiv.language.shaping import Context, Shaping
from matderiv.language.source import Source
from matderiv.shapes import Shape, is_scalar, long_axes, size_names
from matderiv.verification.derivations.chain_products import by_prime, chained_signs, slopes
from matderiv.verification.derivations.change_symbols import with_changes
from matderiv.verification.derivations.components import Indices, entry_name, letters_of
from matderiv.verification.derivations.definitions import parsed, placed
from matderiv.verification.derivations.function_calls import Called
from matderiv.verification.derivations.ground import Ground, Side
from matderiv.verification.derivations.memory import spelled
from matderiv.verification.derivations.points import (
    at_point,
    by_functions,
    is_elsewhere,
    of_composed,
    placed_sign,
    point_of,
    stacked,
    with_values,
)
from matderiv.verification.documents.positions import Passage
from matderiv.verification.quantities import DERIVATIVE, Quantity

EXPONENTIAL = r"(?<![A-Za-z\\])e\s*\^\s*(?=\{(?!\s*(?:\\top|\\intercal|T)\s*\}))"
DEEPEST = 20  # d(...) inside d(...)
_ORDINARY = re.compile(r"\\[dt]?frac\s*\{\s*(?:d|\\(?:mathrm|rm)\s*\{?\s*d\s*\}?)\s*\}|d\s*/")


@dataclass
class Reader:
    """Reads sides against a ground; `aliases` are names given to quantities (`g = ∇f`).

    `indices` are those of the left side, `standard` names that stand for the functions that they
    are in the language, `arguments` those of functions that have some, `strangers` names that only
    lines have, `mixed` first derivatives that were derived by another name, `flat` places where a
    number stands as an array; `calls` are functions that lines may say values of at other points;
    `at_point` says that the side that is read has a derivative at one.
    """

    ground: Ground
    document: str
    function: str
    aliases: dict[str, Quantity] = field(default_factory=dict)
    indices: Indices = field(default_factory=Indices)
    standard: Collection[str] = ()
    arguments: Mapping[str, Sequence[str]] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    flat: set[Span] = field(default_factory=set)
    calls: Sequence[Called] = ()
    last: Marking = field(init=False)
    at_point: bool = False

    def met(self, variables: Mapping[str, Expr]) -> None:
        """Take over names of which nothing is known: a line about them holds for all values."""
        reading = self.ground.reading
        sizes = reading.sizes | size_names(v.shape for v in variables.values())
        self.strangers |= variables.keys()
        self.ground.reading = replace(
            reading, variables={**reading.variables, **variables}, sizes=sizes
        )

    def side(self, passage: Passage, expected: Shape | None = None) -> Side:
        """The meaning of a side.

        Raises what reading raises, with a place in the document.
        """
        self.last, self.at_point = Marking(self), False
        return self.last.read(passage, expected, 0)

    def resolved(self, q: Quantity) -> Quantity:
        """A quantity with the function and the variable; MatderivError where they must be said."""
        known, moving = self.ground.functions, self.ground.moving
        of, of_at = self.entry(q.of or self.function)
        by, by_at = self.entry(q.by)
        of = self.ground.of_another(of, by) if of in self.standard else of
        if of not in known and not (by and of in self.ground.reading.variables):
            raise MatderivError(f"nothing says what {of} is", hint=f"a line {of} = ...")
        if q.then:
            return self._mixed(q)
        q = replace(q, of=of, primed=False, at=(), of_at=q.of_at or of_at)
        if q.kind != DERIVATIVE or by:
            by_at = by_at * q.order  # \partial x_j^2
            if by and by not in {*known, *moving, *self.ground.reading.variables}:
                raise MatderivError(f"{of} has no variable {by}")
            q = replace(q, by=by, by_at=by_at)
            f, x = self.ground.sides_of(q) if by in self.ground.passing else (None, None)
            if f is not None and variables(f) and x is self.ground.passing[by] not in variables(f):
                raise MatderivError(f"nothing says how this depends on {by}")
            return q
        alone = self._variable(of)
        if alone is not None:
            return replace(q, by=alone)
        if len(moving) != 1:
            names = ", ".join(moving or (v.name for v in variables(known[of])))
            raise MatderivError(
                "this does not say by which variable", hint=f"∂{of}/∂x for one of {names}"
            )
        return replace(q, by=next(iter(moving)))

    def _mixed(self, q: Quantity) -> Quantity:
        """∂²f/∂x∂y: the Hessian where both are entries of one array, else of ∂f/∂x the derivative.

        Its rows belong to x, as in ∂²f/∂x∂yᵀ.
        """
        first, (then, then_at) = self.resolved(replace(q, then="", order=1)), self.entry(q.then)
        if first.by == then and bool(first.by_at) == bool(then_at):
            return replace(first, order=2, by_at=first.by_at + then_at)
        e, at = self.slope(first)
        name = self.ground.named(e)
        self.mixed |= set() if at or then_at else {name}
        return self.resolved(Quantity(DERIVATIVE, name, q.then, of_at=at))

    def slope(self, q: Quantity) -> tuple[Expr, str]:
        """A derivative, or its entries, and their indices."""
        if not (q.of_at or q.by_at):
            return self.ground.derivative(q), ""
        e, letters = self.ground.entries(q)
        return e, "".join(letters)

    def _variable(self, of: str) -> str | None:
        """The one variable that a function is of, where it says so or only one of it moves."""
        own = {v.name for v in variables(self.ground.functions[of])}
        known = {*self.ground.reading.variables, *own}
        at = [n for n in self.arguments.get(of, ()) if n in known]
        if len(at) == 1:
            return at[0]
        moving = [name for name in self.ground.moving if name in own]
        return moving[0] if len(moving) == 1 else None

    def entry(self, name: str) -> tuple[str, str]:
        """The array behind a name with indices, and the indices."""
        ground = self.ground
        known = {*ground.functions, *ground.moving, *ground.reading.variables, *self.aliases}
        return entry_name(name, known, ground.reading.rows)

    def call(self, name: str, q: Quantity) -> None:
        """From here on `name` is a quantity; g_j is the entry j of one, if j is its index."""
        base, label = split_label(name)
        self.aliases[base if label and label == q.of_at + q.by_at else name] = q
        if name in self.ground.reading.variables and q.kind == DERIVATIVE:
            self.ground.put(name, self.slope(q)[0])

    def shape_of(self, q: Quantity) -> Shape:
        """The shape of a differential or a derivative."""
        if q.of_at or q.by_at:
            return self.ground.entries_shape(q)
        if q.kind != DERIVATIVE:
            return self.ground.functions[q.of].shape
        f, x = self.ground.sides_of(q)
        outer = tuple(f.shape[k] for k in long_axes(f.shape))
        inner = x.shape * q.order
        return inner if not outer else outer + tuple(s for s in inner if s != 1)

    def indices_in(self, passages: Iterable[Passage], at: str) -> Indices:
        """The free indices of several sides, and how far they run; those `at` a name are some."""
        found = Indices(tuple(at))
        letters: dict[str, None] = {}
        for p in (p for p in passages if re.search(r"[_\[]|\^\s*\{?\s*\(", p.text)):
            with suppress(MatderivError):
                marking = Marking(self)
                e, present = marking.elaborated(marking.marked(p, 0), Indices(tuple(at)), None)
                letters |= dict.fromkeys(present)
                found = found.over(present, e.shape)
        return replace(found, letters=tuple(sorted(letters)))


class Marking:
    """The symbols found in one side."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.known: dict[str, Expr] = {}
        self.typed: dict[str, str] = {}
        self.marks: dict[Expr, Quantity | Expr] = {}
        self.notes: list[str] = []
        self.written: set[Expr] = set()
        self.alone = ""  # indices that the left side does not have
        self.tried: tuple[Source, dict[str, Expr]] | None = None

    def read(self, passage: Passage, expected: Shape | None, depth: int) -> Side:
        p = self.marked(passage, depth)
        wanted = self.reader.indices
        e, present = self.elaborated(p, wanted, expected)
        self.alone = "".join(c for c in present if c not in wanted.letters)
        e = e if self.alone else along(e, present, wanted.letters, wanted.sizes or {})
        for v in variables(e):
            if v.name in self.reader.aliases:
                self.marks[v] = self.reader.aliases[v.name]
        return Side(e, self.marks, tuple(self.notes), frozenset(self.written))

    def marked(self, passage: Passage, depth: int) -> Passage:
        """A side with symbols in place of its derivatives and differentials."""
        if depth > DEEPEST:
            raise LimitError(f"d( ) inside d( ) is read up to {DEEPEST} deep")
        p = with_values(self, self._derivatives(passage, depth))
        if p.latex and "e" in self._names():
            p = p.replaced(EXPONENTIAL, lambda m: r"\exp ")
        return with_changes(self, p, depth)

    def elaborated(
        self, p: Passage, wanted: Indices, expected: Shape | None, *, guess: bool = True
    ) -> tuple[Expr, tuple[str, ...]]:
        """The meaning of a side without its symbols, and its free indices in order.

        Names of which nothing is known are taken for variables if they may be `guess`ed.
        """
        try:
            return self._elaborated(p, wanted, expected, guess=False)
        except UnknownName as unknown:
            if not guess:
                raise
            with suppress(MatderivError):
                return self._elaborated(p, wanted, expected, guess=True)
            raise unknown

    def _elaborated(
        self, p: Passage, wanted: Indices, expected: Shape | None, *, guess: bool
    ) -> tuple[Expr, tuple[str, ...]]:
        """The meaning; a `guess` takes names of which nothing is known for variables."""
        known = self._names()
        ground = self.reader.ground
        sizes = ground.reading.sizes | size_names(e.shape for e in known.values())
        shapes = {name: e.shape for name, e in known.items()}
        scope = Scope(shapes, sizes, guess=guess, free=wanted.letters or None)
        context = Context(
            known=known,
            size_names=frozenset(sizes),
            made_up=ground.reading.made_up,
            reserved=frozenset(sizes),
            guess=guess,
            what="this line",
        )
        try:
            source, order = self._source(p, wanted, scope)
            self.tried = source, dict(known)
            for part in source.parts:
                known.pop(part.name, None)
            shaping = Shaping(source, context)
            if expected is not None:
                shaping.expect(expected)
            shaping.check_names()
            built = build(shaping)
            self.reader.flat |= shaping.flat()
            if guess:
                self.reader.met({n: built.variables[n] for n in shaping.guessed})
            return built.expr, order
        except MatderivError as error:
            for name, typed in self.typed.items():
                pattern = rf"(?:\\mathrm\{{)?\b{name}\b\}}?"
                error.message = re.sub(pattern, typed.replace("\\", r"\\"), error.message)
            raise placed(error, p, self.reader.document) from error

    def _source(self, p: Passage, wanted: Indices, scope: Scope) -> tuple[Source, tuple[str, ...]]:
        """The plain tree of a side and its free indices; each is read once for the same names."""

        def read() -> tuple[Source, tuple[str, ...]]:
            source = parsed(p, self.reader.document, scope)
            present = letters_of(source, scope) if wanted.letters or not scope.guess else ()
            order = tuple(c for c in wanted.letters if c in present)
            order += tuple(c for c in present if c not in order)
            return meant(source, replace(scope, free=order or None)), order

        known = spelled(p.text, scope.shapes)
        key = p, self.reader.document, known, frozenset(scope.sizes), scope.guess, scope.free
        return self.reader.ground.memory.read(key, read)

    def _names(self) -> dict[str, Expr]:
        """What the names of a side mean: variables, functions, symbols, names of quantities."""
        ground = self.reader.ground
        known = {**ground.reading.arrays, **ground.functions, **self.known}
        known = {name: e for name, e in known.items() if name not in self.reader.standard}
        for name, q in self.reader.aliases.items():
            known[name] = variable(name, self.reader.shape_of(q))
        return known

    def fresh(self, typed: str, shape: Shape, mark: Quantity | Expr, *, latex: bool) -> str:
        """A new name for a symbol, as it is written."""
        name = self.name(typed)
        symbol = variable(name, shape)
        self.known[name], self.marks[symbol] = symbol, mark
        return rf"\mathrm{{{name}}}" if latex else name

    def value(self, typed: str, e: Expr, *, latex: bool) -> str:
        """A new name for a value, as it is written."""
        name = self.name(typed)
        self.known[name] = e
        return rf"\mathrm{{{name}}}" if latex else name

    def name(self, typed: str) -> str:
        letters = "q"
        for number in count(len(self.typed)):
            letters = f"q{'abcdefghijklmnop'[number % 16]}{'rstuvwxy'[number // 16 % 8]}q"
            if letters not in self.reader.document and letters not in self.typed:
                break
        self.typed[letters] = typed
        return letters

    def _derivatives(self, p: Passage, depth: int) -> Passage:
        """∂f/∂z, ∇_z f and ∂/∂z (...) as symbols."""
        known, names = self.reader.ground.functions, self.reader.ground.reading.variables
        primed = slopes(known, names)
        for sign in reversed(chained_signs(p.text, p.latex, self._is_whole, primed)):
            q, typed = sign.quantity, p.text[slice(*sign.span)]
            if all(part.strip() in names for part in typed.split("/")):
                continue
            sign = of_composed(self.reader, placed_sign(by_functions(sign, p, known), p), p)
            q, (start, stop) = sign.quantity, sign.span
            if sign.operand is not None:
                if q.by and q.by not in {*known, *names} and _ORDINARY.match(typed):
                    self.reader.strangers.add(q.by)
                    self.reader.ground.passes(q.by)  # d/dx is by a number
                of, at = self._formula(p[slice(*sign.operand)], depth)
                if q.primed and not by_prime(known[of]):
                    continue  # a transpose
                q = replace(q, of=of, of_at=at, by=by_prime(known[of]) if q.primed else q.by)
            elif q.of and self.reader.entry(q.of)[0] not in {*known, *names}:
                continue
            if sign.below is not None:
                q = replace(q, by=self._formula(p[slice(*sign.below)], depth)[0])
            if sign.operand is None and (e := stacked(self, q, latex=p.latex)):
                p = p.with_part(start, stop, self.value(typed, e, latex=p.latex))
                continue
            row, q = q.turned, replace(self.reader.resolved(q), turned=False, point="")
            if sign.call is not None and is_elsewhere(self.reader, sign.quantity, q):
                own = self.reader.arguments.get(q.of) or [q.by]
                e = at_point(self, own, self.reader.slope(q)[0], point_of(sign, p))
                self.reader.at_point = True
                p = p.with_part(start, stop, self.value(typed, e, latex=p.latex))
                continue
            name = self.fresh(typed, self.reader.shape_of(q), q, latex=p.latex)
            if sign.written:
                self.written.add(self.known[next(reversed(self.typed))])
            letters = "".join(dict.fromkeys(q.of_at + q.by_at.strip(":")))
            name += (f"_{{{letters}}}" if p.latex else f"_{letters}") if letters else ""
            row = row and is_scalar(self.reader.ground.functions[q.of].shape)
            p = p.with_part(start, stop, f"{name}^\\top" if row else name)
        return p

    def _formula(self, inside: Passage, depth: int) -> tuple[str, str]:
        """The name of a formula that is differentiated, or differentiated by, and its indices."""
        marking = Marking(self.reader)
        e, present = marking.elaborated(marking.marked(inside, depth + 1), Indices(), None)
        e = substitute(e, {s: self._slope(m, inside) for s, m in marking.marks.items()})
        return self.reader.ground.named(e), "".join(present)

    def _slope(self, mark: Quantity | Expr, inside: Passage) -> Expr:
        """The derivative that a symbol stands for; ParseError for a differential."""
        if isinstance(mark, Quantity) and mark.kind == DERIVATIVE:
            return self.reader.slope(mark)[0]
        said = "a derivative of a differential is not read"
        span = inside.span((0, len(inside.text)))
        raise ParseError(said, source=self.reader.document, span=span)

    def _is_whole(self, name: str) -> bool:
        return not self.reader.entry(name)[1]
