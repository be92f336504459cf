"""One chain rule in six forms: for numbers, vectors, graphs, Jacobians, tensors, and backwards.

Asked: how does d f(g(x))/dx = (df/dg)(dg/dx) read when f, g and x are vectors or matrices?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("The chain rule, from numbers to tensors")

lesson.say(
    """To find how f reacts to x, follow every way from x to f, multiply the rates along a way,
    and add up the ways. All forms of the chain rule say this; they differ in how much
    bookkeeping a matrix product does for you."""
)

lesson.show(
    "Numbers: one way",
    md.derive("exp(sin(t))", "t", shapes={"t": ""}),
    says="The rates are numbers, so their order does not matter.",
)

lesson.show(
    "Vectors: a sum over ways",
    md.derive("a'*sin(t*u)", "t", shapes={"t": "", "a": "n", "u": "n"}),
    "index",
    "The number t reaches f through n intermediate entries; Σ adds up the n ways.",
)

paths = md.graph("sin(x + u) where u = x^2", values={"x": 0.7})
lesson.draw(
    "Graphs: multiply along a way, add up the ways",
    paths,
    """Here x is read by the sum and by the square. What comes back on the two wires is added.""",
)
shares = paths.backward().shares
lesson.agree(
    "the two contributions to x, added",
    sum(share for (source, _), share in shares.items() if source == "x"),
    differences(lambda v: np.sin(v + v**2), 0.7),
)

JACOBIANS = {"A": "m,k", "B": "k,n", "x": "n"}
swapped = "B*diag(1 - tanh(B*x).^2)*A"
by_x = lesson.show(
    "Jacobians: the sums are matrix products",
    md.derive("A*tanh(B*x)", "x", shapes=JACOBIANS),
    says="""Each local derivative is a matrix with a row for each output and a column for each
    input. The sum over the ways through the entries in the middle is exactly a matrix product,
    so the order matters: the last function stands first.""",
)
verdict = md.verify("A*tanh(B*x)", "x", swapped, shapes={**JACOBIANS, "A": "n,n", "B": "n,n"})
lesson.lines(
    verdict,
    f"With square matrices the wrong order `{swapped}` has the right shape too, but:",
)
assert verdict.correct is False

lesson.show(
    "Elementwise functions: diagonal Jacobians",
    md.derive("tanh(sin(x))", "x", shapes={"x": "n"}),
    says="""If entry i of each function reads only entry i, everything off the diagonal is zero,
    and the product of two diagonal matrices multiplies entry by entry.""",
)

TENSORS = {"A": "m,n", "X": "n,p", "B": "p,q"}
by_matrix = lesson.show(
    "Tensors: contract over every output",
    md.derive("A*X*B", "X", shapes=TENSORS, kind="vjp"),
    "index",
    """The derivative of a matrix by a matrix has four axes. The chain rule sums over both
    indices of the output, and the Kronecker deltas make most of that sum disappear.""",
)

backwards = lesson.show(
    "Backwards: vectors instead of matrices",
    md.derive("A*tanh(B*x)", "x", shapes=JACOBIANS, kind="vjp"),
    says="""With an upstream gradient G we never multiply two Jacobians. G is pulled back
    through one function after the other, each time a vector: this is backpropagation.""",
)

rng = np.random.default_rng(0)
A, B, x, G = (rng.standard_normal(s) for s in ((2, 4), (4, 3), 3, 2))
values = {"A": A, "B": B, "x": x, "G": G}
jacobian = differences(lambda v: A @ np.tanh(B @ v), x)
lesson.agree("the Jacobian", by_x.evaluate(values), jacobian)
lesson.agree("G pulled back", backwards.evaluate(values), jacobian.T @ G)

X, C, U = (rng.standard_normal(s) for s in ((4, 3), (3, 2), (2, 2)))
four_axes = differences(lambda M: A @ M @ C, X)
lesson.agree(
    "the tensor contracted with G",
    by_matrix.evaluate({"A": A, "X": X, "B": C, "G": U}),
    np.einsum("ij,ijkl->kl", U, four_axes),
    "differences and a contraction over both output indices",
)
lesson.finish()
