"""Homework files: several problems, what their words declare, stable codes, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from student_derivations import RIGHT, WRONG, Sheet

from matderiv import verify_steps
from matderiv.errors import LimitError
from matderiv.verification.derivations.homework import verify_homework
from matderiv.verification.documents.contents import LONGEST
from matderiv.verification.documents.declarations import Declared
from matderiv.verification.documents.exercises import exercises
from matderiv.verification.documents.positions import Passage

MARKDOWN = r"""# Sheet 3

Throughout, $A \in \mathbb{R}^{m \times n}$ and $b \in \mathbb{R}^m$.

## Problem 1

Find the gradient of $f(x) = \|Ax - b\|_2^2$.

### Solution

With $r = Ax - b$ we have

$$
\begin{aligned}
df &= 2 r^\top dr \\
   &= 2 r^\top A\, dx \quad\text{(by the chain rule)}
\end{aligned}
$$

and therefore $\nabla f = 2 A^\top r$.

## Problem 2

S is symmetric.

    f = x'*S*x
    df = dx' S x + x' S dx
       = x'*S*dx
    ∇f = S*x

## Problem 3

```
f = logdet(X)
∂f/∂X = inv(X)'
```
"""

LATEX = r"""\documentclass{article}
\begin{document}
\section*{Problem 1}
% f = the comment is not read
Let $W \in \mathbb{R}^{m\times n}$ and
\[ f(W) = \tfrac12 \| W x - y \|^2 . \]
\begin{align}
df &= (Wx - y)^\top dW\, x \label{eq:one} \\
   &= \mathrm{tr}\left( x (Wx - y)^\top dW \right) \notag \\
\nabla_W f &= x (Wx - y)^\top
\end{align}
\section*{Problem 2}
\begin{equation} g(x) = w^\top x \end{equation}
\begin{equation*}
\nabla g = w
\end{equation*}
\end{document}
$$ h = 1 $$
"""

PLAIN = """W: m,n; b: m
z = W*x + b
f = sum(z)
∂f/∂b = vector(1)

f = x'*x       # the same name again: another problem
∇f = 3*x

f = a^2
f'(a) = 2*a
"""


def first_wrong(document: str, suffix: str) -> list[tuple[str, bool | None, int | None]]:
    found = verify_homework(document, suffix)
    return [(v.title, v.correct, v.first_wrong and v.first_wrong.number) for v in found]


def test_a_markdown_sheet() -> None:
    assert first_wrong(MARKDOWN, "md") == [
        ("Problem 1", True, None),
        ("Problem 2", False, 28),
        ("Problem 3", True, None),
    ]


def test_a_latex_document() -> None:
    assert first_wrong(LATEX, "tex") == [("Problem 1", False, 10), ("Problem 2", True, None)]


def test_a_plain_text_where_blank_lines_part_the_problems() -> None:
    assert first_wrong(PLAIN, "txt") == [("", True, None), ("", False, 7), ("", True, None)]


def test_an_exercise_that_cannot_be_read_leaves_the_others() -> None:
    document = "# One\nf = x'*(\n∇f = x\n# Two\nf = x'*x\n∇f = 2*x\n"
    found = list(verify_homework(document, "md"))
    assert [v.correct for v in found] == [None, True]
    assert (found[0].lines[0].diagnosis, found[0].lines[0].number) == ("unread", 2)


@pytest.mark.parametrize(
    "document", ["", "\n\n", "only words here\n", "\\begin{align}", "$$", "```"]
)
@pytest.mark.parametrize("suffix", ["txt", "md", "tex"])
def test_documents_without_formulas(document: str, suffix: str) -> None:
    assert list(verify_homework(document, suffix)) == []


def test_a_line_of_excessive_length_is_refused() -> None:
    with pytest.raises(LimitError, match="line 2"):
        exercises("f = 1\n" + "by " * LONGEST)


@pytest.mark.parametrize(
    ("line", "shapes", "assume"),
    [
        ("A ∈ R^{m×n}, x ∈ R^n", {"A": "m,n", "x": "n"}, {}),
        ("let A, B ∈ ℝ^(n x n)", {"A": "n,n", "B": "n,n"}, {}),
        ("X ∈ ℝⁿˣᵈ", {"X": "n,d"}, {}),
        ("X: n,d; y: n", {"X": "n,d", "y": "n"}, {}),
        ("A: symmetric", {}, {"A": "symmetric"}),
        ("A = A'", {}, {"A": "symmetric"}),
        ("symmetric A ∈ R^{n×n}", {"A": "n,n"}, {"A": "symmetric"}),
        ("c ∈ R", {"c": ""}, {}),
    ],
)
def test_declarations(line: str, shapes: dict[str, str], assume: dict[str, str]) -> None:
    found = Declared()
    assert not found.taken(Passage.of(line))
    assert (found.shapes, found.assume) == (shapes, assume)


@pytest.mark.parametrize(
    ("line", "shapes"),
    [
        (r"A \in \mathbb{R}^{m \times n}", {"A": "m,n"}),
        (r"\mathbf{x}, \mathbf{y} \in \mathbb R^n", {"x": "n", "y": "n"}),
        (r"S \in \mathbb{S}^{n}", {"S": "n,n"}),
        (r"\lambda \in \mathbb{R}", {"lambda": ""}),
    ],
)
def test_declarations_in_latex(line: str, shapes: dict[str, str]) -> None:
    found = Declared()
    assert not found.taken(Passage.of(line, latex=True))
    assert found.shapes == shapes


@pytest.mark.parametrize(
    ("said", "assume"),
    [
        ("$A$ and $B$ are symmetric.", {"A": "symmetric", "B": "symmetric"}),
        ("Let $A, B$ be symmetric", {"A": "symmetric", "B": "symmetric"}),
        (r"$A \in \mathbb{R}^{n\times n}$ is symmetric", {"A": "symmetric"}),
        ("for a symmetric matrix $A$", {"A": "symmetric"}),
        ("symmetric positive definite $X$", {"X": "posdef"}),
        ("with a symmetric, well-posed problem", {}),
        (r"$\Sigma$ symmetric and $\mu \in \mathbb{R}^n$", {"Sigma": "symmetric"}),
        ("A and B are symmetric matrices", {"A": "symmetric", "B": "symmetric"}),
        ("a symmetric matrix A and a vector b", {"A": "symmetric"}),
        ("If A is symmetric", {}),
        ("A is not symmetric", {}),
        ("the symmetric part of A", {}),
    ],
)
def test_facts_in_sentences(said: str, assume: dict[str, str]) -> None:
    found = Declared()
    found.prose(Passage.of(said))
    assert found.assume == assume


@pytest.mark.parametrize("sheet", RIGHT, ids=lambda s: s.name)
def test_right_derivations_are_accepted(sheet: Sheet) -> None:
    found = list(verify_homework(sheet.text, sheet.suffix))
    assert found
    assert all(v.correct is True for v in found), "\n\n".join(map(str, found))


@pytest.mark.parametrize("sheet", WRONG, ids=lambda s: s.name)
def test_a_subtle_mistake_is_located(sheet: Sheet) -> None:
    found = list(verify_homework(sheet.text, sheet.suffix))
    lines = [line for v in found for line in v.lines]
    wrong = {line.number for line in lines if line.correct is False and line.follows is None}
    assert wrong == {sheet.wrong}, "\n\n".join(map(str, found))
    assert all(line.correct is not None for line in lines), "\n\n".join(map(str, found))


@pytest.mark.parametrize(
    "text",
    [
        r"$f(x) = x^\top x$ for $x \in \mathbb{R}^n$, hence $\nabla f = 3x$.",
        "$f(x) = x^\\top x$. The gradient is $3x$.",
        "$f(x) = x^\\top x$. The Hessian is $3I$.",
        "f = x'*x\ngrad f = 3*x, as one sees",
        "f(x) = x'*x => df = 2*x'*dx => ∇f(x) = 3*x",
        "f(x) = x'*x; ∇f(x) = 2*x, ∇²f(x) = 3*eye(n); x: n",
        r"$$f(x) = x^\top x,\qquad \nabla f(x) = 3x \quad\text{(chain rule).}$$",
    ],
)
def test_a_wrong_line_is_found_however_it_is_set(text: str) -> None:
    found = list(verify_homework(text, "md"))
    assert [v.correct for v in found] == [False], "\n\n".join(map(str, found))


# The command line ---------------------------------------------------------------------------------


def test_a_file_is_checked_line_by_line(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "sheet.md"
    file.write_text(MARKDOWN, encoding="utf-8")
    found = run("verify", "--file", str(file))
    assert (found.status, found.err) == (1, "")
    assert "It breaks in line 28 (factor)." in found.out
    assert found.out.endswith("2 of 3 derivations are right.\n")
    hidden = run("verify", "--file", str(file), "--hint").out
    assert "a number as a factor is wrong" in hidden
    assert "multiplied by" not in hidden


def test_a_file_as_json(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "sheet.tex"
    file.write_text(LATEX, encoding="utf-8")
    found = run("verify", "--file", str(file), "--json")
    document = json.loads(found.out)
    first = document["derivations"][0]
    assert (found.status, document["correct"], first["first_wrong"]) == (1, False, 10)
    assert first["lines"][-1]["diagnosis"] == "other-layout"


@pytest.mark.parametrize(
    ("content", "status"),
    [("f = x'*x\n∇f = 2*x\n", 0), ("f = x'*x\n∇f = 2*y\n", 3), ("nothing\n", 3)],
)
def test_exit_codes_of_files(run: Any, tmp_path: Path, content: str, status: int) -> None:
    file = tmp_path / "one.txt"
    file.write_text(content, encoding="utf-8")
    assert run("verify", "--file", str(file)).status == status


def test_a_file_that_is_not_there(run: Any) -> None:
    found = run("verify", "--file", "nowhere.tex")
    assert (found.status, found.out) == (2, "")
    assert "cannot read nowhere.tex" in found.err


def test_the_message_points_to_a_step_of_the_derivation(run: Any) -> None:
    found = run("verify", "sum(tanh(W*x))", "x", "W'*(1 - tanh(W*x).^3)", "-q")
    assert "With the exponent 2 it is right" in found.out
    number = int(found.out.partition("See step ")[2].partition(",")[0])
    step = run("derive", "sum(tanh(W*x))", "x", "--step", str(number), "-q").out
    assert "1 - tanh(" in step
    wrong = "2*A'*(A*x - b)/norm2(A*x - b)"
    assert "See step" not in run("verify", "norm2(A*x - b)", "x", wrong, "-q").out


def test_a_notebook_is_checked_line_by_line(run: Any, tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# One\n", "$f = x^\\top x$"]},
        {"cell_type": "code", "source": "f = 2"},
        {"cell_type": "markdown", "source": "$\\nabla f = 3x$"},
    ]
    file = tmp_path / "sheet.ipynb"
    file.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    found = json.loads(run("verify", "--file", str(file), "--json").out)
    (derivation,) = found["derivations"]
    assert [(line["line"], line["verdict"]) for line in derivation["lines"]] == [
        (2, "given"),
        (3, "disproved"),
    ]
    file.write_text("{", encoding="utf-8")
    assert "no notebook" in run("verify", "--file", str(file)).err


MIXED = {  # the truth by SymPy
    "x^2 y^3": "6 x y^2",
    r"\sin(x y) + x^3 y": r"3 x^2 + \cos(x y) - x y \sin(x y)",
    r"x^3 + y^3 - 5 x": "0",
}


@pytest.mark.parametrize("f", MIXED)
@pytest.mark.parametrize("by", [r"\partial x \partial y", r"\partial y\,\partial x"])
def test_a_mixed_partial_derivative_is_no_second_derivative(f: str, by: str) -> None:
    lines = [f"$$f(x, y) = {f}$$", rf"$$\frac{{\partial^2 f}}{{{by}}} = {MIXED[f]}$$"]
    lines += [rf"$$\frac{{\partial^2 f}}{{{by}}} = {MIXED[f]} + x$$"]
    lines += [rf"$$\frac{{\partial^2 f}}{{\partial x\partial y}} = \frac{{\partial^2 f}}{{{by}}}$$"]
    (found,) = verify_homework("\n\n".join(lines), "md")
    assert [line.correct for line in found.lines][:3] == [True, True, False]
    assert found.lines[3].correct is not False  # the same name for the same thing says nothing


def test_mixed_derivatives_by_arrays_and_by_entries() -> None:
    second = r"\frac{\partial^2 f}{\partial %s \partial %s}"
    said = {
        ("x", r"y^\top"): ("A", "2A"),
        ("x_i", "y_j"): ("A_{ij}", "A_{ji}"),
        ("x_i", "x_j"): ("B_{ij} + B_{ji}", "B_{ij}"),
        ("x", r"x^\top"): (r"B + B^\top", "B"),
    }
    for by, sides in said.items():
        lines = [r"$$f(x, y) = x^\top A y + x^\top B x$$"]
        lines += [f"$${second % by} = {side}$$" for side in sides]
        (found,) = verify_homework("\n\n".join(lines), "md")
        assert [line.correct for line in found.lines] == [True, True, False], by


def test_a_derivative_of_a_derivative_is_read() -> None:
    lines = ["f = x'*A*x", "∂f/∂x = (A + A')*x", "∂/∂x(∂f/∂x) = A + A'", "∂/∂x(∂f/∂x) = 2*A"]
    (found,) = verify_homework("\n".join(lines), "txt")
    assert [line.correct for line in found.lines] == [True, True, True, False]


TEXT = r"""# Sheet

> A quoted remark.
>
> $$ z^\top A z > 0 $$

<script>
</script>
![[figure.pdf]]

Lecture: 5_Networks/5.4

```{note}
Let $f(x) = x^\top A x + b^\top x\,.$
```

| curvature | $\lambda_i \ge 0$ |

$$ x^\top A x $$

Only the $b_k x_k$ term contains $x_k$, so its derivative is $b_k$. Stacked this gives $b$.

$$ \nabla f(x) = (A + A^\top) x + b\,. $$
"""


def test_what_claims_nothing_is_text() -> None:
    found = [line for v in verify_homework(TEXT, "md") for line in v.lines]
    assert [(line.number, line.verdict) for line in found if line.verdict != "proved"] == [
        (14, "given")
    ]
    assert [line.number for line in found if line.verdict == "proved"] == [23]


def test_what_goes_on_from_an_unread_line_says_from_which() -> None:
    document = "# One\n$$f = x^2$$\n\n$$\\nabla f + \\oint x = 2 x$$\n\n$$= 2 x$$\n"
    found = [line for v in verify_homework(document, "md") for line in v.lines]
    assert "continues line 4" in found[-1].message


def test_no_stationary_point_of_an_array_is_looked_for() -> None:
    document = (
        "# One\nSetting the derivative to zero.\n$$A = T L T^{-1}$$\n$$U^T U = I$$\n$$U = T$$"
    )
    found = [line for v in verify_homework(document, "md") for line in v.lines]
    assert all(line.correct is not False for line in found)


FONTS = r"""# A
Here $a, b$ and $c$ are scalars and $\mathbf{b}$ is a vector.

$$\nabla_{\mathbf{x}} (\mathbf{b}^\top\mathbf{x})=\mathbf{b}$$

# B
With $\mathbf{x}\in\mathbb{R}^n$.

$$ f(x) = \frac{1}{2}px^2+qx +r $$

$$\frac{\mathrm{d}f(x)}{\mathrm{d}x} = px + SAID$$

$$ g(\mathbf{x}) = \mathbf{x}^\top P \mathbf{x} + \mathbf{q}^\top\mathbf{x} + r$$
$$ \nabla g(\mathbf{x}) = (P + P^\top)\mathbf{x} + \mathbf{q} $$
"""


def test_a_letter_and_the_bold_one_are_two_where_the_lines_are_right_so() -> None:
    for said, wrong in (("q", []), ("r", [11])):
        document = FONTS.replace("SAID", said)
        found = [line for v in verify_homework(document, "md") for line in v.lines]
        assert [line.number for line in found if line.correct is False] == wrong
        assert not any("plain" in line.message for line in found)
        right = {line.number for line in found if line.correct and line.verdict != "given"}
        assert right == {4, 11, 14} - {*wrong}
    sloppy = r"$f(w) = \|X\mathbf{w} - y\|^2$ and $\nabla f = 2X^\top(Xw - y)$"
    assert [v.correct for v in verify_homework(sloppy, "md")] == [True]
    mistaken = sloppy.replace("2X", "X")
    assert [v.correct for v in verify_homework(mistaken, "md")] == [False]


def numbers(document: str, suffix: str = "md") -> dict[str, list[int]]:
    """The lines that are right, and those that are wrong."""
    lines = [line for v in verify_homework(document, suffix) for line in v.lines]
    right = [k.number for k in lines if k.correct and k.verdict != "given"]
    return {"ok": right, "wrong": [k.number for k in lines if k.correct is False]}


def test_data_with_noise_are_no_function_of_the_weights() -> None:
    document = r"""# Model
We assume $y = Xw + \epsilon$ with $\epsilon \sim \mathcal{N}(0, \sigma^2 I)$, $i=1,\dots,n$.

$$ J(w) = \|y - Xw\|^2 $$

$$ \nabla J(w) = 2 X^\top (Xw - y) $$

$$ \nabla J(w) = 2 X^\top (Xw + y) $$
"""
    assert numbers(document) == {"ok": [6], "wrong": [8]}


@pytest.mark.parametrize(("factor", "found"), [("2\\lambda", {"ok": [5, 6], "wrong": []})])
def test_the_objective_of_a_part_is_no_entry_of_the_whole(factor: str, found: Any) -> None:
    document = r"""$$ J = \sum_{i,j} (r_{ij} - u_i^T v_j)^2 + \lambda \sum_i \|u_i\|^2 $$
$$ J_i(u_i) = \sum_j (r_{ij} - u_i^T v_j)^2 + \lambda \|u_i\|^2 $$

$$\begin{aligned}
\frac{\partial J}{\partial u_i} &= \frac{\partial J_i}{\partial u_i} \\
&= -2 \sum_j (r_{ij} - u_i^T v_j) v_j + FACTOR u_i
\end{aligned}$$
"""
    assert numbers(document.replace("FACTOR", factor)) == found
    wrong = numbers(document.replace("FACTOR", "\\lambda"))
    assert wrong == {"ok": [5], "wrong": [6]}


LISTED = r"""# Exercises

```{admonition} Exercise
a) $f(x,y)=e^{x} e^{y}$ <br>
b) $f(x,y)=x^2 y$ <br>
```

```{admonition} Solution
a) $f(x,y)=e^{x} e^{y}$

$$\frac{\partial f}{\partial x} = e^{x+y}$$

b) $f(x,y)=x^2 y$

$$\frac{\partial f}{\partial x} = 2 x y$$

$$\frac{\partial f}{\partial y} = 2 x$$
```
"""


def test_each_function_after_a_mark_is_one_of_its_own() -> None:
    assert numbers(LISTED) == {"ok": [11, 15], "wrong": [17]}
    unsaid = LISTED.replace("a) $f(x,y)=e^{x} e^{y}$\n\n", "a)\n\n")
    unsaid = unsaid.replace("b) $f(x,y)=x^2 y$\n\n", "b)\n\n")
    assert numbers(unsaid)["wrong"] == []  # nothing says which f is meant


def test_two_numbers_are_tried_where_the_letters_say_a_vector_and_a_number() -> None:
    document = r"""$$f(x,y)=\sin(x)\cos(y)$$

$$\frac{\partial f}{\partial x}=\cos(x)\cos(y)$$

$$\frac{\partial f}{\partial y}=-\sin(x)\sin(y)$$
"""
    assert numbers(document) == {"ok": [3, 5], "wrong": []}


def test_a_part_of_a_function_is_no_other_function() -> None:
    document = r"""$$f(x,y) = \begin{pmatrix} x^2 + y^2 \\ x^2 - y^2 \end{pmatrix}$$

$$\frac{\partial f_1}{\partial x} = 2x$$
"""
    assert numbers(document)["wrong"] == []


@pytest.mark.parametrize(
    "document",
    [
        r"$$\sigma'(x) = \left(\frac{1}{1+e^{-x}}\right)' = \frac{e^{-x}}{(1+e^{-x})^2}$$",
        "$f(x) = x^2$ is convex:\n\n$$(x + y)^2 = x^2 + 2xy + y^2$$",
        "$$f(x) = x_1^2 + x_2^2 \\;\\;\\;\\; g(x) = x_1 - 1$$\n\nSo $\\nabla f(x) = 0$ at $x = 0$.",
        "$$f(x) = g(a^T x)$$\n\n$$\\nabla f = \\frac{d}{da^Tx} g(a^T x) \\frac{d}{dx} a^T x$$",
    ],
)
def test_what_is_read_in_one_way_of_several_is_not_called_wrong(document: str) -> None:
    assert numbers(document)["wrong"] == []


def marks(document: str, suffix: str = "md") -> list[tuple[int, bool | None]]:
    lines = [line for v in verify_homework(document, suffix) for line in v.lines]
    return [(line.number, line.correct) for line in lines if line.verdict != "given"]


def test_a_derivative_by_a_formula_is_by_what_stands_for_it() -> None:
    document = r"""$$h = \log(1 + e^{wx + b})$$
$$\frac{\partial h}{\partial (wx + b)} = \frac{1}{1 + e^{-(wx + b)}}$$
$$\frac{\partial h}{\partial wx + b} = \frac{e^{-wx - b}}{1 + e^{-(wx + b)}}$$
"""
    assert marks("w, x, b are numbers\n" + document) == [(3, True), (4, False)]


def test_the_chain_rule_beside_an_open_side_is_no_line_judged() -> None:
    document = r"$z = wx, L = z^2$" + "\n\n"
    chain = r"$$\frac{\partial L}{\partial w} = "
    chain += r"\frac{\partial L}{\partial z}\frac{\partial z}{\partial w} = "
    assert marks(document + chain + "2zx$$") == [(3, True), (3, True)]
    assert marks(document + chain + r"2z\kappa x$$") == [(3, None), (3, None)]


def test_a_name_that_was_derived_by_may_be_a_function_of_the_next_section() -> None:
    document = r"""# Product
$z = xy$

$\frac{\partial z}{\partial x} = y$, $\frac{\partial z}{\partial y} = x$
# Rectifier
$$y = \begin{cases} x & (x > 0) \\ 0 & (x \leq 0) \end{cases}$$
$$\frac{\partial y}{\partial x} = \begin{cases} 1 & (x > 0) \\ 0 & (x \leq 0) \end{cases}$$
"""
    assert marks(document) == [(4, True), (4, True), (7, True)]


def test_two_turned_gradients_beside_others_are_a_habit_and_one_is_a_slip() -> None:
    facts = r"$W \in \mathbb{R}^{m \times n}$, $x \in \mathbb{R}^n$, $z = Wx$, $L = z^\top z$"
    facts += "\n\n"
    turned = r"$$\frac{\partial L}{\partial z} = 2z^\top$$" + "\n"
    turned_too = r"$$\frac{\partial L}{\partial x} = 2z^\top W$$" + "\n"
    column = r"$$\frac{\partial L}{\partial W} = 2z x^\top$$" + "\n"
    both = [mark for _, mark in marks(facts + turned + turned_too + column)]
    one = [mark for _, mark in marks(facts + turned + column)]
    assert (both, one) == ([None, None, True], [False, True])


def test_a_second_definition_counts_from_there_on() -> None:
    document = r"""$f(x) = x^2$ and $f'(x) = 2x$.
For the next one, $f(x, y) = x^2 y + \sin y$:

$\frac{\partial f}{\partial x} = 2xy$ and $\frac{\partial f}{\partial y} = x^2 - \cos y$,
last $f(x) = e^{3x}$ with $f'(x) = 3e^{3x}$.
"""
    assert marks(document) == [(1, True), (4, True), (4, False), (5, True)]


def test_a_line_is_wrong_after_a_second_definition_only_if_it_is_by_both() -> None:
    document = r"""$$z = Wx + b, \quad L = z^\top z$$
$$\frac{\partial L}{\partial b} = 2(Wx + b)$$
We said that $z = Wx + 3b$ and so
$$\frac{\partial L}{\partial W} = 2(Wx + b)x^\top$$
"""
    assert [mark for _, mark in marks(document)][-1] is True


def test_a_continuation_defines_nothing_again() -> None:
    document = r"""For $X \in \mathbb{R}^{n \times d}$ and diagonal $W \in \mathbb{R}^{n \times n}$
\begin{align*}
u &= v + (X^\top W X)^{-1} X^\top r \\
  &= (X^\top W X)^{-1} X^\top W (X v + W r)
\end{align*}
"""
    assert marks(document, "tex") == [(4, False)]
    assert marks(document.replace("+ W r)", "+ W^{-1} r)"), "tex") == [(4, True)]


def test_a_prime_on_a_bracket_derives_a_number_and_transposes_an_array() -> None:
    slope = r"""$$f(x) = \frac{1}{1 + e^{-x}}$$
$$f'(x) = \left(\frac{1}{1 + e^{-x}}\right)'$$
$$= \frac{e^{-x}}{(1 + e^{-x})^2}$$
$$f'(x) = 2\left(\frac{1}{1 + e^{-x}}\right)'$$
"""
    assert marks(slope) == [(2, True), (3, True), (4, False)]
    econometrics = r"""$$f(b) = (y - Xb)'(y - Xb)$$
$$\frac{\partial f}{\partial b} = -2X'(y - Xb)$$
"""
    assert marks(econometrics) == [(2, True)]


def test_an_index_that_the_left_side_does_not_have_may_be_any() -> None:
    document = r"""For $y \in \mathbb{R}^n$, $p \in \mathbb{R}^n$:
\begin{align*}
L &= -\sum_i y_i \log p_i \\
&= -\log p_k
\end{align*}
"""
    assert marks(document, "tex") == [(4, None)]


def test_a_function_times_one_minus_itself_is_a_product_and_no_call() -> None:
    document = r"""$$g(z) = \frac{1}{1 + e^{-z}}$$
$$\frac{\partial g}{\partial z} = g(1 - g)$$
$$\frac{\partial g}{\partial z} = g(g - 1)$$
"""
    assert marks(document) == [(2, True), (3, False)]


def test_an_entry_beyond_the_sizes_of_a_check_makes_no_line_wrong() -> None:
    document = r"""For $x \in \mathbb{R}^n$ let $f(x) = x_6^2 + x^\top x$. Then
$$f(x) = x^\top x + x_6 x_6$$
"""
    assert marks(document) == [(2, True)]


def test_an_upstream_derivative_on_the_right_makes_no_variable_of_a_layer() -> None:
    lines = r"""z_1 = W_1x + b_1
h = \mathrm{ReLU}(z_1)
\hat y = W_2h + b_2
L = \frac12\|\hat y - y\|^2
\frac{\partial L}{\partial W_1} = """
    assert verify_steps(lines + r"\frac{\partial L}{\partial z_1}x^\top").correct is True
    wrong = verify_steps(lines + r"x\frac{\partial L}{\partial z_1}")
    assert [line.correct for line in wrong.lines][-1] is False  # W_1 is no vector, x no number


def test_sentences_of_a_plain_text_declare_and_mark() -> None:
    text = (
        "Data: x_i in R^d, i = 1..n. X is the n x d matrix whose rows are x_i^T.\n\n"
        "f(w) = sum_i (w^T x_i - y_i)^2\n\n(1) gradient\n\ndf/dw = 2 X^T (X w - y)\n\n"
        "(2) Hessian, with S = X^T X\n\nH = 2 S\n"
    )
    (verdict,) = verify_homework(text, "txt")
    assert verdict.correct
    assert [line.number for line in verdict.lines] == [3, 7, 9, 11]
