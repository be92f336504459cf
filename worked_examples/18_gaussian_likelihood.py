"""The Gaussian log-likelihood: where the mean and the covariance of the data come from.

Asked: N examples, the rows of X, come from a Gaussian with mean mu and covariance S. Differentiate
the log-likelihood by both, and find where the gradients are zero.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("The Gaussian log-likelihood")
SIZES = {"X": "N,d", "mu": "d", "S": "d,d", "x": "d"}
FACTS = {"S": "posdef"}
ONE = "-0.5*logdet(S) - 0.5*(x - mu)'*inv(S)*(x - mu)"
ALL = "-0.5*N*logdet(S) - 0.5*tr(inv(S)*(X - ones(N)*mu')'*(X - ones(N)*mu'))"

lesson.say(
    """Up to a constant the log-likelihood of one example is minus half its squared distance to the
    mean, measured with the inverse covariance, and minus half the log-determinant. All examples
    together turn the squared distances into a trace."""
)
lesson.show(
    "One example, by the mean", md.derive(ONE, "mu", shapes=SIZES, assume=FACTS), "differential"
)
lesson.show(
    "One example, by the covariance",
    md.derive(ONE, "S", shapes=SIZES, assume=FACTS),
    "differential",
    """Two facts from the lesson on inverses: d logdet(S) = tr(inv(S)*dS), and
    d inv(S) = -inv(S)*dS*inv(S).""",
)
by_mean = lesson.show(
    "All examples, by the mean", md.derive(ALL, "mu", shapes=SIZES, assume=FACTS), "differential"
)
by_covariance = lesson.show(
    "All examples, by the covariance", md.derive(ALL, "S", shapes=SIZES, assume=FACTS), None
)

rng = np.random.default_rng(8)
X = rng.standard_normal((6, 2)) @ np.array([[1.0, 0.5], [0.0, 0.8]])
mu, S = np.array([0.3, -0.2]), np.array([[1.5, 0.4], [0.4, 0.9]])


def likelihood(mu: np.ndarray, S: np.ndarray) -> float:
    """The log-likelihood as a program, example by example."""
    deviations = X - mu
    distances = sum(r @ np.linalg.inv(S) @ r for r in deviations)
    return float(-0.5 * len(X) * np.log(np.linalg.det(S)) - 0.5 * distances)


values = {"X": X, "mu": mu, "S": S}
lesson.agree("by the mean", by_mean.evaluate(values), differences(lambda v: likelihood(v, S), mu))
slopes = differences(lambda v: likelihood(mu, v), S)
lesson.agree("by the covariance", by_covariance.evaluate(values), (slopes + slopes.T) / 2)

lesson.say(
    """The gradient by the mean is zero where the deviations sum to zero: at the mean of the
    data. The one by S is zero where S is the mean of the outer products of the deviations.
    These are the estimates that everybody uses, and now we know what they are best at.""",
    "The best mean and covariance",
)
best_mean = X.mean(axis=0)
best = {"X": X, "mu": best_mean, "S": (X - best_mean).T @ (X - best_mean) / len(X)}
lesson.agree("the gradient by the mean there", by_mean.evaluate(best), np.zeros(2), "hand")
lesson.agree("and by the covariance", by_covariance.evaluate(best), np.zeros((2, 2)), "hand")
lesson.finish()
