"""From statements to a plan: what defines a name, what claims something, and what moves."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from matderiv.input.tokens import canonical_name
from matderiv.verification.definitions import Definition
from matderiv.verification.passages import Passage
from matderiv.verification.statements import (
    DERIVATIVE,
    DIFFERENTIAL,
    LATEX_D,
    LATEX_NAME,
    NAME,
    VALUE,
    Quantity,
    Statement,
    latex_name,
    named,
)

GIVES, CLAIMS, CALLS, LOCAL, CONDITION = "gives", "claims", "calls", "local", "condition"
BARE = "bare"


@dataclass(frozen=True)
class Chain:
    """A statement with its role.

    It `gives` a definition, `claims` values of a quantity, `calls` a quantity by a new name, makes
    a `local` name for a formula with differentials in it, or is a `condition` to be solved; a
    `bare` formula goes on with what was said before.
    """

    role: str
    name: str
    quantity: Quantity | None
    first: Passage | None
    sides: tuple[Passage, ...]
    whole: Passage


@dataclass(frozen=True)
class Plan:
    """A derivation in order, with its definitions; `function` is the one that is differentiated.

    `by` are the names that derivatives are said to be by, `changing` those with a change dX, and
    `arguments` those in brackets after the function: f(x).
    """

    chains: tuple[Chain, ...]
    definitions: tuple[Definition, ...]
    function: str
    by: frozenset[str] = field(default_factory=frozenset)
    changing: frozenset[str] = field(default_factory=frozenset)
    arguments: frozenset[str] = field(default_factory=frozenset)


def planned(
    statements: Sequence[Statement], given: Sequence[Definition], fixed: Collection[str]
) -> Plan:
    """The plan of a derivation; `given` are definitions from outside.

    No line defines a name of `fixed`: the variables of differentiation.

    >>> from matderiv.verification.statements import statement
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
    for s in statements:
        chain = _chain(s, names, differentiated)
        if chain.role in (GIVES, CALLS, LOCAL):
            names.add(chain.name)
        if chain.role == GIVES:
            definitions.append(Definition(chain.name, chain.sides[0]))
        if chain.quantity is not None and chain.quantity.kind == DERIVATIVE:
            differentiated.add(chain.quantity.by)
        chains.append(chain)
    by = {c.quantity.by for c in chains if c.quantity is not None and c.quantity.by}
    changing = {name for s in statements for side in s.sides for name in changes_in(side)}
    function = _function(chains, definitions, given)
    at = {n for c in chains if c.quantity and c.quantity.of == function for n in c.quantity.at}
    named_by = frozenset(by), frozenset(changing), frozenset(at)
    return Plan(tuple(chains), tuple(definitions), function, *named_by)


def _unsaid(statements: Sequence[Statement], names: set[str]) -> str | None:
    """The name that the lines give to the function, where they do not define it."""
    said = {s.quantity.of for s in statements if s.quantity and s.quantity.kind == VALUE}
    for s in statements:
        q = s.quantity
        if q is not None and q.kind in (DERIVATIVE, DIFFERENTIAL) and q.of not in {"", *said}:
            if len(q.of) == 1 or q.of in ("ell", "Loss", "loss", "phi"):
                return None if q.of in names else q.of
    return None


def _chain(s: Statement, names: set[str], differentiated: set[str]) -> Chain:
    if s.quantity is None:
        role = CLAIMS if s.goes_on else BARE
        return Chain(role, "", None, None, s.sides, s.whole)
    first, *sides = s.sides
    q = s.quantity
    if q.kind == VALUE and q.of not in names and q.of[:1] == "d" and q.of[1:] in names:
        q = Quantity(DIFFERENTIAL, q.of[1:])
    made = Chain(CLAIMS, q.of, q, first, tuple(sides), s.whole)
    if s.condition or (
        q.kind == DERIVATIVE and re.fullmatch(r"\\?(?:mathbf)?\{?\s*0\s*\}?", sides[-1].text)
    ):
        return replace(made, role=CONDITION)
    if q.kind != VALUE or q.of in names or q.of in differentiated:
        return made
    inner = named(sides[0])
    if inner.kind in (DERIVATIVE, DIFFERENTIAL) and len(sides) > 1:
        return Chain(CALLS, q.of, inner, first, tuple(sides[1:]), s.whole)
    if changes_in(sides[0]) or re.search("[∇∂]|nabla|partial", sides[0].text):
        return replace(made, role=LOCAL)
    return replace(made, role=GIVES)


def changes_in(side: Passage) -> set[str]:
    """The names whose changes dX a side uses.

    >>> sorted(changes_in(Passage.of("2*x'dx + tr(dA*B) + d(z)")))
    ['A', 'x', 'z']
    """
    if side.latex:
        return {latex_name(m[1]) for m in re.finditer(rf"{LATEX_D}({LATEX_NAME})", side.text)}
    found = re.findall(rf"(?<![\w.])d(?:({NAME})|\s*\(\s*({NAME})\s*\))", side.text)
    return {canonical_name(a or b) for a, b in found}


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
