r"""Expressions rewritten for display, so that LaTeX looks as on paper: equal values, other shapes.

Shorthands with a common notation are written out (outer, dot, solve, row sums as products with
ones), signs move to the front, scalars stand before elementwise products, and a quotient by a
simple scalar becomes a factor in front.
"""

from collections.abc import Callable
from fractions import Fraction

from matderiv.expr import Expr, Number, apply, fold, is_, number, ones, rebuild, zeros
from matderiv.functions.algebra import product_shape
from matderiv.shapes import Shape, is_scalar, long_axes, same

SHORT = 12  # an array of so many symbols may stand above a fraction bar


def spelled(e: Expr) -> Expr:
    """The expression as it is written on paper; every node keeps its shape and its value.

    >>> x, n = variable("x", (3,)), variable("n")
    >>> text(spelled(apply("div", -(2 * (x - 1)), n))), text(spelled(apply("log1p", x)))
    ('-(2/n*(x - 1))', 'log(1 + x)')
    """
    return fold(e, _visit)


def _visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
    plain = rebuild(node, args)
    rule = _RULES.get(node.function.name)
    found = rule(plain) if rule else plain
    return found if found.shape == node.shape else plain


def _product(*factors: Expr | Number) -> Expr:
    """A chain of factors; a 1 in front is left out, a sign comes out, x'y stands apart from A."""
    chain = [f if isinstance(f, Expr) else number(f) for f in factors]
    negative = is_(chain[0], "neg")
    if negative:
        chain[0] = chain[0].args[0]
    if _short_chain(chain[0]):
        chain = [*chain[0].args, *chain[1:]]
    if _short_chain(chain[-1]) and all(is_scalar(f.shape) for f in chain[:-1]):
        chain = [*chain[:-1], *chain[-1].args]
    if len(chain) > 1 and (is_(chain[0], "number") and chain[0].params[0] == 1):
        chain = chain[1:]
    chain = _grouped(chain)
    made = apply("mul", *chain)
    return apply("neg", made) if negative else made


def _short_chain(e: Expr) -> bool:
    """Longer chains stay nested, so that the work is linear in deep expressions."""
    return is_(e, "mul") and len(e.args) <= SHORT


def _grouped(chain: list[Expr]) -> list[Expr]:
    """Brackets around an inner product that a reader would take for a product of matrices."""
    shape: Shape = ()
    inner = False
    for k, factor in enumerate(chain):
        if inner and is_scalar(shape) and not is_scalar(factor.shape) and factor.shape[0] != 1:
            return [apply("mul", *chain[:k]), *chain[k:]]
        inner = inner or not is_scalar(factor.shape)
        shape = product_shape(shape, factor.shape, same)
    return chain


def _mul(node: Expr) -> Expr:
    """Scalars before one elementwise product join it: 2(x ⊙ y) = 2x ⊙ y."""
    *before, last = node.args
    if is_(last, "hadamard") and all(is_scalar(s.shape) for s in before):
        made = apply("hadamard", apply("mul", *before, last.args[0]), *last.args[1:])
        return _hadamard(made)
    return _product(*node.args)


def _hadamard(node: Expr) -> Expr:
    scalars = [a for a in node.args if is_scalar(a.shape)]
    arrays = [a for a in node.args if not is_scalar(a.shape)]
    if not arrays:
        return _product(*scalars)
    if scalars:
        arrays[0] = _mul(apply("mul", *scalars, arrays[0]))
    if len(arrays) == 1:
        return arrays[0]
    negative = is_(arrays[0], "neg")
    if negative:
        arrays[0] = arrays[0].args[0]
    made = apply("hadamard", *arrays)
    return apply("neg", made) if negative else made


def _quotient(node: Expr) -> Expr:
    above, below = node.args
    if is_(above, "neg"):
        return apply("neg", _quotient(apply(node.function.name, above.args[0], below)))
    if not is_scalar(below.shape):
        return node
    if is_(below, "mul") and all(is_scalar(f.shape) for f in below.args):
        order = sorted(below.args, key=lambda e: (not is_(e, "number"), not e.function.leaf))
        below = _product(*order)
    if is_(above, "mul", "hadamard") and is_(above.args[0], "number"):
        value: Fraction = above.args[0].params[0]
        if value.denominator != 1:
            rest = apply(above.function.name, number(value.numerator), *above.args[1:])
            above, below = _product(*rest.args), _product(value.denominator, below)
    if not _in_front(above, below):
        return apply("div", above, below)
    scalars, rest = _coefficient(above)
    return _mul(apply("mul", apply("div", scalars, below), rest))


def _in_front(above: Expr, below: Expr) -> bool:
    """True if c X / s is better written (c/s) X than with all of c X above the bar."""
    if is_(above, "eye"):
        return True
    if is_scalar(above.shape):
        return above.weight > 3 and _simple(below)
    return above.weight > (1 if _simple(below) else SHORT)


def _simple(e: Expr) -> bool:
    """A number, a name, or a product, root or power of these."""
    if is_(e, "mul", "hadamard"):
        return all(a.function.leaf for a in e.args)
    return e.function.leaf or (
        is_(e, "sqrt", "power", "epow") and all(a.function.leaf for a in e.args)
    )


def _coefficient(e: Expr) -> tuple[Expr, Expr]:
    """The leading scalar names and numbers of a product, and the rest."""
    if is_(e, "hadamard") and is_(e.args[0], "mul"):
        scalars, first = _coefficient(e.args[0])
        return scalars, apply("hadamard", first, *e.args[1:])
    if not is_(e, "mul"):
        return number(1), e
    count = 0
    while count < len(e.args) - 1 and e.args[count].function.leaf and not e.args[count].shape:
        count += 1
    rest = _product(*e.args[count:])
    return (_product(*e.args[:count]) if count else number(1)), rest


def _power(node: Expr) -> Expr:
    return apply("power", *node.args) if all(is_scalar(a.shape) for a in node.args) else node


def _transpose(node: Expr) -> Expr:
    """A scalar in front needs no brackets, (2x)' = 2x'; (1'X)' = X'1."""
    (x,) = node.args
    if is_(x, "mul") and all(is_scalar(s.shape) for s in x.args[:-1]):
        return apply("mul", *x.args[:-1], x.args[-1].T)
    if is_(x, "mul") and len(x.args) == 2 and _ones_row(x.args[0]):
        return x.args[1].T @ x.args[0].args[0]
    return node


def _ones_row(e: Expr) -> bool:
    return is_(e, "transpose") and is_(e.args[0], "ones")


def _axis_sum(node: Expr) -> Expr:
    """Row sums X 1 and column sums 1'X of a matrix."""
    (x,), (axis,) = node.args, node.params
    if axis is None or len(long_axes(x.shape)) != 2 or len(x.shape) != 2:
        return node
    return x @ ones(x.shape[1]) if axis == 2 else ones(x.shape[0]).T @ x


def _constant(node: Expr) -> Expr:
    (value,) = node.args
    if is_(value, "number") and value.params[0] == 0:
        return zeros(node.params)
    return _product(value, ones(*node.params))


def _entrywise_norm(node: Expr) -> Expr:
    (x,) = node.args
    return apply(node.function.name, apply("vec", x)) if len(long_axes(x.shape)) == 2 else node


def _dot(node: Expr) -> Expr:
    a, b = node.args
    return a.T @ b if len(a.shape) == len(b.shape) == 1 else node


def _expanded(node: Expr) -> Expr:
    expand = node.function.expand
    return expand(*node.args, *node.params) if expand else node


_RULES: dict[str, Callable[[Expr], Expr]] = {
    "number": lambda node: -number(-node.params[0]) if node.params[0] < 0 else node,
    "mul": _mul,
    "hadamard": _hadamard,
    "div": _quotient,
    "ediv": _quotient,
    "epow": _power,
    "transpose": _transpose,
    "sum": _axis_sum,
    "vector": _constant,
    "matrix": _constant,
    "norm1": _entrywise_norm,
    "norminf": _entrywise_norm,
    "dot": _dot,
    **dict.fromkeys(("outer", "solve", "quadform", "square"), _expanded),
    "log1p": lambda node: apply("log", 1 + node.args[0]),
    "expm1": lambda node: apply("exp", node.args[0]) - 1,
}
