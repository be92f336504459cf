"""Functions of NumPy, SciPy and PyTorch that are written in Python itself, a line each.

Losses are means over all entries unless `reduction` says otherwise.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from matderiv.input.python.arguments import PythonCall
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.layers import onehot
from matderiv.input.python.operands import Array, Extent, Value, Word
from matderiv.input.python.scanner import tokenize_python
from matderiv.language.tokens import Token


class PythonDefinition(NamedTuple):
    """A function: its parameters, their defaults ("" for none) and its formula.

    A loss takes predictions and targets of one shape, and gives a number.
    """

    parameters: Mapping[str, str]
    formula: str
    is_loss: bool = False

    def fits(self, call: PythonCall) -> bool:
        """True where all that has no default is given, in its place or by its name."""
        needed = [name for name, default in self.parameters.items() if not default]
        return set(needed[max(1, len(call.values)) :]) <= set(call.keywords)


def _defined(lines: str, is_loss: bool = False) -> dict[str, PythonDefinition]:
    found = {}
    for name, typed, formula in re.findall(r"(\w+)\((.*?)\) = (.*)", lines):
        pairs = [p.partition("=") for p in typed.split(", ")]
        parameters = {parameter: default for parameter, _, default in pairs}
        found[name] = PythonDefinition(parameters, formula, is_loss)
    return found


DEFINITIONS = {
    **_defined(
        """
negative(a) = -a
zeros_like(a) = 0*a
ones_like(a) = 0*a + 1
neg(a) = -a
elu(a, alpha=1, inplace=False) = where(a > 0, a, alpha*expm1(a))
celu(a, alpha=1, inplace=False) = where(a > 0, a, alpha*expm1(a/alpha))
softplus(a, beta=1) = softplus(beta*a)/beta
threshold(a, threshold, value, inplace=False) = where(a > threshold, a, value)
hardtanh(a, min_val=-1, max_val=1, inplace=False) = maximum(minimum(a, max_val), min_val)
prelu(a, weight) = maximum(a, 0) + weight*minimum(a, 0)
hardshrink(a, lambd=0.5) = where(abs(a) > lambd, a, 0)
softshrink(a, lambd=0.5) = a - maximum(minimum(a, lambd), -lambd)
gelu_tanh(a) = 0.5*a*(1 + tanh(sqrt(2)/sqrt(pi)*(a + 0.044715*a**3)))
hypot(a, b) = sqrt(a**2 + b**2)
entr(a) = -a*log(a)
rel_entr(a, b) = a*log(a/b)
dist(a, b) = sqrt(sum((a - b)**2))
cov(a) = (a - mean(a, 1, True)) @ (a - mean(a, 1, True)).T/(size(a, 1) - 1)
addmm(a, b, c) = a + b @ c
inner(a, b) = a @ b.T
flipud(a) = flip(a, 0)
fliplr(a) = flip(a, 1)
len(a) = size(a, 0)
average(a, weights) = sum(a*weights)/sum(weights)
normalize(a, p=2, axis=1) = a/norm(a, p, axis, True)
cosine_similarity(a, b, axis=1) = sum(a*b, axis)/(norm(a, 2, axis)*norm(b, 2, axis))
cdist(a, b) = sqrt(sum(a**2, 1)[:, None] + sum(b**2, 1)[None, :] - 2*a @ b.T)
"""
    ),
    **_defined(
        """
mse_loss(a, target) = (a - target)**2
l1_loss(a, target) = abs(a - target)
huber_loss(a, target, delta=1) = huber(a - target, delta)
smooth_l1_loss(a, target, beta=1) = huber(a - target, beta)/beta
binary_cross_entropy(a, target) = -(target*log(a) + (1 - target)*log(1 - a))
binary_cross_entropy_with_logits(a, target) = softplus(a) - target*a
soft_margin_loss(a, target) = softplus(-target*a)
hinge_embedding_loss(a, target, margin=1) = where(target > 0, a, maximum(0, margin - a))
margin_ranking_loss(a, b, target, margin=0) = maximum(0, margin - target*(a - b))
kl_div(a, target) = target*(log(target) - a)
poisson_nll_loss(a, target) = exp(a) - target*a
gaussian_nll_loss(a, target, var, eps=1e-6) = \
0.5*(log(maximum(var, eps)) + (a - target)**2/maximum(var, eps))
""",
        is_loss=True,
    ),
}


def tokens_at(typed: str, call: PythonCall) -> list[Token]:
    """The tokens of a definition, all at the place of the call."""
    return [Token(t.kind, t.text, call.span) for t in tokenize_python(typed)[:-1]]


def check_loss(
    lib: Arrays, call: PythonCall, loss: PythonDefinition, found: Mapping[str, Value]
) -> None:
    """ParseError where predictions and targets differ in their number of axes."""
    needed = [name for name, default in loss.parameters.items() if not default]
    a, b, *more = (call.array_of(found[name]) for name in needed)
    lib.added_kinds([a, b, *more])
    if a.rank != b.rank:
        raise call.error("takes two arrays of one shape")


def reduced_loss(lib: Arrays, call: PythonCall, given: Value | None, each: Array) -> Array:
    """The mean, or the sum, of a loss of each entry; `batchmean` divides by the rows."""
    word = given.text if isinstance(given, Word) else "mean" if given is None else ""
    if word not in ("mean", "sum", "none") and (word, call.name) != ("batchmean", "kl_div"):
        raise call.error("takes reduction='mean', 'sum' or 'none'")
    if word == "none" or not each.rank:
        return each
    total = lib.reduced("mean" if word == "mean" else "sum", each, None, False, call.span)
    if word != "batchmean":
        return total
    rows = lib.extent(Extent(each.shape[0], call.span, each.node, -each.rank))
    return lib.quotient(total, rows, call.span)


def of_labels(lib: Arrays, call: PythonCall) -> Array | None:
    """cross_entropy and nll_loss of rows and their labels; None for another target."""
    found = call.bind("a", "target", named=("reduction",))
    a = call.first(found)
    y = call.array_of(found["target"]) if "target" in found else None
    if y is None or (a.rank, y.rank) != (2, 1):
        return None
    chosen = onehot(lib, call, y, Extent(a.shape[1], call.span, a.node))
    if call.name == "cross_entropy":
        a = lib.along("log_softmax", a, 1, call.span)
    picked = lib.reduced("sum", lib.product(chosen, a, call.span), 1, False, call.span)
    given = found.get("reduction")
    return reduced_loss(lib, call, given, lib.negative(picked, call.span))


def nll_loss(lib: Arrays, call: PythonCall) -> Array:
    """The loss of rows of log-probabilities and their labels."""
    loss = of_labels(lib, call)
    if loss is None:
        raise call.error("takes a matrix and a label for each row", "F.nll_loss(Z, y)")
    return loss
