"""Scalars and sums out of index products, in the form that reads best: u'*v, tr, row sums."""

from matderiv.expr import Expr, apply, is_, number, size_expr
from matderiv.shapes import is_scalar
from matderiv.tensors.tensor import Index
from matderiv.words.chains import (
    chain,
    factors_of,
    facts,
    matrix_product,
    reading_key,
    transposed,
    transposed_chain,
)
from matderiv.words.monomials import entrywise
from matderiv.words.powers import Mono


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
    """u'*v, written from the side that reads better.

    >>> x, v = (read(t, shapes={"A": "m,n", "y": "m", "x": "n"}).expr for t in ("x", "A'*y"))
    >>> text(inner_product(x, v)), text(inner_product(x, x))
    ("y'*A*x", "x'*x")
    """
    forms = [
        matrix_product(chain([*transposed_chain(factors_of(a)), *factors_of(b)]))
        for a, b in ((u, v), (v, u))
    ]
    return min(forms, key=reading_key)


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
