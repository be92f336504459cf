"""Complex names: derivatives by z and conj(z), against differences by real and imaginary part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import matderiv as md
from matderiv.errors import MatderivError

RNG = np.random.default_rng(28)
STEP = 1e-6
Case = tuple[str, str, dict[str, str], Any]


def drawn(*shape: int) -> Any:
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def hermitian(n: int) -> Any:
    a = drawn(n, n)
    return a + a.conj().T


VALUES = {
    "z": drawn(3),
    "w": drawn(3),
    "a": drawn(3),
    "A": drawn(4, 3),
    "b": drawn(4),
    "X": drawn(4, 3),
    "H": drawn(4, 3),
    "C": drawn(4, 3),
    "R": hermitian(3) + 20 * np.eye(3),
    "S": hermitian(4) + 20 * np.eye(4),
    "c": drawn(),
}
SHAPES = {
    "z": "n",
    "w": "n",
    "a": "n",
    "A": "m,n",
    "b": "m",
    "X": "m,n",
    "H": "m,n",
    "C": "m,n",
    "c": "",
}
CASES: list[Case] = [
    ("z'*conj(z)", "z", {}, lambda z: z @ z.conj()),
    ("norm2(A*z - b)^2", "z", {"z": "complex"}, lambda A, z, b: np.linalg.norm(A @ z - b) ** 2),
    ("norm2(A*z - b)", "z", {"z": "complex"}, lambda A, z, b: np.linalg.norm(A @ z - b)),
    ("w^H*R*w", "w", {"R": "hermitian"}, lambda w, R: w.conj() @ R @ w),
    ("real(a^H*z)", "z", {}, lambda a, z: (a.conj() @ z).real),
    ("abs(a^H*z)^2", "z", {}, lambda a, z: abs(a.conj() @ z) ** 2),
    ("abs(c)", "c", {"c": "complex"}, lambda c: abs(c)),
    ("sum(abs(z))", "z", {"z": "complex"}, lambda z: np.abs(z).sum()),
    ("exp(c)*conj(c)^2", "c", {}, lambda c: np.exp(c) * c.conj() ** 2),
    ("tr(C*X^H)", "X", {}, lambda C, X: np.trace(C @ X.conj().T)),
    ("norm2(X)^2 with X complex", "X", {}, lambda X: np.linalg.norm(X) ** 2),
    (
        "log(det(X^H*S*X))",
        "X",
        {"S": "hermitian"},
        lambda X, S: np.log(np.linalg.det(X.conj().T @ S @ X)),
    ),
    (
        "log(det(S + H*R*H^H))",
        "H",
        {"S": "hermitian", "R": "hermitian"},
        lambda S, H, R: np.log(np.linalg.det(S + H @ R @ H.conj().T)),
    ),
    (
        "(w^H*a)*(a^H*w)/(w^H*R*w)",
        "w",
        {"R": "hermitian"},
        lambda w, a, R: abs(w.conj() @ a) ** 2 / (w.conj() @ R @ w),
    ),
    (r"\mathbf{w}^H R \mathbf{w}", "w", {"R": "hermitian"}, lambda w, R: w.conj() @ R @ w),
]


def differences(f: Callable[..., Any], values: dict[str, Any], name: str, sign: int) -> Any:
    """(∂/∂x + sign i ∂/∂y)/2 of every entry, z = x + iy."""
    z = np.atleast_1d(values[name])
    out = np.zeros(z.shape, complex)
    for place in np.ndindex(z.shape):
        for part in (1, 1j):
            step = np.zeros(z.shape, complex)
            step[place] = part * STEP
            ahead, back = (
                f(**{**values, name: (z + s * step).reshape(np.shape(values[name]))})
                for s in (1, -1)
            )
            out[place] += (part if part == 1 else sign * part) * (ahead - back) / (4 * STEP)
    return out.reshape(np.shape(values[name]))


@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
@pytest.mark.parametrize("sign", [-1, 1], ids=["by z", "by conj(z)"])
def test_derivatives_are_those_by_real_and_imaginary_parts(case: Case, sign: int) -> None:
    f, name, assume, value = case
    names = value.__code__.co_varnames
    shapes = {n: s for n, s in SHAPES.items() if n in names}
    found = md.derive(f, name if sign < 0 else f"conj({name})", shapes=shapes, assume=assume)
    values = {n: VALUES[n] for n in names}
    truth = differences(value, values, name, sign)
    np.testing.assert_allclose(found.evaluate(values), truth, rtol=1e-6, atol=1e-7)
    assert found.checked is not None
    assert found.checked.ok


def test_results_are_written_with_hermitian_transposes_and_read_back() -> None:
    d = md.derive("norm2(A*z - b)^2", "conj(z)", assume={"z": "complex"})
    assert str(d) == "A^H*(A*z - b)"
    assert d.latex() == (r"\mathbf{A}^{\mathrm{H}}\,(\mathbf{A}\mathbf{z} - \mathbf{b})")
    assert any("keeps z (Wirtinger)" in note for note in d.notes)
    assert "A^H" in d.text("differential")
    assert "<math" in d.html()


@pytest.mark.parametrize(
    ("answer", "verdict", "said"),
    [
        ("A^H*(A*z - b)", "proved", ""),
        ("A^H*A*z - conj(A)'*b", "proved", ""),
        ("2*A^H*(A*z - b)", "undecided", "2 ∂f/∂conj(z)"),
        ("A'*conj(A*z - b)", "undecided", "It is ∂f/∂z"),
        ("A'*(A*z - b)", "undecided", "all else is real"),
        ("A^H*(A*z + b)", "disproved", "-b"),
        ("3*A^H*(A*z - b)", "disproved", "factor"),
    ],
)
def test_answers_in_other_conventions_are_not_called_wrong(
    answer: str, verdict: str, said: str
) -> None:
    found = md.verify("norm2(A*z - b)^2", "conj(z)", answer, assume={"z": "complex"})
    assert found.verdict == verdict
    assert said in str(found)


def test_what_has_no_form_for_complex_names_is_refused() -> None:
    z = {"assume": {"z": "complex"}}
    with pytest.raises(MatderivError, match="relu of complex names"):
        md.derive("sum(relu(z))", "z", **z)
    with pytest.raises(MatderivError, match="differential by a complex z"):
        md.derive("norm2(z)^2", "z", kind="differential", **z)
    for verb in (md.curvature, md.solve, md.value_and_gradients):
        with pytest.raises(MatderivError, match="z would be complex"):
            verb("norm2(z)^2", "z", **z)
    with pytest.raises(MatderivError, match="no code for complex names"):
        md.derive("norm2(z)^2", "z", **z).code()
    assert str(md.derive("sum(conj(x).*x)", "x", assume={"x": "real"})) == "2*x"


def test_an_answer_for_real_names_is_left_open() -> None:
    found = md.verify("x^H*A*x", "x", "(A + A')*x", shapes={"x": "n", "A": "n,n"})
    assert found.correct is None
    assert "real" in found.message
