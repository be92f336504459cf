"""Softmax and the cross-entropy: prediction minus target.

Asked: the Jacobian of softmax; the gradient of the cross-entropy by the scores z, and by the
weights of a linear classifier with a batch of examples.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Softmax cross-entropy")
SIZES = {"z": "k", "y": "k"}

jacobian = lesson.show(
    "The Jacobian of softmax",
    md.derive("softmax(z)", "z", shapes=SIZES),
    "index",
    """softmax turns scores into probabilities. Raising one score takes probability from all
    others, so the Jacobian is full: a diagonal matrix minus an outer product. It is symmetric,
    its rows sum to zero.""",
)
lesson.show(
    "Upstream G through softmax",
    md.derive("softmax(z)", "z", shapes=SIZES, kind="vjp"),
    "differential",
    "Diagonal plus outer product: no k × k matrix is needed.",
)
logsumexp = lesson.show(
    "The soft maximum",
    md.derive("logsumexp(z)", "z", shapes=SIZES),
    says="The gradient of the soft maximum is softmax: that is where its name comes from.",
)

LOSS = "-y'*log_softmax(z)"
general = lesson.show(
    "Cross-entropy by the scores",
    md.derive(LOSS, "z", shapes=SIZES),
    "differential",
    "For any weights y the gradient has the sum of y in front of the prediction.",
)
onehot = lesson.show(
    "With targets that sum to 1",
    md.derive(LOSS, "z", shapes=SIZES, assume={"y": "onehot"}),
    says="""The famous prediction minus target holds only because the targets sum to 1, and matderiv
    leaves the sum out only if it is told so.""",
)
verdict = md.verify(LOSS, "z", "softmax(z) - y", shapes=SIZES)
lesson.lines(verdict, "Without being told, it objects:")
assert verdict.correct is False
hessian = lesson.show(
    "The Hessian",
    md.derive(LOSS, "z", shapes=SIZES, assume={"y": "onehot"}, order=2),
    None,
    "The targets disappear, and the covariance of the predicted class remains.",
)

BATCH = {"X": "n,d", "W": "d,k", "Y": "n,k"}
by_weights = lesson.show(
    "A linear classifier for a batch",
    md.derive("cross_entropy(X*W, Y)", "W", shapes=BATCH, assume={"Y": "onehot"}),
    "differential",
    "Row i of Y is the target of example i. The errors of all examples meet in one product.",
)

z, y = np.array([1.0, -0.5, 2.0]), np.array([0.0, 0.0, 1.0])
rng = np.random.default_rng(2)
X, W = rng.standard_normal((5, 3)), rng.standard_normal((3, 4))
Y = np.eye(4)[[0, 2, 1, 3, 2]]


def log_softmax(Z: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities along the last axis."""
    return Z - np.log(np.exp(Z).sum(axis=-1, keepdims=True))


def loss(z: np.ndarray, y: np.ndarray = y) -> float:
    """The cross-entropy as a program."""
    return float(-y @ log_softmax(z))


softmax = np.exp(log_softmax(z))
lesson.agree(
    "the Jacobian at z = (1, -0.5, 2)",
    jacobian.evaluate({"z": z}),
    differences(lambda v: np.exp(log_softmax(v)), z),
)
lesson.agree("prediction minus target", onehot.evaluate({"z": z, "y": y}), differences(loss, z))
weights = np.array([0.5, 2.0, 1.0])
lesson.agree(
    "with weights that sum to 3.5",
    general.evaluate({"z": z, "y": weights}),
    differences(lambda v: loss(v, weights), z),
)
lesson.agree(
    "the Hessian",
    hessian.evaluate({"z": z, "y": y}),
    np.diag(softmax) - np.outer(softmax, softmax),
    "the covariance of the class",
)
lesson.agree("the soft maximum", logsumexp.evaluate({"z": z}), softmax, "softmax")
lesson.agree(
    "by the weights",
    by_weights.evaluate({"X": X, "W": W, "Y": Y}),
    differences(lambda V: -np.sum(Y * log_softmax(X @ V)) / 5, W),
)
lesson.finish()
