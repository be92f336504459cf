"""From index products back to matrix notation: one term at a time, by eliminating summed indices.

A summed index is eliminated when at most two neighbours are left: none gives a dot product, one a
matrix times a vector (or a row sum), two a matrix product through a diagonal. Edges between the
same two nodes are one Hadamard product. Each elimination removes an index, so the reduction ends,
and every graph of tree-width two reduces to the free axes; what is left otherwise stays an
einsum. Source: the elimination game, Bodlaender 1998.
"""

from fractions import Fraction

from matderiv.expr import Expr, apply, is_, number, size_expr
from matderiv.reducing.joined_axes import reduce_cross, reduce_joined
from matderiv.reducing.network import Network, as_matrix
from matderiv.shapes import is_scalar
from matderiv.tensors.tensor import (
    Factor,
    Index,
    Indices,
    Term,
    delta,
    size_coefficient,
    size_factors,
)
from matderiv.words.chains import (
    chain,
    factors_of,
    facts,
    matrix_product,
    symmetric,
    transposed,
    transposed_chain,
    turned,
)
from matderiv.words.folds import tidy
from matderiv.words.monomials import Mono, entrywise, multiply_into
from matderiv.words.signs import reading_key, stops

MAX_SPLIT = 5  # diagonals of longer products are not written as sums


def _diagonal(whole: list[Expr]) -> Expr:
    """Σ_j A_ij B_ji as diag(A*B), or as sum(A.*B',2) where that reads better.

    Transposes inside speak against the diagonal of a product, which is more than is needed. A
    longer chain is split where the sum is shortest; of a symmetric product, diag(A*S*A'), the
    diagonal is taken.

    >>> square, wide = {"A": "n,n", "B": "n,n"}, {"A": "m,n", "B": "m,n"}
    >>> text(_diagonal([read(t, shapes=square).expr for t in ("A", "B")]))
    'diag(A*B)'
    >>> text(_diagonal([read(t, shapes=wide).expr for t in ("A", "B'")]))
    'sum(A.*B,2)'
    """
    product = matrix_product(whole)
    mirrored = matrix_product(transposed_chain(whole))
    diagonal = apply("diag", min(product, mirrored, key=reading_key))
    if symmetric(product) or not 1 < len(whole) <= MAX_SPLIT:
        return diagonal
    forms = [form for k in range(1, len(whole)) for form in _sums_at(whole, k)]
    sums = min(forms, key=lambda e: (e.weight + stops(e), stops(e)))
    inner = factors_of(diagonal.args[0])
    against = stops(diagonal) + sum(is_(e, "transpose") for e in inner)
    return sums if sums.weight + stops(sums) <= diagonal.weight + against else diagonal


def _sums_at(whole: list[Expr], k: int) -> list[Expr]:
    """diag(A*B) as sum(A.*B',2) and as sum(A'.*B,1)', for the chain cut after `k` factors."""
    left, right = whole[:k], whole[k:]
    rows = [matrix_product(left), matrix_product(transposed_chain(right))]
    columns = [matrix_product(transposed_chain(left)), matrix_product(right)]
    shape = rows[0].shape
    return [
        apply("sum", entrywise(_times(rows), shape), params=(2,)),
        transposed(apply("sum", entrywise(_times(columns), shape[::-1]), params=(1,))),
    ]


def _times(matrices: list[Expr]) -> Mono:
    mono: Mono = {}
    for e in matrices:
        multiply_into(mono, e)
    return tidy(mono)


def _weigh_sums(net: Network, index: Index, matrix: Expr) -> None:
    """Σ_j A_ij as a weight of i; none for rows that sum to 1, zero for centred ones."""
    inner, axis = (matrix.args[0], 1) if is_(matrix, "transpose") else (matrix, 2)
    if centred(inner, axis):
        net.coefficient = Fraction(0)
    elif not sums_to_one(inner, axis):
        net.weigh(index, row_sums(matrix))


def reduce_network(net: Network) -> None:
    """Eliminate summed indices, the ones with the fewest neighbours first."""
    while True:
        near = net.neighbours()
        small = [i for i, others in near.items() if len(others) <= 2 and i not in net.axes]
        if not small:
            if not (reduce_joined(net) or reduce_cross(net)):
                return
            continue
        index = min(small, key=lambda i: (len(near[i]), net.place[i]))
        if not near[index]:
            net.scale(dot(tidy(net.nodes.pop(index)), index))  # Σ_i u_i v_i = u'*v
        elif len(near[index]) == 1:
            _absorb(net, index, *near[index])
        else:
            _join(net, index, *near[index])


def _absorb(net: Network, index: Index, other: Index) -> None:
    """Σ_j A_ij u_j = A*u; without a weight the row sums, and for two matrices diag(A*B).

    >>> str(derive("y'*A*x", "x")), str(derive("sum(A.*X)", "X"))
    ("A'*y", 'A')
    """
    edges = [e for e in net.edges if {e[1], e[2]} == {index, other}]
    weight = net.take_weight(index)
    simple = all(e[3] == 1 for e in edges)
    alone = other not in net.axes and list(net.neighbours().get(other, ())) == [index]
    if len(edges) == 2 and simple and weight is None:
        first = next((e for e in edges if e[1] is other), edges[0])
        second = edges[1] if first is edges[0] else edges[0]
        left = first[0] if first[1] is other else turned(first[0])
        right = second[0] if second[1] is index else turned(second[0])
        whole = chain([*factors_of(left), *factors_of(right)])
        net.take(index, other)
        if alone and not net.nodes.get(other):
            net.nodes.pop(other, None)
            net.scale(trace(whole))
        else:
            net.weigh(other, _diagonal(whole))
        return
    matrix = as_matrix(net.take(other, index), other, index)
    if weight is None:
        if alone and not net.nodes.get(other):
            net.nodes.pop(other, None)
            net.scale(whole_sum(matrix))
        else:
            _weigh_sums(net, other, matrix)
    else:
        net.weigh(other, matrix_product(chain([*factors_of(matrix), *factors_of(weight)])))


def _join(net: Network, index: Index, i: Index, j: Index) -> None:
    """Σ_s A_is u_s B_sj = A*diag(u)*B.

    >>> str(derive("A*(u.*(B*x))", "x")), str(derive("u.*(B*x)", "x"))
    ('A*diag(u)*B', 'diag(u)*B')
    """
    weight = net.take_weight(index)
    left = as_matrix(net.take(i, index), i, index)
    right = as_matrix(net.take(index, j), index, j)
    middle = [apply("diag", weight)] if weight is not None else []
    factors = chain([*factors_of(left), *middle, *factors_of(right)])
    mirrored = transposed_chain(factors)
    if sum(e.weight for e in mirrored) < sum(e.weight for e in factors):
        factors, i, j = mirrored, j, i
    if len(factors) == 1 and is_(factors[0], "eye"):
        net.deltas.append((i, j))
        _settle_deltas(net)
    else:
        net.connect(matrix_product(factors), i, j)


def _settle_deltas(net: Network) -> None:
    """A delta that appears during the reduction renames a summed index."""
    i, j = net.deltas[-1]
    keep, drop = (i, j) if j not in net.axes else (j, i)
    if drop in net.axes:
        return
    net.deltas.pop()
    for e, k in net.nodes.pop(drop, {}).items():
        net.weigh(keep, e, k)
    edges, net.edges = net.edges, []
    for e, a, b, k in edges:
        net.connect(e, keep if a is drop else a, keep if b is drop else b, k)
    net.others = [
        Factor(f.expr, tuple(keep if x is drop else x for x in f.indices), f.exponent)
        for f in net.others
    ]
    present = set(net.nodes) | {x for e in net.edges for x in e[1:3]}
    if keep not in net.axes and keep not in present and not net.others:
        net.coefficient *= size_coefficient(keep.size)
        for f in size_factors(keep.size):
            net.add(f)


def reduced(term: Term, axes: Indices) -> Term:
    """The term with summed indices eliminated as far as matrix products reach.

    A_im inv(X)_mk becomes (A*inv(X))_ik.

    >>> A, B, x = variable("A", (2, 3)), variable("B", (3, 4)), variable("x", (4,))
    >>> i, j, k = (Index(s) for s in (2, 3, 4))
    >>> chained = Term(Fraction(1), (Factor(A, (i, j)), Factor(B, (j, k)), Factor(x, (k,))))
    >>> [f.expr is apply("mul", A, B, x) for f in reduced(chained, (i,)).factors]
    [True]
    >>> len(reduced(Term(Fraction(1), (Factor(A, (i, j)), Factor(B, (j, k)))), (i, j, k)).factors)
    2
    """
    net = Network(term, axes)
    reduce_network(net)
    factors = [Factor(e, (), k) for e, k in net.scalars.items()]
    factors += [delta(i, j) for i, j in net.deltas]
    factors += [Factor(e, (i,), k) for i, mono in net.nodes.items() for e, k in mono.items()]
    factors += [Factor(e, (i, j), k) for e, i, j, k in net.edges]
    return Term(net.coefficient, (*factors, *net.others))


def dot(mono: Mono, index: Index) -> Expr:
    """Σ_i of a product of powers of vectors.

    >>> x, y = (read(t).expr for t in ("x", "y"))
    >>> i = Index(Dim(("n",)))
    >>> text(dot({x: 1, y: 1}, i)), text(dot({x: 2, y: 1}, i)), text(dot({x: 1}, i))
    ("x'*y", 'sum(y.*x.^2)', 'sum(x)')
    """
    items = list(mono.items())
    if len(items) == 1:
        e, k = items[0]
        if k == 1:
            return apply("tr", e.args[0]) if is_(e, "diag") else whole_sum(e)
        if k == 2:
            square = matrix_product(chain([*transposed_chain(factors_of(e)), *factors_of(e)]))
            norm = apply("power", apply("norm2", e), 2)
            return norm if norm.weight < square.weight else square
    if len(items) == 2 and items[0][1] == items[1][1] == 1:
        return inner_product(items[0][0], items[1][0])
    return apply("sum", entrywise(mono, (index.size,)), params=(None,))


def whole_sum(e: Expr) -> Expr:
    """The sum of all entries: 1 for what is declared to sum to 1, 0 for what is centred.

    >>> text(whole_sum(read("softmax(x)").expr)), text(whole_sum(read("x - mean(x)").expr))
    ('1', '0')
    >>> text(whole_sum(read("tanh(x)").expr))
    'sum(tanh(x))'
    """
    if sums_to_one(e, None):
        return number(1)
    if centred(e, None):
        return number(0)
    turned = transposed(e)
    return apply("sum", turned if turned.weight < e.weight else e, params=(None,))


def sums_to_one(e: Expr, axis: int | None) -> bool:
    """True for softmax along the axis, onehot(y, n), and variables declared onehot or simplex."""
    if is_(e, "softmax"):
        return e.params[0] == axis or (e.params[0] == 1 and axis is None and len(e.shape) == 1)
    declared = is_(e, "onehot") or bool(facts(e) & {"onehot", "simplex"})
    return declared and (axis == 2 if len(e.shape) == 2 else axis is None)


def centred(e: Expr, axis: int | None) -> bool:
    """True for x - mean(x), whose entries sum to zero along the axis."""
    if not is_(e, "add") or len(e.args) != 2 or not is_(e.args[1], "neg"):
        return False
    mean = e.args[1].args[0]
    return is_(mean, "mean") and mean.args[0] is e.args[0] and mean.params[0] == axis


def inner_product(u: Expr, v: Expr) -> Expr:
    """u'*v, written from the side that reads better.

    >>> x, v = (read(t, shapes={"A": "m,n", "y": "m", "x": "n"}).expr for t in ("x", "A'*y"))
    >>> text(inner_product(x, v)), text(inner_product(x, x))
    ("y'*A*x", "x'*x")
    """
    forms: dict[Expr, Expr] = u.cache.setdefault("inner", {})
    if v not in forms:
        words = ([*transposed_chain(factors_of(a)), *factors_of(b)] for a, b in ((u, v), (v, u)))
        forms[v] = min((matrix_product(chain(w)) for w in words), key=reading_key)
    return forms[v]


def trace(factors: list[Expr]) -> Expr:
    """tr of a product, rotated or transposed to the form that reads best.

    >>> A, B = (read(t, shapes={"A": "n,m", "B": "m,n"}).expr for t in "AB")
    >>> text(trace([B, A])), text(trace([A, B]))
    ('tr(A*B)', 'tr(A*B)')
    """
    if len(factors) == 1:
        if is_(factors[0], "eye"):
            return size_expr(factors[0].params[0])
        return apply("tr", factors[0])
    if len(factors) > 8:
        return apply("tr", matrix_product(factors))
    forms = []
    for word in (factors, transposed_chain(factors)):
        for k in range(len(word)):
            forms.append(apply("tr", matrix_product(chain(word[k:] + word[:k]))))
    return min(forms, key=_as_inner_product)


def _as_inner_product(e: Expr) -> tuple[object, ...]:
    """Of equal traces the inner product tr(A'*B) reads best."""
    (inner,) = e.args
    return (*reading_key(e), not (is_(inner, "mul") and is_(inner.args[0], "transpose")))


def plain_scalar(e: Expr) -> Expr:
    """A scalar product without inner brackets, from the side that reads better: x'*(A*y)."""
    if not is_(e, "mul") or e.weight > 80 or not any(a.shape for a in e.args):
        return e
    word = [f for a in e.args for f in factors_of(a)]
    if any(is_scalar(f.shape) for f in word):
        return e
    forms = [matrix_product(chain(w)) for w in (word, transposed_chain(word))]
    return min(forms, key=reading_key)


def row_sums(matrix: Expr) -> Expr:
    """The sums along the rows as a column: `sum(X,2)`, or `sum(X,1)'` of a transpose.

    >>> text(row_sums(read("X").expr)), text(row_sums(read("X'").expr))
    ('sum(X,2)', "sum(X,1)'")
    """
    if is_(matrix, "transpose"):
        return transposed(apply("sum", matrix.args[0], params=(1,)))
    return apply("sum", matrix, params=(2,))
