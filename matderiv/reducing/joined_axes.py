"""Steps of the reduction beside plain elimination: joined axes (vec, Kronecker), cross products."""

from matderiv.expr import Expr, apply, is_
from matderiv.reducing.network import Edge, Network, as_matrix
from matderiv.tensors.tensor import Factor, Index
from matderiv.words.chains import factors_of, matrix_product, transposed
from matderiv.words.monomials import multiply_into
from matderiv.words.signs import reading_key


def reduce_joined(net: Network) -> bool:
    """One step with an axis that joins two others: unvec, vec, or a Kronecker product.

    >>> str(derive("b'*kron(a,x)", "x", shapes={"b": "m*n", "a": "m", "x": "n"}))
    'unvec(b,n,m)*a'
    >>> str(derive("b'*x", "x"))
    'b'
    """
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
        if slow is fast:
            if _only(net, slow, f) and not _edges_at(net, slow):
                net.others.remove(f)
                net.weigh(joined, _stacked_diagonal(net, slow))
                return True
        elif _only(net, slow, f) and _only(net, fast, f) and _local(net, slow, fast):
            net.others.remove(f)
            net.weigh(joined, _stacked(net, slow, fast))
            return True
    pairs = [f for f in fused if f.indices[1] is not f.indices[2]]
    for f in pairs:
        for g in pairs:
            if f is not g and _kron(net, f, g):
                return True
    beside = [f for f in fused if f in pairs or f.indices[1] in net.axes]
    return any(_kron_beside(net, f) for f in beside) or any(_weigh_pair(net, f) for f in pairs)


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
    u, v = (_column(net.take_weight(i), i) for i in (slow, fast))
    mono = net.take(fast, slow)
    if not mono:
        return apply("kron", u, v)
    if not is_(u, "ones") or not is_(v, "ones"):
        multiply_into(mono, matrix_product([v, transposed(u)]))
    return apply("vec", as_matrix(mono, fast, slow))


def _column(weight: Expr | None, index: Index) -> Expr:
    return apply("ones", params=(index.size,)) if weight is None else weight


def _weigh_pair(net: Network, f: Factor) -> bool:
    """F[P;a,b] A_ba = vec(A)_P F[P;a,b], for an axis P."""
    joined, slow, fast = f.indices
    if joined not in net.axes or not net.between(fast, slow):
        return False
    net.weigh(joined, apply("vec", as_matrix(net.take(fast, slow), fast, slow)))
    return True


def _stacked_diagonal(net: Network, index: Index) -> Expr:
    """Σ_i F[P;i,i] u_i, the vector vec(diag(u))."""
    weight = net.take_weight(index)
    square = apply("eye", params=(index.size,)) if weight is None else apply("diag", weight)
    return apply("vec", square)


def _kron(net: Network, f: Factor, g: Factor) -> bool:
    """F[P;a,b] F[Q;c,d] A_ac B_bd = kron(A, B)_PQ; for a and c that are one index A is diagonal.

    Where only one side is tied, the other block is u*v', of ones where nothing weighs it.

    >>> str(derive("kron(A,B)*x", "x", shapes={"A": "m,n", "B": "p,q"}))
    'kron(A,B)'
    >>> str(derive("kron(A,B)*x", "A", shapes={"A": "m,n", "B": "p,q"}))
    '∂f_i/∂A_jk = Σ_l (B*unvec(x,q,n))_lk [i-l = (j-1)*p]'
    """
    (p, a, b), (q, c, d) = f.indices, g.indices
    inner = (a, b, c, d)
    if not all(_only(net, i, f, g) for i in inner):
        return False
    allowed = ({a, c}, {b, d})
    edges = [e for i in inner for e in _edges_at(net, i)]
    if any({e[1], e[2]} not in allowed for e in edges):
        return False
    if not any(i is j or net.between(i, j) for i, j in ((a, c), (b, d))):
        return False
    sides = [_side(net, i, j) for i, j in ((a, c), (b, d))]
    net.others.remove(f)
    net.others.remove(g)
    net.connect(apply("kron", *sides), p, q)
    return True


def _side(net: Network, i: Index, j: Index) -> Expr:
    """The block of a Kronecker product over (i, j), taken out with the weights of both."""
    edges = net.take(i, j) if i is not j else {}
    left, right = net.take_weight(i), net.take_weight(j)
    if i is j:
        return apply("eye", params=(i.size,)) if left is None else apply("diag", left)
    if not edges:
        if left is None and right is None:
            return apply("ones", params=(i.size, j.size))
        return matrix_product([_column(left, i), transposed(_column(right, j))])
    word = [apply("diag", left)] if left is not None else []
    word += factors_of(as_matrix(edges, i, j))
    word += [apply("diag", right)] if right is not None else []
    return matrix_product(word)


def _kron_beside(net: Network, f: Factor) -> bool:
    """F[P;a,b] u_a B_bj = kron(u, B)_Pj, and F[P;a,b] A_aj B_bj column by column.

    Either side may be the axis j itself, which is the identity. Column by column it is the
    Khatri-Rao product, kron(A, 1).*kron(1, B) with vectors of ones.

    >>> shapes = {"a": "m", "x": "n"}
    >>> [str(derive(t, "x", shapes=shapes)) for t in ("kron(a,x)", "kron(x,a)", "kron(x,x)")]
    ['kron(a,eye(n))', 'kron(eye(n),a)', 'kron(eye(n),x) + kron(x,eye(n))']
    >>> derive("kron(a,X)", "X", shapes={"a": "m", "X": "n,d"}).has_matrix_form
    False
    """
    joined, slow, fast = f.indices
    ends = [_end(net, side, f) for side in (slow, fast)]
    targets = {end for end in ends if end is not None}
    if len(targets) != 1 or not all(_apart(net, side, f) for side in (slow, fast)):
        return False
    (target,) = targets
    if target is joined:
        return False
    blocks = [_block(net, side, end) for side, end in zip((slow, fast), ends, strict=True)]
    net.others.remove(f)
    if None not in ends:
        ones = [apply("ones", params=(side.size,)) for side in (slow, fast)]
        net.connect(apply("kron", blocks[0], ones[1]), joined, target)
        net.connect(apply("kron", ones[0], blocks[1]), joined, target)
    else:
        net.connect(apply("kron", *blocks), joined, target)
    return True


def _end(net: Network, side: Index, f: Factor) -> Index | None:
    """The one index that a side of a pair leads to, itself for an axis; None for a mere weight."""
    if side in net.axes:
        return side
    near = {i for e in _edges_at(net, side) for i in e[1:3] if i is not side}
    return near.pop() if len(near) == 1 else None


def _apart(net: Network, side: Index, f: Factor) -> bool:
    """True if a side of a pair leads to one index at most, and to no other tensor or delta."""
    if side in net.axes:
        return True
    near = {i for e in _edges_at(net, side) for i in e[1:3] if i is not side}
    return len(near) <= 1 and not near & set(f.indices[:1]) and _only(net, side, f)


def _block(net: Network, side: Index, end: Index | None) -> Expr:
    """The matrix from a side of a pair to its end, taken out; a vector where it has none."""
    if end is side:
        return apply("eye", params=(side.size,))
    weight = net.take_weight(side)
    if end is None:
        return _column(weight, side)
    matrix = as_matrix(net.take(side, end), side, end)
    return (
        matrix if weight is None else matrix_product([apply("diag", weight), *factors_of(matrix)])
    )


def reduce_cross(net: Network) -> bool:
    """Σ_jk ε_ijk a_j b_k = (a × b)_i, and Σ_j ε_ijk a_j is an entry of skew(a).

    >>> shapes = {"a": "3", "b": "3", "x": "3"}
    >>> str(derive("dot(cross(a,x),b)", "x", shapes=shapes))
    'cross(b,a)'
    >>> str(derive("cross(a,x)", "x", shapes=shapes))
    'skew(a)'
    """
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
        for turn in range(3):
            i, j, k = f.indices[turn:] + f.indices[:turn]
            a = net.weight(j)
            if a is not None and _only(net, j, f) and not _edges_at(net, j):
                net.others.remove(f)
                net.nodes.pop(j)
                net.connect(apply("skew", a), i, k)
                return True
    return False
