"""Logistic regression: its gradients in both conventions for labels, its Hessian, a Newton step.

Asked: there are n examples with d features, the rows of X, and labels y. Differentiate the loss by
the weights w and the bias b, once for labels 1 and -1, once for labels 1 and 0.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Logistic regression")
SIZES = {"X": "n,d", "w": "d", "b": "", "y": "n"}
SIGNED = "sum(log(1 + exp(-y.*(X*w + b))))"
BINARY = "-sum(y.*log(p) + (1 - y).*log(1 - p)) where p = sigmoid(X*w + b)"
SHORT = "sum(softplus(X*w + b) - y.*(X*w + b))"

lesson.say(
    """Example i gets the score `z_i = x_i'*w + b`, and the model gives the probability
    `sigmoid(z_i)` to the label 1. The loss is the negative logarithm of the probability that
    the model gave to the labels we saw. Everything needs one fact: sigmoid' = sigmoid * (1 -
    sigmoid)."""
)
lesson.show(
    "The one fact",
    md.derive("sigmoid(c)", "c"),
    None,
)
lesson.show(
    "One example with label 1",
    md.derive("-log(sigmoid(w'*x))", "w", shapes={"x": "d", "w": "d"}),
    says="The gradient pulls w towards x, the more the less the model believed the label.",
)

by_w, by_b = md.derive(SIGNED, ["w", "b"], shapes=SIZES)
lesson.show(
    "Labels 1 and -1, by the weights",
    by_w,
    says="""The loss of an example is small if its score has the sign of its label. log(1 +
    exp(z)) has a name, softplus, and its derivative is the sigmoid.""",
)
lesson.show("Labels 1 and -1, by the bias", by_b, None)

from_w, from_b = md.derive(BINARY, ["w", "b"], shapes=SIZES)
lesson.show(
    "Labels 1 and 0, by the weights",
    from_w,
    says="""This is the cross-entropy of the predicted probabilities. Its parts look awful, and then
    nearly all of it cancels: what is left is prediction minus label.""",
)
lesson.show("Labels 1 and 0, by the bias", from_b, None)
lesson.show(
    "Labels 1 and 0, simplified first",
    md.derive(SHORT, "w", shapes=SIZES),
    "differential",
    """The same loss without the logarithm of a number near 0. Simplify before you differentiate:
    the derivation is half as long, and in numbers it does not overflow.""",
)

X = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]])
w, b = np.array([0.5, -0.25]), 0.1
binary = np.array([1.0, 0.0, 1.0])
signed = 2 * binary - 1
values = {"X": X, "w": w, "b": b}


def loss(w: np.ndarray, b: float = b) -> float:
    """The loss with labels 1 and -1 as a program."""
    return float(np.sum(np.log1p(np.exp(-signed * (X @ w + b)))))


first = by_w.evaluate({**values, "y": signed})
second = from_w.evaluate({**values, "y": binary})
lesson.say("Three examples, labelled 1, 0, 1 or 1, -1, 1:", "Both say the same")
lesson.agree("by w, labels 1 and -1", first, differences(loss, w))
lesson.agree("by w, labels 1 and 0", second, first, "the other convention")
lesson.agree("by b", by_b.evaluate({**values, "y": signed}), differences(lambda c: loss(w, c), b))

hessian = lesson.show(
    "The Hessian",
    md.derive(SHORT, "w", shapes=SIZES, order=2),
    "differential",
    """Positive weights in the middle of X' and X: the Hessian is positive semidefinite, the loss is
    convex, and Newton's method goes downhill.""",
)
by_labels = md.derive(SIGNED, "w", shapes=SIZES, assume={"y": "labels"}, order=2)
lesson.say(
    f"""For labels 1 and -1 it is the same once we say that y.^2 = 1, which
    `assume={{"y": "labels"}}` does: `{by_labels}`."""
)
H = hessian.evaluate({**values, "y": binary})
lesson.agree("the Hessian", H, differences(lambda v: differences(loss, v, 1e-4), w, 1e-4))
newton = w - np.linalg.solve(H, second)
lesson.lines(
    f"eigenvalues of the Hessian: {np.linalg.eigvalsh(H).round(4)}\n"
    f"a Newton step takes the loss from {loss(w):.4f} to {loss(newton):.4f}"
)
assert np.linalg.eigvalsh(H).min() > 0
assert loss(newton) < loss(w)
lesson.finish()
