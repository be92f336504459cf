"""Gradient descent: what all these gradients are for.

Asked: find the weights that make a loss small, for logistic regression and for a small network.
"""

import numpy as np
from lesson import Lesson

import matderiv as md

lesson = Lesson("Gradient descent")
rng = np.random.default_rng(12)
X = rng.standard_normal((60, 2))
y = (X @ np.array([1.5, -1.0]) + 0.3 + rng.standard_normal(60) > 0).astype(float)
LOSS = "mean(softplus(X*w + b) - y.*(X*w + b))"
SIZES = {"X": "n,d", "w": "d", "b": "", "y": "n"}

lesson.say(
    """The gradient points to where the loss grows fastest, so go the other way: `w - 2*gradient`.
    The step must be small enough, because the gradient only knows what happens near w. For each
    step: forward, loss, backward, update. That is the whole loop:"""
)
lesson.lines(
    'both = md.value_and_gradients(loss, ["w", "b"])\n'
    "for epoch in range(400):\n"
    "    loss, (dw, db) = both(X=X, y=y, w=w, b=b)\n"
    "    w, b = w - 2*dw, b - 2*db"
)
both = md.value_and_gradients(LOSS, ["w", "b"], shapes=SIZES)
w, b = np.zeros(2), 0.0
losses = []
for _ in range(400):
    loss, (dw, db) = both(X=X, y=y, w=w, b=b)
    w, b = w - 2 * dw, b - 2 * db
    losses.append(float(loss))
lesson.table(
    [("epoch", "loss"), *((k, f"{losses[k]:.6f}") for k in (0, 1, 3, 10, 30, 100, 399))],
    "Logistic regression with 60 examples, from w = 0:",
    "The loop by hand",
)


def newton() -> np.ndarray:
    """The best weights and bias by Newton's method, written with NumPy alone."""
    Z, v = np.column_stack([X, np.ones(60)]), np.zeros(3)
    for _ in range(20):
        p = 1 / (1 + np.exp(-Z @ v))
        v = v - np.linalg.solve(Z.T @ (Z * (p * (1 - p))[:, None]), Z.T @ (p - y))
    return v


lesson.agree("weights and bias", [*w, b], newton(), "Newton's method in NumPy")

found = md.minimize(
    LOSS,
    ["w", "b"],
    {"w": np.zeros(2), "b": 0.0},
    data={"X": X, "y": y},
    method="gd",
    lr=2.0,
    epochs=400,
    shapes=SIZES,
)
lesson.say(
    """`md.minimize` does the same loop. It compares every gradient with differences before it
    starts, can take the examples in small batches, and stops with a message when the steps are
    too large.""",
    "The loop ready made",
)
lesson.agree(
    "weights and bias", [*found.parameters["w"], found.parameters["b"]], [*w, b], "the loop by hand"
)

lesson.say(
    """No line separates the corners of a square whose labels alternate. A network with one hidden
    layer can do it: its loss has no formula for the minimum, but it has gradients.""",
    "A network that learns exclusive or",
)
corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
alternate = np.array([0.0, 1.0, 1.0, 0.0])
NETWORK = "mean(softplus(z) - t.*z) where z = tanh(C*W + p')*v + q"
start = {
    "W": rng.standard_normal((2, 6)),
    "p": np.zeros(6),
    "v": rng.standard_normal(6),
    "q": 0.0,
}
sizes = {"C": "n,2", "W": "2,h", "p": "h", "v": "h", "q": "", "t": "n"}
trained = md.minimize(
    NETWORK,
    list(start),
    start,
    data={"C": corners, "t": alternate},
    method="adam",
    lr=0.05,
    epochs=400,
    shapes=sizes,
)
at = trained.parameters
scores = np.tanh(corners @ at["W"] + at["p"]) @ at["v"] + at["q"]
probabilities = 1 / (1 + np.exp(-scores))
lesson.table(
    [
        ("corner", "label", "probability"),
        *(
            (f"{c.astype(int)}", int(label), f"{p:.2f}")
            for c, label, p in zip(corners, alternate, probabilities, strict=True)
        ),
    ]
)
lesson.agree(
    "the loss at the end",
    trained.loss,
    -np.mean(np.log(np.where(alternate == 1, probabilities, 1 - probabilities))),
    "the cross-entropy in NumPy",
)
assert ((probabilities > 0.5) == (alternate == 1)).all()
lesson.finish()
