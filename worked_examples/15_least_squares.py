"""Least squares: quadratic forms, the normal equations, and the Hessian.

Asked: the gradient and the Hessian of x'*A*x and of ||X*w - y||^2, and the w where the gradient is
zero.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Quadratic forms and least squares")

lesson.show(
    "The quadratic form",
    md.derive("x'*A*x", "x", shapes={"A": "n,n"}),
    "index",
    """x appears twice, so the product rule gives two terms, one with A and one with its transpose.
    The book's 2*A*x is right only for a symmetric A.""",
)
lesson.show(
    "The quadratic form of a symmetric matrix",
    md.derive("x'*A*x", "x", shapes={"A": "n,n"}, assume={"A": "symmetric"}),
    "differential",
)

SIZES = {"X": "n,d", "w": "d", "y": "n", "c": ""}
LOSS = "norm2(X*w - y)^2"
gradient = lesson.show(
    "Least squares",
    md.derive(LOSS, "w", shapes=SIZES),
    "differential",
    """The square of the norm of a residual changes by twice the residual times its change. The
    residual is affine in w, so its change is X*dw.""",
)
lesson.show("The same by the method of backpropagation", gradient)
hessian = lesson.show(
    "The Hessian",
    md.derive(LOSS, "w", shapes=SIZES, order=2),
    "differential",
    "It does not depend on w: the loss is a bowl. It is positive semidefinite, whatever X is.",
)
ridge = lesson.show(
    "With a penalty",
    md.derive(f"{LOSS} + c*w'*w", "w", shapes=SIZES),
    "differential",
    "A penalty on w adds 2*c*w: ridge regression.",
)
by_matrix = lesson.show(
    "By the matrix",
    md.derive(LOSS, "X", shapes=SIZES),
    "differential",
    "The residual times the row w': the pattern of every linear layer.",
)

rng = np.random.default_rng(6)
X, w, y, c = rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal(5), 0.5
values = {"X": X, "w": w, "y": y, "c": c}


def loss(X: np.ndarray, w: np.ndarray) -> float:
    """The sum of squares as a program."""
    return float(np.sum((X @ w - y) ** 2))


lesson.agree("by w", gradient.evaluate(values), differences(lambda v: loss(X, v), w))
lesson.agree("by X", by_matrix.evaluate(values), differences(lambda v: loss(v, w), X))
lesson.agree("the Hessian", hessian.evaluate(values), 2 * X.T @ X, "NumPy")
lesson.agree(
    "with the penalty",
    ridge.evaluate(values),
    differences(lambda v: loss(X, v) + c * v @ v, w),
)
lesson.say(
    """Set the gradient to zero: X'*X*w = X'*y, the normal equations. Their solution is the w
    that any least-squares program finds.""",
    "The normal equations",
)
best = np.linalg.solve(X.T @ X, X.T @ y)
lesson.agree("the solution", best, np.linalg.lstsq(X, y, rcond=None)[0], "numpy.linalg.lstsq")
lesson.agree("the gradient there", gradient.evaluate({**values, "w": best}), np.zeros(3), "hand")
lesson.finish()
