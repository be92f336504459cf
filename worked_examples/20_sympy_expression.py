"""Starting from SymPy: build the expression there, differentiate here, go on in SymPy.

Asked: a loss that is already a SymPy expression. What is its gradient, as a SymPy expression?
"""

import numpy as np
import sympy as sp
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("From SymPy and back")

n, d = sp.symbols("n d", integer=True, positive=True)
X, w, y = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("w", d, 1), sp.MatrixSymbol("y", n, 1)

lesson.say(
    """Matrix symbols of SymPy have symbolic sizes, and that is all matderiv needs. Functions
    that SymPy lacks for matrices, such as `md.softplus`, take SymPy objects and give SymPy
    objects, so the loss stays an ordinary SymPy expression."""
)
square = lesson.show("Least squares", md.derive(md.norm2(X * w - y) ** 2, w), "differential")
logistic = lesson.show(
    "Logistic loss", md.derive(md.sum(md.softplus(X * w)) - (y.T * X * w)[0, 0], w), "differential"
)
logdet = lesson.show(
    "SymPy's own functions", md.derive(sp.log(sp.det(sp.Identity(n) + X * X.T)), X)
)
W, v = sp.MatrixSymbol("W", n, d), sp.MatrixSymbol("v", d, 1)
layer = lesson.show("A linear layer", md.derive(W * v, v))
mask = lesson.show("A ReLU layer: the mask stands on the diagonal", md.derive(md.fn.relu(W * v), v))

lesson.say(
    """Many SymPy users write sizes as numbers, and SymPy then writes products out in entries. They
    are read as sums over an axis again, so the result is as short as before.""",
    "Sizes that are numbers",
)
A, x = sp.MatrixSymbol("A", 3, 3), sp.MatrixSymbol("x", 3, 1)
entries = sp.expand((x.T * A * x)[0, 0])
lesson.lines(f"SymPy has {len(entries.args)} terms, the gradient is {md.derive(entries, x).result}")
assert md.derive(entries, x).result == (A + A.T) * x
assert md.derive(entries, x, assume=sp.Q.symmetric(A)).result == 2 * A * x

lesson.say(
    """The result is a SymPy expression again: substitute, print, or differentiate it once more.
    Below, matrices with numbers are put in.""",
    "The way back",
)
assert isinstance(square.result, sp.MatrixExpr)
lesson.lines(f"{square.result}\nis an expression of SymPy: {square.result.doit().func}")

numbers = {
    "X": np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]),
    "w": np.array([0.5, -1.0]),
    "y": np.array([1.0, 0.0, 1.0]),
}
in_sympy = square.result.subs({n: 3, d: 2})
for name in "Xwy":
    shape = (3, 2) if name == "X" else (2, 1) if name == "w" else (3, 1)
    symbol = sp.MatrixSymbol(name, *shape)
    in_sympy = in_sympy.subs(symbol, sp.Matrix(numbers[name].reshape(shape)))
lesson.agree(
    "least squares, evaluated by SymPy",
    np.array(in_sympy.doit(), float).ravel(),
    differences(lambda v: np.sum((numbers["X"] @ v - numbers["y"]) ** 2), numbers["w"]),
)


def loss(w: np.ndarray) -> float:
    """The logistic loss as a program."""
    scores = numbers["X"] @ w
    return float(np.sum(np.log1p(np.exp(scores))) - numbers["y"] @ scores)


compiled = sp.lambdify((X, w, y), logistic.result, "numpy")
lesson.agree(
    "the logistic loss, by SymPy's lambdify",
    compiled(numbers["X"], numbers["w"].reshape(2, 1), numbers["y"].reshape(3, 1)).ravel(),
    differences(loss, numbers["w"]),
)
lesson.agree("logistic loss", logistic.evaluate(numbers), differences(loss, numbers["w"]))
lesson.agree(
    "the log-determinant",
    logdet.evaluate(numbers),
    differences(lambda v: np.log(np.linalg.det(np.eye(3) + v @ v.T)), numbers["X"]),
)
lesson.finish()
