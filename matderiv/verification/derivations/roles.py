"""What each statement is: a definition, a claim, a condition, a name for a quantity."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from matderiv.input.meaning.subscripts import split_label
from matderiv.language.calls import function_names
from matderiv.language.tokens import GREEK_NAMES, canonical_name
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import Case, Statement, names_in
from matderiv.verification.quantities import (
    DERIVATIVE,
    DIFFERENTIAL,
    FORMULA,
    LATEX_D,
    LATEX_NAME,
    NAME,
    VALUE,
    Quantity,
    latex_name,
    named,
    signs,
)

GIVES, CLAIMS, CALLS, LOCAL, CONDITION = "gives", "claims", "calls", "local", "condition"
BARE, CALLED = "bare", "called"

NUMBER = re.compile(r"\s*[-+]?[0-9.]+\s*")
_ARRAY = re.compile(r"\s*(?:\\left\s*)?[(\[]?\s*\\begin\{")
_DERIVED = re.compile(r"[∇∂]|nabla|partial|\bgrad[ _]")
_CALLED = re.compile(r"(?:the\s+)?(?:gradient|jacobian|hessian)\s+[^\s_]+$", re.IGNORECASE)


@dataclass(frozen=True)
class Chain:
    """A statement with its role.

    It `gives` a definition, `claims` values of a quantity, `calls` a quantity by a new name, makes
    a `local` name for a formula with differentials in it, or is a `condition` to be solved; one
    that is `called` says what a function is of any argument, and has done its work; a `bare`
    formula goes on with what was said before. `zero` is the 0 of a last `= 0`, which is no
    side: from there on equations are about the points where that holds. An `aside` (`where z = Wx`)
    does not end what it stands in.
    """

    role: str
    name: str
    quantity: Quantity | None
    first: Passage | None
    sides: tuple[Passage, ...]
    whole: Passage
    zero: Passage | None = None
    aside: bool = False
    case: Case | None = None


@dataclass
class Named:
    """What names stand for in the statements so far.

    `names` are defined, `known` occur anywhere, `used` stand in definitions, `mentioned` in any
    statement so far or in a declaration, `differentiated` are what derivatives are by;
    `claimed` says that there was a derivative, `last` which, `zero` that one was set to zero, and
    `related` are the names in equations since then, `arguments` what the functions `called` are of.
    For those in `handed`, dz is the derivative by z, as in programs for backpropagation.
    """

    names: set[str]
    differentiated: set[str]
    known: Collection[str] = ()
    used: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    related: set[str] = field(default_factory=set)
    arguments: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)
    claimed: bool = False
    zero: bool = False
    last: Quantity | None = None

    def heard(self, chain: Chain, s: Statement) -> None:
        """Go on to the next statement."""
        q = chain.quantity
        self.mentioned |= {n for side in s.sides for n in names_in(side)}
        if q is not None and q.kind == DERIVATIVE:
            self.differentiated.add(q.by)
            self.claimed = True
            if q.order == 1 and not q.primed:
                base, at = split_label(q.by)
                self.last = replace(q, by=base if at.isalpha() and base in self.known else q.by)
        if q is not None and q.kind == VALUE:
            self.differentiated |= {*q.at} if chain.role == GIVES and len(q.at) == 1 else set()
            self.arguments |= {*q.at}
            self.called |= {q.of} if q.at else set()
        if q is not None and q.kind == FORMULA and self.claimed and chain.first is not None:
            for side in (chain.first, *chain.sides):
                self.related |= names_in(side)
        self.zero = self.zero or bool(chain.zero) or (chain.role == CONDITION and s.zero)

    def solves(self, s: Statement, name: str) -> bool:
        """True if `name = ...` says where an equation holds, and does not define the name."""
        base, label = split_label(name)
        if name in self.differentiated or (
            label.isalpha() and name in self.used and base in self.differentiated
        ):
            return True
        known = name in self.used and not s.introduced
        of = self.claimed and name in self.arguments and "^" not in s.sides[0].text  # no w^{(1)}
        return known and (self.zero or name in self.related or of)


def role_of(s: Statement, so_far: Named, later: Sequence[Statement]) -> Chain:
    """What a statement is, after those before it and with those that come `later`."""
    made = _going_on(s, so_far) if s.quantity is None else _role(s, so_far, later)
    return replace(made, case=s.case)


def _role(s: Statement, so_far: Named, later: Sequence[Statement]) -> Chain:
    first, *sides = s.sides
    q, names = _meant(s, so_far, later), so_far.names
    made = Chain(CLAIMS, q.of, q, first, tuple(sides), s.whole)
    if _is_set(q, s, so_far):
        return replace(made, role=CONDITION, first=None)
    inner = named(sides[0].text, sides[0].latex)
    slope = inner.kind in (DERIVATIVE, DIFFERENTIAL)
    told = q.kind == DIFFERENTIAL and (inner.kind, inner.by) == (DERIVATIVE, q.of)
    if told or (not s.zero and _is_handed(q, sides, so_far)):
        so_far.handed.add(q.of)
        by = inner if told else Quantity(DERIVATIVE, "", q.of)
        return replace(made, role=CALLS, name=f"d{q.of}", quantity=by, sides=tuple(sides[told:]))
    several = len(so_far.called) > 1
    if q.kind == DERIVATIVE and q.of not in {"", *names} and _CALLED.match(first.text):
        meant = Quantity(VALUE, q.of) if several else replace(q, of="")
        return replace(made, role=GIVES if several else CALLS, quantity=meant)
    if (q.kind == FORMULA and s.zero) or (q.kind == DERIVATIVE and s.zero and len(sides) > 1):
        return replace(made, sides=tuple(sides[:-1]), zero=sides[-1])
    zero = q.kind in (DERIVATIVE, DIFFERENTIAL) and s.zero and len(sides) == 1 and s.case is None
    solved = so_far.solves(s, q.of)
    inside = (solved or s.condition) and _is_inner(s, so_far, later)
    stated = s.condition and q.kind != DERIVATIVE and not inside
    if zero or stated or _is_number(q, sides, so_far):
        return replace(made, role=CONDITION)
    alone = not (slope or several or q.of in {*names, *so_far.differentiated})
    if s.announced is not None and alone:
        return replace(made, role=CALLS, quantity=s.announced)
    base, label = split_label(q.of)
    entry = label.isalpha() and len(label) < 3 and base in names
    entry &= not (q.at and label in GREEK_NAMES)  # m_\\mu(p) beside m(p)
    if q.kind != VALUE or q.of in names or entry or (solved and not (s.introduced or inside)):
        return made
    if q.of in names_in(sides[0]):
        return replace(made, role=CONDITION)
    if slope and (sides[1:] or (label.isalpha() and label == split_label(inner.by)[1])):
        return Chain(CALLS, q.of, inner, first, tuple(sides[1:]), s.whole)
    if changes_in(sides[0], so_far.known) or _DERIVED.search(sides[0].text):
        return replace(made, role=LOCAL)
    return replace(made, role=GIVES, aside=bool(re.match(r"\W*(?:where|with)\b", s.whole.text)))


def _is_set(q: Quantity, s: Statement, so_far: Named) -> bool:
    r"""True for `\partial f(0) = [-1, 1]`, a set of subgradients."""
    if not re.match(r"\s*(?:\\partial|∂)[^/]*$", s.sides[0].text):
        return False
    changes = any(changes_in(side, so_far.known) for side in s.sides[1:])
    return q.kind in (DIFFERENTIAL, FORMULA) and not changes


def _is_number(q: Quantity, sides: Sequence[Passage], so_far: Named) -> bool:
    """True for `t = 1`, a value of what is known; A = [2, 1; 1, 3] first says what A is."""
    met = q.of in so_far.mentioned | so_far.names or any("_" in n for n in q.at)  # Var(k_i) = 1
    known = q.kind == VALUE and met
    moves = so_far.claimed or q.of in so_far.differentiated
    return known and not any(map(names_in, sides)) and (moves or not _ARRAY.match(sides[-1].text))


def _is_inner(s: Statement, so_far: Named, later: Sequence[Statement]) -> bool:
    """True for `z = A*y` of which f(z) is a function, where derivatives by y, or of z, are to come.

    Once a derivative was taken, only those of z tell, and those by names that are new: `y = ...`
    may be what an equation comes to.
    """
    if so_far.zero or s.quantity is None or s.quantity.kind != VALUE:
        return False
    slopes = [t.quantity for t in later if t.quantity and t.quantity.kind == DERIVATIVE]
    new = names_in(s.sides[-1]) - (so_far.mentioned if so_far.claimed else set())
    if new & {n for q in slopes for n in (q.by, split_label(q.by)[0])}:
        return True
    found = (sign.quantity for t in later for p in t.sides for sign in signs(p.text, p.latex))
    return any(q.of == s.quantity.of and q.by in names_in(s.sides[-1]) for q in found)


def _is_handed(q: Quantity, sides: Sequence[Passage], so_far: Named) -> bool:
    """True for `dz = p - y`: no differential has such a value, the derivative by z may."""
    if q.kind != DIFFERENTIAL or q.order != 1 or q.of not in so_far.used:
        return False
    compound = re.compile(r"(?<![\w.\\])d\s*[(\[]|\\mathrm|\\partial|∂|∇|\\nabla|\\d(?![a-z])")
    return not any(
        changes_in(s, so_far.known) - so_far.handed or compound.search(s.text) for s in sides
    )


def _going_on(s: Statement, so_far: Named) -> Chain:
    """A statement without a left side of its own."""
    made = Chain(CLAIMS if s.goes_on else BARE, "", None, None, s.sides, s.whole)
    if s.zero and so_far.claimed and s.goes_on:
        return replace(made, sides=s.sides[:-1], zero=s.sides[-1])
    return made


def _meant(s: Statement, so_far: Named, later: Sequence[Statement]) -> Quantity:
    """The quantity of a left side: `df` may be a name, and H the Hessian where it is no name."""
    q = s.quantity
    assert q is not None
    if q.kind != VALUE or q.of in so_far.names:
        return q
    if q.of[:1] == "d" and q.of[1:] in so_far.names:
        return Quantity(DIFFERENTIAL, q.of[1:])
    function, _, label = q.of.partition("_")
    if function in ("H", "J") and label in so_far.names and function not in so_far.names:
        return Quantity(DERIVATIVE, label, order=1 + (function == "H"))  # J_F(x, y), H_f
    if function != "H" or not so_far.claimed or s.introduced:
        return q
    if not any("H" in names_in(side) for t in later for side in t.sides):
        last = so_far.last
        if label not in so_far.names and last is not None:
            return Quantity(DERIVATIVE, last.of, last.by, order=2)
        return Quantity(DERIVATIVE, order=2)
    return q


def changes_in(side: Passage, known: Collection[str]) -> set[str]:
    """The names, of those that are `known`, whose changes dX a side uses; ∂f/∂X has none.

    A word that is known itself, or a function such as det, is no change.

    >>> sorted(changes_in(Passage.of("2*x'dx + tr(dA*B) + d(z) - det(B)"), ["x", "A", "z", "et"]))
    ['A', 'x', 'z']
    """
    slopes = [sign.span for sign in signs(side.text, side.latex) if not sign.operand]
    for start, end in slopes:
        side = side.erased(start, end)
    if side.latex:
        found = {latex_name(m[1]) for m in re.finditer(rf"{LATEX_D}({LATEX_NAME})", side.text)}
        return found & {*known}
    names = set()
    for m in re.finditer(rf"(?<![\w.])d(?:({NAME})|\s*\(\s*({NAME})\s*\))", side.text):
        word = m[0] if m[1] else ""
        if word not in GREEK_NAMES and word not in function_names():
            names.add(canonical_name(m[1] or m[2]))
    return names & {*known}
