"""The only file that knows layouts and vec order: numerator, denominator, ⊗ and commutation.

vec stacks columns, so the row of ∂vec(F)/∂vec(X)' for F_ij is (j, i), the slow index first, and
its column for X_kl is (l, k). A term whose factors tie i to k and j to l is a Kronecker product.
Source: Magnus & Neudecker, Matrix Differential Calculus, ch. 3 and 9.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from matderiv.expr import Expr, apply, is_, walk
from matderiv.notation.chains import transposed, turned
from matderiv.notation.elimination import reduce_network
from matderiv.notation.monomials import scaled, tidy, total
from matderiv.notation.network import Network
from matderiv.notation.raising import raise_term, spell
from matderiv.notation.sums import raise_tensor
from matderiv.shapes import times
from matderiv.tensors.tensor import Factor, Index, Indices, Tensor, Term, delta

Sides = tuple[Indices, Indices]  # the axes of f, and of the variable


def in_layout(e: Expr, layout: str, kind: str, axes: int) -> Expr:
    """A derivative as it is displayed: transposed where the layout says so.

    `numerator` turns the gradient of a scalar into a row, `denominator` transposes Jacobians.
    """
    if axes == 0 or axes > 2 or kind in ("vjp", "jvp", "differential", "hessian"):
        return e
    turns = (("numerator", "gradient"), ("denominator", "jacobian"))
    if (layout, kind) not in turns or (layout == "denominator" and axes != 2):
        return e
    return min(turned(e), transposed(e), key=lambda form: form.weight)


def vec_form(tensor: Tensor, outer: int) -> Expr | None:
    """∂vec(F)/∂vec(X)' with ⊗, diagonal and commutation matrices; None where these do not reach.

    `outer` counts the axes of f; they have at most two, and so has the variable.
    """
    f, x = tensor.axes[:outer], tensor.axes[outer:]
    if not 0 < len(f) <= 2 or not 0 < len(x) <= 2:
        return None
    if len(f) == len(x) == 1:
        e = raise_tensor(tensor, broadcast=False)
        return None if any(is_(n, "levicivita") for n in walk(e)) else e
    parts = [_vec_term(t, (f, x)) for t in tensor.terms if t.coefficient]
    if not parts:
        return None
    found = [p for p in parts if p is not None]
    return total(found) if len(found) == len(parts) else None


def _vec_term(t: Term, sides: Sides) -> Expr | None:
    f, x = sides
    net = Network(t, (*f, *x))
    reduce_network(net)
    if net.summed() or net.others:
        return None
    ties = [Factor(e, (i, j), k) for e, i, j, k in net.edges]
    ties += [Factor(e, (i,), k) for i, mono in net.nodes.items() for e, k in mono.items()]
    ties += [delta(i, j) for i, j in net.deltas]
    core = _separate(ties, sides)
    for pairing in _pairings(f, x):
        core = core or _kronecker(ties, pairing, sides)
    return None if core is None else scaled(net.coefficient, tidy(net.scalars), core)


def _separate(ties: list[Factor], sides: Sides) -> list[Expr] | None:
    """vec(F)*vec(X)' when nothing ties the axes of f to those of the variable."""
    f, x = sides
    if any(set(t.indices) & set(f) and set(t.indices) & set(x) for t in ties):
        return None
    return [_stacked(ties, f), transposed(_stacked(ties, x))]


def _stacked(ties: list[Factor], axes: Indices) -> Expr:
    e = _over(ties, axes)
    return apply("vec", e) if len(axes) == 2 else e


def _over(ties: list[Factor], axes: Indices) -> Expr:
    """The product of the factors within some axes, with every axis there."""
    within = tuple(t for t in ties if set(t.indices) <= set(axes))
    return spell(raise_term(Term(Fraction(1), within), axes), axes, full=True)


class Pairing(NamedTuple):
    """Which axis of f goes with which of the variable: blocks for the slow and the fast axes."""

    slow: tuple[Index | None, Index | None]
    fast: tuple[Index | None, Index | None]
    crossed: bool


def _pairings(f: Indices, x: Indices) -> list[Pairing]:
    rows = (f[1], f[0]) if len(f) == 2 else (None, f[0])
    if len(x) == 2:
        straight = Pairing((rows[0], x[1]), (rows[1], x[0]), False)
        return [straight, Pairing((rows[0], x[0]), (rows[1], x[1]), True)]
    return [
        Pairing((rows[0], None), (rows[1], x[0]), False),
        Pairing((rows[0], x[0]), (rows[1], None), False),
    ]


def _kronecker(ties: list[Factor], pairing: Pairing, sides: Sides) -> list[Expr] | None:
    """diag(vec(M)) * kron(P, Q) * diag(vec(N)) [* commutation], parts that are identities left out.

    M gathers what is within f, N what is within the variable; a tie across the pairing counts when
    a delta of the pairing moves it to one of these.
    """
    f, x = sides
    same: dict[Index, Index] = {}
    for t in ties:
        if is_(t.expr, "eye") and set(t.indices) in (set(pairing.slow), set(pairing.fast)):
            i, j = t.indices
            same[i], same[j] = j, i
    before: list[Factor] = []
    after: list[Factor] = []
    blocks: list[Factor] = []
    for t in ties:
        at = set(t.indices)
        if at <= set(pairing.slow) or at <= set(pairing.fast):
            blocks.append(t)
        elif (moved := _moved(t, f, same)) is not None:
            before.append(moved)
        elif (moved := _moved(t, x, same)) is not None:
            after.append(moved)
        else:
            return None
    columns = tuple(i for i in (pairing.fast[1], pairing.slow[1]) if i is not None)
    core = [_joined(_block(blocks, pairing.slow), _block(blocks, pairing.fast))]
    if before:
        core.insert(0, apply("diag", _stacked(before, f)))
    if after:
        core.append(apply("diag", _stacked(after, columns)))
    core = [e for e in core if len(core) == 1 or not is_(e, "eye")]
    if pairing.crossed:
        core = [e for e in core if not is_(e, "eye")]
        core.append(apply("commutation", params=(x[0].size, x[1].size)))
    return core


def _moved(t: Factor, axes: Indices, same: dict[Index, Index]) -> Factor | None:
    """The factor with its indices renamed into `axes` by deltas, if that is possible."""
    at = tuple(i if i in axes else same.get(i, i) for i in t.indices)
    return Factor(t.expr, at, t.exponent) if set(at) <= set(axes) else None


def _block(ties: list[Factor], pair: tuple[Index | None, Index | None]) -> Expr | None:
    """The matrix over (row, column) of one pair; a column or a row where one is missing."""
    axes = tuple(i for i in pair if i is not None)
    if not axes:
        return None
    e = _over(ties, axes)
    return transposed(e) if pair[0] is None else e


def _joined(slow: Expr | None, fast: Expr | None) -> Expr:
    if slow is None or fast is None:
        found = fast if slow is None else slow
        assert found is not None
        return found
    if is_(slow, "eye") and is_(fast, "eye"):
        return apply("eye", params=(times(slow.shape[0], fast.shape[0]),))
    return apply("kron", slow, fast)
