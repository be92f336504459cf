"""Programs spelled in JAX: NumPy's names, and arrays that are never changed."""

from collections.abc import Sequence

from matderiv.output.code.dialect import (
    ATOM,
    Code,
    CodeNames,
    Dialect,
    Template,
    Words,
    calls,
    correlations,
    decompositions,
    diagonals,
    of_known_order,
    operators,
    pi,
)
from matderiv.output.code.numpy import LIBRARY, templates
from matderiv.programs.program import Instruction

SPECIAL = {
    **{"erf": "erf", "lgamma": "gammaln", "digamma": "digamma", "probit": "ndtri"},
    **{"bessel_i0": "i0", "bessel_i1": "i1"},
}
TYPED = ", dtype=dtype"  # the type of the first array


def _in_jax(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A definition in NumPy with JAX's names."""
    typed = (text.replace("(n):", "(n, dtype):") for text in lines)
    return tuple(
        text.replace("np.", "jnp.").replace("// 2)[place", f"// 2{TYPED})[place") for text in typed
    )


PLAIN = {
    "conv1d": Template('jnp.correlate({0}, {1}, mode="valid")'),
    "conv2d": Template('jax.scipy.signal.correlate2d({0}, {1}, mode="valid")'),
}


def _correlated(name: str, x: str, w: str, steps: Sequence[int]) -> str:
    stride, padding, dilation, groups = steps
    axes = int(name[4])
    around = [(padding, padding)] * axes
    return (
        f"jax.lax.conv_general_dilated({x}, {w}, {(stride,) * axes}, {around}, "
        f"rhs_dilation={(dilation,) * axes}, feature_group_count={groups})"
    )


def _multiplied(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
    """A product; X'*v as v*X, which XLA multiplies several times faster."""
    x, y = arguments
    if y.axes == 1 and x.level == ATOM and x.text.endswith(".T"):
        x, y = y, x._replace(text=x.text[:-2])
    return operators()["matmul"].filled([x, y])


JAX = Dialect(
    "jax",
    ("import jax", "import jax.numpy as jnp"),
    templates("jnp", TYPED)
    | {
        "expm": Template("jax.scipy.linalg.expm({0})"),
        **decompositions("jnp", "jax.scipy.linalg.expm"),
        **calls("jax.scipy.special", SPECIAL),
        "conv": Template("jnp.convolve({0}, {1})"),
        "conv2d_full": Template("jax.scipy.signal.convolve2d({0}, {1})"),
        "real": Template("jnp.asarray({0}, dtype)"),
    },
    Words("jnp", TYPED).special()
    | {"pi": pi("jnp"), "matmul": _multiplied}
    | diagonals("jnp", "dtype=dtype")
    | correlations(_correlated, PLAIN)
    | {"polygamma": of_known_order("jax.scipy.special.polygamma")},
    {name: _in_jax(lines) for name, lines in LIBRARY.items()},
    ("jax", "jnp", "dtype"),
    single=f"jnp.asarray({{0}}{TYPED})",
)
