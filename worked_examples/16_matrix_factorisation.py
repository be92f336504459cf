"""Matrix factorisation: both factors, missing entries, and a Hessian with four axes.

Asked: T is approximated by U*V' with thin matrices U and V. What are the gradients of the squared
error by U and by V, when some entries of T are unknown, and what is the Hessian by U?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Matrix factorisation")
SIZES = {"T": "m,n", "M": "m,n", "U": "m,r", "V": "n,r"}
LOSS = "norm2(T - U*V')^2"

lesson.say(
    """The error E = T - U*V' is linear in each factor alone. So each gradient is the error
    times the other factor; which side and which transpose, the shapes tell."""
)
by_u, by_v = md.derive(LOSS, ["U", "V"], shapes=SIZES)
lesson.show("By U", by_u, "differential")
lesson.show("By V", by_v, "differential")

masked = lesson.show(
    "Missing entries",
    md.derive("norm2(M.*(T - U*V'))^2", "U", shapes=SIZES, assume={"M": "binary"}),
    "differential",
    """M is 1 where an entry of T is known and 0 elsewhere. Declared as binary, its square is
    itself, so the mask appears once.""",
)
hessian = lesson.show(
    "The Hessian by U",
    md.derive(LOSS, "U", shapes=SIZES, order=2),
    "index",
    """Row i of the error reads only row i of U: a delta for the rows, and the same r × r matrix
    2*V'*V for each of them. That is why alternating least squares solves one small system for all
    rows.""",
)

rng = np.random.default_rng(7)
T, U, V = (rng.standard_normal(s) for s in ((4, 3), (4, 2), (3, 2)))
M = np.array([[1.0, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]])
values = {"T": T, "U": U, "V": V, "M": M}


def loss(U: np.ndarray, V: np.ndarray, M: np.ndarray | float = 1.0) -> float:
    """The squared error of the known entries as a program."""
    return float(np.sum((M * (T - U @ V.T)) ** 2))


lesson.agree("by U", by_u.evaluate(values), differences(lambda v: loss(v, V), U))
lesson.agree("by V", by_v.evaluate(values), differences(lambda v: loss(U, v), V))
lesson.agree(
    "by U with missing entries", masked.evaluate(values), differences(lambda v: loss(v, V, M), U)
)
lesson.agree(
    "the part of the Hessian that belongs to the first row of U",
    hessian.evaluate(values)[0, :, 0, :],
    2 * V.T @ V,
    "hand",
)
lesson.finish()
