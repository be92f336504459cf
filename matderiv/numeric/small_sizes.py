"""What floating point numbers can check: exponents and arrays within stated limits.

Declared sizes may be as large as they like: the same formulas at small sizes say as much.
"""

from functools import cache
from math import prod

from matderiv.expr import Expr, apply, fold, is_, rebuild, variable, walk
from matderiv.numeric.evaluate import evaluate
from matderiv.shapes import Dim, Shape, Size, shape_text, size_names, size_value

MAX_EXPONENT = 1000  # beyond it floating point numbers only overflow and underflow
MAX_ENTRIES = 1_000_000  # of an array in the check
LARGE = 12  # a declared size beyond it may be replaced by a small one


def beyond_numbers(f: Expr) -> str:
    """Why floating point numbers cannot check f, or nothing.

    >>> beyond_numbers(read("a^(10^9)").expr)
    'the exponent 1e+09 is too large for numbers, the limit is 1000'
    >>> beyond_numbers(read("a^9").expr)
    ''
    """
    varying: set[Expr] = set()
    for node in walk(f):
        if is_(node, "variable", "size") or any(a in varying for a in node.args):
            varying.add(node)
        if not is_(node, "power", "epow"):
            continue
        exponent = node.args[1]
        if exponent.shape or exponent in varying:
            continue
        value = abs(float(evaluate(exponent, {}, {})))
        if not value <= MAX_EXPONENT:
            return f"the exponent {value:.6g} is too large for numbers, the limit is {MAX_EXPONENT}"
    return ""


def too_large(*roots: Expr) -> str:
    """Why the declared sizes are too large to check, or nothing.

    >>> too_large(read("x*y'", shapes={"x": "9000", "y": "9000"}).expr)
    'an array of 9000 × 9000 is too large to check, the limit is 1000000 entries'
    >>> too_large(read("ones(n + 9000000)").expr)
    'an array of n+9000000 is too large to check, the limit is 1000000 entries'
    """
    for node in walk(*roots):
        if prod(map(_least, node.shape)) > MAX_ENTRIES:
            return (
                f"an array of {shape_text(node.shape)} is too large to check, "
                f"the limit is {MAX_ENTRIES} entries"
            )
    return ""


@cache
def _least(size: Size) -> int:
    """What a size is at least: where every name in it is 1."""
    return (
        size if isinstance(size, int) else size_value(size, dict.fromkeys(size_names([(size,)]), 1))
    )


def has_large_sizes(*roots: Expr) -> bool:
    """True if some size is a number that a check would rather have smaller."""
    return any([isinstance(s, int) and s > LARGE for node in walk(*roots) for s in node.shape])


def with_named_sizes(*roots: Expr) -> tuple[Expr, ...]:
    """The expressions with every large size as a name, so that it may be drawn small.

    A number that counts entries, as in sum(x)/300, stays: what uses it is another expression then.
    Raises ShapeError where the sizes do not fit together any more.

    >>> f = read("x'*x", shapes={"x": "300"}).expr
    >>> [v.shape for v in walk(*with_named_sizes(f)) if is_(v, "variable")]
    [(Dim(names=('300',), coefficient=1),)]
    """
    return tuple(fold(root, _named) for root in roots)


def _named(node: Expr, args: tuple[Expr, ...]) -> Expr:
    if is_(node, "variable"):
        name, shape, facts = node.params
        return variable(name, _names(shape), facts)
    if node.function.kind == "constant":
        sizes = 1 if is_(node, "unit", "cols") else len(node.params)  # in unit(n,k) k counts
        params = (*_names(node.params[:sizes]), *node.params[sizes:])
        return apply(node.function.name, params=params)
    return rebuild(node, args)


def _names(shape: Shape) -> Shape:
    return tuple(Dim((str(s),)) if isinstance(s, int) and s > LARGE else s for s in shape)
