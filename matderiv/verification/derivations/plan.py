"""From statements to a plan: what defines a name, what claims something, and what moves."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from matderiv.input.meaning.names import split_label
from matderiv.language.calls import function_names
from matderiv.language.tokens import GREEK_NAMES, canonical_name
from matderiv.verification.derivations.called import Called, apart, called, written
from matderiv.verification.derivations.definitions import Definition
from matderiv.verification.derivations.means import means
from matderiv.verification.documents.passages import Passage
from matderiv.verification.documents.statements import Statement, names_in
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


_NUMBER = re.compile(r"\s*[-+]?[0-9.]+\s*")
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


@dataclass(frozen=True)
class Plan:
    """A derivation in order, with its definitions; `function` is the one that is differentiated.

    `by` are the names that derivatives are said to be by, `changing` those with a change dX,
    `arguments` those in brackets after the function: f(x), `solved` those that equations are
    solved for, `standard` names that are defined as the function that they are anyway, and `calls`
    has the arguments of every function that is defined with some.
    """

    chains: tuple[Chain, ...]
    definitions: tuple[Definition, ...]
    function: str
    by: frozenset[str] = field(default_factory=frozenset)
    changing: frozenset[str] = field(default_factory=frozenset)
    arguments: frozenset[str] = field(default_factory=frozenset)
    solved: frozenset[str] = field(default_factory=frozenset)
    standard: frozenset[str] = field(default_factory=frozenset)
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def planned(
    statements: Sequence[Statement], given: Sequence[Definition], fixed: Collection[str]
) -> Plan:
    """The plan of a derivation; `given` are definitions from outside.

    No line defines a name of `fixed`: the variables of differentiation.

    >>> from matderiv.verification.documents.statements import statement
    >>> lines = ["z = A*x - b", "f = norm2(z)^2", "df = 2*z'*dz = 2*z'*A*dx", "g = ∇f = 2*A'*z"]
    >>> plan = planned([statement(Passage.of(line)) for line in lines], [], [])
    >>> [c.role for c in plan.chains], plan.function, sorted(plan.changing)
    (['gives', 'gives', 'claims', 'calls'], 'f', ['f', 'x', 'z'])
    """
    names = {d.name for d in given}
    differentiated: set[str] = {*fixed}
    unsaid = _unsaid(statements, names) if given else None
    if unsaid is not None:
        given = [*given[:-1], replace(given[-1], name=unsaid)]
        names = {d.name for d in given}
    chains, definitions = [], list(given)
    known = {n for s in statements for side in s.sides for n in names_in(side)}
    known |= {n for d in given for n in names_in(d.passage)} | names
    so_far = Named(names, differentiated, known)
    statements = apart(statements)
    for k, s in enumerate(_untied(statements, names)):
        chain = _chain(s, so_far, statements[k + 1 :])
        if chain.role in (GIVES, CALLS, LOCAL):
            names.add(chain.name)
            names |= _array(chain)
        if chain.role == GIVES:
            definitions.append(Definition(chain.name, chain.sides[0]))
            so_far.used |= names_in(chain.sides[0])
        so_far.heard(chain, s)
        chains.append(chain)
    definitions = [*means(statements, names), *definitions]
    changing = {name for s in statements for side in s.sides for name in changes_in(side, known)}
    return _completed(chains, definitions, given, changing - so_far.handed, names)


def _untied(statements: Sequence[Statement], names: Collection[str]) -> list[Statement]:
    """Statements without a second name: `z = g(y) = ...` says what z is, and what g(y) is."""
    found: list[Statement] = []
    known = set(names)
    for s in statements:
        q = s.quantity
        second = named(s.sides[1].text, s.sides[1].latex) if len(s.sides) > 2 else None
        fresh = second is not None and second.kind == VALUE and second.of not in known
        if q is not None and q.kind == VALUE and fresh and second is not None and second.at:
            found.append(replace(s, quantity=second, sides=s.sides[1:]))
            s = replace(s, sides=(s.sides[0], *s.sides[2:]))
        known |= {q.of} if q is not None and q.kind == VALUE else set()
        found.append(s)
    return found


def _array(c: Chain) -> set[str]:
    """The array that `r_i = w'*x_i - y_i` defines by its entries."""
    base, label = split_label(c.name)
    below = {letter for p in c.sides[:1] for n in names_in(p) for letter in split_label(n)[1]}
    return {base} if c.role == GIVES and label.isalpha() and {*label} <= below else set()


def _completed(
    chains: Sequence[Chain],
    definitions: Sequence[Definition],
    given: Sequence[Definition],
    changing: set[str],
    names: set[str],
) -> Plan:
    """The plan of these statements: its function, what it is by, and f for f(x)."""
    by = {c.quantity.by for c in chains if c.quantity is not None and c.quantity.by}
    function = _function(chains, definitions, given)
    at = {n for c in chains if c.quantity and c.quantity.of == function for n in c.quantity.at}
    claimed = {c.name for c in chains if c.role == CLAIMS and c.quantity and _is_value(c.quantity)}
    named_by = frozenset(by), frozenset(changing), frozenset(at), frozenset(claimed - names)
    functions = [f for c in chains if (f := _called(c)) is not None]
    standard = frozenset(f.name for f in functions if f.is_sigmoid)
    functions = [f for f in functions if f.name not in standard]
    primes = [f for c in chains if (f := _primed(c, functions)) is not None]
    written_out = [_written(_written(c, primes), functions) for c in chains]
    calls = {c.name: c.quantity.at for c in chains if c.role == GIVES and c.quantity}
    named = {n for c in written_out for n in _differentiated(c)} | {function, *standard}
    dummies = {f.name for f in functions} - named - _occurring(written_out)
    bodies = [replace(d, passage=written(d.passage, functions)) for d in definitions]
    bodies = [d for d in bodies if d.name not in dummies]
    written_out = [replace(c, role=CALLED) if c.name in dummies else c for c in written_out]
    return Plan(tuple(written_out), tuple(bodies), function, *named_by, standard, calls)


def _written(c: Chain, functions: Sequence[Called]) -> Chain:
    return replace(c, sides=tuple(written(s, functions) for s in c.sides))


def _primed(c: Chain, functions: Sequence[Called]) -> Called | None:
    """The derivative g' of a function of an argument, by the last side that says what it is."""
    q = c.quantity
    known = q is not None and q.kind == DERIVATIVE and q.primed and q.order == 1
    f = next((f for f in functions if q is not None and f.name == q.of), None)
    if not known or f is None or c.first is None or not c.sides:
        return None
    found = called(f"{f.name}'", c.first, c.sides[-1])
    return found if found is not None and found.head.endswith("'") else None


def _occurring(chains: Sequence[Chain]) -> set[str]:
    """The names that stand in sides without arguments."""
    return {n for c in chains for p in c.sides for n in names_in(p)}


def _differentiated(c: Chain) -> set[str]:
    """The functions that a statement differentiates, or says the value of once more."""
    found = {c.quantity.of} if c.quantity is not None and c.role != GIVES else set()
    sides = (*c.sides, *([c.first] if c.first is not None else []))
    return found | {sign.quantity.of for p in sides for sign in signs(p.text, p.latex)}


def _unsaid(statements: Sequence[Statement], names: set[str]) -> str | None:
    """The name that the lines give to the function, where they do not define it."""
    said = {s.quantity.of for s in statements if s.quantity and s.quantity.kind == VALUE}
    for s in statements:
        q = s.quantity
        if q is not None and q.kind in (DERIVATIVE, DIFFERENTIAL) and q.of not in {"", *said}:
            if len(q.of) == 1 or q.of in ("ell", "Loss", "loss", "phi"):
                return None if q.of in names else q.of
    return None


def unadorned(p: Passage, names: Collection[str], used: Collection[str]) -> Passage:
    r"""A passage in which w^*, \hat w and w_hat are w, for those `names`.

    A w_hat that definitions have `used` stays what it is.

    >>> unadorned(Passage.of(r"\hat{w} + w^* + \hat y", latex=True), ["w"], []).text.split()
    ['w', '+', 'w', '+', '\\hat', 'y']
    """
    for name in sorted(names):
        typed = rf"(?:\\?{name})(?![A-Za-z])"
        base = split_label(name)[0]
        own = [n for n in used if n.startswith((f"{base}hat", f"{base}_hat", f"{base}_widehat"))]
        if p.latex:
            p = p.replaced(rf"({typed})\s*[\^_]\s*\{{?\s*(?:\*|\\(?:ast|star))\s*\}}?", _padded)
            if not own:
                p = p.replaced(rf"\\(?:wide)?hat\s*(?:\{{\s*({typed})\s*\}}|({typed}))", _padded)
        else:
            words = [w for w in ("hat", "star", "opt") if f"{name}_{w}" not in used]
            p = p.replaced(rf"(?<![\w.])({name})_(?:{'|'.join(words)})(?!\w)", _padded)
    return p


def _padded(match: re.Match[str]) -> str:
    return " " + str(next(filter(None, match.groups()))).ljust(len(match[0]) - 1)


def _called(c: Chain) -> Called | None:
    """The function with arguments that a statement defines."""
    if c.role != GIVES or c.quantity is None or not c.quantity.at or c.first is None:
        return None
    return called(c.name, c.first, c.sides[0])


def _is_value(q: Quantity) -> bool:
    return q.kind == VALUE


@dataclass
class Named:
    """What names stand for in the statements so far.

    `names` are defined, `known` occur anywhere, `used` stand in definitions, `mentioned` in any
    statement so far or in a declaration, `differentiated` are what derivatives are by;
    `claimed` says that there was a derivative, `zero` that one was set to zero, and `related` are
    the names in equations since then. For those in `handed`, dz is the derivative by z, as in
    programs for backpropagation.
    """

    names: set[str]
    differentiated: set[str]
    known: Collection[str] = ()
    used: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    related: set[str] = field(default_factory=set)
    handed: set[str] = field(default_factory=set)
    claimed: bool = False
    zero: bool = False

    def heard(self, chain: Chain, s: Statement) -> None:
        """Go on to the next statement."""
        q = chain.quantity
        self.mentioned |= {n for side in s.sides for n in names_in(side)}
        if q is not None and q.kind == DERIVATIVE:
            self.differentiated.add(q.by)
            self.claimed = True
        if q is not None and q.kind == VALUE:
            self.differentiated |= {*q.at} if chain.role == GIVES and len(q.at) == 1 else set()
        if q is not None and q.kind == FORMULA and self.claimed and chain.first is not None:
            for side in (chain.first, *chain.sides):
                self.related |= names_in(side)
        self.zero = self.zero or bool(chain.zero) or (chain.role == CONDITION and s.zero)

    def solves(self, s: Statement, name: str) -> bool:
        """True if `name = ...` says where an equation holds, and does not define the name."""
        if name in self.differentiated:
            return True
        known = name in self.used and not s.introduced
        return known and (self.zero or name in self.related)


def _chain(s: Statement, so_far: Named, later: Sequence[Statement]) -> Chain:
    if s.quantity is None:
        return _going_on(s, so_far)
    first, *sides = s.sides
    q, names = _meant(s, so_far, later), so_far.names
    made = Chain(CLAIMS, q.of, q, first, tuple(sides), s.whole)
    if _is_handed(q, sides, so_far):
        so_far.handed.add(q.of)
        by = Quantity(DERIVATIVE, "", q.of)
        return replace(made, role=CALLS, name=f"d{q.of}", quantity=by)
    if q.kind == DERIVATIVE and q.of not in {"", *names} and _CALLED.match(first.text):
        return replace(made, role=CALLS, quantity=replace(q, of=""))
    if q.kind in (DERIVATIVE, FORMULA) and s.zero:
        if len(sides) > 1 or q.kind == FORMULA:
            return replace(made, sides=tuple(sides[:-1]), zero=sides[-1])
        return replace(made, role=CONDITION)
    if s.condition and q.kind != DERIVATIVE:
        return replace(made, role=CONDITION)
    if s.announced is not None and q.of not in {*names, *so_far.differentiated}:
        return replace(made, role=CALLS, quantity=s.announced)
    base, label = split_label(q.of)
    entry = label.isalpha() and len(label) < 3 and base in names
    if q.kind != VALUE or q.of in names or entry or so_far.solves(s, q.of):
        return made
    number = _NUMBER.fullmatch(sides[0].text) and q.of in so_far.mentioned
    if q.of in names_in(sides[0]) or number:
        return replace(made, role=CONDITION)
    inner = named(sides[0].text, sides[0].latex)
    if inner.kind in (DERIVATIVE, DIFFERENTIAL) and len(sides) > 1:
        return Chain(CALLS, q.of, inner, first, tuple(sides[1:]), s.whole)
    if changes_in(sides[0], so_far.known) or re.search("[∇∂]|nabla|partial", sides[0].text):
        return replace(made, role=LOCAL)
    aside = bool(re.match(r"\W*(?:where|with)\b", s.whole.text))
    return replace(made, role=GIVES, aside=aside)


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
    if function == "H" and so_far.claimed and not s.introduced and not _used("H", later):
        return Quantity(DERIVATIVE, label if label in so_far.names else "", order=2)
    return q


def _used(name: str, later: Sequence[Statement]) -> bool:
    return any(name in names_in(side) for s in later for side in s.sides)


def changes_in(side: Passage, known: Collection[str]) -> set[str]:
    """The names, of those that are `known`, whose changes dX a side uses.

    A word that is known itself, or a function such as det, is no change.

    >>> sorted(changes_in(Passage.of("2*x'dx + tr(dA*B) + d(z) - det(B)"), ["x", "A", "z", "et"]))
    ['A', 'x', 'z']
    """
    if side.latex:
        found = {latex_name(m[1]) for m in re.finditer(rf"{LATEX_D}({LATEX_NAME})", side.text)}
        return found & {*known}
    names = set()
    for m in re.finditer(rf"(?<![\w.])d(?:({NAME})|\s*\(\s*({NAME})\s*\))", side.text):
        word = m[0] if m[1] else ""
        if word not in GREEK_NAMES and word not in function_names():
            names.add(canonical_name(m[1] or m[2]))
    return names & {*known}


def _function(
    chains: Sequence[Chain], definitions: Sequence[Definition], given: Sequence[Definition]
) -> str:
    """The function that is differentiated where nothing says which."""
    names = [d.name for d in definitions]
    if given:
        return given[-1].name
    if "f" in names:
        return "f"
    of = [
        c.quantity.of
        for c in chains
        if c.quantity and c.quantity.kind in (DERIVATIVE, DIFFERENTIAL)
    ]
    last = [name for name in names if name in of]
    return last[-1] if last else names[-1] if names else ""
