"""Steps of the reduction beside plain elimination: joined axes (vec, Kronecker), cross products."""

from __future__ import annotations

from matderiv.expr import Expr, apply, is_
from matderiv.notation.chains import factors_of, matrix_product, reading_key, transposed
from matderiv.notation.monomials import multiply_into
from matderiv.notation.network import Edge, Network, as_matrix
from matderiv.tensors.tensor import Factor, Index


def reduce_joined(net: Network) -> bool:
    """One step with an axis that joins two others: unvec, vec, or a Kronecker product."""
    fused = [f for f in net.others if is_(f.expr, "fuse")]
    for f in fused:
        joined, slow, fast = f.indices
        if _only(net, joined, f) and not _edges_at(net, joined):
            weight = net.weight(joined)
            if weight is not None:
                net.others.remove(f)
                net.nodes.pop(joined)
                net.connect(apply("unvec", weight, params=(fast.size, slow.size)), fast, slow)
                return True
        if _only(net, slow, f) and _only(net, fast, f) and _local(net, slow, fast):
            net.others.remove(f)
            net.weigh(joined, _stacked(net, slow, fast))
            return True
    for f in fused:
        for g in fused:
            if f is not g and _kron(net, f, g):
                return True
    return False


def _edges_at(net: Network, index: Index) -> list[Edge]:
    return [e for e in net.edges if index in e[1:3]]


def _only(net: Network, index: Index, *owners: Factor) -> bool:
    """True if a summed index touches no other tensor, delta or axis."""
    return (
        index not in net.axes
        and not any(index in f.indices for f in net.others if f not in owners)
        and not any(index in d for d in net.deltas)
    )


def _local(net: Network, i: Index, j: Index) -> bool:
    return all({e[1], e[2]} == {i, j} for e in [*_edges_at(net, i), *_edges_at(net, j)])


def _stacked(net: Network, slow: Index, fast: Index) -> Expr:
    """The vector over (slow, fast): vec of a matrix, or kron of two vectors."""
    u, v = net.weight(slow), net.weight(fast)
    net.nodes.pop(slow, None)
    net.nodes.pop(fast, None)
    u = u if u is not None else apply("ones", params=(slow.size,))
    v = v if v is not None else apply("ones", params=(fast.size,))
    mono = net.take(fast, slow)
    if not mono:
        return apply("kron", u, v)
    if not is_(u, "ones") or not is_(v, "ones"):
        multiply_into(mono, matrix_product([v, transposed(u)]))
    return apply("vec", as_matrix(mono, fast, slow))


def _kron(net: Network, f: Factor, g: Factor) -> bool:
    """F[P;a,b] F[Q;c,d] A_ac B_bd = kron(A, B)_PQ."""
    (p, a, b), (q, c, d) = f.indices, g.indices
    inner = (a, b, c, d)
    if not all(_only(net, i, f, g) for i in inner):
        return False
    allowed = ({a, c}, {b, d})
    edges = [e for i in inner for e in _edges_at(net, i)]
    if any({e[1], e[2]} not in allowed for e in edges):
        return False
    if not net.between(a, c) or not net.between(b, d):
        return False
    sides = []
    for i, j in ((a, c), (b, d)):
        matrix = as_matrix(net.take(i, j), i, j)
        left, right = net.weight(i), net.weight(j)
        net.nodes.pop(i, None)
        net.nodes.pop(j, None)
        word = [apply("diag", left)] if left is not None else []
        word += factors_of(matrix)
        word += [apply("diag", right)] if right is not None else []
        sides.append(matrix_product(word))
    net.others.remove(f)
    net.others.remove(g)
    net.connect(apply("kron", *sides), p, q)
    return True


def reduce_cross(net: Network) -> bool:
    """Σ_jk ε_ijk a_j b_k = (a × b)_i."""
    for f in net.others:
        if not is_(f.expr, "levicivita"):
            continue
        for turn in range(3):
            i, j, k = f.indices[turn:] + f.indices[:turn]
            ready = all(_only(net, x, f) and not _edges_at(net, x) for x in (j, k))
            u, v = net.weight(j), net.weight(k)
            if ready and u is not None and v is not None:
                net.others.remove(f)
                net.nodes.pop(j)
                net.nodes.pop(k)
                if reading_key(v) < reading_key(u):
                    u, v, net.coefficient = v, u, -net.coefficient
                net.weigh(i, apply("cross", u, v))
                return True
    return False
