"""From statements to a plan: what defines a name, what claims something, and what moves."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.input.meaning.subscripts import split_label
from matderiv.language.calls import function_names
from matderiv.verification.derivations.definitions import Definition, unreadable_apart
from matderiv.verification.derivations.function_calls import Called, apart, called, written
from matderiv.verification.derivations.roles import (
    CALLED,
    CALLS,
    CLAIMS,
    CONDITION,
    GIVES,
    LOCAL,
    NUMBER,
    Chain,
    Named,
    changes_in,
    role_of,
)
from matderiv.verification.documents.clauses import NAMELESS
from matderiv.verification.documents.partials import by_links, named_at_end
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import Statement, bold_in, names_in
from matderiv.verification.quantities import (
    DERIVATIVE,
    DIFFERENTIAL,
    FORMULA,
    LATEX_NAME,
    VALUE,
    Quantity,
    latex_name,
    named,
    signs,
)


@dataclass(frozen=True)
class Plan:
    """A derivation in order, with its definitions; `function` is the one that is differentiated.

    `by` are the names that derivatives are said to be by, `changing` those with a change dX,
    `arguments` those in brackets after the function: f(x), `solved` those that equations are
    solved for, `abstract` functions that have a prime and no definition, `standard` names that
    are defined as the function that they are anyway, `calls` has the arguments of every function
    that is defined with some, and `functions` those whose values at other points lines may say.
    """

    chains: tuple[Chain, ...]
    definitions: tuple[Definition, ...]
    function: str
    by: frozenset[str] = field(default_factory=frozenset)
    changing: frozenset[str] = field(default_factory=frozenset)
    arguments: frozenset[str] = field(default_factory=frozenset)
    solved: frozenset[str] = field(default_factory=frozenset)
    standard: frozenset[str] = field(default_factory=frozenset)
    abstract: frozenset[str] = field(default_factory=frozenset)
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    functions: tuple[Called, ...] = ()

    @property
    def moving(self) -> frozenset[str]:
        """The names that anything is derived by, solved for, or least at."""
        return self.by | self.arguments | self.solved | {*self.calls.get(NAMELESS, ())}

    @property
    def objectives(self) -> list[Definition]:
        """The definitions before the first derivative: what comes later is about solutions."""
        said = [c.quantity.kind if c.quantity else "" for c in self.chains]
        early = {c.name for c in self.chains[: [*said, DERIVATIVE].index(DERIVATIVE)]}
        return [d for d in self.definitions if d.name in early]


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
    statements = _products(unreadable_apart(statements), names)
    statements = _untied(by_links(apart(_by_cases(named_at_end(statements, names)))), names)
    for k, s in enumerate(statements):
        chain = role_of(s, so_far, statements[k + 1 :])
        if chain.role in (GIVES, CALLS, LOCAL):
            names.add(chain.name)
            names |= _array(chain)
        if chain.role == GIVES:
            definitions.append(Definition(chain.name, chain.sides[0]))
            so_far.used |= names_in(chain.sides[0])
        so_far.heard(chain, s)
        chains.append(chain)
    changing = {name for s in statements for side in s.sides for name in changes_in(side, known)}
    kept = {q.of for c in chains if c.role == CONDITION and (q := c.quantity) and q.of not in names}
    return _completed(chains, definitions, given, changing - so_far.handed - kept, names)


def _products(statements: Sequence[Statement], names: Collection[str]) -> list[Statement]:
    """Statements in which `Ax = b` defines no name where A and x are some; `names` are defined."""
    sides = (side for s in statements for side in s.sides if not side.latex)
    known = {n for side in sides for n in names_in(side)} - {*names}

    def is_product(s: Statement) -> bool:
        q = s.quantity
        name = q.of if q and q.kind == VALUE and not q.at else ""
        return not s.whole.latex and 1 < len(name) < 5 and name.isalpha() and {*name} <= known

    return [replace(s, quantity=Quantity(FORMULA)) if is_product(s) else s for s in statements]


def _by_cases(statements: Sequence[Statement]) -> list[Statement]:
    """Statements in which `t = 1` and `t = 0` are cases, and no definition."""
    values: dict[str, set[str]] = {}
    for s in statements:
        if s.quantity and s.quantity.kind == VALUE and NUMBER.fullmatch(s.sides[-1].text):
            values.setdefault(s.quantity.of, set()).add(s.sides[-1].text.strip())

    def is_case(s: Statement) -> bool:
        found = s.quantity is not None and len(values.get(s.quantity.of, ())) > 1
        return found and len(s.sides) == 2 and bool(NUMBER.fullmatch(s.sides[-1].text))

    return [replace(s, condition=True) if is_case(s) else s for s in statements]


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
    by = {n for c in chains if c.quantity for n in (c.quantity.by, c.quantity.then) if n}
    function = _function(chains, definitions, given)
    at = {n for c in chains if c.quantity and c.quantity.of == function for n in c.quantity.at}
    claiming = [c for c in chains if c.role == CLAIMS and c.quantity]
    claimed = {c.name for c in claiming if c.quantity and c.quantity.kind == VALUE}
    named_by = frozenset(by), frozenset(changing), frozenset(at), frozenset(claimed - names)
    functions = [f for c in chains if (f := _called(c)) is not None]
    standard = frozenset(f.name for f in functions if f.is_sigmoid)
    functions = [f for f in functions if f.name not in standard]
    primes = [f for c in chains if (f := _primed(c, functions)) is not None]
    written_out = [_written(_written(c, primes), functions) for c in chains]
    calls = {c.name: c.quantity.at for c in chains if c.role in (GIVES, LOCAL) and c.quantity}
    named = {n for c in written_out for n in _differentiated(c)} | {function, *standard}
    named |= {n for c in chains for n in _differentiated(c, by="")}  # \nabla f(x + tp)
    left = (c.first for c in written_out if c.quantity and c.quantity.kind == FORMULA and c.first)
    sides = (*left, *(p for c in written_out for p in c.sides))  # what stands without arguments
    dummies = {f.name for f in functions} - named - {n for p in sides for n in names_in(p)}
    bodies = [replace(d, passage=written(d.passage, functions)) for d in definitions]
    bodies = [d for d in bodies if d.name not in dummies]
    chains = [_written(_written(c, primes), functions, dummies) for c in chains]
    written_out = [replace(c, role=CALLED) if c.name in dummies else c for c in chains]
    functions = [f for f in functions if f.name not in dummies]
    derived = {c.quantity.of for c in chains if c.quantity and c.quantity.kind == DERIVATIVE}
    moved = {*by, *changing - derived}
    points = [d.name for d in definitions if d.name in moved and d.name != function]
    points = [name for name in points if _is_point(name, chains, definitions, moved)]
    written_out = [replace(c, role=CONDITION) if c.name in points else c for c in written_out]
    bodies = [d for d in bodies if d.name not in points]
    known = {*names, *function_names(), "sigma"}
    abstract = frozenset(_with_primes(chains) - known)
    more = standard, abstract, calls, tuple(functions)
    return Plan(tuple(written_out), tuple(bodies), function, *named_by, *more)


def _is_point(
    name: str, chains: Sequence[Chain], definitions: Sequence[Definition], moved: set[str]
) -> bool:
    """True for `P = inv(S)` where everything is derived by P, and S is not spoken of again.

    What has a definition does not move; such a name is a variable, and its definition its value.
    """
    inner = {n for d in definitions if d.name == name for n in names_in(d.passage)}
    inner.update("".join(n for n in inner if len(n) < 4))  # Xw may be X*w
    others = {n for d in definitions if d.name != name for n in names_in(d.passage)}
    sides = {n for c in chains if c.name != name for p in c.sides for n in names_in(p)}
    return not inner & {*moved, *others, *sides, *(d.name for d in definitions)}


def _with_primes(chains: Sequence[Chain]) -> set[str]:
    """The names behind g', g'' and a(t); an apostrophe of the text language is a transpose."""
    typed = rf"({LATEX_NAME})(?:'|\(\s*{LATEX_NAME}\s*\))"
    sides = [p for c in chains for p in (*c.sides, c.first or c.whole) if p.latex]
    return {latex_name(m[1]) for p in sides for m in re.finditer(typed, p.text)} - {""}


def _written(c: Chain, functions: Sequence[Called], filled: Collection[str] | None = None) -> Chain:
    """A statement with calls written out; f(x + h) on the left is a formula of its own."""
    formula = c.first is not None and c.quantity is not None and c.quantity.kind == FORMULA
    if formula and c.first is not None and not signs(c.first.text, c.first.latex):
        c = replace(c, first=written(c.first, functions, filled))
    return replace(c, sides=tuple(written(s, functions, filled) for s in c.sides))


def _primed(c: Chain, functions: Sequence[Called]) -> Called | None:
    """The derivative g' or g'' of a function, by the last side that says what it is."""
    q = c.quantity
    f = next((f for f in functions if q is not None and f.name == q.of), None)
    if q is None or q.kind != DERIVATIVE or not q.primed or f is None or not c.sides:
        return None
    found = called(f.name + q.order * "'", c.first, c.sides[-1]) if c.first else None
    return found if found is not None and found.head.endswith("'") else None


def _differentiated(c: Chain, by: str | None = None) -> set[str]:
    """The functions that a statement differentiates, or says the value of once more."""
    found = {c.quantity.of} if c.quantity is not None and c.role != GIVES else set()
    sides = (*c.sides, *([c.first] if c.first is not None else []))
    said = [sign.quantity for p in sides for sign in signs(p.text, p.latex)]
    return found | {q.of for q in said if by in (None, q.by)}


def _unsaid(statements: Sequence[Statement], names: set[str]) -> str | None:
    """The name that the lines give to the function, where they do not define it."""
    said = {s.quantity.of for s in statements if s.quantity and s.quantity.kind == VALUE}
    for s in statements:
        q = s.quantity
        if q is not None and q.kind in (DERIVATIVE, DIFFERENTIAL) and q.of not in {"", *said}:
            if len(q.of) == 1 or q.of in ("ell", "Loss", "loss", "phi"):
                return None if q.of in names else q.of
    return None


def is_adorned(name: str, names: Collection[str]) -> bool:
    """True for w_hat and w_star, where w is one of the names.

    >>> is_adorned("w_hat", ["w"]), is_adorned("y_hat", ["w"])
    (True, False)
    """
    return base_of(name) != name and base_of(name) in names


def base_of(name: str) -> str:
    """The name without a hat or a star."""
    return re.sub(r"_?(?:wide)?(?:hat|star|opt)$", "", name)


def used_names(plan: Plan, moving: Collection[str]) -> set[str]:
    r"""The names that objectives are of or that are derived, and \hat u of `\hat u = u/\|u\|`.

    A \hat w that is defined before anything is of w is a name of its own.
    """
    used = {c.quantity.of for c in plan.chains if c.quantity and c.quantity.by}
    met: set[str] = set()
    for d in plan.objectives:
        inside = names_in(d.passage)
        first = is_adorned(d.name, moving) and base_of(d.name) not in {*met, *inside}
        if d.is_of_its_base or first:
            used.add(d.name)
        met |= inside
        used |= set() if is_adorned(d.name, moving) else inside
    return used


_BOLD = r"\\(?:mathbf|boldsymbol|bm|vec|mathrm)\s*"
_STAR = r"[\^_]\s*\{?\s*(?:\*|\\(?:ast|star))\s*\}?"
_WORD = r"(?:MLE?|MAP|[OGW]?LS|ridge|opt)"
_ESTIMATE = rf"_\s*\{{\s*(?:\\(?:mathrm|text|mathsf)\s*\{{\s*{_WORD}\s*\}}|{_WORD})\s*\}}"
_LABEL = (
    r"(?P<label>_\s*\{\s*(?:\\(?:mathrm|text|mathsf)\s*\{\s*[A-Za-z]{2,}\s*\}|[A-Za-z]{2,})\s*\})"
)
_SOLUTION = r"_\s*\{\s*(?:\\(?:mathrm|text|mathsf)\s*\{\s*[A-Za-z]{2,}\s*\}|[A-Z]{2,})\s*\}"


def label_of(p: Passage) -> str:
    r"""The label of a solution that stands first in a line; "" where none does.

    >>> label_of(Passage.of(r"\hat\beta_{OLS} = y", latex=True))
    'OLS'
    """
    left = p.text.partition("=")[0]
    found = re.search(rf"\\(?:wide)?hat\s*\{{?\s*{LATEX_NAME}\s*\}}?\s*{_LABEL}", left)
    return re.sub(r"\\[a-z]+|[\s{}_]", "", found["label"]) if found and p.latex else ""


def unadorned(p: Passage, names: Collection[str], used: Collection[str]) -> Passage:
    r"""A passage in which w^*, \hat w and w_hat are w, for those `names`.

    A w_hat that definitions have `used` stays what it is.

    >>> unadorned(Passage.of(r"\hat{w} + w^* + \hat y", latex=True), ["w"], []).text.split()
    ['w', '+', 'w', '+', '\\hat', 'y']
    >>> unadorned(Passage.of(r"\mathbf{w}_{\mathrm{ML}}", latex=True), ["w"], []).text.strip()
    '\\mathbf{w}'
    """
    for name in sorted(names):
        n = re.escape(name)  # what is no name that is read may be a command
        typed = rf"(?:{_BOLD})?(?:\{{\s*\\?{n}\s*\}}|\\?{n}(?![A-Za-z]))"
        base = split_label(name)[0]
        if p.latex:  # \hat\beta_{GLS}
            hatted = rf"\\(?:wide)?hat\s*(?:\{{\s*({typed})\s*\}}|({typed}))\s*"
            p = p.replaced(hatted + _SOLUTION, _padded)
        own = [w for w in used if w.startswith((f"{base}hat", f"{base}_hat", f"{base}_widehat"))]
        if p.latex:
            p = p.replaced(rf"({typed}\s*\}}?)\s*(?:{_STAR}|{_ESTIMATE})", _padded)
            if not own:
                p = p.replaced(rf"\\(?:wide)?hat\s*(?:\{{\s*({typed})\s*\}}|({typed}))", _padded)
        else:
            words = [w for w in ("hat", "star", "opt") if f"{name}_{w}" not in used]
            p = p.replaced(rf"(?<![\w.])({n})_(?:{'|'.join(words)})(?!\w)", _padded)
    return p


def _padded(match: re.Match[str]) -> str:
    name = str(next(filter(None, match.groups())))
    if match[0].startswith((name, " ")):
        return name.ljust(len(match[0]))
    return name.rjust(len(match[0]) - 1) if name[:1].isalpha() else name


def _called(c: Chain) -> Called | None:
    """The function with arguments that a statement defines."""
    if c.role != GIVES or c.quantity is None or not c.quantity.at or c.first is None:
        return None
    return called(c.name, c.first, c.sides[0])


def _function(
    chains: Sequence[Chain], definitions: Sequence[Definition], given: Sequence[Definition]
) -> str:
    """The function that is differentiated where nothing says which."""
    names = [d.name for d in definitions]
    if given:
        return given[-1].name
    kinds = DERIVATIVE, DIFFERENTIAL
    of = [c.quantity.of for c in chains if c.quantity and c.quantity.kind in kinds]
    last = [name for name in names if name in of]
    if "f" in names and ("f" in of or not last):
        return "f"
    return last[-1] if last else names[-1] if names else ""


def sizes_apart(shapes: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The shapes, with other names for sizes that are names of variables too: h in R^h."""
    taken = {n for d in plan.definitions for n in (d.name, split_label(d.name)[0])} | shapes.keys()
    taken |= {c.name for c in plan.chains if c.role != CONDITION} | set(plan.by)
    taken |= {n for c in plan.chains for p in c.sides for n in bold_in(p)}

    def apart(size: str) -> str:
        return f"n_{size}" if size.isalpha() and size in taken else size

    typed = {name: said for name, said in shapes.items() if isinstance(said, str)}
    renamed = {n: ",".join(apart(part.strip()) for part in s.split(",")) for n, s in typed.items()}
    return {**shapes, **renamed}


def with_identities(plan: Plan) -> Plan:
    r"""A plan without any definition, in which derivatives of formulas say what their names are."""
    sides = [c.first for c in plan.chains if c.first is not None]
    spans = [(p, sign.operand) for p in sides for sign in signs(p.text, p.latex) if sign.operand]
    found = (Definition(f"identity {k}", p[a:b]) for k, (p, (a, b)) in enumerate(spans))
    return replace(plan, definitions=tuple(found))
