"""Whether a symmetric matrix or a number is nowhere negative, for a reason seen in its form."""

from matderiv.expr import Expr, is_, number_value, walk
from matderiv.numeric.ranges import bounds, positive
from matderiv.shapes import is_scalar
from matderiv.words.chains import facts, transposed
from matderiv.words.signs import signed


def definite_sign(e: Expr) -> int:
    """1 for a matrix or number that is >= 0 in its form, -1 for one that is <= 0, else 0.

    >>> [definite_sign(read(t).expr) for t in ("X'*diag(exp(z))*X", "-(X'*X)", "A + A'")]
    [1, -1, 0]
    """
    sign, core = signed(e)
    if is_scalar(core.shape) and nonnegative(core):
        return sign
    if is_(core, "add"):
        signs = {sign * definite_sign(a) for a in core.args}
        if len(signs) == 1:
            return signs.pop()
        return sign if _covariance(core) else 0
    return sign if _semidefinite(core) else 0


def _semidefinite(e: Expr) -> bool:
    if is_scalar(e.shape):
        return nonnegative(e)
    if is_(e, "eye") or facts(e) & {"posdef", "psd"}:
        return True
    if is_(e, "diag"):
        return len(e.args[0].shape) == 1 and nonnegative(e.args[0])
    if is_(e, "inv", "pinv"):
        return _semidefinite(e.args[0])
    if is_(e, "div"):
        return definite_sign(e.args[0]) > 0 and nonnegative(e.args[1])
    if is_(e, "add"):
        return definite_sign(e) > 0
    if not is_(e, "mul"):
        return False
    numbers = [a for a in e.args if is_scalar(a.shape)]
    return all(map(nonnegative, numbers)) and _mirrored([a for a in e.args if a not in numbers])


def _mirrored(chain: list[Expr]) -> bool:
    """A'*D*A with D >= 0, or A'*A."""
    middle = len(chain) // 2
    pairs = zip(chain[:middle], reversed(chain), strict=False)
    if not all(transposed(a) is b for a, b in pairs):
        return False
    return len(chain) % 2 == 0 or definite_sign(chain[middle]) > 0


def _covariance(e: Expr) -> bool:
    """diag(p) - p*p' of probabilities p that sum to 1."""
    if len(e.args) != 2:
        return False
    first, second = sorted(e.args, key=lambda a: is_(a, "neg"))
    if not is_(first, "diag") or not is_(second, "neg") or not is_(second.args[0], "mul"):
        return False
    p = first.args[0]
    return is_(p, "softmax") and len(p.shape) == 1 and second.args[0].args == (p, transposed(p))


def nonnegative(e: Expr) -> bool:
    """True for numbers and arrays without negative entries, for a reason seen in their form.

    >>> [nonnegative(read(t).expr) for t in ("sum(x.^2)", "s*(1 - s) where s = sigmoid(b)", "c")]
    [True, True, False]
    """
    if bounds(e)[0] >= 0:
        return True
    if is_(e, "power", "epow"):
        k = number_value(e.args[1])
        even = k is not None and k.denominator == 1 and k % 2 == 0
        entrywise = is_(e, "epow") or is_scalar(e.shape)
        return entrywise and (even or nonnegative(e.args[0]))
    if is_(e, "add", "hadamard", "div", "ediv", "sum", "mean", "transpose", "diag"):
        return all(map(nonnegative, e.args))
    if is_(e, "mul"):
        return all(map(nonnegative, e.args)) or (
            is_scalar(e.shape)
            and _mirrored([a for a in e.args if not is_scalar(a.shape)])
            and all(nonnegative(a) for a in e.args if is_scalar(a.shape))
        )
    return False


def affine(e: Expr, x: Expr) -> bool:
    """True if e is a constant and what is linear in x, for a reason seen in its form."""
    if x not in set(walk(e)):
        return True
    moving = [a for a in e.args if x in set(walk(a))]
    if is_(e, "add", "neg", "transpose", "sum", "mean", "diag", "vec", "tr") or e is x:
        return all(affine(a, x) for a in moving)
    if is_(e, "mul", "hadamard", "kron"):
        return len(moving) == 1 and affine(moving[0], x)
    return is_(e, "div", "ediv") and moving == [e.args[0]] and affine(e.args[0], x)


def convex_domain(f: Expr, x: Expr) -> bool:
    """True if f has a value on a convex set of x, for a reason seen in its form.

    >>> [convex_domain(e, variables(e)[-1]) for t in ("log(1 - a'*x)", "1/(x'*x)", "1/(1 + b^2)")
    ...  for e in [read(t).expr]]
    [True, False, True]
    """
    for node in walk(f):
        if x not in set(walk(node)):
            continue
        for place, a in enumerate(node.args):
            if x in set(walk(a)) and not _fits(node, place, a, x):
                return False
    return True


def _fits(node: Expr, place: int, a: Expr, x: Expr) -> bool:
    """True if argument `place` of a node leaves a convex set of x."""
    if is_(node, "div", "ediv"):
        return place == 0 or positive(a)
    if is_(node, "power", "epow"):
        k = number_value(node.args[1])
        whole = k is not None and k >= 0 and k.denominator == 1
        return place == 0 and (whole or positive(a))
    domain = node.function.domain[place] if place < len(node.function.domain) else ""
    if domain in ("", "nonzero") and not is_(node, "inv", "pinv", "solve", "logdet", "det"):
        return True
    return positive(a) or (domain == "positive" and affine(a, x))
