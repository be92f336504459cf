"""The Jacobian of ReLU, and why nobody builds it.

Asked: the derivative of relu(x) for a vector and for a batch; of relu(W*x + b) by x, b and W.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("ReLU: a mask instead of a Jacobian")
NET = {"W": "m,n", "x": "n", "b": "m", "X": "k,n"}

lesson.show(
    "The Jacobian",
    md.derive("relu(x)", "x", shapes=NET),
    says="""relu(z) is z where z is positive and 0 elsewhere, so its derivative is 1 or 0. Entry
    i of the output reads only entry i of the input: the Jacobian is diagonal, with the mask
    `step(x)` on its diagonal. At z = 0 there is no derivative; like everybody, we take 0 there.""",
)
lesson.table(
    [
        ("input", "entries of the Jacobian", "entries of the mask"),
        *(
            (name, f"{size**2:,}", f"{size:,}")
            for name, size in (("one vector, n = 4096", 4096), ("100 of them", 409_600))
        ),
    ],
    """So the Jacobian is a waste of memory. Multiplying the upstream gradient G by a diagonal
    matrix is multiplying entry by entry with the mask:""",
    "How large it would be",
)
vector_back = lesson.show("Upstream G", md.derive("relu(x)", "x", shapes=NET, kind="vjp"))
batch_back = lesson.show(
    "A batch",
    md.derive("relu(X)", "X", shapes=NET, kind="vjp"),
    "index",
    "For a matrix the derivative has four axes, but all its deltas collapse to the same mask.",
)

LAYER = "relu(W*x + b)"
by_x = lesson.show("Inside a layer, by x", md.derive(LAYER, "x", shapes=NET))
by_w = lesson.show(
    "Inside a layer, by W",
    md.derive(LAYER, "W", shapes=NET),
    "index",
    "Three axes again, as for the linear map, now with the mask.",
)
lesson.say(
    """With the upstream gradient G all three get short. The masked gradient, delta1 below, is
    computed once and used three times.""",
    "What backpropagation uses",
)
back = md.derive(LAYER, ["x", "b", "W"], shapes=NET, kind="vjp")
lesson.show("Upstream G, back to W", back[2])
lesson.table([("by", "gradient"), *((d.wrt.name, f"`{d}`") for d in back)], "All three:")
hessian = md.derive(f"v'*{LAYER}", "x", shapes={**NET, "v": "m"}, order=2)
lesson.say(
    f"""Between its kinks ReLU is linear, so the second derivative of `v'*{LAYER}` by x is
    `{hessian}`. Differences see the same unless a kink lies between the points they use."""
)

W = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
x, b, G = np.array([2.0, 1.0, -1.0]), np.array([0.1, -0.2]), np.array([1.0, -1.0])
values = {"W": W, "x": x, "b": b, "G": G}


def layer(W: np.ndarray, x: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The layer as a program."""
    return np.maximum(W @ x + b, 0)


lesson.lines(f"W*x + b = {W @ x + b}", "With numbers:", "Numbers")
lesson.agree("by x", by_x.evaluate(values), differences(lambda v: layer(W, v, b), x))
lesson.agree("by W", by_w.evaluate(values), differences(lambda v: layer(v, x, b), W))
lesson.agree("G back to W", back[2].evaluate(values), differences(lambda v: G @ layer(v, x, b), W))
lesson.agree("G back to b", back[1].evaluate(values), differences(lambda v: G @ layer(W, x, v), b))
lesson.agree("the mask times G", vector_back.evaluate({"x": x, "G": x}), [2.0, 1.0, 0.0], "hand")
batch = {"X": W, "G": np.ones((2, 3))}
lesson.agree("a batch", batch_back.evaluate(batch), [[1, 0, 1], [0, 1, 1]], "hand")
lesson.agree("the Hessian", hessian.evaluate({**values, "v": G}), np.zeros((3, 3)), "hand")
lesson.finish()
