"""Inverse, determinant and log-determinant: derivatives by differentials.

Asked: the derivatives of the inverse, of a'*inv(X)*b, det(X) and log(det(X)), for a general and for
a symmetric X.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Inverse and determinant")
SIZES = {"X": "n,n", "a": "n", "b": "n"}

lesson.say(
    """There is no need to know the entries of the inverse. It is defined by inv(X)*X = I, so the
    product rule gives d(inv(X))*X + inv(X)*dX = 0. Solve for d(inv(X)): that is the whole proof."""
)
lesson.show(
    "The differential of the inverse",
    md.derive("inv(X)", "X", shapes=SIZES, kind="differential"),
    None,
)
tensor = lesson.show(
    "The inverse, entry by entry",
    md.derive("inv(X)", "X", shapes=SIZES),
    None,
    "Four axes, and not one delta: each entry of the inverse depends on all entries of X.",
)
bilinear = lesson.show(
    "A number made with the inverse",
    md.derive("a'*inv(X)*b", "X", shapes=SIZES),
    "differential",
    """A number is its own trace, and inside a trace factors can be moved around in a circle:
    bring dX to the end.""",
)
determinant = lesson.show("The determinant", md.derive("det(X)", "X", shapes=SIZES), "differential")
logdet = lesson.show(
    "The log-determinant",
    md.derive("log(det(X))", "X", shapes=SIZES),
    "differential",
    "The determinant cancels against the derivative of the logarithm.",
)

conventions = [
    md.derive("logdet(X)", "X", shapes=SIZES, assume={"X": "symmetric"}, structure=structure)
    for structure in ("projected", "independent")
]
lesson.table(
    [
        ("convention", "gradient of `logdet(X)`"),
        *((f"`structure={d.structure!r}`", f"`{d}`") for d in conventions),
    ],
    """For a symmetric X books disagree. The default is the gradient for which df is the sum of its
    entries times those of dX, as always. The other counts an entry off the diagonal as one variable
    that moves two entries of X; then its rate is the sum of two.""",
    "Symmetric matrices",
)

A = np.array([[2.0, 0.5, 0.0], [0.25, 1.5, -0.5], [0.0, 0.75, 1.0]])
a, b = np.array([1.0, -1.0, 2.0]), np.array([0.5, 1.0, -1.0])
values = {"X": A, "a": a, "b": b}
lesson.agree(
    "a'*inv(X)*b", bilinear.evaluate(values), differences(lambda v: a @ np.linalg.inv(v) @ b, A)
)
lesson.agree("det(X)", determinant.evaluate(values), differences(np.linalg.det, A))
lesson.agree(
    "log(det(X))", logdet.evaluate(values), differences(lambda v: np.log(np.linalg.det(v)), A)
)
assert np.allclose(tensor.evaluate(values), differences(np.linalg.inv, A), atol=1e-7)

S = A + A.T


def of_free_entries(entries: np.ndarray) -> float:
    """log det of the symmetric matrix with these entries on and below its diagonal."""
    lower = np.zeros((3, 3))
    lower[np.tril_indices(3)] = entries
    return float(np.log(np.linalg.det(lower + np.tril(lower, -1).T)))


free = differences(of_free_entries, S[np.tril_indices(3)])
independent = conventions[1].evaluate({"X": S})
lesson.agree("by the free entries", independent[np.tril_indices(3)], free)
lesson.agree("projected", conventions[0].evaluate({"X": S}), np.linalg.inv(S), "NumPy")
lesson.finish()
