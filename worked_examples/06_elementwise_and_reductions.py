"""Jacobians of entrywise operations, and gradients of sums.

Asked: the Jacobians of w + x, w .* x, w ./ x, max(w, x) by both vectors; the gradients of sums.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Entry by entry, and summed up")
PAIR = {"w": "n", "x": "n", "z": ""}

lesson.say(
    """Entry i of `w.*x` reads only w_i and x_i. So the rate at which it changes with w_j is zero
    unless i = j, and all these Jacobians are diagonal: n numbers, written as an n × n matrix."""
)
w, x, z = np.array([2.0, -1.0, 0.5]), np.array([1.0, 3.0, -2.0]), 1.5
values = {"w": w, "x": x, "z": z}

ENTRYWISE = (
    ("w + x", lambda w, x: w + x),
    ("w - x", lambda w, x: w - x),
    ("w.*x", lambda w, x: w * x),
    ("w./x", lambda w, x: w / x),
    ("max(w,x)", np.maximum),
)
rows = [("f", "by w", "by x")]
jacobians, truth = [], []
for f, program in ENTRYWISE:
    pair = md.derive(f, ["w", "x"], shapes=PAIR)
    rows.append((f"`{f}`", *(f"`{d}`" for d in pair)))
    jacobians += [d.evaluate(values) for d in pair]
    truth += [differences(lambda v, p=program: p(v, x), w)]
    truth += [differences(lambda v, p=program: p(w, v), x)]
lesson.table(
    rows,
    "`step(z)` is 1 where z > 0 and 0 elsewhere: max passes the change of the larger entry.",
    "The table",
)
lesson.agree(
    "the diagonals, two rows for each row of the table",
    [np.diag(j) for j in jacobians],
    [np.diag(t) for t in truth],
)

lesson.show(
    "Why nothing stands off the diagonal",
    md.derive("w.*x", "w", shapes=PAIR),
    "index",
    "The delta is the reason: the rate is zero unless i = j.",
)
lesson.show(
    "Any function, entry by entry",
    md.derive("sigmoid(x)", "x", shapes=PAIR),
    says="The Jacobian has the derivative of the scalar function on its diagonal.",
)

BROADCAST = (("x + z", "x"), ("x + z", "z"), ("x*z", "x"), ("x*z", "z"))
lesson.table(
    [
        ("f", "by", "derivative"),
        *((f"`{f}`", v, f"`{md.derive(f, v, shapes=PAIR)}`") for f, v in BROADCAST),
    ],
    "A number z that goes to every entry has a column as its derivative, one rate for each entry.",
    "A vector and a number",
)

lesson.say(
    """A sum adds up the rows of the Jacobian before it: `ones(n)'*J`. For a diagonal J that is its
    diagonal, so the gradient of `sum(f(x))` is just the derivatives, entry by entry.""",
    "Sums",
)
SUMS = (
    ("sum(x)", "x", lambda v: np.sum(v)),
    ("sum(x*z)", "x", lambda v: np.sum(v * z)),
    ("sum(x*z)", "z", lambda v: np.sum(x * v)),
    ("sum(exp(x))", "x", lambda v: np.sum(np.exp(v))),
    ("w'*x", "w", lambda v: v @ x),
    ("w'*x", "x", lambda v: w @ v),
    ("mean(x)", "x", np.mean),
)
gradients = [md.derive(f, v, shapes=PAIR) for f, v, _ in SUMS]
lesson.table(
    [
        ("f", "by", "gradient"),
        *((f"`{f}`", v, f"`{d}`") for (f, v, _), d in zip(SUMS, gradients, strict=True)),
    ]
)
dot = lesson.show(
    "The dot product as a sum",
    md.derive("sum(w.*x)", "w", shapes=PAIR),
    says="Reduce to entries, differentiate, add up: `ones(n)'*diag(x)` is the row x'.",
)
lesson.agree("the gradient of w'x by w", dot.evaluate(values), x, "hand")
lesson.agree(
    "the gradients of the table, one after the other",
    np.hstack([gradient.evaluate(values) for gradient in gradients]),
    np.hstack([differences(program, values[v]) for _, v, program in SUMS]),
)
lesson.finish()
