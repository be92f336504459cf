"""What each kind of gate does to the gradient.

Asked: how do addition, multiplication, maximum and a value that is used twice pass a gradient on?
And matrix products, sums and entrywise functions?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Gates and what they do to a gradient")

GATES = (
    ("addition", "(a + b)*3", {"a": 2.0, "b": 5.0}, "distributes: everybody gets the same"),
    ("maximum", "max(a, b)*3", {"a": 2.0, "b": 5.0}, "routes: the larger one gets everything"),
    ("product", "a*b*3", {"a": 2.0, "b": 5.0}, "switches: each gets the other factor"),
    ("copy", "3*(a*a + a)", {"a": 2.0}, "adds up what comes back"),
)
rows = [("gate", "f", "gradients", "what it does")]
for name, f, values, does in GATES:
    gradients = md.graph(f, values=values).backward().gradients
    shown = ", ".join(f"{v}: {float(gradients[v]):g}" for v in values)
    rows.append((name, f"`{f}`", shown, does))
lesson.table(
    rows,
    """Four patterns explain most of backpropagation. At a = 2 and b = 5, with an upstream
    gradient of 3 behind each gate:""",
    "Four gates",
)
for name, f, values, _ in GATES:
    found = md.graph(f, values=values).backward().gradients
    programs = {
        "addition": lambda v: 3 * (v[0] + v[1]),
        "maximum": lambda v: 3 * max(v[0], v[1]),
        "product": lambda v: 3 * v[0] * v[1],
        "copy": lambda v: 3 * (v[0] * v[0] + v[0]),
    }
    truth = differences(programs[name], list(values.values()))
    lesson.agree(name, [found[v] for v in values], truth)

lesson.say(
    """A sum copies its upstream gradient to every entry, and copying a number to many entries
    adds up the gradients that come back: they are each other's transposes. A matrix product
    hands back a product with the other factor transposed. Entrywise functions scale.""",
    "Gates for vectors",
)
rng = np.random.default_rng(11)
W, x, b = rng.standard_normal((2, 3)), rng.standard_normal(3), rng.standard_normal(2)
layer = md.graph("sum(relu(W*x + b).^2)", values={"W": W, "x": x, "b": b})
lesson.draw("A layer and a loss", layer)
lesson.lines(layer.explain())


def loss(W: np.ndarray, x: np.ndarray, b: np.ndarray) -> float:
    """The layer and its loss as a program."""
    return float(np.sum(np.maximum(W @ x + b, 0) ** 2))


gradients = layer.backward().gradients
lesson.agree("by W", gradients["W"], differences(lambda v: loss(v, x, b), W))
lesson.agree("by x", gradients["x"], differences(lambda v: loss(W, v, b), x))
lesson.agree("by b", gradients["b"], differences(lambda v: loss(W, x, v), b))

A, u = rng.standard_normal((3, 3)), rng.standard_normal(3)
twice = md.graph("u'*A*u", values={"A": A, "u": u})
lesson.draw(
    "A vector that is used twice",
    twice,
    "Two ways lead from u to f. What comes back on both is added, and the result is (A + A')*u.",
)
lesson.agree("by u", twice.backward().gradients["u"], (A + A.T) @ u, "hand")
lesson.finish()
