"""Products of matrices in a tidy form: transposes absorbed, inverses cancelled, runs as powers.

Facts declared of variables (`symmetric`, `orthogonal`, ...) are used here. Every builder keeps the
value and never makes the expression longer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from matderiv.expr import Expr, apply, is_, number_value, walk
from matderiv.shapes import is_scalar, long_axes

_SYMMETRIC = {"symmetric", "posdef", "diagonal"}
_COMPARED = ("gt", "ge", "lt", "le")
_ROUNDED = ("inv", "power", "pinv", "adj", "einsum")  # and products of matrices
MAX_CHAIN = 12
_DEPTH = 40  # how deep structure is looked for


def facts(e: Expr) -> frozenset[str]:
    """The facts declared of a variable; none for anything else."""
    declared: frozenset[str] = e.params[2] if is_(e, "variable") else frozenset()
    return declared


def symmetric(e: Expr, depth: int = _DEPTH) -> bool:
    """True if the matrix equals its transpose for a reason seen in its form."""
    known: bool | None = e.cache.get("symmetric")
    if known is None:
        known = e.cache["symmetric"] = depth > 0 and _symmetric(e, depth - 1)
    return known


def _symmetric(e: Expr, depth: int) -> bool:
    if len(e.shape) != 2 or e.shape[0] != e.shape[1]:
        return is_scalar(e.shape)
    if is_(e, "variable"):
        return bool(facts(e) & _SYMMETRIC)
    if is_(e, "eye", "ones"):
        return True
    if is_(e, "diag"):
        return len(long_axes(e.args[0].shape)) == 1
    if is_(e, "inv", "neg", "transpose", "adj", "pinv"):
        return symmetric(e.args[0], depth)
    if is_(e, "power", "div") or e.function.slope is not None:
        return symmetric(e.args[0], depth)
    if e.function.kind == "elementwise" and not is_(e, "add", "hadamard"):
        sides = all(symmetric(a, depth) for a in e.args)
        return sides and not (is_(e, *_COMPARED) and any(map(_rounded, e.args)))
    if is_(e, "add", "hadamard", "kron") and all(symmetric(a, depth) for a in e.args):
        return True
    if is_(e, "add") and len(e.args) <= MAX_CHAIN:
        return Counter(map(transposed, e.args)) == Counter(e.args)  # A + A', but not A + A' + A'
    if is_(e, "mul"):
        chain = [a for a in e.args if not is_scalar(a.shape)]
        if len(inside := set(map(_of_what, chain))) == 1 and symmetric(inside.pop()[0], depth):
            return True  # functions of one matrix commute
        mirrored = all(transposed(a) is b for a, b in zip(chain, reversed(chain), strict=True))
        return mirrored or (len(chain) == 2 and _projects(*chain))
    return False


def of_matrix(e: Expr) -> bool:
    """True for expm(X), X^k and other functions of a matrix that are no whole powers."""
    e = e.args[0] if is_(e, "transpose") else e
    return e.function.slope is not None and e.function.slope(e) is not None


def _of_what(e: Expr) -> tuple[Expr, bool]:
    """X of a function, an inverse or a power of a multiple of X, and whether X is transposed."""
    turned = False
    while True:
        arrays = [a for a in e.args if not is_scalar(a.shape)]
        if is_(e, "transpose"):
            turned = not turned
        elif not (e.function.slope or is_(e, "inv", "mul", "div", "neg")) or len(arrays) != 1:
            return e, turned and not symmetric(e)
        (e,) = arrays


def _rounded(e: Expr) -> bool:
    """True where a matrix that equals its transpose need not do so in its last digit.

    Which of two equal entries is the largest is decided by rounding, so A*A' >= max(A*A') may hold
    on one side of the diagonal only.
    """
    return any(
        is_(n, *_ROUNDED) or (is_(n, "mul") and sum(not is_scalar(a.shape) for a in n.args) > 1)
        for n in walk(e)
        if len(n.shape) == 2
    )


def transposed(e: Expr) -> Expr:
    """The transpose, absorbed where it can be: X'' is X, S' is S for symmetric S, -S for skew.

    >>> A, S = variable("A", (2, 2)), variable("S", (2, 2), ("symmetric",))
    >>> transposed(A.T) is A, transposed(S) is S, transposed(A) is A.T
    (True, True, True)
    """
    name = e.function.name
    if is_scalar(e.shape):
        return e
    if name == "transpose":
        return e.args[0]
    if symmetric(e):
        return e
    if name == "skew" or "skew" in facts(e):
        return apply("neg", e)
    if name == "neg":
        return apply("neg", transposed(e.args[0]))
    if name == "epow" and not e.args[1].shape:
        return apply("epow", transposed(e.args[0]), e.args[1])
    outside = apply("transpose", e)
    if name in ("hadamard", "add") and all(a.shape == e.shape for a in e.args):
        inside = apply(e.function.name, *(_flipped(a) for a in e.args))
        if inside.weight < outside.weight:
            return inside
    return outside


def _flipped(e: Expr) -> Expr:
    """The transpose of a term, one level deep: of its factors, without looking into them."""
    if is_(e, "neg"):
        return apply("neg", _flipped(e.args[0]))
    factors = factors_of(e)
    return matrix_product(
        [
            f.args[0] if is_(f, "transpose") else f if symmetric(f) else apply("transpose", f)
            for f in reversed(factors)
        ]
    )


def column(e: Expr) -> Expr:
    """A row as a column; vectors and n x 1 matrices as they are."""
    return transposed(e) if len(e.shape) == 2 and e.shape[0] == 1 and e.shape[1] != 1 else e


def factors_of(e: Expr) -> list[Expr]:
    """The factors of a matrix product without scalars; a list of itself for anything else.

    Inner products are opened while the list stays short, so that adjoints are not copied layer by
    layer and shared squares are not multiplied out.
    """
    out: list[Expr] = []
    todo = [e]
    while todo:
        f = todo.pop()
        chain = f.function.name == "mul" and not any([is_scalar(a.shape) for a in f.args])
        if chain and len(out) + len(todo) + len(f.args) <= MAX_CHAIN:
            todo.extend(reversed(f.args))
        else:
            out.append(f)
    return out


def transposed_chain(chain: Sequence[Expr]) -> list[Expr]:
    """(A B c)' = c' B' A'."""
    return [transposed(e) for e in reversed(chain)]


def turned(e: Expr) -> Expr:
    """The transpose, written out as a chain for a product."""
    if is_(e, "variable"):
        return transposed(e)
    return matrix_product(chain(transposed_chain(factors_of(e))))


def chain(factors: Iterable[Expr]) -> list[Expr]:
    """A product of matrices with identities dropped, inverses cancelled, Q'Q = I and P*P = P used.

    X*inv(X'*A*X) becomes inv(X'*A): the inverse of a product of square factors gives up the factor
    beside it. Each rewriting leaves fewer factors or a shorter inverse, so it ends. A sign in front
    of any factor moves to the first. expm(A)*A is A*expm(A): functions of one matrix commute.

    >>> def shown(t: str) -> str:
    ...     return text(matrix_product(chain(factors_of(read(t).expr))))
    >>> shown("X^3*inv(X^2)"), shown("inv(A*B)*A*C"), shown("A*B")
    ('X', 'inv(A*B)*A*C', 'A*B')
    """
    out: list[Expr] = []
    negative = False
    todo = [f for e in factors for f in factors_of(e)][::-1]
    while todo:
        e = todo.pop()
        name = e.function.name
        if name == "neg":
            negative = not negative
            todo.extend(reversed(factors_of(e.args[0])))
            continue
        if name == "eye" and (out or todo):
            continue
        if name == "power" and _own_square(e.args[0]) and _base_and_count(e)[1] > 0:
            e = e.args[0]
        met = _meet(out[-1], e) if out else None
        if met is None and out and of_matrix(out[-1]) and not of_matrix(e):
            met = [e, out[-1]] if _of_what(out[-1]) == _of_what(e) else None
        if met is None:
            out = [*out[:-2], *_projected([*out[-2:], e])]
        else:
            out.pop()
            todo.extend(reversed(met))
    if negative:
        out[0] = apply("neg", out[0])
    return out


def _projected(word: list[Expr]) -> list[Expr]:
    """The last factors with A*pinv(A) for its transpose, and A for A*pinv(A)*A."""
    turned = [is_(f, "transpose") for f in word[-2:]]
    if turned == [True, True] and _projects(*word[-2:]):
        word = [*word[:-2], word[-1].args[0], word[-2].args[0]]
    if len(word) == 3:
        a, b, c = word
        if _projects(a, b) and (c is a or transposed(b) is c):
            return [c]
        if _projects(b, c) and (a is c or transposed(b) is a):
            return [a]
    return word


def _projects(a: Expr, b: Expr) -> bool:
    """True for A*pinv(A) and pinv(A)*A, which are symmetric."""
    if is_(a, "transpose") and is_(b, "transpose"):
        a, b = a.args[0], b.args[0]
    return (is_(a, "pinv") and a.args[0] is b) or (is_(b, "pinv") and b.args[0] is a)


def _meet(left: Expr, right: Expr) -> list[Expr] | None:
    """What two neighbours in a product become, or None if they stay."""
    if len(left.shape) != 2 or len(right.shape) != 2 or left.shape[1] != right.shape[0]:
        return None
    if right.shape[0] == right.shape[1] and (inner := inverted(right)):
        kept = _cancelled(left, inner[-1])
        if kept is not None:
            return [*kept[0], *inverse_of([*inner[:-1], *kept[1]], left)]
    if left.shape[0] == left.shape[1] and (inner := inverted(left)):
        kept = _cancelled(right, inner[0])
        if kept is not None:
            return [*inverse_of([*kept[1], *inner[1:]], right), *kept[0]]
    if left.shape == right.shape and transposed(left) is right:
        base = left.args[0] if is_(left, "transpose") else left
        if "orthogonal" in facts(base):
            return [apply("eye", params=(left.shape[0],))]
        factor = base.args[0] if is_(base, "inv") else base
        if is_(factor, "cholesky") and (base is factor) == (base is left):
            whole = factor.args[0]  # L*L' is A, inv(L)'*inv(L) its inverse
            if symmetric(whole):
                return [whole if base is factor else apply("inv", whole)]
    return [left] if left is right and _own_square(left) else None


def _own_square(e: Expr) -> bool:
    """True for a P that is declared idempotent, for I - P and for their transposes."""
    e = e.args[0] if is_(e, "transpose") else e
    if is_(e, "add") and is_(e.args[0], "eye") and is_(e.args[-1], "neg") and len(e.args) == 2:
        e = e.args[1].args[0]
    return "idempotent" in facts(e)


def _cancelled(beside: Expr, inner: Expr) -> tuple[list[Expr], list[Expr]] | None:
    """What A^j and A^k leave of each other in A^j * inv(A^k); None for different bases."""
    base, j = _base_and_count(beside)
    other, k = _base_and_count(inner)
    if base is not other or j < 1 or k < 1:
        return None
    return [_run(base, j - k)] if j > k else [], [_run(base, k - j)] if k > j else []


def inverted(e: Expr) -> list[Expr] | None:
    """The chain C with e = inv(C) when every factor of C is square; None if e is no inverse.

    >>> A, B = variable("A", (2, 2)), variable("B", (2, 2))
    >>> inverse = apply("inv", A @ B)
    >>> inverted(inverse) == [A, B], inverted(inverse.T) == [B.T, A.T], inverted(A) is None
    (True, True, True)
    >>> inverted(apply("power", inverse, 2)) == [A, B, A, B]
    True
    """
    upright = e.args[0] if is_(e, "transpose") else e
    k = number_value(upright.args[1]) if is_(upright, "power") else Fraction(1)
    inner = upright.args[0] if is_(upright, "power") else upright
    if not is_(inner, "inv") or k is None or k.denominator != 1 or not 0 < k <= MAX_CHAIN:
        return None
    word = factors_of(inner.args[0]) * int(k)
    if not all(len(f.shape) == 2 and f.shape[0] == f.shape[1] for f in word):
        return None
    return word if upright is e else transposed_chain(word)


def inverse_of(inner: Sequence[Expr], like: Expr) -> list[Expr]:
    """inv of a product of square matrices, as a chain of one factor; the identity of none."""
    if not inner:
        return [apply("eye", params=(like.shape[0],))]
    if len(inner) == 1 and is_(inner[0], "transpose"):
        return [apply("transpose", apply("inv", inner[0].args[0]))]
    if len(inner) == 1 and is_(inner[0], "inv"):
        return [inner[0].args[0]]
    if all(is_(f, "transpose") for f in inner):
        return [apply("transpose", apply("inv", matrix_product(transposed_chain(inner))))]
    return [apply("inv", matrix_product(inner))]


def _base_and_count(e: Expr) -> tuple[Expr, int]:
    """A^3 as three times A, (A^3)' as three times A'; anything else once itself."""
    inner = e.args[0] if e.function.name == "transpose" else e
    if inner.function.name == "power":
        p = number_value(inner.args[1])
        if p is not None and p.denominator == 1:
            base = inner.args[0]
            return (base if inner is e else transposed(base)), int(p)
    return e, 1


def _run(e: Expr, k: int) -> Expr:
    """A power of a matrix, (A^2)' for a run of A'."""
    if k == 1:
        return e
    if is_(e, "transpose"):
        return apply("transpose", apply("power", e.args[0], k))
    return apply("power", e, k)


def matrix_product(factors: Sequence[Expr]) -> Expr:
    """The product of a chain, with runs of an equal factor as a power: A*A*x is A^2*x.

    >>> A, x = variable("A", (2, 2)), variable("x", (2,))
    >>> matrix_product([A, A, x]) is apply("power", A, 2) @ x, matrix_product([A, x]) is A @ x
    (True, True)
    """
    runs: list[tuple[Expr, int]] = []
    negative = False
    for signed_factor in factors:
        e = signed_factor
        while is_(e, "neg"):
            e, negative = e.args[0], not negative
        base, k = _base_and_count(e)
        if runs and runs[-1][0] is base and len(base.shape) == 2:
            runs[-1] = (base, runs[-1][1] + k)
        else:
            runs.append((base, k))
    kept = [_run(e, k) for e, k in runs if k]
    if not kept:
        return apply("eye", params=(factors[0].shape[0],))
    if negative:
        kept[0] = apply("neg", kept[0])
    return apply("mul", *kept)
