"""Complex names: conj(z) is a name of its own beside z, as in Wirtinger's derivatives.

A function of a complex z is a function of two independent names, z and conj(z), analytic in both;
its derivative by z keeps conj(z). So numbers of both that are independent and real check it: an
identity of analytic functions that holds at real points holds at complex ones.
"""

from collections.abc import Iterable, Mapping

from matderiv.errors import MatderivError
from matderiv.expr import (
    Expr,
    apply,
    fold,
    is_,
    number_value,
    rebuild,
    substitute,
    variable,
    variables,
    walk,
)

ASKED = ("complex", "hermitian")
REAL = frozenset(
    (
        "real positive symmetric skew diagonal posdef orthogonal idempotent onehot simplex labels "
        "binary"
    ).split()
)
FUNCTIONS = ("conj", "real")
_ANALYTIC = frozenset(
    "add neg mul hadamard div ediv epow power transpose inv det tr sum mean prod diag vec unvec "
    "kron blocks outer dot solve einsum permute tril triu exp log sqrt sin cos tan sinh cosh tanh "
    "square reciprocal expm sinm cosm adj toeplitz skew conv conv1d cumsum flip roll fuse".split()
)


def complex_names(
    shapes: Iterable[str], facts: Mapping[str, frozenset[str]], functions: Iterable[str]
) -> frozenset[str]:
    """The names that are complex: where one is said to be, or conj stands, all that are not real.

    >>> sorted(complex_names("Az", {"z": frozenset(["complex"])}, ()))
    ['A', 'z']
    >>> sorted(complex_names("Az", {}, ["conj"])), complex_names("Az", {}, ["exp"])
    (['A', 'z'], frozenset())
    """
    said = any(fact in ASKED for words in facts.values() for fact in words)
    if not said and not any(name in FUNCTIONS for name in functions):
        return frozenset()
    return frozenset(name for name in shapes if not facts.get(name, frozenset()) & REAL)


def conjugate_name(name: str) -> str:
    """The name of the conjugate, and back."""
    return name[5:-1] if name.startswith("conj(") else f"conj({name})"


def is_complex(v: Expr) -> bool:
    """True for a complex variable."""
    return is_(v, "variable") and bool(v.params[2] & {*ASKED})


def refuse_complex(e: Expr) -> None:
    """MatderivError for an expression of complex names, of which there are no programs."""
    if any(map(is_complex, variables(e))):
        raise MatderivError("there is no code for complex names", hint=".evaluate has numbers")


def others_real(e: Expr, x: Expr | None = None) -> Expr:
    """The expression with all names real but x, which is complex."""
    kept = () if x is None else (x.name, conjugate_name(x.name))
    others = [v for v in variables(e) if v.name.startswith("conj(") and v.name not in kept]
    return substitute(e, {v: variable(conjugate_name(v.name), *v.params[1:]) for v in others})


def polarised(e: Expr) -> Expr:
    """The expression in z and conj(z): |u|² is u.*conj(u), and conj goes down to the names.

    Raises MatderivError for a function that has no such form.

    >>> z = variable("z", (2,), ["complex"])
    >>> text(polarised(apply("norm2", 2 * z) ** 2))
    "(2*conj(z))'*(2*z)"
    """
    if not any(map(is_complex, variables(e))):
        return e

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        name = node.function.name
        if not any(is_complex(v) for v in variables(*args)):
            return rebuild(node, args)
        if name == "conj":
            return _conjugate(*args)
        if name == "real":
            return (args[0] + _conjugate(*args)) / 2
        if name in ("abs", "norm2"):
            return apply("sqrt", _square(name, *args))
        if name not in _ANALYTIC:
            raise MatderivError(
                f"{node.function.label} of complex names has no derivative by z and conj(z) here",
                hint="conj, real, abs, norm2, products and analytic functions",
            )
        of_size = name in ("power", "epow") and is_(node.args[0], "abs", "norm2")
        if of_size and number_value(args[1]) == 2:
            return args[0].args[0]  # |u|², without the root
        return rebuild(node, args)

    return fold(e, visit)


def _square(name: str, u: Expr) -> Expr:
    """|u|² of each entry, or of all."""
    other = _conjugate(u)
    if name == "abs" or not u.shape:
        return apply("hadamard", u, other) if u.shape else other * u
    return other.T @ u if len(u.shape) == 1 else apply("tr", other.T @ u)


def _conjugate(e: Expr) -> Expr:
    """The conjugate of an analytic expression, name by name."""

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if not is_complex(node):
            return rebuild(node, args)
        name, shape, facts = node.params
        return node.T if "hermitian" in facts else variable(conjugate_name(name), shape, facts)

    return fold(e, visit)


def about_complex(f: Expr, x: Expr) -> list[str]:
    """What is to be said of a derivative by a complex variable."""
    if not is_complex(x):
        return []
    found = {v.name for v in walk(f) if is_complex(v)} | {x.name}
    names = sorted({conjugate_name(n) if n.startswith("conj(") else n for n in found})
    other = conjugate_name(x.name)
    kept = "" if "hermitian" in x.params[2] else f": the derivative by {x.name} keeps {other}"
    return [f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} complex{kept} (Wirtinger)"]
