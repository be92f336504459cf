r"""Equations of entries: `\partial J/\partial\theta_j = \sum_i (...) x_{ij}` for whole arrays.

The free indices of the left side name the axes. A side that does not depend on one of them is the
same along its axis.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply
from matderiv.input.axes import SPARE
from matderiv.input.builder import Scope
from matderiv.input.meaning.elaborate import Elaborator
from matderiv.input.meaning.indexed import Indexed
from matderiv.input.meaning.subscripts import capital_of, named_alike, split_label
from matderiv.language.source import Bind, Call, Name, Source, postorder
from matderiv.shapes import Dim, Shape, Size
from matderiv.verification.documents.statements import Case
from matderiv.verification.quantities import Quantity

_COLUMN = re.compile(r"(\w+)_\{\s*:\s*,?\s*([a-z])\s*\}")


@dataclass(frozen=True)
class Indices:
    """Free indices in order, and the sizes that they run over as far as they are known."""

    letters: tuple[str, ...] = ()
    sizes: Mapping[str, Size] | None = None

    def over(self, letters: Iterable[str], shape: Shape) -> Indices:
        """With the sizes of an array whose first axes have these letters."""
        known = dict(zip(letters, shape, strict=False))
        return replace(self, sizes={**known, **(self.sizes or {})})


def entry_name(name: str, known: Collection[str], rows: Mapping[str, str]) -> tuple[str, str]:
    """The array behind a name with indices, and the indices; "" for what is no entry.

    >>> entry_name("w_j", ["w"], {}), entry_name("x_i", ["X"], {"x": "X"})
    (('w', 'j'), ('X', 'i'))
    >>> entry_name("U_{:,w}", ["U"], {})
    ('U', ':w')
    """
    if column := _COLUMN.fullmatch(name):
        base = named_alike(column[1], known)
        return (name, "") if base is None else (base, f":{column[2]}")
    base, label = split_label(name)
    if name in known or not label or not label.isalpha():
        return name, ""
    found = named_alike(base, known) or named_alike(rows.get(base, ""), known)
    if found is None and len(label) > 1:
        found = named_alike(capital_of(base), known)
    return (found, label) if found is not None else (name, "")


def component(whole: Expr, q: Quantity, axes: tuple[int, int]) -> tuple[Expr, tuple[str, ...]]:
    """A derivative entry by entry: its array with an axis for each index, then what has none.

    `whole` is the derivative with the axes of the function and of the variable, `axes` how many
    each of them has. Raises MatderivError where the indices are too many.
    """
    typed = [*_filled(q.of_at, axes[0]), *_filled(q.by_at, axes[1] * q.order)]
    if len(typed) != len(whole.shape):
        raise MatderivError("this derivative has other entries")
    letters = tuple(dict.fromkeys(c for c in typed if c))
    spare = iter(c for c in SPARE if c not in letters)
    source = [c or next(spare) for c in typed]
    result = [*letters, *(c for c, t in zip(source, typed, strict=True) if not t)]
    if source == result:
        return whole, letters
    pattern = f"{''.join(source)}->{''.join(result)}"
    return apply("einsum", whole, params=(pattern,)), letters


def _filled(indices: str, axes: int) -> list[str]:
    if len(indices) > axes:
        raise MatderivError("there are more indices than axes")
    return [*(c.strip(":") for c in indices), *[""] * (axes - len(indices))]


def letters_of(source: Source, scope: Scope) -> tuple[str, ...]:
    """The free indices of a formula, in the order of the alphabet."""
    elaborator = Elaborator(source, scope)
    value = elaborator.visit(source.main)
    return tuple(sorted(value.index)) if isinstance(value, Indexed) else ()


def indexed_parts(named: Sequence[tuple[str, Source]]) -> dict[str, tuple[str, str]]:
    """Definitions of entries, such as `r_i = w'*x_i - y_i`: the array that they define, and i.

    An index is a letter that is bound somewhere, or a usual one, and stands in the body as well.
    """
    binds = (n for _, s in named for n in postorder(s.main) if isinstance(n, Bind))
    bound = {i for bind in binds for i in bind.indices}
    names = {name for name, _ in named}
    found: dict[str, tuple[str, str]] = {}
    for name, source in named:
        base, label = split_label(name)
        usual = bound | set("ijklabpqrs")
        if not label or not set(label) <= usual or base in names:
            continue
        nodes = [*postorder(source.main)]
        below = {c for n in nodes if isinstance(n, Name) for c in split_label(n.name)[1]}
        below |= {r[2] for n in nodes if isinstance(n, Bind) for r in n.relations}
        if set(label) <= below:
            found[name] = "pi_" if base == "pi" else base, label  # with an index no constant
    return found


def on_the_diagonal(source: Source) -> Source:
    """The definition of a matrix by W_ii = ...: it has nothing beside its diagonal."""
    body = source.main
    return replace(source, main=Call(body.span, "diag", body.span, (body,)))


def in_case(case: Case, letters: Sequence[str], e: Expr, true: Expr | None) -> Expr:
    """The entries of a matrix where a case holds; the true ones elsewhere.

    >>> a, b = variable("a", (3, 3)), variable("b", (3, 3))
    >>> [in_case(Case("i", other, False), "ij", a, b) is a for other in "jk"]
    [False, True]
    """
    if true is None or not {*letters} & {case.first, case.second}:
        return e
    if len(letters) == 1:  # k = y, where y is a label
        label = case.second if case.first == letters[0] else case.first
        same = apply("diag", apply("unit", params=(true.shape[0], Dim((label,)))))
        kept = same.__matmul__
    elif len(letters) == 2 and {case.first, case.second} == {*letters}:
        same = apply("eye", params=(true.shape[0],))
        kept = partial(apply, "hadamard", same)
    else:
        return e
    if e.shape != true.shape:
        return e
    inside, outside = (e, true) if case.equal else (true, e)
    return kept(inside) + outside - kept(outside)


_INVERSE = {"exp": "log", "log": "exp", "inv": "inv"}


def inverses(inner: Expr, x: Expr) -> dict[Expr, Expr]:
    """What `inner` is of, in terms of its name: s = log(v) says that v = exp(s)."""
    found: dict[Expr, Expr] = {}
    value = x
    while inverse := _INVERSE.get(inner.function.name):
        inner, value = inner.args[0], apply(inverse, value)
        found[inner] = value
    return found
