"""The derivative of W*x by the vector x and by the matrix W.

Asked: y = W*x has m entries, W has m rows and n columns. What are the derivatives by x and by W?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("The linear map y = W*x")
SIZES = {"W": "m,n", "x": "n"}

lesson.say(
    """Entry i of y is a row of W times x, `y_i = sum over j of W_ij x_j`. So y_i changes with
    x_j at the rate W_ij: the Jacobian by x is the matrix itself. By W it is a different story:
    y has one axis and W has two, so the derivative has three. Most of it is zero, because y_i
    reads only row i of W."""
)

by_x = lesson.show("By x, entry by entry", md.derive("W*x", "x", shapes=SIZES), "index")

by_w = lesson.show(
    "By W, entry by entry",
    md.derive("W*x", "W", shapes=SIZES),
    "index",
    "The Kronecker delta says which row: it is 1 where i = j and 0 elsewhere.",
)

lesson.say(
    """Nobody builds that array of m times m times n numbers. Backpropagation only needs what it
    does to the gradient G that arrives from behind, and that is an outer product with the shape
    of W.""",
    "What backpropagation needs",
)
back_to_w = lesson.show(
    "Upstream G, back to W", md.derive("W*x", "W", shapes=SIZES, kind="vjp"), "index"
)
back_to_x = lesson.show(
    "Upstream G, back to x", md.derive("W*x", "x", shapes=SIZES, kind="vjp"), "differential"
)

W = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
x = np.array([2.0, 1.0, -1.0])
G = np.array([1.0, -1.0])
values = {"W": W, "x": x, "G": G}

jacobian = by_w.evaluate(values)
lesson.agree("the Jacobian by x", by_x.evaluate(values), differences(lambda v: W @ v, x))
lesson.agree("the Jacobian by W", jacobian, differences(lambda V: V @ x, W))
lesson.agree(
    "G contracted with it",
    back_to_w.evaluate(values),
    np.einsum("i,ijk->jk", G, jacobian),
    "the sum over i of G_i times the Jacobian",
)
lesson.agree("back to x", back_to_x.evaluate(values), differences(lambda v: G @ (W @ v), x))
lesson.finish()
