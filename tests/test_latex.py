"""LaTeX: the look of formulas, that they read back, that they compile, and that names are safe."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from expressions import VARIABLES, expressions
from hypothesis import HealthCheck, given, settings
from latex_reader import read_latex

import matderiv as md
from matderiv.errors import LimitError, MatderivError
from matderiv.evaluate import evaluate
from matderiv.expr import Expr, apply, variable
from matderiv.input.resolve import read
from matderiv.output import latex_pieces
from matderiv.output.latex import latex
from matderiv.output.latex_equation import derivative_latex, index_equation_latex
from matderiv.output.latex_index import index_latex
from matderiv.output.latex_names import Names, escaped
from matderiv.output.latex_spelling import spelled
from matderiv.parts import name_parts
from matderiv.shapes import Dim

SIZES = {"m": 2, "n": 3, "d": 4}
LIMIT = 1e6  # larger values, and sums that cancel, are left to rounding
EASY = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)

FORMULAS = [
    # sums, signs and products
    ("a + b - c", "a + b - c"),
    ("a - (b - c)", "a - (b - c)"),
    ("-a - b", "-a - b"),
    ("- -a", "-(-a)"),
    ("-(a + b)", "-(a + b)"),
    ("a*-b", "a(-b)"),
    ("a*b", "a b"),
    ("a*2", r"a \cdot 2"),
    ("2*a*x", r"2a\mathbf{x}"),
    ("(a + b)*x", r"(a + b)\mathbf{x}"),
    ("X'*(X*w - y)", r"\mathbf{X}^{\top}(\mathbf{X}\mathbf{w} - \mathbf{y})"),
    ("A*(B*C)", r"\mathbf{A}(\mathbf{B}\mathbf{C})"),
    ("(A*B)*C", r"\mathbf{A}\mathbf{B}\mathbf{C}"),
    ("(x'*y)*B", r"(\mathbf{x}^{\top}\mathbf{y})\mathbf{B}"),
    ("x'*y*B", r"(\mathbf{x}^{\top}\mathbf{y})\mathbf{B}"),
    ("x*x'*y", r"\mathbf{x}\mathbf{x}^{\top}\mathbf{y}"),
    ("outer(x, y)", r"\mathbf{x}\mathbf{y}^{\top}"),
    ("quadform(x, A)", r"\mathbf{x}^{\top}\mathbf{A}\mathbf{x}"),
    ("dot(x, y)", r"\mathbf{x}^{\top}\mathbf{y}"),
    ("dot(X, Y)", r"\langle \mathbf{X}, \mathbf{Y} \rangle"),
    ("sigma*(a + b)", r"\sigma \cdot (a + b)"),
    ("sigmoid(a + b)", r"\sigma(a + b)"),
    # entry by entry
    ("x.*y", r"\mathbf{x} \odot \mathbf{y}"),
    ("x.*(y.*z)", r"\mathbf{x} \odot (\mathbf{y} \odot \mathbf{z})"),
    ("x.*(A*y)", r"\mathbf{x} \odot (\mathbf{A}\mathbf{y})"),
    ("A*y.*x", r"\mathbf{A}\mathbf{y} \odot \mathbf{x}"),
    ("2.*x.*y", r"2\mathbf{x} \odot \mathbf{y}"),
    ("2*(x.*y)", r"2\mathbf{x} \odot \mathbf{y}"),
    ("A*(x.*y)", r"\mathbf{A}(\mathbf{x} \odot \mathbf{y})"),
    ("1./x", r"1 \oslash \mathbf{x}"),
    ("x./(y + 1)", r"\mathbf{x} \oslash (\mathbf{y} + 1)"),
    ("x.^2", r"\mathbf{x}^{\odot 2}"),
    ("x.^-0.5", r"\mathbf{x}^{\odot -1/2}"),
    ("a.^2", "a^{2}"),
    ("(-a)^2", "(-a)^{2}"),
    ("-a^2", "-a^{2}"),
    ("(a + b)^-1", "(a + b)^{-1}"),
    ("tanh(x).^2", r"\tanh(\mathbf{x})^{\odot 2}"),
    ("sqrt(a)^3", r"(\sqrt{a})^{3}"),
    # quotients and numbers
    ("a/b", r"\frac{a}{b}"),
    ("-a/b", r"-\frac{a}{b}"),
    ("a/(b + c)", r"\frac{a}{b + c}"),
    ("x/norm2(x)", r"\frac{\mathbf{x}}{\lVert \mathbf{x} \rVert_{2}}"),
    ("-2*(x - y)/t", None),
    ("2*X'*(X*w - y)/a", r"\frac{2}{a}\mathbf{X}^{\top}(\mathbf{X}\mathbf{w} - \mathbf{y})"),
    ("0.5*x'*x", r"\frac{1}{2}\mathbf{x}^{\top}\mathbf{x}"),
    ("x'*x/2", r"\frac{1}{2}\mathbf{x}^{\top}\mathbf{x}"),
    ("exp(-a/2)", r"\exp\left(-\frac{a}{2}\right)"),
    ("0.1*a + 1e-5", "0.1a + 10^{-5}"),
    ("2e-5*a", r"2 \cdot 10^{-5}a"),
    ("a/3 + 1.5", r"\frac{a}{3} + \frac{3}{2}"),
    # linear algebra
    ("inv(X)'", r"\mathbf{X}^{-\top}"),
    ("inv(A + B)*y", r"(\mathbf{A} + \mathbf{B})^{-1}\mathbf{y}"),
    ("A\\y", r"\mathbf{A}^{-1}\mathbf{y}"),
    ("(A^2)'", r"(\mathbf{A}^{2})^{\top}"),
    ("A'^2", r"(\mathbf{A}^{\top})^{2}"),
    ("tr(A*B)", r"\operatorname{tr}(\mathbf{A}\mathbf{B})"),
    ("det(A)^2", r"\det(\mathbf{A})^{2}"),
    ("logdet(A)", r"\log\det(\mathbf{A})"),
    ("logdet(A)^2", r"(\log\det(\mathbf{A}))^{2}"),
    ("pinv(A)", r"\mathbf{A}^{+}"),
    ("kron(A, B)*z", r"(\mathbf{A} \otimes \mathbf{B})\mathbf{z}"),
    ("diag(x)*A", r"\operatorname{diag}(\mathbf{x})\mathbf{A}"),
    ("norm2(x)^2 + norm2(A)", r"\lVert \mathbf{x} \rVert_{2}^{2} + \lVert \mathbf{A} \rVert_{F}"),
    ("norm1(x) + norminf(x)", r"\lVert \mathbf{x} \rVert_{1} + \lVert \mathbf{x} \rVert_{\infty}"),
    ("norm1(A)", r"\lVert \operatorname{vec}(\mathbf{A}) \rVert_{1}"),
    ("abs(x)'*y", r"\lvert \mathbf{x} \rvert^{\top}\mathbf{y}"),
    ("A + eye(n)", r"\mathbf{A} + \mathbf{I}_{n}"),
    # along axes, masks, functions
    ("sum(x)", r"\operatorname{sum}(\mathbf{x})"),
    ("softmax(X, 2)", r"\operatorname{softmax}_{\mathrm{rows}}(\mathbf{X})"),
    ("mean(X, 1)", r"\operatorname{mean}_{\mathrm{cols}}(\mathbf{X})"),
    ("max(X, axis=2)", r"\max_{\mathrm{rows}}(\mathbf{X})"),
    ("max(0, 1 - a)", r"\max(0, 1 - a)"),
    ("log_softmax(x)", r"\log\operatorname{softmax}(\mathbf{x})"),
    ("log1p(x)", r"\log(1 + \mathbf{x})"),
    ("step(x - 1).*y", r"\mathbf{1}\{\mathbf{x} - 1 > 0\} \odot \mathbf{y}"),
    ("(x >= y).*z", r"\mathbf{1}\{\mathbf{x} \ge \mathbf{y}\} \odot \mathbf{z}"),
    ("where(x > 0, x, y)", r"\operatorname{where}(\mathbf{x} > 0, \mathbf{x}, \mathbf{y})"),
    ("leaky_relu(x, a)", r"\operatorname{leaky\_relu}(\mathbf{x}, a)"),
    ("cross_entropy(X, Y)", r"\operatorname{cross\_entropy}(\mathbf{X}, \mathbf{Y})"),
    ('einsum("ij,jk->ik", A, B)', r"\operatorname{einsum}_{ij,jk \to ik}(\mathbf{A}, \mathbf{B})"),
    # names
    ("theta*mu", r"\theta\mu"),
    ("W1*x_1", r"\mathbf{W}_{1}\mathbf{x}_{1}"),
    ("loss*x", r"loss"),
    ("Sigma*x", r"\boldsymbol{\Sigma}\mathbf{x}"),
    ("2*pi*a", r"2\pi a"),
]
