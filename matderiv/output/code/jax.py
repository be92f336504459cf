"""Programs spelled in JAX: NumPy's names, and arrays that are never changed."""

from __future__ import annotations

from matderiv.output.code.dialect import Dialect, Template
from matderiv.output.code.numpy import special, templates

JAX = Dialect(
    "jax",
    ("import jax", "import jax.numpy as jnp"),
    templates("jnp")
    | {
        "erf": Template("jax.scipy.special.erf({0})"),
        "expm": Template("jax.scipy.linalg.expm({0})"),
    },
    special("jnp"),
    {},
    ("jax", "jnp"),
    "jnp.",
)
