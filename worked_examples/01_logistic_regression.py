"""Logistic regression: its gradients, its Hessian, and one step of Newton's method.

Run it with `python worked_examples/01_logistic_regression.py`. There are n examples with d features
each: the rows of X. The model gives example i the score z_i = x_i'w + b and the probability
sigmoid(z_i) of the first class.

1. Labels 1 and -1: the loss is the sum of log(1 + exp(-y_i z_i)).
2. Labels 1 and 0: the loss is the sum of log(1 + exp(z_i)) - y_i z_i, which is the cross-entropy.
3. Both say the same about the same examples.
4. The Hessian, and what it is for.
"""

import numpy as np

import matderiv as md

SIZES = {"X": "n,d", "w": "d", "b": "", "y": "n"}


def show(title: str, derivation: md.Derivation) -> None:
    """One derivative with its check, which compares it with finite differences of the loss."""
    report = derivation.check()
    print(f"{title:<14}{derivation}")
    print(f"{'':<14}{report.verdict} at {report.points} random points")
    assert report.ok


# 1. Labels 1 and -1 -------------------------------------------------------------------------------

print("Labels 1 and -1")
signed_loss = "sum(log(1 + exp(-y.*(X*w + b))))"
by_w, by_x, by_b = md.derive(signed_loss, ["w", "X", "b"], shapes=SIZES)
show("by w", by_w)
show("by X", by_x)
show("by b", by_b)

# Without the bias it is short enough to do by hand:
#   d loss = sum of exp(-y_i z_i) / (1 + exp(-y_i z_i)) * (-y_i dz_i)  and  dz = X dw,
# so the gradient is -X'(y .* sigmoid(-y .* z)).
show("by w, no bias", md.derive("sum(log(1 + exp(-y.*(X*w))))", "w", shapes=SIZES))

# 2. Labels 1 and 0 --------------------------------------------------------------------------------

print("\nLabels 1 and 0")
binary_loss = "sum(softplus(X*w + b) - y.*(X*w + b))"
from_w, from_x, from_b = md.derive(binary_loss, ["w", "X", "b"], shapes=SIZES)
show("by w", from_w)
show("by X", from_x)
show("by b", from_b)

# It is the cross-entropy of the probabilities p, written without the logarithm of a number near 0:
cross_entropy = "-sum(y.*log(p) + (1 - y).*log(1 - p)) where p = sigmoid(X*w + b)"
show("cross-entropy", md.derive(cross_entropy, "w", shapes=SIZES))

# 3. The same numbers ------------------------------------------------------------------------------

X = np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 0.5]])
w, b = np.array([0.5, -0.25]), 0.1
binary = np.array([1.0, 0.0, 1.0])
signed = 2 * binary - 1

first = by_w.evaluate({"X": X, "w": w, "b": b, "y": signed})
second = from_w.evaluate({"X": X, "w": w, "b": b, "y": binary})
print("\nThe gradient by w for three examples")
print("labels 1, -1: ", first.round(6))
print("labels 1, 0:  ", second.round(6))
assert np.allclose(first, second)


def loss(weights: np.ndarray) -> float:
    """The loss with labels 1 and -1 as it stands in the formula."""
    return float(np.sum(np.log1p(np.exp(-signed * (X @ weights + b)))))


step = 1e-6
differences = np.array([(loss(w + step * e) - loss(w - step * e)) / (2 * step) for e in np.eye(2)])
print("differences:  ", differences.round(6))
assert np.allclose(first, differences, atol=1e-8)

# 4. The Hessian -----------------------------------------------------------------------------------

print("\nThe Hessian by w")
hessian = md.derive(binary_loss, "w", shapes=SIZES, order=2)
show("labels 1, 0", hessian)
show("labels 1, -1", md.derive(signed_loss, "w", shapes=SIZES, assume={"y": "labels"}, order=2))

# X'*diag(positive numbers)*X is positive semidefinite, so the loss is convex, and Newton's method
# goes downhill:
H = hessian.evaluate({"X": X, "w": w, "b": b, "y": binary})
newton = w - np.linalg.solve(H, second)
print("eigenvalues:  ", np.linalg.eigvalsh(H).round(6))
print(f"one Newton step takes the loss from {loss(w):.4f} to {loss(newton):.4f}")
assert np.linalg.eigvalsh(H).min() > 0
assert loss(newton) < loss(w)

print("\nIn LaTeX")
print(by_w.latex())
