"""Batch normalisation: the gradient that everybody gets wrong once.

Asked: the columns of X are normalised over the batch, (X - mean) ./ sqrt(variance + eps). Given the
upstream gradient G, what is the gradient by X?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Batch normalisation")
NORM = "(X - mean(X,1))./sqrt(var(X,1) + c)"
LAYER = f"A.*s' + t' where A = {NORM}"
SIZES = {"X": "n,d", "c": "", "s": "d", "t": "d"}

lesson.say(
    """An entry of X reaches the output on three ways: directly, through the mean of its column, and
    through the variance of its column. The gradient adds up all three. The direct way alone would
    be `G./sqrt(variance)`; the other two take away the mean of G and the part of G that points
    along the output itself, because moving X in these directions changes nothing."""
)
back = lesson.show("Back through the normalisation", md.derive(NORM, "X", shapes=SIZES, kind="vjp"))
forgotten = md.verify(NORM, "X", "G./sqrt(var(X,1) + c)", shapes=SIZES, kind="vjp")
assert forgotten.correct is False
lesson.lines(
    f"{forgotten.hint}\n{forgotten.counterexample}",
    "What `md.verify` says to the direct way alone, `G./sqrt(var(X,1) + c)`:",
    "What if we forget the mean and the variance?",
)

by_scale, by_shift = md.derive(LAYER, ["s", "t"], shapes=SIZES, kind="vjp")
lesson.show("The scale of the layer", by_scale, None, "Each column has a scale s and a shift t.")
lesson.show("The shift of the layer", by_shift, None)

rng = np.random.default_rng(4)
X, G = rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
s, t, c = np.array([1.0, 2.0, 0.5]), np.array([0.0, -1.0, 1.0]), 1e-3


def norm(X: np.ndarray) -> np.ndarray:
    """The normalised columns as a program."""
    return (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + c)


values = {"X": X, "c": c, "s": s, "t": t, "G": G}
gradient = back.evaluate(values)
lesson.agree("by X", gradient, differences(lambda v: np.sum(G * norm(v)), X))
deviation = np.sqrt(X.var(axis=0) + c)
by_hand = (G - G.mean(axis=0) - norm(X) * (G * norm(X)).mean(axis=0)) / deviation
lesson.agree("by X", gradient, by_hand, "the usual formula, written with the output")
lesson.agree("the columns of the gradient sum to", gradient.sum(axis=0), np.zeros(3), "hand")
lesson.agree("by s", by_scale.evaluate(values), np.sum(G * norm(X), axis=0), "hand")
lesson.agree("by t", by_shift.evaluate(values), G.sum(axis=0), "hand")
lesson.finish()
