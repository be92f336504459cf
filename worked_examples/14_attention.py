"""Attention: the gradients by queries, keys and values.

Asked: f = softmax(Q*K'/sqrt(d)) * V, softmax along the rows. Given the upstream gradient G, what
are the gradients by Q, K and V?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Attention")
SIZES = {"Q": "m,d", "K": "n,d", "V": "n,k"}
ATTENTION = "softmax(Q*K'/sqrt(d), axis=2)*V"

lesson.say(
    """Each query takes a weighted mean of the values, and the weights say how well it fits the
    keys. It looks frightening and is three familiar things in a row: a matrix product, softmax
    along the rows, a matrix product."""
)
by_q, by_k, by_v = md.derive(ATTENTION, ["Q", "K", "V"], shapes=SIZES, kind="vjp")
lesson.show("By the values: a linear map", by_v, "differential")
lesson.show(
    "By the queries: back through softmax",
    by_q,
    says="""Call the weights P2. What arrives at them is G*V'. Going back through softmax takes
    away, in each row, the mean of what arrived, weighted with P2.""",
)
lesson.show("By the keys: the same, transposed", by_k)

rng = np.random.default_rng(5)
Q, K, V, G = (rng.standard_normal(s) for s in ((2, 3), (4, 3), (4, 2), (2, 2)))
values = {"Q": Q, "K": K, "V": V, "G": G}


def attention(Q: np.ndarray, K: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Attention as a program."""
    weights = np.exp(Q @ K.T / np.sqrt(3))
    return weights / weights.sum(axis=1, keepdims=True) @ V


lesson.agree(
    "by Q", by_q.evaluate(values), differences(lambda v: np.sum(G * attention(v, K, V)), Q)
)
lesson.agree(
    "by K", by_k.evaluate(values), differences(lambda v: np.sum(G * attention(Q, v, V)), K)
)
lesson.agree(
    "by V", by_v.evaluate(values), differences(lambda v: np.sum(G * attention(Q, K, v)), V)
)
lesson.finish()
