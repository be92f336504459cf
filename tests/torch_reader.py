"""The independent reader of texts over torch tensors, so that automatic derivatives are the truth.

It shares the grammar of `reader` and no code with `matderiv`. Everything is held with two axes,
vectors as columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import reader
import torch

Tensor = Any

torch.set_default_dtype(torch.float64)


def number(value: float) -> Tensor:
    """A constant with two axes."""
    return torch.full((1, 1), float(value))


def logaddexp(x: Tensor) -> Tensor:
    """log(1 + exp(x)), with derivatives of every order."""
    return torch.relu(x) + torch.log1p(torch.exp(-torch.abs(x)))


ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    **{n: getattr(torch, n) for n in "exp log log1p expm1 sqrt abs sign square sin cos".split()},
    **{n: getattr(torch, n) for n in "tan arcsin arccos arctan sinh cosh tanh sigmoid".split()},
    "erf": torch.erf,
    "relu": torch.relu,
    "step": lambda x: (x > 0).to(x.dtype),
    "softplus": lambda x: torch.log1p(torch.exp(x)),
    "silu": lambda x: x * torch.sigmoid(x),
    "gelu": lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2,
    "elu": lambda x: torch.where(x > 0, x, torch.expm1(torch.clamp(x, max=0.0))),
}
MATRIX: dict[str, Callable[..., Tensor]] = {
    "tr": torch.trace,
    "det": torch.linalg.det,
    "logdet": lambda x: torch.log(torch.linalg.det(x)),
    "adj": lambda x: torch.linalg.det(x) * torch.linalg.inv(x),
    "pinv": torch.linalg.pinv,
    "inv": torch.linalg.inv,
    "tril": torch.tril,
    "triu": torch.triu,
    "solve": torch.linalg.solve,
    "kron": lambda a, b: (a[:, None, :, None] * b[None, :, None, :]).reshape(
        a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]
    ),
    "vec": lambda x: x.T.reshape(-1, 1),
    "outer": lambda x, y: x @ y.T,
    "dot": lambda x, y: torch.sum(x * y),
    "norm1": lambda x: torch.sum(torch.abs(x)),
    "norm2": lambda x: torch.sqrt(torch.sum(x * x)),
    "norminf": lambda x: torch.max(torch.abs(x)),
    "vector": lambda x: x,
    "matrix": lambda x: x,
    "quadform": lambda x, a: x.T @ a @ x,
    "mse": lambda a, b: torch.mean((a - b) ** 2),
    "bce_logits": lambda z, y: torch.mean(torch.log1p(torch.exp(z)) - y * z),
    "hinge": lambda z, y: torch.mean(torch.relu(1 - y * z)),
    "kl": lambda p, q: torch.sum(p * torch.log(p / q)),
    "layernorm": lambda x, eps: standardised(x, eps),
}


INVERTED = ("det", "logdet", "adj", "inv", "solve")
CONDITIONS: list[float] = []
"""How near to singular each matrix was that a determinant or an inverse was taken of."""


def standardised(x: Tensor, eps: Tensor) -> Tensor:
    """Each row less its mean, over the root of its variance plus eps."""
    shifted = x - x.mean(dim=1, keepdim=True)
    return shifted / torch.sqrt((shifted**2).mean(dim=1, keepdim=True) + eps)


class Evaluation:
    """The value of a tree for given tensors and sizes."""

    def __init__(self, values: Mapping[str, Tensor], sizes: Mapping[str, int]) -> None:
        self.values, self.sizes = values, sizes

    def value(self, node: reader.Node) -> Tensor:
        kind = node[0]
        if kind == "number":
            return number(node[1])
        if kind == "name":
            name = node[1]
            return self.values[name] if name in self.values else number(self.sizes[name])
        if kind == "transpose":
            return self.value(node[1]).T
        if kind == "binary":
            return self.binary(node[1], self.value(node[2]), self.value(node[3]))
        return self.call(*node[1:])

    def binary(self, op: str, a: Tensor, b: Tensor) -> Tensor:
        if op in ("*", "@"):
            return a @ b if a.shape[1] == b.shape[0] else a * b
        if op in ("^", ".^"):
            k = float(b)
            if op == "^" and a.numel() > 1:
                return torch.linalg.matrix_power(a, int(k))
            return a ** (int(k) if k == int(k) else k)
        if op in reader.COMPARED:
            compared = {">": torch.gt, "<": torch.lt, ">=": torch.ge, "<=": torch.le}
            return compared[op](a, b).to(a.dtype)
        return {"+": torch.add, "-": torch.sub, ".*": torch.mul}.get(op, torch.div)(a, b)

    def call(self, name: str, args: Sequence[reader.Node], axis: reader.Node | None) -> Tensor:
        if name in ("eye", "ones"):
            sizes = [int(self.value(a)) for a in args]
            return torch.eye(sizes[0]) if name == "eye" else torch.ones((*sizes, 1)[:2])
        if name == "einsum":
            return self.contraction(args[0][1], [self.value(a) for a in args[1:]])
        given = [self.value(a) for a in args]
        along = None if axis is None else int(self.value(axis)) - 1
        if name in ("sum", "mean", "prod", "max", "min", "var") and (
            len(given) == 1 or name not in ("max", "min")
        ):
            along = int(given[1]) - 1 if len(given) == 2 else along
            return reduction(name, given[0], along)
        if name in ("softmax", "log_softmax", "logsumexp"):
            along = int(given[1]) - 1 if len(given) == 2 else along
            return normalised(name, given[0], along)
        return applied(name, given)

    def contraction(self, pattern: str, operands: list[Tensor]) -> Tensor:
        letters = pattern.split("->")[0].split(",")
        pairs = zip(letters, operands, strict=True)
        found = torch.einsum(pattern, *(x.reshape(-1) if len(t) == 1 else x for t, x in pairs))
        return found.reshape(-1, 1) if found.ndim < 2 else found


def reduction(name: str, x: Tensor, along: int | None) -> Tensor:
    """A reduction of everything or along an axis, which stays."""
    if along is None:
        x, along = x.reshape(-1, 1), 0
    if name in ("max", "min"):
        return (torch.amax if name == "max" else torch.amin)(x, dim=along, keepdim=True)
    if name == "var":
        return ((x - x.mean(dim=along, keepdim=True)) ** 2).mean(dim=along, keepdim=True)
    return getattr(torch, name)(x, dim=along, keepdim=True)


def normalised(name: str, x: Tensor, along: int | None) -> Tensor:
    """softmax, log_softmax and logsumexp."""
    if along is None:
        along = 0 if x.shape[1] == 1 else 1
    top = torch.amax(x.detach(), dim=along, keepdim=True)
    total = top + torch.log(torch.exp(x - top).sum(dim=along, keepdim=True))
    if name == "logsumexp":
        return total
    return torch.exp(x - total) if name == "softmax" else x - total


def applied(name: str, given: list[Tensor]) -> Tensor:
    """A function of one or more tensors."""
    x = given[0]
    if name in ELEMENTWISE:
        return ELEMENTWISE[name](x)
    if name in ("max", "min"):
        return (torch.maximum if name == "max" else torch.minimum)(*torch.broadcast_tensors(*given))
    if name == "where":
        return torch.where(x != 0, given[1], given[2])
    if name == "leaky_relu":
        return torch.where(x > 0, x, given[1] * x)
    if name == "huber":
        outside = given[1] * (torch.abs(x) - given[1] / 2)
        return torch.where(torch.abs(x) <= given[1], x * x / 2, outside)
    if name == "unvec":
        return x.reshape(int(given[2]), int(given[1])).T
    if name == "diag":
        return torch.diag(x[:, 0]) if x.shape[1] == 1 else torch.diag(x).reshape(-1, 1)
    if name in INVERTED:
        singular = torch.linalg.svdvals(x.detach())
        CONDITIONS.append(float(singular[-1] / singular[0]) if singular[0] > 0 else 0.0)
    found = MATRIX[name](*given)
    return found.reshape(1, 1) if found.ndim == 0 else found


def tensors(values: Mapping[str, Any]) -> dict[str, Tensor]:
    """Arrays as tensors with two axes."""
    made = {name: torch.as_tensor(v, dtype=torch.float64) for name, v in values.items()}
    return {k: v if v.ndim == 2 else v.reshape(-1, 1) for k, v in made.items()}


def condition(text: str, at: Mapping[str, Any], sizes: Mapping[str, int]) -> float:
    """How near to singular the worst matrix is of which a text takes a determinant or an inverse.

    The smallest singular value over the largest one: 1 for an identity, 0 for a singular matrix.
    """
    CONDITIONS.clear()
    Evaluation(tensors(at), sizes).value(reader.Parser(text).whole())
    return min(CONDITIONS, default=1.0)


def slope(
    text: str, wrt: str, at: Mapping[str, Any], sizes: Mapping[str, int], weights: Any, along: Any
) -> Any:
    """The derivative of Σ weights ⊙ text by one variable along directions, one for each order."""
    values = tensors(at)
    x = values[wrt].clone().requires_grad_(True)
    tree = reader.Parser(text).whole()
    found = Evaluation({**values, wrt: x}, sizes).value(tree)
    total = (found.reshape(-1) * torch.as_tensor(weights).reshape(-1)).sum()
    for k, direction in enumerate(along):
        if not total.requires_grad:
            return 0.0
        last = k == len(along) - 1
        (slope,) = torch.autograd.grad(total, x, create_graph=not last, allow_unused=True)
        if slope is None:
            return 0.0
        total = (slope * torch.as_tensor(direction).reshape(x.shape)).sum()
    return float(total)
