"""A linear layer with a batch: X*W + b' by its weights, its input and its bias.

Asked: X holds N examples in its rows. Given the upstream gradient G, what are the gradients by W, X
and b?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("A linear layer for a batch")
LAYER, SIZES = "X*W + b'", {"X": "N,d", "W": "d,h", "b": "h"}

lesson.say(
    """Row i of the output belongs to example i and is `W'*x_i + b`, written as a row. The bias is
    added to every row, so it is used N times, and its gradient adds up N contributions. The same
    holds for W. Each row of X is used once."""
)
by_weights, by_input, by_bias = md.derive(LAYER, ["W", "X", "b"], shapes=SIZES, kind="vjp")
lesson.show(
    "The weights",
    by_weights,
    "differential",
    """A differential is the shortest way: move every factor to the other side of the trace until dW
    stands alone. What is left is the gradient, transposed.""",
)
lesson.show("The weights, entry by entry", by_weights, "index")
lesson.show("The input", by_input, "differential")
lesson.show(
    "The bias", by_bias, "index", "The bias reads no example, so the examples are summed up."
)
lesson.show(
    "Without an upstream gradient",
    md.derive(LAYER, "X", shapes=SIZES),
    "index",
    """The whole derivative by X has four axes. The delta says that row i of the output reads
    only row i of the input: stacked into a big matrix it has a copy of W' for each example on
    its diagonal.""",
)
lesson.say(
    """A way to remember it: the gradient by W must have the shape d × h, and there is only one
    way to multiply X (N × d) and G (N × h) to get that.""",
    "The shapes decide",
)
lesson.table(
    [("by", "gradient"), *((d.wrt.name, f"`{d}`") for d in (by_weights, by_input, by_bias))]
)

rng = np.random.default_rng(1)
X, W, b, G = (rng.standard_normal(s) for s in ((4, 3), (3, 2), 2, (4, 2)))
values = {"X": X, "W": W, "b": b, "G": G}


def loss(X: np.ndarray, W: np.ndarray, b: np.ndarray) -> float:
    """A loss whose gradient by the output is G."""
    return float(np.sum(G * (X @ W + b)))


lesson.agree("by W", by_weights.evaluate(values), differences(lambda v: loss(X, v, b), W))
lesson.agree("by X", by_input.evaluate(values), differences(lambda v: loss(v, W, b), X))
lesson.agree("by b", by_bias.evaluate(values), differences(lambda v: loss(X, W, v), b))
lesson.finish()
