"""What speaks against calling a line wrong: names of which too little is known."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, eye, is_, number_value, variables, walk
from matderiv.input.meaning.subscripts import split_label
from matderiv.language.calls import function_names
from matderiv.shapes import long_axes
from matderiv.verification.derivations.components import in_case
from matderiv.verification.derivations.differentials import Reader
from matderiv.verification.derivations.findings import AGAIN, BEFORE, GIVEN, LineVerdict
from matderiv.verification.derivations.ground import Ground, Side
from matderiv.verification.derivations.roles import Chain
from matderiv.verification.derivations.upstream import undefined
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import Case, names_in
from matderiv.verification.quantities import (
    DERIVATIVE,
    FORMULA,
    LATEX_NAME,
    NAME,
    VALUE,
    Quantity,
    latex_name,
    signs,
)
from matderiv.verification.verdict import PROVED, UNDECIDED, Verdict

_DEEPER = re.compile(r"\\nabla\s*[_^]|'|\\partial|∂")  # by what, or how often
_NUMBERED = re.compile(
    rf"(?<![\w{{\\])({LATEX_NAME})\s*=\s*((?:[(\[]|\\begin\{{[a-z]*matrix\}}|\\left(?=\W))*)\s*"
    r"[-+]?\d++(?:\.\d++)?"
    r"(?!\s*,\s*\\?[lc]?dots)(?=\s*(?:[$,;.)\]&\n]|\\[\\q;,)]|$)|\s+[-\d])"
)
_SLOPE = re.compile(  # f (1 - f) and (1 - f^2)
    rf"(?<![A-Za-z\\])(\\(?:hat|tilde|bar)\s*\{{?[A-Za-z]\}}?|\\?[A-Za-z]+|{NAME})"
    r"((?:[_^](?:[A-Za-z0-9]|\{[^{}]*\})|\([^()]*\))*)\s*(?:(?:\\cdot|[*·])\s*)?"
    r"(?:\\left)?[(\[]\s*1\s*-\s*\1\2\s*(?:\\right)?[)\]]"
    r"|[(\[]\s*1\s*-\s*[^()\[\]]*\^\s*\{?2\}?\s*(?:\\right)?[)\]]"
)
_BETWEEN = r"\s*(?:\\cdot|[*·])?\s*(?=(?:\\left)?[(\[]\s*1\s*-)"
_APPLIED = re.compile(r"(?:\\(?!odot|circ|cdot|times|left)[A-Za-z]+|[a-z]{2}\}?)\s*(?:\\left)?\s*$")
_FACTOR_BEFORE = re.compile(
    r"[\w)\]}'](?<!\\odot)(?<!\\circ)(?<!\\times)(?<!\\left)\s*(?:(?<!\\)\*|\\cdot|·)?\s*$"
)
_FACTOR_AFTER = re.compile(r"\s*(?:[\w(\[]|\\(?!odot|circ|times|cdot|right|[,;!]|q?quad)[A-Za-z])")
NOTHING_SAID = "the same on both sides: this says nothing about the derivative"
ONE_POINT = "this may be the value at one point"
_WORKED = re.compile(r"\d\.\d|\d\s*[(·×]\s*-?\d")  # 0.8 (1 - 0.8)
PROVEN = Verdict(PROVED, message="what a derivative is")


@dataclass
class Doubts:
    """The names that are not known well.

    `tainted` are those that an unread line speaks of, `abstract` functions that nobody defines,
    `again` those that another formula is given to after their derivatives, with its line; `defined`
    has the lines and formulas that names had first. `slopes` are names for derivatives, `derived`
    what any is by. `by` is what the current one is by, `at` what the left side is of, and `sloped`
    says that the current left side has a derivative in it, `primed` that it is f', `placed` that
    it is a value f(x + h), `case` at which entries it is meant. In a `strict` derivation, which has
    no prose, an equation is a claim.
    """

    ground: Ground
    reader: Reader
    tainted: dict[str, int] = field(default_factory=dict)
    abstract: Collection[str] = ()
    derived: Collection[str] = ()
    again: dict[str, int] = field(default_factory=dict)
    defined: dict[str, tuple[int, Passage]] = field(default_factory=dict)
    slopes: set[str] = field(default_factory=set)
    by: str = ""
    at: Collection[str] = ()
    sloped: bool = False
    strict: bool = False
    primed: bool = False
    placed: bool = False
    case: Case | None = None

    def restated(self, name: str, side: Passage, number: int, last: Sequence[LineVerdict]) -> None:
        """Remember that a line gives another formula to a name: it may be another one.

        Right below its definition, in a formula of the same names, it is the same, and a mistake.
        """
        line, first = self.defined.get(name, (0, side))
        below = line == number - 1 and all(said.verdict == GIVEN for said in last)
        below = below and (self.strict or names_in(first) == names_in(side))
        if name not in self.slopes and not below:
            self.again.setdefault(name, number)

    def heard(self, passage: Passage, number: int) -> None:
        """Remember a statement that was not read: it may say what its names are."""
        for name in names_in(passage):
            self.unread(name, number)

    def unread(self, name: str, number: int) -> None:
        """Remember a name, and its array, that a line says something of which was not read."""
        self.tainted.setdefault(name, number)
        self.tainted.setdefault(split_label(name)[0], number)

    def since(self, number: int, found: Verdict) -> Verdict:
        """The verdict on what stands after a name that may be another one; as found before."""
        if not self.again:
            return found
        name, line = next(iter(self.again.items()))
        said = f"from line {line} on, {name} may be another one"
        other = AGAIN if number == line else None
        return Verdict(UNDECIDED, BEFORE if found.correct else other, message=said)

    def about(self, q: Quantity, side: Expr, left: Expr | None, typed: str) -> str:
        """Why a side that differs from the truth is not called wrong; "" where nothing says so."""
        if said := self._of_another(q):
            return said
        if q.kind == DERIVATIVE and self.ground.is_mixed(q):
            return f"{q.of} depends on what {q.by} is of as well"
        if q.kind == DERIVATIVE and f"∂{q.of}/∂{q.by}" in self.behind(q, None):
            return f"nothing says what {q.of} is"  # of this it is directly
        if q.kind == DERIVATIVE and self.primed and side.shape:
            return f"{q.of}' may be meant entry by entry"
        if " " not in q.of and self._is_apart(q):  # a formula without a name is all there is
            return f"nothing says how {q.of} depends on {q.by}"
        if q.kind == DERIVATIVE and not self.by and len(self.reader.arguments.get(q.of, ())) > 1:
            return f"{q.of} is a function of several, and this does not say by which"
        if q.kind == FORMULA and number_value(side) == 0 and left is not None:
            made_up = any(n.function.call == "abstract" for n in walk(left))
            if made_up or any(v.name.startswith("∂") for v in variables(left)):
                return "an equation for a function that nobody defines"
        true = {*walk(self.ground.derivative(q))} if q.kind == DERIVATIVE else set()
        for node in walk(side):
            deep = node.function.call == "abstract" and (node is side or node not in true)
            if deep and (node is side or node.params[-1] > 1 or not node.args[0].shape):
                return f"nothing says which function {node.params[-2]} is"
        put_in = is_(side, "blocks") or self._at_a_point(q, left) or _WORKED.search(typed)
        there = self.sloped and left is not None and not variables(left)
        if not variables(side) and put_in and not there:
            if number_value(side) != 0 or q.kind != FORMULA:  # a formula set to 0 is a condition
                return ONE_POINT
        names, behind = {v.name for v in variables(side)}, self.behind(q, left)
        if self._put_in(q, behind - names):
            return ONE_POINT
        every = behind & self.reader.strangers if self.placed else set()  # for all h
        return self._reason((names | behind) - every) or self._foreign(q, names - behind)

    def _of_another(self, q: Quantity) -> str:
        at = self.reader.arguments.get(q.of, ())
        other = q.kind == VALUE and self.at and at and {*self.at} != {*at}
        return f"{q.of} is said of {', '.join(at)} before" if other else ""

    def _is_apart(self, q: Quantity) -> bool:
        """True for the derivative by a name that the function as it was read does not have.

        A text says more than its formulas: who writes such a derivative has it depend on the name.
        """
        known = self.ground.functions
        if self.strict or q.kind != DERIVATIVE or q.of not in known:
            return False
        inner = {v.name for v in variables(known[q.by])} if q.by in known else {q.by}
        return not inner & {v.name for v in variables(known[q.of])}

    def _foreign(self, q: Quantity, names: set[str]) -> str:
        """Why a derivative with names that its function does not have is not called wrong.

        In a text they may stand for a part of it, as words between the lines say.
        """
        known = {*self.ground.functions, *self.ground.moving}
        said = {n for n in names - known if not n.startswith("d")}
        if self.strict or not said or q.kind not in (DERIVATIVE, VALUE):
            return ""
        return f"nothing says what {min(said)} is of"

    def _at_a_point(self, q: Quantity, left: Expr | None) -> bool:
        """True where numbers may be what a varying quantity is: for names that have numbers."""
        if q.kind == VALUE or (q.kind == FORMULA and not self.sloped and not self.strict):
            return True
        names = self.behind(q, left)
        return bool((names | {split_label(n)[0] for n in names}) & self._numbered.keys())

    def _put_in(self, q: Quantity, missing: set[str]) -> bool:
        """True where numbers may stand for an array: one that has some in brackets is missing."""
        rows = {n for n, brackets in self._numbered.items() if brackets}
        return bool(missing & rows - {q.of}) and not self.strict

    @cached_property
    def _numbered(self) -> dict[str, str]:
        """The names that have a number somewhere, with its brackets: `x = 1`, `W = [1, 2]`."""
        found = _NUMBERED.finditer(self.reader.document)
        return {name: m[2] for m in found if (name := latex_name(m[1].strip()))}

    def in_case(self, chain: Chain, e: Expr, left: Expr | None, q: Quantity) -> Expr:
        """A side that is said of some indices only, with the truth at the others."""
        case = self.case or chain.case
        if case is None or q.kind not in (FORMULA, DERIVATIVE):
            return e
        true = left if q.kind == FORMULA else self.ground.derivative(q)
        letters, labels = self.reader.indices.letters, self.ground.labels
        if len(letters) == 1 and not labels & {case.first, case.second}:
            return e
        return in_case(case, letters, e, true)

    def about_layout(self, side: Side) -> str:
        """The same for derivatives as symbols, which stand for columns whatever the layout."""
        marks = [m for m in side.marks.values() if isinstance(m, Quantity)]
        for m in marks:
            free = variables(self.ground.functions[m.of]) if m.of in self.ground.functions else ()
            made_up = split_label(m.of)[1] and f"∂{m.of}/∂{m.by}" in {v.name for v in free}
            if m.kind == DERIVATIVE and (made_up or (m.of != m.by and self._is_apart(m))):
                return f"nothing says how {'this' if ' ' in m.of else m.of} depends on {m.by}"
        if self.ground.layout == "gradient" or not any(m.kind == DERIVATIVE for m in marks):
            return ""
        return "derivatives inside formulas are read in the gradient layout"

    def about_shape(self, q: Quantity, left: Expr | None, e: Expr | None = None) -> str:
        """The same for the derivative of an array by an array whose shape is another one.

        Three axes have no usual layout, an index of one side alone may be any; and
        ∂a/∂z = a .* (1 - a) is said of each entry.
        """
        if self.reader.last.alone and not self.strict:
            return f"nothing on the left says which {self.reader.last.alone[0]} is meant"
        if said := self.about_prime(left):
            return said
        true, shape = left if self.sloped else None, left.shape if left and self.sloped else ()
        with suppress(MatderivError):
            shape = self.reader.shape_of(q) if q.kind == DERIVATIVE else shape
        axes = long_axes(shape)
        if len(axes) > 2:
            return "nothing says how a derivative with more than two axes is laid out"
        if e is None or len(axes) != 2 or len(long_axes(e.shape)) > 1:
            return ""
        with suppress(MatderivError):
            true = self.ground.derivative(q) if q.kind == DERIVATIVE else true
            if true is None:
                return ""
            whole = apply("diag", e) if e.shape else e * eye(true.shape[axes[0]])
            if self.ground.equal(true, whole, diagnosis=False).correct:
                return "right entry by entry: the Jacobian is diagonal"
        return ""

    def about_prime(self, left: Expr | None) -> str:
        """The same for S' = S/2, where S' may be a name as well as a transpose."""
        array = left is not None and is_(left, "transpose") and left.args[0]
        prime = self.primed and array in self.ground.functions.values() and not self.strict
        return "what has a prime may be another one" if prime else ""

    def about_text(self, q: Quantity, passage: Passage, left: Expr | None) -> str:
        """The same for a side whose sizes do not fit together."""
        if said := self._of_another(q):
            return said
        if len(signs(passage.text, passage.latex)) > 1:
            return "a product of derivatives, and nothing says how they are laid out"
        if re.search(r"\\sum(?![A-Za-z])|\bsum_", passage.text):
            return "the sizes below the sum do not fit together as it was read"
        names = names_in(passage)
        behind = self.behind(q, left)
        if self._put_in(q, behind - names) or (not names and self._at_a_point(q, left)):
            return ONE_POINT
        if "T" in self.ground.reading.variables and re.search(r"\^\s*\{?\s*-?\s*T", passage.text):
            return "T is a name here as well"
        strange = sorted(names & undefined(self.ground))
        if strange and _DEEPER.search(passage.text):
            return f"nothing says which function {strange[0]} is"
        other = {*names} & self.ground.reading.variables.keys() - behind
        foreign = self._foreign(q, other) if q.kind == VALUE else ""
        return self._reason(names | behind) or self._unknown(names) or foreign

    def have_open_sizes(self, names: Collection[str]) -> bool:
        """True if one of these names was given a size that no declared name has."""
        known, guessed = self.ground.reading.variables, self.ground.reading.guessed
        said = {size for n, v in known.items() if n not in guessed for size in v.shape}
        return any({*known[n].shape} - said for n in guessed & {*names} & known.keys())

    def of_each_entry(self, passage: Passage, wrong: Verdict) -> str:
        """Why a side need be no mistake: f (1 - f) is said of each entry of f, as in LSTM cells."""
        said = "a product such as f (1 - f) may be meant entry by entry"
        loose = wrong.diagnosis == "shape" or re.search(r"\\cdot|·", passage.text)
        return said if loose and self.entry_by_entry(passage) else ""

    def entry_by_entry(self, passage: Passage) -> Passage | None:
        r"""A side in which slopes such as f (1 - f) are multiplied entry by entry, or None.

        >>> doubts = Doubts(None, None)
        >>> doubts.entry_by_entry(Passage.of(r"W^T d f(1-f)", latex=True)).text
        'W^T d  \\odot f \\odot (1-f)'
        """
        sign = r" \odot " if passage.latex else " .* "

        def marked(match: re.Match[str]) -> str:
            before, after = match.string[: match.start()], match.string[match.end() :]
            if not match[1] and _APPLIED.search(before):
                return match[0]
            first = sign if _FACTOR_BEFORE.search(before) else ""
            slope = re.sub(_BETWEEN, lambda m: sign, match[0], count=1) if match[1] else match[0]
            return first + slope + (sign if _FACTOR_AFTER.match(after) else "")

        other = passage.replaced(_SLOPE.pattern, marked) if not self.strict else passage
        return other if other.text != passage.text else None

    def _unknown(self, names: Collection[str]) -> str:
        """Why a formula with a name is not called wrong of which nothing is known."""
        ground = self.ground
        known = {*ground.reading.variables, *ground.functions, *self.reader.aliases}
        known |= {*function_names(), *ground.reading.sizes, "d", "e", "pi", "I", "T", "sigma"}
        strange = {n for n in names if self.reader.entry(n)[0] not in known}
        return f"nothing says what {min(strange)} is" if strange else ""

    def about_equation(
        self,
        q: Quantity,
        left: Expr | None,
        names: Collection[str],
        objective: Collection[str] | None,
    ) -> str:
        """The same for an equation between formulas: a claim about the function, or a condition.

        `names` are those of the other side, `objective` those of the function whose derivative is
        0, None where no derivative is.
        """
        changes = {*self.ground.changes.values()}
        if q.kind != FORMULA or left is None or self.sloped or changes & {*variables(left)}:
            return ""
        if any(left is f for f in self.ground.functions.values()):
            return ""
        known, own = self.ground.reading.variables.keys(), {v.name for v in variables(left)}
        if self.placed and own <= {*names}:
            return ""
        if objective is None:
            return "" if self.strict else "not an identity: it may say what holds here"
        if len(own) == 1 and own <= {split_label(n)[0] for n in names}:
            return f"{min(own)} stands on both sides"
        strange = ({*names} & known | own) - {*objective}
        return f"nothing before says what {min(strange)} is" if strange else ""

    def says_nothing(self, q: Quantity, side: Side) -> bool:
        """True for `df/dx = df/dx`, which holds for any derivative."""
        own = [s for s, mark in side.marks.items() if mark == q and s not in side.written]
        if not own:
            return False
        e = side.filled(dict.fromkeys(own[1:], own[0]))
        return self.ground.equal(own[0], e, diagnosis=False).correct is True

    def vanishes(self, q: Quantity) -> bool:
        """True for a derivative that is 0 wherever it is taken: `= 0` is no condition then."""
        with suppress(MatderivError):
            found = self.reader.resolved(q)
            e = self.reader.slope(found)[0]
            return (number_value(e) == 0 or is_(e, "zeros")) and found.of not in self.again
        return False

    def behind(self, q: Quantity, left: Expr | None) -> set[str]:
        """The names that a quantity, or the formula on the left, depends on."""
        if left is not None:
            return {v.name for v in variables(left)}
        known = {**self.ground.reading.variables, **self.ground.functions}
        return {v.name for v in variables(known[q.of])} | {q.of} if q.of in known else set()

    def _reason(self, names: Collection[str]) -> str:
        reasons = [*self._reasons(names)]
        return min(reasons, key=lambda pair: pair[0])[1] if reasons else ""

    def _is_array(self, name: str) -> bool:
        """True for X in X'y: an array is no function, its prime is a transpose."""
        known = self.ground.reading.variables
        return name in known and bool(known[name].shape)

    def _reasons(self, names: Collection[str]) -> Iterator[tuple[int, str]]:
        for name in sorted(names):
            of = name.lstrip("∂").partition("/")[0]  # g of the ∂g/∂x from above
            if name in self.again:
                line = self.again[name]
                yield line, f"from line {line} on, {name} may be another one"
            elif name in self.tainted:
                line = self.tainted[name]
                yield line, f"continues line {line}, which was not read"
            elif name == "i" and not self.strict and not self._is_array(name):
                yield len(self.reader.document), "i may be the imaginary unit"
            elif of in self.abstract and not self._is_array(name):
                yield len(self.reader.document), f"nothing says which function {of} is"
            elif name in self.reader.strangers:
                yield len(self.reader.document), f"nothing says what {name} is"


def as_read(sides: Sequence[LineVerdict]) -> list[LineVerdict]:
    """Sides of one statement; where one is open, the chain rule beside it is no line judged."""
    unsure = {s.number for s in sides if s.correct is None}
    said = "the chain rule, whose value here was not judged"
    return [
        replace(s, verdict=UNDECIDED, message=said)
        if s.found is PROVEN and s.number in unsure
        else s
        for s in sides
    ]
