"""Modules of networks: values, and gradients by every parameter and input, are those of PyTorch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from matderiv.doors.gradients import pullbacks
from matderiv.errors import ParseError
from matderiv.numeric.evaluate import evaluate

torch = pytest.importorskip("torch")
F = torch.nn.functional
SPLIT = "where i = a[1:{0}], f = a[{1}:{2}], g = a[{3}:{4}], o = a[{5}:{6}], a = W*x + U*h + b"


class Module(NamedTuple):
    """A module in the text language and in PyTorch, with the shapes it is tried at.

    `labels` are arrays of whole numbers from 1 to the number said, which PyTorch gets from 0;
    `zero_one` are masks. Values are positive, and below 1, for the names in `inside`.
    """

    text: str
    torch: Callable[..., Any]
    shapes: tuple[dict[str, str], ...]
    labels: dict[str, int] = {}  # noqa: RUF012  (a NamedTuple's default, never changed)
    zero_one: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


def of_one(text: str, function: Callable[..., Any]) -> Module:
    return Module(text, function, ({"X": "3,4"}, {"X": "5"}, {"X": "2,3,4"}))


def correlated(axes: int, x: str, w: str, *steps: int) -> Module:
    """A convolution of one layer; plain arrays have one example and one channel."""
    numbers = "".join(f",{k}" for k in steps)
    own = {1: F.conv1d, 2: F.conv2d}[axes]

    def whole(X: Any, W: Any) -> Any:
        if W.ndim == axes:
            return own(X[None, None], W[None, None], None, *steps)[0, 0]
        return own(X, W, None, *steps)

    return Module(f"conv{axes}d(X,W{numbers})", whole, ({"X": x, "W": w},))


def lstm(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
    cell = torch.nn.LSTMCell(len(x), len(h), dtype=torch.float64)
    parameters = {"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, parameters, (x[None], (h[None], c[None])))[0][0]


def gru(x: Any, h: Any, W: Any, U: Any, b: Any, e: Any) -> Any:
    cell = torch.nn.GRUCell(len(x), len(h), dtype=torch.float64)
    parameters = {"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": e}
    return torch.func.functional_call(cell, parameters, (x[None], h[None]))[0]


def rotated(x: Any, t: Any) -> Any:
    """Each pair (x_i, x_(i+k)) is turned by t_i, as complex numbers."""
    first, second = x.chunk(2)
    turned = torch.complex(first, second) * torch.polar(torch.ones_like(t), t)
    return torch.cat([turned.real, turned.imag])


ACTIVATIONS = {
    **{name: getattr(torch, name) for name in ("relu", "sigmoid", "tanh", "exp", "abs")},
    **{name: getattr(F, name) for name in ("gelu", "silu", "softplus", "elu", "selu", "relu6")},
    **{name: getattr(F, name) for name in ("hardtanh", "softsign", "mish", "logsigmoid")},
    "hardsigmoid": lambda X: torch.clamp(X / 6 + 0.5, 0, 1),  # the slope of its own is a float32
    "hardswish": F.hardswish,
    "tanhshrink": F.tanhshrink,
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "swish": F.silu,
    "exp2": torch.exp2,
    "sech": lambda X: 1 / torch.cosh(X),
    "coth": lambda X: 1 / torch.tanh(X),
    "reciprocal": torch.reciprocal,
    "leaky_relu": F.leaky_relu,
}
ROWS = ({"X": "3,4"}, {"X": "5,2"})
PAIR = ({"X": "3,4", "Y": "3,4"}, {"X": "5", "Y": "5"})
LAYER = ({"X": "5,4", "W": "3,4", "b": "3"}, {"X": "2,3", "W": "4,3", "b": "4"})
CAUSAL = "masked_softmax(X, tril(ones({0},{0})))"


def masked(X: Any, M: Any) -> Any:
    return F.softmax(X.masked_fill(M == 0, -torch.inf), 1)


def cell(gates: int, rows: int, *states: str) -> dict[str, str]:
    """The shapes of a step of a recurrent network; of one example where there are no rows."""
    inputs = dict.fromkeys(states, f"{rows},3") | {"X": f"{rows},4"}
    given = {n: inputs[n] for n in ("X", *states)}
    high = 3 * gates
    return {**given, "W": f"{high},4", "U": f"{high},3", "b": f"{high}", "e": f"{high}"}


CELL = (cell(1, 5, "H"), {"x": "4", "h": "3", "W": "3,4", "U": "3,3", "b": "3", "e": "3"})

MODULES: dict[str, Module] = {
    **{name: of_one(f"{name}(X)", own) for name, own in ACTIVATIONS.items()},
    "elu down to": Module("elu(X, 0.3)", lambda X: F.elu(X, 0.3), ({"X": "3,4"}, {"X": "5"})),
    "cosine similarity": Module(
        "cosine_similarity(x, y)",
        lambda x, y: F.cosine_similarity(x, y, 0),
        ({"x": "5", "y": "5"}, {"x": "2", "y": "2"}),
    ),
    "linear": Module(
        "W*x + b", lambda x, W, b: F.linear(x, W, b), ({"x": "4", "W": "3,4", "b": "3"},)
    ),
    "linear of rows": Module("X*W' + ones(n)*b'", F.linear, LAYER),
    "batched product": Module(
        'einsum("bij,bjk->bik", A, B)',
        torch.bmm,
        ({"A": "2,3,4", "B": "2,4,5"}, {"A": "1,3,2", "B": "1,2,4"}),
    ),
    "softmax": Module("softmax(X, 2)", lambda X: F.softmax(X, 1), ROWS),
    "log_softmax": Module("log_softmax(X, 2)", lambda X: F.log_softmax(X, 1), ROWS),
    "logsumexp": Module("logsumexp(X, 2)", lambda X: torch.logsumexp(X, 1), ROWS),
    "masked softmax": Module(
        "masked_softmax(X, M)",
        masked,
        ({"X": "3,4", "M": "3,4"}, {"X": "5,2", "M": "5,2"}),
        zero_one=("M",),
    ),
    **{
        f"causal softmax of {n}": Module(
            CAUSAL.format(n),
            lambda X: masked(X, torch.tril(torch.ones_like(X))),
            ({"X": f"{n},{n}"},),
        )
        for n in (3, 5)
    },
    "cross entropy of logits and labels": Module(
        "-sum(onehot(y,4).*log_softmax(Z,2))/3",
        lambda Z, y: F.cross_entropy(Z, y),
        ({"Z": "3,4", "y": "3"},),
        labels={"y": 4},
    ),
    "cross entropy of probabilities": Module("cross_entropy(X, Y)", F.cross_entropy, PAIR[:1]),
    "nll of labels": Module(
        "-sum(onehot(y,4).*L)/3", F.nll_loss, ({"L": "3,4", "y": "3"},), labels={"y": 4}
    ),
    "bce": Module("bce(X, Y)", F.binary_cross_entropy, PAIR, inside=("X", "Y")),
    "bce of logits": Module("bce_logits(X, Y)", F.binary_cross_entropy_with_logits, PAIR),
    "mse": Module("mse(X, Y)", F.mse_loss, PAIR),
    "l1": Module("mean(abs(X - Y))", F.l1_loss, PAIR),
    "huber": Module("mean(huber(X - Y, 1))", F.huber_loss, PAIR),
    "smooth l1": Module(
        "mean(huber(X - Y, 0.5)/0.5)", lambda X, Y: F.smooth_l1_loss(X, Y, beta=0.5), PAIR
    ),
    "kl_div": Module(
        "sum(Y.*(log(Y) - X))", lambda X, Y: F.kl_div(X, Y, reduction="sum"), PAIR, inside=("Y",)
    ),
    "soft margin": Module(
        "mean(softplus((1 - 2*Y).*X))",
        lambda X, Y: F.soft_margin_loss(X, 2 * Y - 1),
        PAIR,
        zero_one=("Y",),
    ),
    "layer norm": Module(
        "layernorm(X).*(ones(n)*g') + ones(n)*b'",
        lambda X, g, b: F.layer_norm(X, X.shape[1:], g, b),
        ({"X": "3,4", "g": "4", "b": "4"}, {"X": "2,5", "g": "5", "b": "5"}),
    ),
    "rms norm": Module("rmsnorm(X, 0.01)", lambda X: F.rms_norm(X, X.shape[1:], eps=0.01), ROWS),
    "batch norm": Module(
        "batchnorm(X)", lambda X: F.batch_norm(X, None, None, training=True), ROWS
    ),
    "group norm": Module(
        "groupnorm(X, 2)", lambda X: F.group_norm(X, 2), ({"X": "3,4"}, {"X": "5,6"})
    ),
    "recurrent cell": Module(
        "rnn_cell(x, h, W, U, b, e)",
        lambda x, h, W, U, b, e: torch.rnn_tanh_cell(x[None], h[None], W, U, b, e)[0],
        CELL[1:2],
    ),
    "recurrent cell of rows": Module("rnn_cell(X, H, W, U, b, e)", torch.rnn_tanh_cell, CELL[:1]),
    **{
        f"{name} of rows": Module(
            f"{name}(X, H, C, W, U, b, e)",
            lambda X, H, C, W, U, b, e, k=k: torch.lstm_cell(X, (H, C), W, U, b, e)[k],
            (cell(4, 5, "H", "C"),),
        )
        for k, name in enumerate(("lstm_cell", "lstm_memory"))
    },
    "gru cell of rows": Module("gru_cell(X, H, W, U, b, e)", torch.gru_cell, (cell(3, 5, "H"),)),
    "dropout with a mask": Module(
        "dropout(X, M, 0.2)",
        lambda X, M: X * M / 0.8,
        ({"X": "3,4", "M": "3,4"},),
        zero_one=("M",),
    ),
    "rotary embedding of rows": Module(
        "rope(X, T)",
        lambda X, T: torch.stack([rotated(x, t) for x, t in zip(X, T, strict=True)]),
        ({"X": "3,4", "T": "3,2"}, {"X": "2,6", "T": "2,3"}),
    ),
    "attention": Module(
        "attention(Q, K, V)",
        F.scaled_dot_product_attention,
        ({"Q": "3,4", "K": "5,4", "V": "5,2"}, {"Q": "2,3", "K": "2,3", "V": "2,3"}),
    ),
    "causal attention": Module(
        "masked_softmax(Q*K'/sqrt(2), tril(ones(4,4)))*V",
        lambda Q, K, V: F.scaled_dot_product_attention(Q, K, V, is_causal=True),
        ({"Q": "4,2", "K": "4,2", "V": "4,3"},),
    ),
    "conv1d": correlated(1, "7", "3"),
    "conv1d, stride": correlated(1, "8", "3", 2),
    "conv1d, padding and dilation": correlated(1, "8", "3", 1, 2, 2),
    "conv1d, channels": correlated(1, "3,8", "4,3,2", 2, 1),
    "conv1d, groups of examples": correlated(1, "2,4,8", "6,2,3", 1, 1, 1, 2),
    "conv1d, each channel alone": correlated(1, "2,4,8", "4,1,3", 1, 1, 1, 4),
    "conv1d, one channel": correlated(1, "1,8", "4,1,3", 1, 1),
    "conv2d": correlated(2, "7,6", "3,2"),
    "conv2d, all steps": correlated(2, "7,6", "3,2", 2, 1, 2),
    "conv2d, examples": correlated(2, "2,3,5,6", "4,3,3,2", 1, 1),
    "conv2d, one example": correlated(2, "3,5,6", "4,3,3,2", 2),
    "conv2d, groups": correlated(2, "2,4,5,6", "6,2,3,3", 1, 1, 1, 2),
    "conv2d of 1 by 1": correlated(2, "1,2,5,5", "3,2,1,1"),
    "conv2d to one entry": correlated(2, "1,1,4,5", "1,1,4,5"),
    "conv1d with a bias": Module(
        "conv1d(X,W) + b*ones(6)'", F.conv1d, ({"X": "3,8", "W": "4,3,3", "b": "4"},)
    ),
    "max pool": Module("maxpool(x,3)", lambda x: F.max_pool1d(x[None], 3)[0], ({"x": "6"},)),
    "max pool that overlaps": Module(
        "maxpool(x,3,2)", lambda x: F.max_pool1d(x[None], 3, 2)[0], ({"x": "7"}, {"x": "8"})
    ),
    "average pool": Module(
        "avgpool(x,3,stride=2)", lambda x: F.avg_pool1d(x[None], 3, 2)[0], ({"x": "7"}, {"x": "6"})
    ),
    "max pool of images": Module(
        "maxpool2d(X,2)", lambda X: F.max_pool2d(X, 2), ({"X": "2,5,4"}, {"X": "2,3,4,4"})
    ),
    "average pool of images": Module(
        "avgpool2d(X,2,1)", lambda X: F.avg_pool2d(X, 2, 1), ({"X": "2,5,4"}, {"X": "1,3,4,4"})
    ),
    "embedding": Module(
        "rows(E, y)", lambda E, y: F.embedding(y, E), ({"E": "5,3", "y": "4"},), labels={"y": 5}
    ),
    "embedding of a list": Module(
        "rows(E, [1,3,2])", lambda E: F.embedding(torch.tensor([0, 2, 1]), E), ({"E": "5,3"},)
    ),
    "gather": Module(
        "sum(onehot(y,4).*X, 2)",
        lambda X, y: X.gather(1, y[:, None])[:, 0],
        ({"X": "3,4", "y": "3"},),
        labels={"y": 4},
    ),
    "RNN step": Module(
        "tanh(W*x + U*h + b)",
        lambda x, h, W, U, b: torch.func.functional_call(
            torch.nn.RNNCell(4, 3, dtype=torch.float64),
            {"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": 0 * b},
            (x[None], h[None]),
        )[0],
        ({"x": "4", "h": "3", "W": "3,4", "U": "3,3", "b": "3"},),
    ),
    "LSTM step": Module(
        "sigmoid(o).*tanh(sigmoid(f).*c + sigmoid(i).*tanh(g)) "
        + SPLIT.format(3, 4, 6, 7, 9, 10, 12),
        lstm,
        ({"x": "4", "h": "3", "c": "3", "W": "12,4", "U": "12,3", "b": "12"},),
    ),
    "GRU step": Module(
        "(1 - z).*n + z.*h where z = sigmoid(p[3:4] + q[3:4]), "
        "n = tanh(p[5:6] + sigmoid(p[1:2] + q[1:2]).*q[5:6]), p = W*x + b, q = U*h + e",
        gru,
        ({"x": "3", "h": "2", "W": "6,3", "U": "6,2", "b": "6", "e": "6"},),
    ),
    "cumsum": Module("cumsum(x)", lambda x: torch.cumsum(x, 0), ({"x": "5"}, {"x": "2"})),
    "cumsum of columns": Module("cumsum(X, 1)", lambda X: torch.cumsum(X, 0), ROWS),
    "cumsum of rows": Module("cumsum(X, axis=2)", lambda X: torch.cumsum(X, 1), ROWS),
    "flip": Module("flip(x)", lambda x: torch.flip(x, (0,)), ({"x": "5"},)),
    "flip of rows": Module("flip(X, 2)", lambda X: torch.flip(X, (1,)), ROWS),
    "roll": Module("roll(x, 2)", lambda x: torch.roll(x, 2), ({"x": "5"}, {"x": "3"})),
    "roll back along rows": Module("roll(X, -1, 2)", lambda X: torch.roll(X, -1, 1), ROWS),
    "roll of a tensor": Module(
        "roll(X, 1, axis=3)", lambda X: torch.roll(X, 1, 2), ({"X": "2,3,4"},)
    ),
    "concatenate": Module(
        "[x; y]", lambda x, y: torch.cat([x, y]), ({"x": "5", "y": "2"}, {"x": "1", "y": "3"})
    ),
    "concatenate columns": Module(
        "[X, Y]", lambda X, Y: torch.cat([X, Y], 1), ({"X": "3,4", "Y": "3,2"},)
    ),
    "stack": Module("[x'; y']", lambda x, y: torch.stack([x, y]), ({"x": "5", "y": "5"},)),
    "reshape": Module(
        "unvec(vec(X'), 6, 2)'", lambda X: X.reshape(2, 6), ({"X": "3,4"}, {"X": "4,3"})
    ),
    "permute": Module("permute(T,3,1,2)", lambda T: T.permute(2, 0, 1), ({"T": "2,3,4"},)),
    "slice": Module("x[2:4]", lambda x: x[1:4], ({"x": "5"}, {"x": "7"})),
    "rotary embedding": Module(
        "x.*[cos(t); cos(t)] + [-x[3:4]; x[1:2]].*[sin(t); sin(t)]",
        rotated,
        ({"x": "4", "t": "2"},),
    ),
    "residual block": Module(
        "x + V*relu(W*x + b)",
        lambda x, W, V, b: x + V @ F.relu(W @ x + b),
        ({"x": "3", "W": "5,3", "V": "3,5", "b": "5"},),
    ),
    "two layers": Module(
        "cross_entropy(relu(X*W + ones(3)*b')*V + ones(3)*c', Y)",
        lambda X, W, b, V, c, Y: F.cross_entropy(F.relu(X @ W + b) @ V + c, Y),
        ({"X": "3,4", "W": "4,5", "b": "5", "V": "5,2", "c": "2", "Y": "3,2"},),
    ),
}
CASES = [(name, k) for name, module in MODULES.items() for k in range(len(module.shapes))]


def values_of(module: Module, shapes: dict[str, str], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in shapes.items():
        sizes = tuple(map(int, shape.split(",")))
        if name in module.labels:
            found[name] = rng.integers(1, module.labels[name] + 1, sizes) * 1.0
        elif name in module.zero_one:
            found[name] = (rng.uniform(size=sizes) < 0.6) * 1.0
            found[name][..., 0] = 1.0
        else:
            inside = name in module.inside
            found[name] = rng.uniform(0.1, 0.9, sizes) if inside else rng.normal(size=sizes)
    return found


LOSSES = {
    **dict.fromkeys(("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"), "X, P"),
    **{"binary_cross_entropy": "P, R", "binary_cross_entropy_with_logits": "X, R"},
    **{"poisson_nll_loss": "X, R", "soft_margin_loss": "X, M", "hinge_embedding_loss": "P, M"},
    **{"margin_ranking_loss": "X, P, M", "cross_entropy": "Z, y", "nll_loss": "Z, y"},
}
BY_NAME = (
    *(f"F.{f}(X)" for f in "celu selu relu6 silu mish softplus gelu hardtanh hardswish".split()),
    *(f"F.{f}(X)" for f in "logsigmoid softsign softshrink hardshrink tanhshrink".split()),
    *("F.elu(X, 0.5)", "F.leaky_relu(X, 0.2)", "F.softplus(X, beta=2)", "F.threshold(X, 0.3, 0.1)"),
    *("F.gelu(X, approximate='tanh')", "F.softmin(X, dim=1)", "F.log_softmax(X, dim=1)"),
    *("F.softmax(X, dim=0)", "F.normalize(X, dim=1)", "F.cosine_similarity(X, P)"),
    *(
        "F.rms_norm(X, (4,))",
        "torch.stack([x, x])",
        "torch.cat([X, P], dim=1)",
        "torch.cat([X, P])",
    ),
    *(
        "torch.clamp(X, 0.2, 0.5)",
        "torch.where(X > 0.5, X, P)",
        "X.permute(1, 0) @ P",
        "X.flatten()",
    ),
    *("torch.logsumexp(X, dim=1)", "X.var(dim=1, unbiased=False)", "torch.amax(X, dim=1)"),
    *("torch.tanh(X[:, 1:3])", "torch.exp(x[1:])", "torch.sum(x[:-1] * x[1:])"),
)
PYTHON = (
    *(f"F.{f}({a})" for f, a in LOSSES.items()),
    *(f"F.{f}({a}, reduction='{how}')" for f, a in LOSSES.items() for how in ("sum", "none")),
    *BY_NAME,
    *("torch.cumsum(x, 0)", "torch.cumsum(X, dim=1)", "torch.flip(X, (0,))", "torch.roll(x, 2)"),
    *("torch.flip(X, [0, 1])", "torch.fliplr(X)", "torch.roll(X, -1, dims=1)"),
    *("F.one_hot(y, 4) * Z", "F.embedding(y, E)", "torch.tanh(E[y])"),
    *("F.cross_entropy(Z, y)", "F.cross_entropy(Z, y, reduction='sum')"),
    *("F.nll_loss(F.log_softmax(Z, dim=1), y)", "F.nll_loss(Z, y, reduction='sum')"),
    *("F.kl_div(Z, P, reduction='sum')", "F.kl_div(Z, P, reduction='batchmean')"),
    *("F.layer_norm(X, (4,))", "F.layer_norm(X, (4,), g, c)", "F.group_norm(X, 2)"),
    "F.batch_norm(X, None, None, training=True)",
    "F.scaled_dot_product_attention(Q, K, V)",
    "F.scaled_dot_product_attention(Q, K, V, is_causal=True)",
    *(f"torch.softmax(Q @ K.{t}, dim=-1) @ V" for t in ("t()", "transpose(-2, -1)", "mT")),
    *("F.conv1d(T, W)", "F.conv1d(T, W, None, 2, 1)", "F.conv1d(T, W, stride=2, dilation=2)"),
    *("F.max_pool1d(T, 3)", "F.avg_pool1d(T, 2, stride=1)", "F.max_pool2d(T, 2)"),
    *("torch.linalg.qr(E)[0]**2", "torch.linalg.qr(E).R**2", "torch.linalg.eigh(E.T @ E)[1]**2"),
    *(f"torch.linalg.svd({n}, full_matrices=False)[{k}]**2" for n in "EX" for k in (0, 1, 2)),
    *(f"torch.lstm_cell(I, (H, C), A, B, d, d)[{k}]" for k in (0, 1)),
    "torch.lstm_cell(I, hx=(H, C), w_ih=A, w_hh=B)[0]",
    *("X.chunk(2, 1)[0]", "torch.split(X, 2, dim=1)[1]"),
    *("torch.gru_cell(I, H, A[:9], B[:9], d[:9], d[3:])", "F.dropout(X, 0.4, training=False)"),
    *("torch.rnn_tanh_cell(I, H, A[:3], B[:3])", "torch.rnn_tanh_cell(I, H, A[3:6], B[:3], w, w)"),
    *("X.reshape(2, 6)", "X.reshape(4, 3) @ X", "F.linear(X, U, c2)", "F.linear(g, U, c2)"),
)
SIZES = {"X": (3, 4), "x": (5,), "Z": (3, 4), "P": (3, 4), "E": (6, 4), "Q": (4, 2), "K": (4, 2)}
SIZES |= {"V": (4, 3), "T": (2, 3, 8), "W": (4, 3, 3), "g": (4,), "c": (4,), "U": (5, 4)}
SIZES |= {"I": (2, 4), "H": (2, 3), "C": (2, 3), "A": (12, 4), "B": (12, 3), "d": (12,)}
SIZES |= {"c2": (5,), "w": (3,), "y": (3,), "R": (3, 4), "M": (3, 4)}


def arrays_in(text: str) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    drawn = {n: rng.uniform(0.1, 0.9, s) for n, s in SIZES.items()}
    drawn["y"] = np.array([2.0, 0.0, 3.0])
    drawn["M"] = np.where(drawn["M"] < 0.5, 1.0, -1.0)
    words = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"\.\w+|\w+=|'\w+'", "", text)))
    return {n: v for n, v in drawn.items() if n in words}


@pytest.mark.parametrize("text", PYTHON)
def test_a_formula_of_pytorch_is_what_pytorch_computes(text: str) -> None:
    values = arrays_in(text)
    free = [n for n in values if n not in ("y", "M")]
    shapes = {n: ",".join(map(str, v.shape)) for n, v in values.items()}
    both = pullbacks(text, free, shapes=shapes)
    tensors = {n: torch.tensor(v, requires_grad=n in free) for n, v in values.items()}
    tensors |= {"y": tensors["y"].long()} if "y" in values else {}
    wanted = eval(text, {"torch": torch, "F": F, **tensors}) * 1.0
    value = evaluate(both.seeded[0] if both.seeded else both.f, values)
    np.testing.assert_allclose(value, wanted.detach().numpy(), rtol=1e-9)
    G = np.random.default_rng(9).normal(size=np.shape(value))
    wanted.backward(torch.tensor(G))
    for n, gradient in zip(free, both({**values, "G": G})[1], strict=True):
        np.testing.assert_allclose(gradient, tensors[n].grad.numpy(), rtol=1e-9, atol=1e-12)


NUMPY = (
    *("np.cumsum(x)", "np.cumsum(X, axis=0)", "np.cumsum(X, 1)", "np.flip(x)", "np.flip(X)"),
    *("np.flip(X, axis=1)", "np.flip(X, 0)", "np.flipud(X)", "np.roll(x, 1)", "np.roll(X, -1, 1)"),
    *("np.convolve(x, w)", "np.convolve(x, w, mode='valid')", "np.correlate(x, w, 'valid')"),
    *("np.correlate(x, w, 'full')", "np.correlate(x, w)", "np.reshape(X, (2, 6))"),
    *("np.split(X, 2, axis=1)[1]", "np.split(x, 5)[2]"),
)


@pytest.mark.parametrize("text", NUMPY)
def test_a_formula_of_numpy_is_what_numpy_computes(text: str) -> None:
    values = arrays_in(text)
    shapes = {n: ",".join(map(str, v.shape)) for n, v in values.items()}
    both = pullbacks(text, list(values), shapes=shapes)
    assert both.seeded is not None
    np.testing.assert_allclose(evaluate(both.seeded[0], values), eval(text, {"np": np, **values}))


def test_an_axis_that_numpy_flattens_and_a_bias_are_refused_by_name() -> None:
    for text, name in (
        ("np.cumsum(X)", "cumsum"),
        ("np.roll(X, 1)", "roll"),
        ("F.conv1d(T, W, g)", "conv1d"),
    ):
        with pytest.raises(ParseError, match=name):
            pullbacks(text, text[-2], shapes={"X": "3,4", "T": "2,3,8", "W": "4,3,3", "g": "4"})


def test_the_table_has_every_kind_of_module() -> None:
    assert len(MODULES) >= 70


@pytest.mark.parametrize(("name", "k"), CASES, ids=[f"{n}-{k}" for n, k in CASES])
def test_a_module_is_that_of_pytorch(name: str, k: int) -> None:
    module, shapes = MODULES[name], MODULES[name].shapes[k]
    text = module.text.replace("ones(n)", f"ones({shapes.get('X', '1').split(',')[0]})")
    values = values_of(module, shapes, seed=k)
    free = [n for n in shapes if n not in module.labels and n not in module.zero_one]
    both = pullbacks(text, free, shapes=shapes)
    assert both.seeded is not None or both.f.shape == ()
    whole = both.seeded[0] if both.seeded else both.f

    tensors = {
        n: torch.tensor(v - 1, dtype=torch.long)
        if n in module.labels
        else torch.tensor(v, requires_grad=n in free)
        for n, v in values.items()
    }
    wanted = module.torch(*tensors.values())
    value = evaluate(whole, values)
    assert np.shape(value) == tuple(wanted.shape)
    np.testing.assert_allclose(value, wanted.detach().numpy(), rtol=1e-9, atol=1e-9)

    G = np.random.default_rng(9).normal(size=np.shape(value))
    wanted.backward(torch.tensor(G))
    _, gradients = both({**values, "G": G})
    for n, gradient in zip(free, gradients, strict=True):
        truth = tensors[n].grad.numpy()
        assert np.shape(gradient) == truth.shape, n
        np.testing.assert_allclose(gradient, truth, rtol=1e-9, atol=1e-9, err_msg=n)
