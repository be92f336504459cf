"""Backpropagation with numbers on a circuit.

Asked: f = (x + y)*z at x = -2, y = 5, z = -4. What is the derivative of f by every number in the
circuit? The same for a sigmoid neuron.
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("A circuit with numbers")

lesson.say(
    """Draw the expression as a circuit: each gate computes one thing. The forward pass puts a
    value on every wire, from the inputs to f. The backward pass starts with df/df = 1 and goes
    the other way. Each gate receives the gradient of what it computed, multiplies it by its own
    local derivative, and hands the result to what it read: downstream = upstream times local."""
)
at = {"x": -2.0, "y": 5.0, "z": -4.0}
circuit = md.graph("q*z where q = x + y", values=at)
lesson.draw(
    "The circuit of the lecture", circuit, "In the picture values are green and gradients red."
)
lesson.lines(circuit.explain(), "Gate by gate, backwards:")
backward = circuit.backward()
for what, names, expected in (
    ("values", ("q", "f"), (3, -12)),
    ("gradients", ("f", "q", "z", "x", "y"), (1, -4, 3, -4, -4)),
):
    found = [getattr(backward, what)[name] for name in names]
    lesson.agree(f"the {what} of {', '.join(names)}", found, expected, "the lecture")

lesson.say(
    """No gate has to know the whole circuit. That is why the method scales: a gate needs its
    inputs, its output, and the gradient that arrives."""
)

NEURON = "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))"
weights = {"w0": 2.0, "x0": -1.0, "w1": -3.0, "x1": -2.0, "w2": -3.0}
neuron = md.graph(NEURON, values=weights)
lesson.draw(
    "A sigmoid neuron, gate by gate",
    neuron,
    """Four gates for the score, four for the sigmoid. exp hands back its own value, 1/u hands back
    -1/u^2, and products exchange their factors.""",
)
folded = md.graph(NEURON, values=weights, fold=True)
lesson.draw(
    "The same with one gate for the sigmoid",
    folded,
    """The derivative of the sigmoid is sigmoid*(1 - sigmoid), so four gates become one, and the
    gradients before it are the same: 0.73*(1 - 0.73) = 0.2.""",
)


def program(v: np.ndarray) -> float:
    """The neuron as a program of its five numbers."""
    w0, x0, w1, x1, w2 = v
    return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


numbers = list(weights.values())
found = neuron.backward()
gradients = [found.gradients[name] for name in weights]
lesson.agree("the output", found.values["f"], program(np.array(numbers)), "NumPy")
lesson.agree(f"gradients by {', '.join(weights)}", gradients, differences(program, numbers))
lesson.agree(
    "with one gate for the sigmoid",
    [folded.backward().gradients[name] for name in weights],
    gradients,
    "the circuit gate by gate",
)
lesson.finish()
