"""Programs spelled in JAX: NumPy's names, and arrays that are never changed."""

from __future__ import annotations

from matderiv.output.code.dialect import ATOM, Dialect, Template, diagonals
from matderiv.output.code.numpy import (
    ADJ,
    DUPLICATION,
    SPECTRAL,
    functions_of_matrices,
    special,
    templates,
)

TYPED = ", dtype=dtype"  # the type of the first array


def _in_jax(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A definition in NumPy with JAX's names."""
    typed = (text.replace("(n):", "(n, dtype):") for text in lines)
    return tuple(
        text.replace("np.", "jnp.").replace("// 2)[place", f"// 2{TYPED})[place") for text in typed
    )


JAX = Dialect(
    "jax",
    ("import jax", "import jax.numpy as jnp"),
    templates("jnp", TYPED)
    | {
        "erf": Template("jax.scipy.special.erf({0})"),
        "expm": Template("jax.scipy.linalg.expm({0})"),
        **functions_of_matrices("jnp"),
        "real": Template("{0}.astype(dtype)", ATOM, (ATOM,)),
    },
    special("jnp", TYPED) | diagonals("jnp", "dtype=dtype"),
    {
        **dict.fromkeys(("logm", "sqrtm", "power_of"), _in_jax(SPECTRAL)),
        "adj": _in_jax(ADJ),
        "duplication": _in_jax(DUPLICATION),
    },
    ("jax", "jnp", "dtype", "of_matrix", "matrix_power", "adjugate", "duplication"),
    single=f"jnp.asarray({{0}}{TYPED})",
)
