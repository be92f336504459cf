"""What a name with a subscript is: a name of its own, or an entry of an array.

Every index that a sum binds makes an entry of the name it stands below, and what has entries has
them everywhere: `z_i` beside `\\sum_j e^{z_j}` is an entry of z, `x_1` beside x is one of x.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from matderiv.input.builder import Scope
from matderiv.input.tree import POWER
from matderiv.language.declare import guessed_axes
from matderiv.language.source import (
    Bind,
    Entry,
    Name,
    Node,
    Operation,
    Source,
    children,
    postorder,
    unsigned,
)

DELTA = "delta!"
"""The base of δ_ij, the entries of an identity."""

MARKS = frozenset({"bar", "hat", "tilde", "star", "check", "dot", "ddot", "prime"})
"""Signs above a name, which are part of it and no indices."""

_BELOW = re.compile(r"[^_()]*_\{?([^_{}()\\]*)\}?")  # a name alone, with what stands below it
FREE = frozenset("ijklabpqrs")
"""Letters that are free indices below a name with entries; any other letter is a label."""


def free_letters(scope: Scope) -> frozenset[str]:
    """The letters of free indices; in an answer m and n too where they are no sizes.

    >>> sorted(free_letters(Scope(sizes={"n"}, guess=False)) - FREE)
    ['m']
    """
    others = frozenset() if scope.guess else frozenset("mn") - {*scope.sizes, *scope.shapes}
    return (FREE | others) - scope.labels


class Subscripted(NamedTuple):
    """An entry of an array: the base as typed, and its indices, labels and numbers."""

    base: str
    at: tuple[str, ...]


@dataclass
class Roles:
    """Which names of a problem are entries; `families` are arrays met only through entries.

    `families` has the base as typed and how many indices it carries, `bound` all indices of sums,
    `bases` are names before places such as i + 1, which are no names of their own, `placed` are the
    free letters in brackets' places, as in `(A x)_i`, `names` all names and the indices of the sums
    around them.
    """

    entries: dict[Name, Subscripted] = field(default_factory=dict)
    families: dict[str, int] = field(default_factory=dict)
    bound: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    bases: set[Name] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)
    names: list[tuple[Name, frozenset[str]]] = field(default_factory=list)


def split_label(name: str, around: Collection[str] = ()) -> tuple[str, str]:
    """The base of a name and its subscript; `around` are the indices of the sums around it.

    >>> split_label("y_hat_i"), split_label("X_12"), split_label("x")
    (('y_hat', 'i'), ('X', '12'), ('x', ''))
    >>> split_label("x_bar")
    ('x_bar', '')
    >>> split_label("x_1i", "i"), split_label("X_1i", "i"), split_label("x_1i")
    (('x_1', 'i'), ('X', '1i'), ('x', '1i'))
    """
    base, _, label = name.rpartition("_")
    numbered = re.fullmatch(r"(\d+)([a-z])", label) if base[:1].islower() else None
    if numbered and numbered[2] in around:
        return f"{base}_{numbered[1]}", numbered[2]
    return (base, label) if base and label not in MARKS else (name, "")


def named_alike(base: str, names: Iterable[str]) -> str | None:
    """The name among `names` that has the letters of `base`."""
    wanted = base.replace("_", "")
    return next((n for n in names if n.replace("_", "") == wanted), None)


def roles(source: Source, scope: Scope) -> Roles:
    """The roles of all names with subscripts."""
    found, free, parts = Roles(), free_letters(scope), [part.name for part in source.parts]
    arrays = _scoped(source, found)
    given = frozenset(scope.free or ())
    found.bound |= given
    names = [(node, around | given) for node, around in found.names]
    plain = {n.name for n, _ in names}
    others = (split_label(name) for name in scope.about if name not in plain)  # x_i by x_j
    about = {*scope.about, *(base for base, label in others if label and set(label) <= FREE)}
    plain |= about
    known = {*scope.shapes, *scope.sizes, *parts}
    whole = plain | known
    found.whole = frozenset(whole)
    kronecker = _kronecker(n.name for n, _ in names) - whole
    for node, around in names:
        base, label = split_label(node.name, around)
        if label and around and node.name not in known and base not in kronecker:
            indices = set(label) & around and _indices(label, {*around, *free})
            if indices and _entry_of(base, label, scope, parts):
                found.families.setdefault(base, len(label))
    only_asked = about - {n.name for n, _ in names} - known
    found.whole -= {n for n in only_asked if found.families.get(n, 0) > 1}  # Y of the y_nk
    own = _added(source.nodes)
    labels = {split_label(name)[1] for _, name in own if scope.guess and name not in about}
    steps = {i for i in labels if i.isalpha() and not set(i) & found.bound}
    apart = {n for n in plain if split_label(n)[1] in steps} - about  # g_k beside x - x_k
    names = _with_free(names, found, {*known, *kronecker, *apart}, about) if scope.guess else names
    for node, around in names:
        base, label = split_label(node.name, around)
        beside = (base, node.name) in own and not set(label) <= found.bound
        if label in ("", "0") or node.name in known or node.name in apart or beside:
            continue  # entries count from 1
        if base in kronecker:
            entry = _delta(label, around, found, scope)
        else:
            entry = _role(base, label, around, found, scope, whole, parts, arrays)
        if entry is not None:
            found.entries[node] = entry
    return found


def misplaced(source: Source, found: Roles, declared: Collection[str]) -> tuple[Name, str] | None:
    """The first name that would be a constant and is meant as an index or an entry, and why not.

    A bound index outside a subscript counts (`i x_i`), a place such as n + 1 of an array that has
    entries is one of them, and so is y_i beside a row X_{i,:}.
    """
    free = {i for n in source.nodes if isinstance(n, Entry) for i in n.at}
    for node, around in found.names:
        if node.name in declared or node in found.bases:
            continue
        base, label = split_label(node.name)
        below = _BELOW.fullmatch(source.text[slice(*node.span)])
        typed = below[1] if below else ""
        if node.name in around:
            return node, f"the index {node.name} stands outside a subscript, as a number"
        letters = set(typed) & around
        if set(typed) & set("+-") and typed.strip("+-") and (letters or base in found.families):
            return node, f"the place of an entry of {base} is not read"
        if label in free - around and label in FREE and node not in found.entries:
            return (node, f"{node.name} has the index of a row, and nothing says how far it runs")
    return None


def unsummed(tree: Node, found: Roles) -> tuple[Node, str] | None:
    """A product with an index that only some of its factors share, and that no sum binds.

    `W_ij x_j` means a sum over j to many, and entry by entry W*diag(x) to none; a_i x_i is entries.
    """
    inside: dict[Node, frozenset[str]] = {}
    for node in postorder(tree) if found.entries else ():
        below = [inside.get(c, frozenset[str]()) for c in children(node)]
        if isinstance(node, Operation) and node.function in ("mul", "hadamard"):
            indexed = [letters for letters in below if letters]
            twice = {i for k, a in enumerate(indexed) for b in indexed[:k] for i in a & b}
            if twice and any(a != indexed[0] for a in indexed):
                return node, min(twice)
        role = found.entries.get(node) if isinstance(node, Name) else None
        at = role.at if role is not None and role.base != DELTA else ()
        own = {i for place in at for i in place} & FREE - found.bound
        inside[node] = frozenset(own).union(*below)
    return None


def _with_free(
    names: list[tuple[Name, frozenset[str]]],
    found: Roles,
    known: Collection[str],
    about: Collection[str],
) -> list[tuple[Name, frozenset[str]]]:
    """The names with the free indices of the formula, which all names with only these have.

    They are those of b_i beside a sum over j of W_ij, and those of the W_ij that is asked about.
    """
    taken = [(node, around, *split_label(node.name)) for node, around in names]
    free = {
        letter
        for node, around, base, label in taken
        if node.name not in known
        if (base in found.families and set(label) & around)
        or (base in about and set(label) <= FREE)
        for letter in set(label) - around
    } | (found.placed - found.bound)
    met = 0
    while met != len(free):
        met = len(free)
        for node, _, base, label in taken:
            shared = set(label) & free and set(label) <= free | FREE
            if shared and node.name not in known:
                found.families.setdefault(base, len(label))
                free |= set(label)
    return [(node, around | free) for node, around in names]


def _scoped(source: Source, found: Roles) -> set[str]:
    """Finds every name with the indices around it; the names with entries in brackets."""
    bound: set[str] = set()
    arrays: set[str] = set()
    for tree in source.roots:
        stack: list[tuple[Node, frozenset[str]]] = [(tree, frozenset())]
        while stack:
            node, around = stack.pop()
            if isinstance(node, Name):
                found.names.append((node, around))
            if isinstance(node, Bind):
                around |= set(node.indices)
                bound |= set(node.indices)
            if isinstance(node, Entry) and ":" not in node.at:
                found.placed |= {i for at in node.at for i in at if i in FREE}
            if isinstance(node, Entry) and isinstance(node.base, Name):
                arrays.add(node.base.name)
                if any(set(at) & set("+-") and ":" not in at for at in node.at):
                    found.families.setdefault(node.base.name, len(node.at))
                    found.bases.add(node.base)
                    continue
            stack.extend((child, around) for child in children(node))
    found.bound = frozenset(bound)
    return arrays


def _added(nodes: Iterable[Node]) -> set[tuple[str, str]]:
    """`x - x_k` says that x and x_k have one shape: the name and the one with a subscript."""
    found = set()
    for node in nodes:
        if isinstance(node, Operation) and node.function == "add":
            terms = {n.name for n in map(unsigned, node.operands) if isinstance(n, Name)}
            found |= {(split_label(t)[0], t) for t in terms if split_label(t)[0] in terms}
    return found


def _entry_of(base: str, label: str, scope: Scope, parts: Collection[str]) -> bool:
    """True unless what the base names is known to have fewer axes than the label has letters."""
    known = scope.shapes.get(named_alike(base, scope.shapes) or "")
    return known is None or base in parts or len(known) > 0


def _kronecker(names: Iterable[str]) -> set[str]:
    """Delta, where it stands with two places everywhere, as in δ_ij.

    >>> _kronecker(["delta_ij", "x_i"]), _kronecker(["delta_ij", "delta_j"])
    ({'delta'}, set())
    """
    labels: dict[str, set[int]] = {}
    for base, label in map(split_label, names):
        labels.setdefault(base, set()).add(len(label))
    return {base for base in ("delta", "δ") if labels.get(base) == {2}}


def _delta(label: str, around: frozenset[str], found: Roles, scope: Scope) -> Subscripted | None:
    """δ at two indices, labels or numbers, of which one is an index here."""
    numbers = {name for name, shape in scope.shapes.items() if not shape}  # labels
    numbers |= {*scope.sizes, *scope.labels, *"123456789"}
    met = {*around, *found.bound, *found.placed}
    indices = {*met, *FREE, *free_letters(scope)}
    here = set(label) & (met if scope.guess else indices)
    return Subscripted(DELTA, tuple(label)) if here and set(label) <= indices | numbers else None


def _role(
    base: str,
    label: str,
    around: frozenset[str],
    found: Roles,
    scope: Scope,
    whole: set[str],
    parts: Collection[str],
    arrays: set[str],
) -> Subscripted | None:
    family = base in found.families
    known = named_alike(base, [*scope.shapes, *parts])
    shape = scope.shapes.get(known) if known is not None else None
    declared = known is not None and (shape is None or len(shape) > 0)
    capital = not scope.guess and named_alike(capital_of(base), scope.shapes) is not None
    if scope.kinds.get(f"{base}_{label}!"):
        return None  # a name of its own, because an entry does not fit
    axes = scope.kinds.get(base, guessed_axes(base, scope.facts.get(base, ())))
    alone = base in arrays or (base in whole and axes > 0)
    if not (family or declared or alone or capital):
        return None
    if label.isdigit():
        axes = len(shape) if shape is not None else axes
        if axes == 2 and len(label) == 2:
            return Subscripted(known or base, tuple(label))
        return Subscripted(known or base, (label,)) if label[0] != "0" else None
    letters = {*around, *free_letters(scope)}
    if label.isalnum() and (set(label) <= found.bound or _indices(label, letters)):
        return Subscripted(known or base, tuple(label))
    if label.isalpha() and len(label) == 1 and label.islower():
        return Subscripted(known or base, (label,))
    return None


def _indices(label: str, around: Collection[str]) -> bool:
    """True for letters that are bound or free indices, perhaps beside numbers as in X_1j."""
    letters = [letter for letter in label if not letter.isdigit()]
    return bool(letters) and len(label) <= 4 and set(letters) <= {*around, *FREE}


def capital_of(base: str) -> str:
    """The array whose rows a letter names: X of x, Phi of phi.

    >>> capital_of("x"), capital_of("phi"), capital_of("W")
    ('X', 'Phi', 'W')
    """
    return base[:1].upper() + base[1:]


def is_capital(node: Node) -> bool:
    r"""True for a capital with one index, and its power: A_i, \Sigma_k^{-1}."""
    power = isinstance(node, Operation) and node.function in (POWER, "power", "neg", "transpose")
    inner = node.operands[0] if isinstance(node, Operation) and power else node
    base, label = split_label(inner.name) if isinstance(inner, Name) else ("", "")
    return base[:1].isupper() and len(label) == 1


def is_inverse(node: Node) -> bool:
    r"""True for a base with a negative number as exponent."""
    exponent = children(node)[1:]
    return bool(exponent) and unsigned(exponent[0]) is not exponent[0]
