"""The graph of one term while it is being reduced to matrix notation.

Indices are nodes, factors with two indices are edges, factors with one index weigh a node.
"""

from fractions import Fraction

from matderiv.expr import Expr, apply, is_, number_value
from matderiv.reducing.ordering import in_order, ranks
from matderiv.tensors.tensor import Exponent, Factor, Index, Indices, Term
from matderiv.words.chains import MAX_CHAIN, column, transposed, turned
from matderiv.words.folds import tidy
from matderiv.words.monomials import Mono, entrywise, multiply_into

MAX_NESTED = 3  # shared squares, u.*u of u.*u, are not multiplied out
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
        self.place = ranks(term.factors, axes)
        for f in in_order(term.factors, self.place):
            self.add(f)

    def add(self, f: Factor) -> None:
        """Enter a factor as a scalar, a weight, an edge or a tensor."""
        f = without_thin_axes(f)
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

    def weigh(self, index: Index, e: Expr, exponent: Exponent = 1, depth: int = 0) -> None:
        """Multiply a node's weight by a vector, factor by factor; deep products stay one."""
        flat = is_(e, "hadamard") and len(e.args) <= MAX_CHAIN and depth < MAX_NESTED
        if flat and exponent == 1 and all(a.shape == e.shape for a in e.args):
            for a in e.args:
                self.weigh(index, a, depth=depth + 1)
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
            self.weigh(i, apply("diag", e.args[0] if is_(e, "transpose") else e), exponent)
        else:
            self.edges.append((e, i, j, exponent))

    def weight(self, index: Index) -> Expr | None:
        """The weight of a node as one vector, None if it has none."""
        mono = tidy(self.nodes.get(index, {}))
        return entrywise(mono, (index.size,)) if mono else None

    def take_weight(self, index: Index) -> Expr | None:
        """The weight of a node, taken out."""
        weight = self.weight(index)
        self.nodes.pop(index, None)
        return weight

    def neighbours(self) -> dict[Index, dict[Index, None]]:
        """The other ends of each node's edges in order; no node that a tensor or delta touches."""
        found: dict[Index, dict[Index, None]] = {i: {} for i in self.nodes}
        for _, i, j, _ in self.edges:
            found.setdefault(i, {})[j] = None
            found.setdefault(j, {})[i] = None
        for indices in (*self.deltas, *(f.indices for f in self.others)):
            for i in indices:
                found.pop(i, None)
        return found

    def summed(self) -> list[Index]:
        """The indices that are not axes, in their order."""
        present = set(self.nodes) | {i for e in self.edges for i in e[1:3]}
        present |= {i for f in self.others for i in f.indices}
        return sorted(present - set(self.axes), key=self.place.__getitem__)

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


def without_thin_axes(f: Factor) -> Factor:
    """The factor without the axes of size 1 of a tensor, which have no indices.

    >>> i, j = Index(4), Index(3)
    >>> without_thin_axes(Factor(variable("T", (4, 1, 3)), (i, j))).expr.shape
    (4, 3)
    """
    shape = f.expr.shape
    if len(shape) < 3 or len(f.indices) == len(shape):
        return f
    letters = "abcdefghijklmnop"[: len(shape)]
    kept = "".join(c for c, s in zip(letters, shape, strict=True) if s != 1)
    return f._replace(expr=apply("einsum", f.expr, params=(f"{letters}->{kept}",)))


def as_matrix(mono: Mono, i: Index, j: Index) -> Expr:
    """Matrices over (i, j) multiplied entry by entry, transposed as a whole if shorter."""
    mono = tidy(mono)
    mirrored: Mono = {}
    for e, k in mono.items() if len(mono) > 1 else ():
        multiply_into(mirrored, turned(e), k)
    if mirrored and sum(e.weight for e in mirrored) + 1 < sum(e.weight for e in mono):
        return transposed(entrywise(mirrored, (j.size, i.size)))
    return entrywise(mono, (i.size, j.size))
