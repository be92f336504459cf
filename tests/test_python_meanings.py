"""Python in: arguments, axes and libraries mean what NumPy and PyTorch say, or are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matderiv.errors import MatderivError, ParseError
from matderiv.input.resolve import read
from matderiv.input.spelling import Spelled
from matderiv.numeric.evaluate import evaluate

SHAPES = {"a": "", "x": "n", "u": "n", "y": "m", "A": "m,n", "B": "m,n", "S": "n,n"}
SIZES = {"m": 3, "n": 4}
RANDOM = np.random.default_rng(8)
VALUES: dict[str, Any] = {
    name: RANDOM.uniform(0.2, 1.2, tuple(SIZES[s] for s in shape.split(",") if s))
    for name, shape in SHAPES.items()
}
a, x, u, y, A, B, S = (VALUES[name] for name in SHAPES)


def test_what_a_sum_adds_up_are_arrays_beside_entries_of_another_one() -> None:
    found = read("np.sum((y - (theta[0] + theta[1]*x))**2)")
    assert {n: len(v.shape) for n, v in found.variables.items()} == {"y": 1, "theta": 1, "x": 1}


@pytest.mark.parametrize(
    "formula",
    [
        "np.squeeze(S @ x[:, None]) - x",
        "(A.T @ y)[1]",
        "(A @ x)[2] + x[0]",
        "(A.T @ A)[0, 1]",
        "(A.T @ A)[1, :]",
        "(S @ x[:, None]).squeeze() * u",
        "x[None, :].squeeze(0) + u",
        "np.vdot(A, B)",
        "np.vdot(x[:, None], u)",
        "np.inner(x, S)",
        "np.inner(A, B)",
        "np.inner(A, x)",
        "np.kron(x, A)",
        "np.kron(x, u)",
        "np.swapaxes(S, 0, 0)",
        "np.swapaxes(A, 0, 1)",
        "np.transpose(A, (1, 0))",
        "np.transpose(A, (0, 1))",
        "A.transpose(1, 0)",
        "np.linalg.norm(S, 2)",
        "np.linalg.norm(A, axis=0, keepdims=True)",
        "np.linalg.norm(A, 1, axis=1)",
        "np.linalg.norm(A, np.inf, axis=0)",
        "np.linalg.norm(x[None, :], 2)",
        "np.sum(A, 1)",
        "np.max(A, 0)",
        "np.var(A, axis=1, ddof=0)",
        "A.size * x",
        "np.clip(x, 0.4, None)",
        "np.clip(x, u, 1)",
        "A.reshape(m, n) * 2",
        "A.reshape(m, -1)",
        "y.reshape(m, 1) * A",
        "x.reshape((1, -1)) * A",
        "np.diag(S)[:, None] * S",
        "(x > u).astype(int) * x",
        "2 ** 3 ** 2 * x",
        "-2 ** 2 * x",
        "x[:] + u[...]",
        "np.einsum('ij,kj->ik', A, B)",
        "np.einsum('ij,j', A, x)",
    ],
)
def test_a_formula_that_is_run_gives_the_same(formula: str) -> None:
    wanted = eval(formula, {"np": np, "int": int, **VALUES, **SIZES})
    found = read("0", shapes=SHAPES).read_more(Spelled(formula, "python"))
    value = evaluate(found, VALUES, SIZES)
    assert np.size(value) == np.size(wanted)
    np.testing.assert_allclose(np.squeeze(value), np.squeeze(wanted), rtol=1e-9)


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("torch.norm(A, 2)", np.sqrt((A**2).sum())),
        ("torch.norm(A, p=2)", np.sqrt((A**2).sum())),
        ("A.norm(2)", np.sqrt((A**2).sum())),
        ("torch.linalg.vector_norm(A, 2)", np.sqrt((A**2).sum())),
        ("torch.norm(A, 1)", np.abs(A).sum()),
        ("torch.linalg.norm(A, 2)", np.linalg.norm(A, 2)),
        ("torch.linalg.matrix_norm(A)", np.linalg.norm(A)),
        ("torch.norm(A, dim=1)", np.sqrt((A**2).sum(axis=1))),
        ("torch.var(A, 0, unbiased=False)", A.var(axis=0)),
        ("torch.std(A, correction=0)", A.std()),
        ("torch.sum(A, 0, True) * A", A.sum(axis=0, keepdims=True) * A),
        ("torch.transpose(A, 0, 1)", A.T),
        ("torch.transpose(S, 0, 0)", S),
        ("torch.exp(A).transpose(0, 1)", np.exp(A).T),
        ("F.leaky_relu(x - u, 0.2)", np.where(x > u, x - u, 0.2 * (x - u))),
        ("F.leaky_relu(x - u, negative_slope=0.3)", np.where(x > u, x - u, 0.3 * (x - u))),
        ("F.elu(x - u, 1)", np.where(x > u, x - u, np.exp(x - u) - 1)),
        ("x.unsqueeze(-1).squeeze(-1)", x),
        ("A.size(0) * x", 3 * x),
        ("A.clamp(min=0.5)", np.maximum(A, 0.5)),
        ("torch.std(A)", A.std(ddof=1)),
        ("A.var(dim=0)", A.var(axis=0, ddof=1)),
        ("np.var(A, axis=1, ddof=1)", A.var(axis=1, ddof=1)),
        ("F.elu(x - 0.5, 0.5)", np.where(x > 0.5, x - 0.5, 0.5 * np.expm1(x - 0.5))),
        ("F.softplus(x, 2)", np.log1p(np.exp(2 * x)) / 2),
        ("torch.norm(A, p=3)", np.sum(A**3) ** (1 / 3)),
        ("F.normalize(A, p=1)", A / A.sum(axis=1, keepdims=True)),
        ("torch.cdist(A, B)", np.sqrt(((A[:, None, :] - B[None, :, :]) ** 2).sum(-1))),
        ("(A[:, None] - B[None]).pow(2).sum(2)", ((A[:, None] - B[None]) ** 2).sum(2)),
        ("(A.unsqueeze(2) * x).sum(0)", (A[:, :, None] * x).sum(0)),
        ("torch.max(A, dim=1)[0]", A.max(axis=1)),
        ("np.cov(A)", np.cov(A)),
        ("np.average(x, weights=u)", np.average(x, weights=u)),
    ],
)
def test_a_formula_means_what_pytorch_says(formula: str, wanted: Any) -> None:
    found = read("0", shapes=SHAPES).read_more(Spelled(formula, "python"))
    np.testing.assert_allclose(np.squeeze(evaluate(found, VALUES, SIZES)), np.squeeze(wanted))


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("torch.var(A, 0, True)", "3 given"),
        ("A.std()", "by n in NumPy and by n - 1 in PyTorch"),
        ("F.threshold(x, 0.5)", "takes value as well"),
        ("F.gaussian_nll_loss(x, u)", "takes var as well"),
        ("F.softplus(x, gamma=2)", "gamma= is not read"),
        ("np.log(x, 2)", "2 given"),
        ("np.sqrt(x, 2)", "2 given"),
        ("np.trace(S, 1)", "2 given"),
        ("np.eye(n, m)", "2 given"),
        ("np.diag(x, 1)", "2 given"),
        ("np.diag(x[:, None])", "vectors and for whole matrices"),
        ("np.zeros(3) + x", "cannot add"),
        ("S.transpose(0, 1)", "an order of all axes in NumPy"),
        ("norm(A, 2)", "spectral norm in NumPy, the Frobenius norm in PyTorch"),
        ("max(x, 0)", "the larger of two entries, or along an axis"),
        ("np.max(x, u)", "takes one array"),
        ("x.astype(int)", "cuts digits off"),
        ("x.long()", "cuts digits off"),
        ("int(a)", "cuts digits off"),
        ("x % 2", "% is not read"),
        ("(x > u) + (u > x)", "their or"),
        ("-(x > u)", "no minus for True"),
        ("np.where(x, u, 0)", "starts with a comparison"),
        ("np.sum(A, axis=0, axis=1)", "given twice"),
        ("np.sum(A, 0, dim=1)", "twice"),
        ("A @ np.ones((1, 1))", "does not fit"),
        ("A.reshape(n, m)", "columns, rows and flat"),
        ("special.huber(1, x)", "huber(d, x)"),
        *[(f, "") for f in ("np.clip()", "np.einsum()", "np.multi_dot([])", "[0].logabsdet")],
        *[(f, "after .") for f in ("np.", "np.linalg.", "np.(x)", "x.")],
    ],
)
def test_what_could_mean_another_thing_is_refused(formula: str, message: str) -> None:
    with pytest.raises(MatderivError) as caught:
        read("0", shapes=SHAPES).read_more(Spelled(formula, "python"))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [("x % 2", "remainder"), ("x'*x % y", "remainder"), ("2 ** 3 ** 2", "twice")],
)
def test_signs_of_python_are_not_read_otherwise_in_the_text_language(
    text: str, message: str
) -> None:
    with pytest.raises(ParseError, match=message):
        read(Spelled(text, "text"))
    assert read("x'*x  % the squared norm").read_as == "x'*x"


@pytest.mark.parametrize(
    "typed",
    [
        "np.vander(x) @ x",
        "torch.sort(x)[0] @ x",
        "x.sort()[0] @ x",
        "torch.median(x)",
        "x.detach() @ x",
    ],
)
def test_what_numpy_and_pytorch_mean_otherwise_is_refused(typed: str) -> None:
    with pytest.raises(ParseError):
        read(Spelled(typed, "python"), shapes={"x": "n"})
