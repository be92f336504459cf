"""From index products back to matrix notation: one term at a time, as a graph reduction.

Indices are nodes, factors with two indices are edges, factors with one index weigh a node. A
summed index is eliminated when at most two neighbours are left: none gives a dot product, one a
matrix times a vector (or a row sum), two a matrix product through a diagonal. Edges between the
same two nodes are one Hadamard product. Each elimination removes an index, so the reduction ends,
and every graph of tree-width two reduces to the free axes; what is left otherwise stays an
einsum. Source: the elimination game, Bodlaender 1998.
"""

from __future__ import annotations

from fractions import Fraction

from matderiv.expr import Expr, apply, is_, number, number_value, walk
from matderiv.simplify import (
    Mono,
    chain,
    column,
    entrywise,
    factors_of,
    facts,
    matrix_product,
    multiply_into,
    tidy,
    transposed,
    transposed_chain,
    turned,
)
from matderiv.tensor import (
    Exponent,
    Factor,
    Index,
    Indices,
    Term,
    size_coefficient,
    size_factors,
)

Edge = tuple[Expr, Index, Index, Exponent]


class Network:
    """The graph of one term while it is being reduced."""

    def __init__(self, term: Term, axes: Indices) -> None:
        self.axes = axes
        self.coefficient: Fraction = term.coefficient
        self.scalars: Mono = {}
        self.nodes: dict[Index, Mono] = {}
        self.edges: list[Edge] = []
        self.deltas: list[tuple[Index, Index]] = []
        self.others: list[Factor] = []
        for f in term.factors:
            self.add(f)

    def add(self, f: Factor) -> None:
        """Enter a factor as a scalar, a weight, an edge or a tensor."""
        if not f.indices:
            multiply_into(self.scalars, f.expr, f.exponent)
        elif len(f.indices) == 1:
            self.weigh(f.indices[0], column(f.expr), f.exponent)
        elif is_(f.expr, "eye"):
            self.deltas.append((f.indices[0], f.indices[1]))
        elif len(f.indices) == 2:
            self.connect(f.expr, *f.indices, f.exponent)
        else:
            self.others.append(f)

    def weigh(self, index: Index, e: Expr, exponent: Exponent = 1) -> None:
        """Multiply a node's weight by a vector, factor by factor."""
        if is_(e, "hadamard") and exponent == 1 and all(a.shape == e.shape for a in e.args):
            for a in e.args:
                self.weigh(index, a)
            return
        multiply_into(self.nodes.setdefault(index, {}), e, exponent)

    def scale(self, e: Expr) -> None:
        """Multiply by a scalar expression."""
        value = number_value(e)
        if value is None:
            multiply_into(self.scalars, e)
        else:
            self.coefficient *= value

    def connect(self, e: Expr, i: Index, j: Index, exponent: Exponent = 1) -> None:
        """Add an edge; a loop is the diagonal."""
        if i is j:
            self.weigh(i, apply("diag", e), exponent)
        else:
            self.edges.append((e, i, j, exponent))

    def weight(self, index: Index) -> Expr | None:
        """The weight of a node as one vector, None if it has none."""
        mono = tidy(self.nodes.get(index, {}))
        return entrywise(mono, (index.size,)) if mono else None

    def neighbours(self, index: Index) -> list[Index] | None:
        """The other ends of a node's edges in order; None if a tensor or delta touches it."""
        if any(index in f.indices for f in self.others) or any(index in d for d in self.deltas):
            return None
        found: dict[Index, None] = {}
        for _, i, j, _ in self.edges:
            if i is index:
                found[j] = None
            elif j is index:
                found[i] = None
        return list(found)

    def summed(self) -> list[Index]:
        """The indices that are not axes, in order of creation."""
        present = set(self.nodes) | {i for e in self.edges for i in e[1:3]}
        present |= {i for f in self.others for i in f.indices}
        return sorted(present - set(self.axes), key=lambda i: i.serial)

    def between(self, i: Index, j: Index) -> Mono:
        """The edges between two nodes, as matrices over (i, j)."""
        mono: Mono = {}
        for e, a, b, k in self.edges:
            if a is i and b is j:
                multiply_into(mono, e, k)
            elif a is j and b is i:
                multiply_into(mono, turned(e), k)
        return mono

    def take(self, i: Index, j: Index) -> Mono:
        """The edges between two nodes, removed."""
        mono = self.between(i, j)
        self.edges = [e for e in self.edges if {e[1], e[2]} != {i, j}]
        return mono


def as_matrix(mono: Mono, i: Index, j: Index) -> Expr:
    """Matrices over (i, j) multiplied entry by entry, transposed as a whole if shorter."""
    mono = tidy(mono)
    mirrored = {turned(e): k for e, k in mono.items()}
    if len(mono) > 1 and sum(e.weight for e in mirrored) + 1 < sum(e.weight for e in mono):
        return transposed(entrywise(mirrored, (j.size, i.size)))
    return entrywise(mono, (i.size, j.size))


def reduce_network(net: Network) -> None:
    """Eliminate summed indices, the ones with the fewest neighbours first."""
    while True:
        best: tuple[int, Index, list[Index]] | None = None
        for index in net.summed():
            near = net.neighbours(index)
            if near is not None and len(near) <= 2 and (best is None or len(near) < best[0]):
                best = (len(near), index, near)
        if best is None:
            if not (reduce_joined(net) or reduce_cross(net)):
                return
        elif best[0] == 0:
            _close(net, best[1])
        elif best[0] == 1:
            _absorb(net, best[1], best[2][0])
        else:
            _join(net, best[1], *best[2])


def _close(net: Network, index: Index) -> None:
    """Σ_i u_i v_i = u'*v."""
    mono = tidy(net.nodes.pop(index))
    net.scale(dot(mono, index))


def _absorb(net: Network, index: Index, other: Index) -> None:
    """Σ_j A_ij u_j = A*u; without a weight the row sums, and for two matrices diag(A*B)."""
    edges = [e for e in net.edges if {e[1], e[2]} == {index, other}]
    weight = net.weight(index)
    simple = all(e[3] == 1 for e in edges)
    alone = other not in net.axes and net.neighbours(other) == [index]
    if len(edges) == 2 and simple and weight is None:
        first = next((e for e in edges if e[1] is other), edges[0])
        second = edges[1] if first is edges[0] else edges[0]
        left = first[0] if first[1] is other else turned(first[0])
        right = second[0] if second[1] is index else turned(second[0])
        whole = chain([*factors_of(left), *factors_of(right)])
        net.take(index, other)
        net.nodes.pop(index, None)
        if alone and not net.nodes.get(other):
            net.nodes.pop(other, None)
            net.scale(trace(whole))
        else:
            net.weigh(other, _diagonal(whole, edges, other, index))
        return
    matrix = as_matrix(net.take(other, index), other, index)
    net.nodes.pop(index, None)
    if weight is None:
        if alone and not net.nodes.get(other):
            net.nodes.pop(other, None)
            net.scale(whole_sum(matrix))
        else:
            _weigh_sums(net, other, matrix)
    else:
        net.weigh(other, matrix_product(chain([*factors_of(matrix), *factors_of(weight)])))


def _diagonal(whole: list[Expr], edges: list[Edge], other: Index, index: Index) -> Expr:
    """Σ_j A_ij B_ji as diag(A*B), or as sum(A.*B',2) where that is no longer."""
    diagonal = apply("diag", matrix_product(whole))
    mono: Mono = {}
    for e, i, _, _ in edges:
        multiply_into(mono, e if i is other else turned(e))
    sums = row_sums(as_matrix(mono, other, index))
    return sums if sums.weight <= diagonal.weight else diagonal


def _weigh_sums(net: Network, index: Index, matrix: Expr) -> None:
    """Σ_j A_ij as a weight of i; none for rows that sum to 1, zero for centred ones."""
    inner, axis = (matrix.args[0], 1) if is_(matrix, "transpose") else (matrix, 2)
    if centred(inner, axis):
        net.coefficient = Fraction(0)
    elif not sums_to_one(inner, axis):
        net.weigh(index, row_sums(matrix))


def row_sums(matrix: Expr) -> Expr:
    """The sums along the rows as a column: `sum(X,2)`, or `sum(X,1)'` of a transpose."""
    if is_(matrix, "transpose"):
        return transposed(apply("sum", matrix.args[0], params=(1,)))
    return apply("sum", matrix, params=(2,))


def _join(net: Network, index: Index, i: Index, j: Index) -> None:
    """Σ_s A_is u_s B_sj = A*diag(u)*B."""
    weight = net.weight(index)
    left = as_matrix(net.take(i, index), i, index)
    right = as_matrix(net.take(index, j), index, j)
    net.nodes.pop(index, None)
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


def dot(mono: Mono, index: Index) -> Expr:
    """Σ_i of a product of powers of vectors."""
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
    """The sum of all entries: 1 for what is declared to sum to 1, 0 for what is centred."""
    if sums_to_one(e, None):
        return number(1)
    if centred(e, None):
        return number(0)
    return apply("sum", e.args[0] if is_(e, "transpose") else e, params=(None,))


def sums_to_one(e: Expr, axis: int | None) -> bool:
    """True for softmax along the axis, and for variables declared onehot or simplex."""
    if is_(e, "softmax"):
        return e.params[0] == axis or (e.params[0] == 1 and axis is None and len(e.shape) == 1)
    declared = bool(facts(e) & {"onehot", "simplex"})
    return declared and (axis == 2 if len(e.shape) == 2 else axis is None)


def centred(e: Expr, axis: int | None) -> bool:
    """True for x - mean(x), whose entries sum to zero along the axis."""
    if not is_(e, "add") or len(e.args) != 2 or not is_(e.args[1], "neg"):
        return False
    mean = e.args[1].args[0]
    return is_(mean, "mean") and mean.args[0] is e.args[0] and mean.params[0] == axis


def inner_product(u: Expr, v: Expr) -> Expr:
    """u'*v, written from the side that reads better."""
    forms = [
        matrix_product(chain([*transposed_chain(factors_of(a)), *factors_of(b)]))
        for a, b in ((u, v), (v, u))
    ]
    return min(forms, key=reading_key)


def trace(factors: list[Expr]) -> Expr:
    """tr of a product, rotated or transposed to the form that reads best."""
    if len(factors) == 1:
        return apply("tr", factors[0])
    if len(factors) > 8:
        return apply("tr", matrix_product(factors))
    forms = []
    for word in (factors, transposed_chain(factors)):
        for k in range(len(word)):
            forms.append(apply("tr", matrix_product(chain(word[k:] + word[:k]))))
    return min(forms, key=reading_key)


def reading_key(e: Expr) -> tuple[int, tuple[str, ...]]:
    """Orders equal expressions: fewer symbols first, then names in alphabetical order."""
    key: tuple[int, tuple[str, ...]] | None = e.cache.get("reading")
    if key is None:
        names = tuple(n.name for n in walk(e) if is_(n, "variable")) if e.weight < 200 else ()
        key = e.cache["reading"] = (e.weight, names)
    return key


# Joined axes (vec, Kronecker) and the cross product ------------------------------------------------


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
