"""Derivatives with three axes and more: index notation, vec and Kronecker, batched products.

Asked: the derivatives of X', X^2, A*X*B, x*x', diag(x) and of a batch of matrix products. No matrix
holds them.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Tensors in index form")
SIZES = {"A": "m,n", "X": "n,n", "B": "n,p", "x": "n"}

lesson.say(
    """With four axes, name the entries. Two deltas say which entry of the output reads which
    entry of the input. Rename the summed index, and the answer stands there."""
)
ASKED = (
    ("X", "X", lambda X: X),
    ("X'", "X", lambda X: X.T),
    ("X^2", "X", lambda X: X @ X),
    ("X'*X", "X", lambda X: X.T @ X),
    ("inv(X)", "X", np.linalg.inv),
    ("X.*X", "X", lambda X: X * X),
    ("x*x'", "x", lambda x: np.outer(x, x)),
    ("diag(x)", "x", np.diag),
)
found = [md.derive(f, v, shapes=SIZES) for f, v, _ in ASKED]
pulled = [md.derive(f, v, shapes=SIZES, kind="vjp") for f, v, _ in ASKED]
lesson.table(
    [
        ("f", "derivative", "with upstream G"),
        *(
            (f"`{f}`", f"`{d.index}`", f"`{p}`")
            for (f, _, _), d, p in zip(ASKED, found, pulled, strict=True)
        ),
    ],
    """The last column is what remains if each entry of the output is weighted with G and added up:
    all deltas are gone.""",
    "A table",
)
product = lesson.show("A product from both sides", md.derive("A*X*B", "X", shapes=SIZES), "index")
lesson.say(
    f"""Stack the columns of a matrix on top of each other, and four axes become two. The derivative
    of `vec(A*X*B)` by `vec(X)` is the matrix `{product.vec_text}`."""
)

batched = md.derive(
    'einsum("bij,bjk->bik", S, T)', "T", shapes={"S": "b,i,j", "T": "b,j,k"}, kind="vjp"
)
lesson.show(
    "A batch of matrix products",
    batched,
    None,
    "The pattern of indices says it all: sum over what the result does not have.",
)

A, X = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]]), np.array([[2.0, 1.0], [-1.0, 0.5]])
B, x, G = np.array([[1.0], [-2.0]]), np.array([3.0, -1.0]), np.array([[1.0, 2.0], [-1.0, 0.0]])
at = {"A": A, "X": X, "B": B, "x": x, "G": G}
for (f, v, program), whole, back in zip(ASKED, found, pulled, strict=True):
    truth = differences(program, at[v])
    assert np.allclose(whole.evaluate(at), truth, atol=1e-7), f
    assert np.allclose(back.evaluate(at), np.tensordot(G, truth), atol=1e-7), f
lesson.agree(
    "how X^2 reacts to the first entry of X",
    found[2].evaluate(at)[:, :, 0, 0],
    differences(lambda v: v @ v, X)[:, :, 0, 0],
)
inverse = np.linalg.inv(X)
lesson.agree("back through inv(X)", pulled[4].evaluate(at), -inverse.T @ G @ inverse.T, "hand")
four_axes = product.evaluate(at)
assert np.allclose(four_axes, differences(lambda v: A @ v @ B, X), atol=1e-7)
stacked = four_axes.transpose(1, 0, 3, 2).reshape(3, 4)
lesson.agree("A*X*B by X, columns stacked", stacked, np.kron(B.T, A), "numpy.kron")

rng = np.random.default_rng(9)
S, T, U = (rng.standard_normal(s) for s in ((2, 3, 2), (2, 2, 2), (2, 3, 2)))
lesson.agree(
    "the batch",
    batched.evaluate({"S": S, "T": T, "G": U}),
    np.stack([s.T @ u for s, u in zip(S, U, strict=True)]),
    "one matrix product after the other",
)
lesson.finish()
