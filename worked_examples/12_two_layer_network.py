"""A network with two layers: backpropagation through all of it.

Asked: L = v'*relu(W2*relu(W1*x + b1) + b2). What are the gradients by both weights and biases? And
for a classifier with softmax on top?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("A two-layer network")
NET = {"W1": "h,n", "b1": "h", "W2": "k,h", "b2": "k", "x": "n", "v": "k", "y": "k"}
LOSS = "v'*relu(W2*relu(W1*x + b1) + b2)"

lesson.say(
    """Backpropagation keeps one vector for each layer: delta, the gradient of the loss by what
    enters the activation function. It is handed back by `W'` and the mask; and the gradient by
    the weights of a layer is its delta times the row of its inputs."""
)
PARAMETERS = ["W1", "b1", "W2", "b2"]
gradients = md.derive(LOSS, PARAMETERS, shapes=NET)
lesson.show("The first weights, all the way back", gradients[0])
lesson.show("The second weights stop earlier", gradients[2])
lesson.table(
    [("by", "gradient"), *((d.wrt.name, f"`{d}`") for d in gradients)],
    "Written out in the variables. Everything but the last factor is the same for W and b.",
    "All four",
)

CLASSIFIER = "-y'*log_softmax(W2*relu(W1*x + b1) + b2)"
trained = md.derive(CLASSIFIER, PARAMETERS, shapes=NET, assume={"y": "onehot"})
lesson.show(
    "With softmax on top",
    trained[0],
    "differential",
    """Only the beginning changes: the gradient that enters the network is prediction minus target.
    The differential goes the other way, from the loss inwards.""",
)

rng = np.random.default_rng(3)
values = {
    "W1": rng.standard_normal((4, 3)),
    "b1": rng.standard_normal(4),
    "W2": rng.standard_normal((2, 4)),
    "b2": rng.standard_normal(2),
    "x": rng.standard_normal(3),
    "v": np.array([1.0, 2.0]),
    "y": np.array([0.0, 1.0]),
}


def scores(p: dict[str, np.ndarray]) -> np.ndarray:
    """The second layer before its activation."""
    return p["W2"] @ np.maximum(p["W1"] @ p["x"] + p["b1"], 0) + p["b2"]


def loss(p: dict[str, np.ndarray]) -> float:
    """The first loss as a program."""
    return float(p["v"] @ np.maximum(scores(p), 0))


def classified(p: dict[str, np.ndarray]) -> float:
    """The second loss as a program."""
    z = scores(p)
    return float(np.log(np.exp(z).sum()) - p["y"] @ z)


lesson.say("The four gradients, with four hidden units:", "Numbers")
for derivation in gradients:
    name = derivation.wrt.name
    truth = differences(lambda t, n=name: loss({**values, n: t}), values[name])
    lesson.agree(f"by {name}", derivation.evaluate(values), truth)
lesson.say("And those of the classifier:")
for derivation in trained:
    name = derivation.wrt.name
    truth = differences(lambda t, n=name: classified({**values, n: t}), values[name])
    lesson.agree(f"by {name}", derivation.evaluate(values), truth)
lesson.finish()
