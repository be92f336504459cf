"""What of a file is mathematics, and which lines belong together."""

import json
import re
import time
from itertools import pairwise

import pytest
from test_homework import numbers
from test_whole_documents import states

from matderiv import LimitError, ParseError
from matderiv.verification.derivations.homework import verify_homework
from matderiv.verification.documents.contents import pieces
from matderiv.verification.documents.exercises import exercises
from matderiv.verification.documents.macros import written_out
from matderiv.verification.documents.markup import notebook_text
from matderiv.verification.documents.positions import Passage


def formulas(document: str, suffix: str) -> list[str]:
    return [
        " ".join(p.passage.text.split())
        for p in pieces(document, suffix)
        if p.kind in ("formula", "inline")
    ]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (r"\newcommand{\R}{\mathbb{R}}$x \in \R^n$", [r"x \in \mathbb{R}^n"]),
        (r"\newcommand\tr{\operatorname{tr}}$\tr(A)$", [r"\operatorname{tr}(A)"]),
        (r"\newcommand{\norm}[1]{\|#1\|}$\norm{Ax - b}^2$", [r"\|Ax - b\|^2"]),
        (r"\newcommand{\pd}[2][f]{\frac{\partial #1}{\partial #2}}$\pd{x}$", None),
        (r"\def\pd#1#2{\frac{\partial #1}{\partial #2}}$\pd{f}x$", None),
        (r"\DeclareMathOperator{\diag}{diag}$\diag(x)$", [r"\operatorname{diag}(x)"]),
        (r"\DeclarePairedDelimiter{\n}{\|}{\|}$\n{x}$", [r"\| x \|"]),
        (r"\newcommand{\T}{^\top}\newcommand{\q}{x\T A x}$\q$", [r"x^\top A x"]),
    ],
)
def test_macros_are_written_out(document: str, found: list[str] | None) -> None:
    wanted = found or [r"\frac{\partial f}{\partial x}"]
    assert formulas(document, "tex") == wanted
    assert formulas(document, "md") == wanted


def test_what_a_macro_stands_for_keeps_the_place_of_its_call() -> None:
    text = r"\def\n#1{\|#1\|} \n{x}"
    p = written_out(Passage.of(text))
    assert {text[k] for c, k in zip(p.text, p.places, strict=True) if c == "x"} == {"x"}


def test_macros_that_grow_without_end_are_refused() -> None:
    names = "abcdefghijkl"
    lines = [rf"\def\{a}{{{10 * (chr(92) + b)}}}" for a, b in pairwise(names)]
    start = time.perf_counter()
    with pytest.raises(LimitError):
        list(pieces("".join(lines) + r"\def\l{x}$\a$", "tex"))
    assert time.perf_counter() - start < 5
    assert list(pieces(r"\def\a{\a\a}$x$", "tex"))


@pytest.mark.parametrize(
    ("document", "suffix"),
    [
        ("% $f = 1$\n$g = 2$", "tex"),
        ("50\\% of\n$g = 2$ \\% $", "tex"),
        ("\\begin{verbatim}\n$f = 1$\n\\end{verbatim}\n$g = 2$", "tex"),
        ("\\iffalse $f = 1$ \\fi $g = 2$", "tex"),
        ("\\begin{lstlisting}\nf = 1\n\\end{lstlisting}\n$g = 2$", "tex"),
        ("\\begin{tabular}{c}$f = 1$\\end{tabular}\n$g = 2$", "tex"),
        ("$h = 0$\\begin{document}\n$g = 2$\n\\end{document}\n$f = 1$", "tex"),
        ("---\ntitle: f = 1\n---\n$g = 2$", "md"),
        ("<!-- $f = 1$ -->\n$g = 2$", "md"),
        ("$g = 2$\n```python\nf = x + y\n```\n", "md"),
        ("$g = 2$\n~~~ r\nf = x + y\n~~~\n", "md"),
    ],
)
def test_what_is_no_text_is_not_read(document: str, suffix: str) -> None:
    assert formulas(document, suffix) == ["g = 2"]


def test_sentences_go_on_in_the_next_line() -> None:
    document = "Let $A$ be\nsymmetric and\n$f(x) = x^\\top A x$. Then $\\nabla f\n= 2Ax$."
    assert [v.correct for v in verify_homework(document, "tex")] == [True]


def test_rows_of_matrices_and_cases_stay_together() -> None:
    document = "$$\n" + r"f = \begin{cases} 1 & x > 0 \\ 0 & x < 0 \end{cases} \\ g = 2" + "\n$$"
    assert [text[:1] for text in formulas(document, "md")] == ["f", "g"]


@pytest.mark.parametrize(
    "environment", ["align", "align*", "equation", "IEEEeqnarray", "gather", "multline", "dmath"]
)
def test_environments(environment: str) -> None:
    opening = "{rCl}" if environment.startswith("IEEE") else ""
    body = r"\nabla f &=& 3x" if opening else r"\nabla f = 3x"
    document = (
        "\\[ f(x) = x^\\top x \\]\n"
        f"\\begin{{{environment}}}{opening}\n{body}\n\\end{{{environment}}}\n"
    )
    found = list(verify_homework(document, "tex"))
    assert [v.first_wrong and v.first_wrong.number for v in found] == [3]


def test_headings_do_not_forget() -> None:
    document = """## Setting
$$f(x) = \\|Ax - b\\|^2$$ with $b \\in \\mathbb{R}^m$
### Gradient
$$\\nabla f = 2A^\\top(Ax - b)$$
### Hessian
$$\\nabla^2 f = 2A^\\top A$$
"""
    (found,) = verify_homework(document, "md")
    assert [line.verdict for line in found.lines] == ["given", "proved", "proved"]


def test_a_heading_starts_a_problem_where_a_name_is_defined_again() -> None:
    document = "# First\n$f = x^\\top x$\n# Then\n$f = y^\\top y$\n# Result\n$g = 2y$"
    assert [e.title for e in exercises(document, "md")] == ["First", "Then"]
    problems = "# Problem 1\n$f = x$\n## Solution\n$g = 1$\n# Problem 2\n$h = y$"
    assert [e.title for e in exercises(problems, "md")] == ["Problem 1", "Problem 2"]


def test_a_notebook_is_its_markdown() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["$f = x$\n", "and"]},
        {"cell_type": "code", "source": "f = 2"},
        {"cell_type": "markdown", "source": "$g = 1$"},
    ]
    assert notebook_text(json.dumps({"cells": cells})) == "$f = x$\nand\n$g = 1$"
    for damaged in ("", "[]", "{}", '{"cells": 3}', '{"cells": [3]}', "{"):
        with pytest.raises(ParseError, match="no notebook"):
            notebook_text(damaged)


def test_long_documents_are_read_in_linear_time() -> None:
    problem = "Let $A$ be symmetric. $$f = x^\\top A x$$ so $\\nabla f = 2Ax$.\n\n# Problem 1\n"
    start = time.perf_counter()
    assert len(exercises(problem * 200, "md")) == 200
    assert time.perf_counter() - start < 10


# What stands in notes beside the claims ----------------------------------------------------------

SHAPES = r"""Let $X \in \mathbb{R}^{n \times d}$ and $w$ be weights.
$$L = \|Xw - y\|^2 \in \mathbb{R}$$
$$\frac{\partial L}{\partial w} = 2 X^\top (X w - y) \in \mathbb{R}^{d}$$
$$r = X w \in \mathbb{R}^n, \quad w \in \mathbb{R}^d$$
$$\frac{\partial r}{\partial w} = X \in \mathbb{R}^{n\times d}$$
$$\nabla L = 2 X^\top X w - 2 X^T y \in \mathbb{R}^{d}$$
"""


def test_a_space_behind_an_equation_is_that_of_the_whole() -> None:
    assert numbers(SHAPES) == {"ok": [3, 5, 6], "wrong": []}
    wrong = SHAPES.replace("2 X^T y", "2 X^T w")
    assert 6 in numbers(SHAPES.replace("2 X^T y", "X^T y"))["wrong"]
    assert numbers(wrong)["wrong"] == [6]


NUMBERS = r"""$$\hat{y} = w \cdot x$$
$$M = (y - \hat{y})^2$$
Suppose $ x = 2 $, $ y = 5 $, and the current weight $ w = 1 $.
$$M = (5 - 2)^2 = 9$$
$$\frac{\partial M}{\partial w} = \frac{\partial}{\partial w} (y - wx)^2 = 2 (y - w x) \cdot (-x)$$
$$\frac{\partial M}{\partial w} = 2 (5 - 1 \cdot 2) \cdot (-2) = -12$$
- With $J = \frac{1}{2}d^2$ and $d=2$ we have $\frac{\partial J}{\partial d} = d = 2$.
"""


def test_numbers_put_in_are_no_claim_about_the_function() -> None:
    assert numbers(NUMBERS) == {"ok": [5, 5, 7, 7], "wrong": []}
    assert numbers(NUMBERS.replace(r"2 (y - w x)", r"2 (y + w x)"))["wrong"] == [5]
    varying = "$$f = x^2 + 3x$$\n$$\\frac{df}{dx} = 2$$"
    assert numbers(varying)["wrong"] == [2]  # nothing says what x is


LOOSE = r"""Let $z \in \mathbb{R}^m$ and $a = \sigma(z)$ with the sigmoid. $h = \tanh(W x)$.
$$\frac{\partial a}{\partial z} = a \odot (1 - a)$$
$$\frac{\partial a}{\partial z} = \text{diag}(a \odot (1 - a))$$
$$\frac{\partial h}{\partial W} = (1 - h^2) x^T$$
"""


def test_derivatives_of_each_entry_are_left_open_where_an_array_is_meant() -> None:
    assert numbers(LOOSE) == {"ok": [3], "wrong": []}
    assert numbers(LOOSE.replace(r"a \odot (1 - a)$$", r"a \odot (1 + a)$$"))["wrong"] == [2]


ROWS = r"""Let $z = X w$ and $J = \frac12 z^T z$.
$$\frac{\partial J}{\partial z} = z^T$$
$$\frac{\partial z}{\partial w} = X$$
$$\frac{\partial J}{\partial w} = z^T X$$
"""


def test_a_layout_that_all_lines_fit_is_theirs() -> None:
    assert numbers(ROWS) == {"ok": [2, 3, 4], "wrong": []}
    assert numbers(ROWS.replace("= z^T$$", "= z$$"))["wrong"] == [4]  # two layouts
    assert numbers(ROWS.replace("= z^T$$", "= 2z^T$$"))["wrong"] == [2]
    alone = "$$f = x^T A x$$\n$$\\frac{\\partial f}{\\partial x} = x^T(A + A^T)$$"
    assert numbers(alone) == {"ok": [], "wrong": []}  # nothing says which layout is meant


def test_words_are_no_sizes_and_words_in_fractions_are_read_or_left() -> None:
    said = r"The function is given by $g(x) = x^T x$. If $x$ is nudged by $\epsilon$, $g$ grows."
    assert numbers(f"{said}\n$$\\nabla g = 2x$$") == {"ok": [2], "wrong": []}
    words = r"$$\frac{\text{Rate of change in } y}{\text{Change in } x} = \frac{dy}{dx}$$"
    assert numbers(f"$$y = x^2$$\n{words}\n$$\\frac{{dy}}{{dx}} = 2x$$") == {"ok": [3], "wrong": []}


EXAMPLES = r"""For one example $z = w^T x + b$ and $\hat{y} = \sigma(z)$ with the sigmoid,
$$L(y, \hat{y}) = -[y \log \hat{y} + (1-y) \log(1-\hat{y})]$$
$$J = -\frac{1}{m} \sum_{i=1}^{m} [y^{(i)} \log \hat{y}^{(i)} + (1-y^{(i)}) \log(1-\hat{y}^{(i)})]$$
$$\frac{\partial L}{\partial \hat{y}} = \frac{\hat{y} - y}{\hat{y}(1-\hat{y})}$$
$$\frac{\partial L}{\partial z} = \hat{y} - y$$
$$\frac{\partial L}{\partial w} = (\hat{y} - y) x$$
"""


def test_one_example_is_not_the_array_of_all_examples() -> None:
    assert numbers(EXAMPLES) == {"ok": [4, 5, 6], "wrong": []}
    assert numbers(EXAMPLES.replace(r"(\hat{y} - y) x$$", r"(\hat{y} + y) x$$"))["wrong"] == [6]


ASIDE = r"""The points $\{x_1, \ldots, x_n\}$ have labels, $\hat{y_i} = w^T x_i$.
$$S = \sum_i (\hat{y_i} - y_i)^2$$
$$\forall i, \quad \frac{\partial S}{\partial \hat{y_i}} = 2(\hat{y_i} - y_i)$$
$$
\begin{aligned}
& \nabla_w S \\
&= 2 \sum_i (\hat{y_i} - y_i) x_i
\end{aligned}
$$
"""


def test_what_claims_nothing_is_not_spoken_of_and_rows_belong_together() -> None:
    assert numbers(ASIDE) == {"ok": [3, 7], "wrong": []}
    assert [v.open for v in verify_homework(ASIDE, "md")] == [set()]
    assert numbers(ASIDE.replace("&= 2", "&= "))["wrong"] == [7]


def test_sigma_is_the_sigmoid_where_its_slope_says_so() -> None:
    slope = r"$$\frac{d\sigma(x)}{dx} = \sigma(x)(1-\sigma(x))$$"
    other = r"$$\sigma'(z) = \sigma(z)(1 - \sigma(z)) + 1$$"
    assert numbers(f"{slope}\n{other}") == {"ok": [1], "wrong": [2]}
    assert numbers(r"$$\frac{d\sigma}{dx} = 1 - \sigma^2$$") == {"ok": [], "wrong": []}
    array = f"$$J = x^T x$$\n{slope}\n$$\\frac{{\\partial J}}{{\\partial x}} = 2 x$$"
    assert numbers(array) == {"ok": [2, 3], "wrong": []}


FORWARD = """x → z₁ = W₁x + b₁ → h₁ = σ(z₁) → z₂ = W₂h₁ + b₂ → ŷ = σ(z₂) → L = (ŷ - y)²

- ∂L/∂ŷ = 2(ŷ - y) ✓
- δ₂ = ∂L/∂z₂
- ∂L/∂W₂ = δ₂ · h₁ᵀ
- ∂L/∂h₁ = W₂ᵀ · δ₂

δ₁ = (∂L/∂h₁) ⊙ σ'(z₁)
   = 2W₂ᵀδ₂ ⊙ σ'(z₁)
"""


def test_a_forward_pass_of_arrows_defines_its_layers_and_a_loss_is_a_number() -> None:
    assert numbers(FORWARD) == {"ok": [3, 5, 6], "wrong": [9]}
    assert numbers(FORWARD.replace("2W₂ᵀ", "W₂ᵀ")) == {"ok": [3, 5, 6, 9], "wrong": []}
    latex = r"$$z = Wx + b \to h = \sigma(z) \to L = (h - y)^2$$"
    right = r"$$\frac{\partial L}{\partial W} = 2(h - y) \odot h \odot (1 - h) x^T$$"
    assert numbers(f"{latex}\n{right}") == {"ok": [2], "wrong": []}
    assert numbers(f"{latex}\n{right.replace('- y', '+ y')}")["ok"] == []


SOLVED = """f(w) = ‖Xw - y‖² + λ‖w‖²

∇_w f = 2Xᵀ(Xw - y) + 2λw

Setting it to zero:

Xᵀ(Xw* - y) + λw* = 0

w* = (XᵀX + λI_d)⁻¹Xᵀy

| name | f = 3 |
"""


def test_a_star_is_the_solution_and_sizes_have_any_name() -> None:
    document = SOLVED
    assert numbers(document) == {"ok": [3, 7, 9], "wrong": []}
    assert numbers(document.replace("+ λI_d", "- λI_d"))["wrong"] == [9]
    latex = (
        document.replace("w*", "w^*")
        .replace("‖", r"\|")
        .replace("²", "^2")
        .replace("λ", r"\lambda ")
    )
    latex = latex.replace("ᵀ", "^T").replace("⁻¹", "^{-1}").replace("∇", r"\nabla")
    rows = [
        f"$${row}$$" if "=" in row and "|  " not in row else row for row in latex.splitlines()[:9]
    ]
    assert numbers("\n".join(rows)) == {"ok": [3, 7, 9], "wrong": []}


PROGRAM = """```python
import numpy as np
from sklearn.svm import SVC
for C in (1, 10):
    clf = SVC(C=C)
```

The margin is 2.
"""


def test_a_program_that_a_text_shows_is_no_derivation() -> None:
    assert [v.open for v in verify_homework("f = x'*x\n\n∇f = 2*x\n\n" + PROGRAM, "md")] == [set()]


CASES = r"""Let $p_i = \frac{e^{z_i}}{\sum_k e^{z_k}}$.

SAID $i = j$

$$\frac{\partial p_i}{\partial z_j} = p_i(1 - p_i)$$

SAID $i \neq j$

$$\frac{\partial p_i}{\partial z_j} = -p_i p_j$$

Both together:

$$\frac{\partial p_i}{\partial z_j} = p_i(\delta_{ij} - p_j)$$
"""


@pytest.mark.parametrize("said", ["**Case 1:**", "### Case:", "On the diagonal,", "当", "For"])
@pytest.mark.parametrize("quoted", [r"$\1$", r"\\(\1\\)"])
def test_a_case_of_the_indices_is_heard_in_any_words(said: str, quoted: str) -> None:
    document = re.sub(r"(?<!\$)\$(i [^$]* j)\$", quoted, CASES.replace("SAID", said))
    assert numbers(document) == {"ok": [5, 9, 13], "wrong": []}
    swapped = document.replace("= -p_i p_j", "= p_i p_j")
    assert numbers(swapped)["wrong"] == [9]


def test_numbers_that_were_put_in_are_no_mistake() -> None:
    worked = "f = σ(z)\n\nσ'(z) = σ(z)(1 - σ(z))\n= 0.8176(1 - 0.8176)\n"
    assert numbers(worked)["wrong"] == []


OUTER_FIRST = r"""$L = -(t \log(y) + (1-t) \log(1-y))$

$\frac{\partial L}{\partial y} = - \frac{t}{y} + \frac{1-t}{1-y}$

$y = \frac{1}{1+\exp(-x)}$

$\frac{\partial y}{\partial x} = y(1-y)$

$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} \frac{\partial y}{\partial x} = y-t$
"""


def test_a_name_may_be_defined_after_a_derivative_by_it() -> None:
    assert numbers(OUTER_FIRST) == {"ok": [3, 7, 9, 9], "wrong": []}
    assert numbers(OUTER_FIRST.replace("y(1-y)", "y(1+y)"))["wrong"] == [7]
    assert numbers(OUTER_FIRST.replace("= y-t", "= y+t"))["wrong"] == [9]


ORDINARY = r"""Let $o = w^T h$.

$\frac{d}{dx} \tanh(x) = 1 - \tanh^2(x)$

$\frac{d}{dx} (x^2 + 1) = 2x$

$\frac{\partial}{\partial x} x^T A x = (A + A^T) x$
"""


def test_an_ordinary_derivative_of_a_formula_is_by_a_number() -> None:
    assert numbers(ORDINARY) == {"ok": [3, 5, 7], "wrong": []}
    assert numbers(ORDINARY.replace("1 - ", "2 - "))["ok"] == [5, 7]


WORDS = r"""We know that $J = CE(y, \hat{y})$ with $\hat{y} = softmax(\theta)$ and $\theta = U^T v$.
$$\frac{\partial J}{\partial \theta} = \hat{y} - y$$
$$\frac{\partial J}{\partial v} = U (\hat{y} - y)$$
$$\frac{\partial J}{\partial U} = v (\hat{y} - y)^T$$
"""


def test_cross_entropy_is_that_of_distributions() -> None:
    assert numbers(WORDS) == {"ok": [2, 3, 4], "wrong": []}
    assert numbers(WORDS.replace(r"U (\hat{y} - y)", r"U (\hat{y} + y)"))["wrong"] == [3]


LABELLED = r"""$$
J_{neg-sample}(v_c, o, U) = -\log\sigma(u_o^\top v_c) - \sum_{k=1}^{K} \log\sigma(-u_k^\top v_c)
$$
$$\frac{\partial J}{\partial u_o} = (\sigma(u_o^\top v_c) - 1)v_c$$
$$\frac{\partial J}{\partial u_k} = -(\sigma(-u_k^\top v_c) - 1)v_c$$
"""


def test_one_labelled_objective_is_the_objective_and_a_single_member_may_be_apart() -> None:
    assert numbers(LABELLED) == {"ok": [4, 5], "wrong": []}
    assert numbers(LABELLED.replace("= -(", "= ("))["wrong"] == [5]
    assert numbers(LABELLED.replace(" - 1)v_c$$\n$$", " + 1)v_c$$\n$$", 1))["wrong"] == [4]


@pytest.mark.parametrize(
    "document",
    [
        "$$f(x) = \\frac{1}{1 + x}$$\n$$f'(x) = -\\frac{1}{1+x}.\\frac{1}{1+x}$$",
        "$g(x) = a^T x$\n\n$\\frac{\\mathbf{d}g(x)}{\\mathbf{d}x} = a$",
    ],
)
def test_signs_that_people_use(document: str) -> None:
    found = numbers(document)
    assert len(found["ok"]) == 1
    assert not found["wrong"]


def test_zero_is_no_claim_about_the_minimum_where_nothing_says_so() -> None:
    text = "$$L = \\|Xw - y\\|^2$$\n$$\\nabla_w L = 2X^T(Xw - y)$$\nThe border is where $Xw = 0$."
    assert numbers(text) == {"ok": [2], "wrong": []}
    solved = text.replace("The border is where $Xw = 0$.", "Set it to zero:\n$$X^T(Xw + y) = 0$$")
    assert numbers(solved)["wrong"] == [4]


NEWTON = r"""Let $L(\beta) = \|X\beta - y\|^2$.
$$
\begin{aligned}
\beta^{\text{new}} &= \beta^{\text{old}} + (X^TWX)^{-1}X^T(y-p) \\
&= (X^TWX)^{-1}X^TW(X\beta^{\text{old}} + W^{-1}(y-p))
\end{aligned}
$$
$$\beta_{t+1} = \beta_t - \eta \nabla L(\beta_t)$$
$$\frac{\partial L}{\partial\beta} = \mathbf{X}^T(\mathbf{q}-\mathbf{y})$$
"""


def test_labels_above_are_labels_and_updates_are_no_claims() -> None:
    assert numbers(NEWTON) == {"ok": [5], "wrong": []}  # nothing says what q is
    assert all(line.number != 8 for v in verify_homework(NEWTON, "md") for line in v.lines)
    assert numbers(NEWTON.replace(r"(\mathbf{q}-", r"(X\beta-"))["wrong"] == [9]


# Slopes of each entry, lists ----------------------------------------------------------------------

CELL = r"""The cell is $C_t = f_t * C_{t-1} + i_t * g_t$ with $f_t = \sigma(W_f x_t + b_f)$.

$$\frac{\partial L}{\partial W_f}
= \frac{\partial L}{\partial C_t} * C_{t-1} * f_t (1-f_t) \cdot x_t^T$$
"""
LIST = r"""\begin{exercise}
Let $\mathbf{x}\in \mathbf{R}^n$. Find the gradients of the following functions.
\begin{enumerate}
\item $f(\mathbf{x}) = \mathbf{a}^{\top}\mathbf{x}$.
\item $f(\mathbf{x}) = \mathbf{x}^{\top}\mathbf{x}$.
\end{enumerate}
\end{exercise}
\begin{solution}
\begin{enumerate}
\item $\nabla f(\mathbf{x}) = \mathbf{a}$
\item $\nabla f(\mathbf{x}) = 2\mathbf{x}$
\end{enumerate}
\end{solution}
"""


@pytest.mark.parametrize(("text", "suffix"), [(CELL, "md"), (LIST, "tex")])
def test_what_a_text_says_of_each_entry_or_each_item_is_not_called_wrong(
    text: str, suffix: str
) -> None:
    assert not numbers(text, suffix)["wrong"]


LAYERS = r"""$$z^{[1]} = W^{[1]}x + b^{[1]}, \quad a^{[1]} = \sigma(z^{[1]})$$
$$z^{[2]} = W^{[2]}a^{[1]} + b^{[2]}, \quad a^{[2]} = \sigma(z^{[2]})$$
$$L = -y\log a^{[2]} - (1-y)\log(1-a^{[2]})$$
Here $y$ is a scalar and $\sigma$ is the sigmoid.
$$\frac{\partial L}{\partial z^{[2]}} = a^{[2]} - y$$
$$\frac{\partial L}{\partial W^{[2]}} = (a^{[2]} - y)\, a^{[1]\top}$$
$$\frac{\partial L}{\partial z^{[1]}} = W^{[2]\top}(a^{[2]} - y) \odot a^{[1]} \odot (1 - a^{[1]})$$
"""


def test_the_last_layer_of_a_loss_that_is_a_number_has_one_unit() -> None:
    assert numbers(LAYERS) == {"ok": [5, 6, 7], "wrong": []}
    assert numbers(LAYERS.replace(r"\odot a^{[1]} \odot", r"\odot"))["wrong"] == [7]


UPSTREAM = r"""$$s = Kq, \quad o = V^\top\tanh(s)$$
Given $\frac{\partial L}{\partial o} = g$ we get $\frac{\partial L}{\partial V} = \tanh(s) g^\top$.
"""


def test_a_gradient_that_is_given_may_stand_on_the_left() -> None:
    assert numbers(UPSTREAM) == {"ok": [2], "wrong": []}
    assert numbers(UPSTREAM.replace(r"\tanh(s) g^", r"s g^"))["wrong"] == [2]


SOFTMAX = r"""$$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}, \qquad L = -\log p_y$$
$$\frac{\partial L}{\partial s_k} = p_k - {}$$
"""


def test_an_indicator_in_brackets_is_no_case_of_indices() -> None:
    for sign in (r"\mathbb{1}(k = y)", r"\mathbf{1}(y = k)", "I(k = y)", "1(k=y)", "[k = y]"):
        assert numbers(SOFTMAX.replace("{}", sign)) == {"ok": [2], "wrong": []}
        assert numbers(SOFTMAX.replace("- {}", "+ " + sign))["wrong"] == [2]


LABEL = r"""$$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}, \qquad L = -\log p_y$$
$\frac{\partial L}{\partial s_y} = p_y - 1$.

For $k\ne y$: $\frac{\partial L}{\partial s_k} = p_k$.
"""
LABEL_ROWS = r"""$$p_o = \frac{\exp(u_o^\top v)}{\sum_k\exp(u_k^\top v)}, \qquad J = -\log p_o$$
$\frac{\partial J}{\partial u_o} = (p_o - 1)v$
"""


def test_the_entry_at_a_label_is_one_entry() -> None:
    assert numbers(LABEL) == {"ok": [2, 4], "wrong": []}
    assert numbers(LABEL.replace("p_y - 1$", "p_y + 1$"))["wrong"] == [2]
    assert numbers(LABEL.replace("= p_k$", "= p_k - 1$"))["wrong"] == [4]
    assert numbers(LABEL_ROWS) == {"ok": [2], "wrong": []}
    assert numbers(LABEL_ROWS.replace("p_o - 1", "p_o + 1"))["wrong"] == [2]


NORMED = r"""For $x\in\mathbb{R}^n$ let $\mu = \frac1n\sum_{i=1}^n x_i$,
$v = \frac1n\sum_{i=1}^n(x_i-\mu)^2$ and $\hat x_i = \frac{x_i-\mu}{\sqrt{v+\epsilon}}$.
$$\frac{\partial\hat x_i}{\partial x_j}
= \frac{1}{\sqrt{v+\epsilon}}\left(\delta_{ij}-\frac1n-\frac1n\hat x_i\hat x_j\right)$$
"""


def test_a_name_with_a_hat_that_is_derived_is_no_solution() -> None:
    assert numbers(NORMED) == {"ok": [4], "wrong": []}
    assert numbers(NORMED.replace(r"-\frac1n-", r"+\frac1n-"))["wrong"] == [4]


PROBLEMS = r"""Problem 1. Let $f(x)=\|Ax-b\|^2$. Then $\nabla f(x)=2A^\top(Ax-b)$.

**Problem 2.** Let $f(x)=x^\top x$. Then $\nabla f(x)=2x$.

Leaky: $\phi(z)=\begin{cases}z & z>0\\ c z & z\le0\end{cases}$ has the slope
$\phi'(z)=\begin{cases}1 & z>0\\ c & z\le0\end{cases}$.
"""


def test_problems_may_begin_in_running_text() -> None:
    assert numbers(PROBLEMS) == {"ok": [1, 3, 6], "wrong": []}


FENCED = r"""The loss is

```math
f(x) = x^\top A x
```

with the gradient

```math
\nabla f = (A + A^\top)x,
```

where

```math
x^\top x
```

is the size of x.
"""


def test_a_formula_alone_in_a_text_is_no_claim() -> None:
    assert numbers(FENCED) == {"ok": [10], "wrong": []}
    assert numbers(FENCED.replace("+ A", "- A"))["wrong"] == [10]


AT_POINTS = r"""Let $f(x,y) = x^2y + 3xy^2$. Then
$$f_x = 2xy + 3y^2, \quad f_{xy} = 2x + 6y$$
$$\nabla f(1,2) = (16, 13)^\top$$
$$\left.\frac{\partial f}{\partial y}\right|_{(1,2)} = 13$$
$$f_x(1,2) = 16$$
$$H(1,2) = \begin{pmatrix} 4 & 14 \\ 14 & 6 \end{pmatrix}$$
Start at $w = (2, 1)$, where
$$\nabla f(w) = (7, 16)^\top$$
"""


def test_partial_derivatives_by_subscripts_and_at_points() -> None:
    found = states(AT_POINTS, "md")
    assert [found[k] for k in (2, 3, 4, 5, 6, 8)] == [{"ok"}] * 6
    for right, wrong in (("16, 13", "16, 12"), (" = 13", " = 14"), ("7, 16", "7, 11")):
        assert {"wrong"} in states(AT_POINTS.replace(right, wrong), "md").values()


def test_numbers_of_a_matrix_are_what_it_is() -> None:
    text = (
        r"Let $f(x) = x^\top A x$ with $A = \begin{pmatrix}2&1\\1&3\end{pmatrix}$. $\nabla f = 2Ax$"
    )
    assert "ok" in states(text, "md")[1]
    assert "wrong" in states(text.replace("1&3", "0&3"), "md")[1]


BATCH = r"""$$Z = XW + b$$
$$L = \frac{1}{2N}\|Z-Y\|_F^2$$
$$\frac{\partial L}{\partial Z} = \frac1N(Z-Y)$$
$$\frac{\partial L}{\partial b} = \sum_{i=1}^N\left(\frac{\partial L}{\partial Z}\right)_{i,:}$$
"""


@pytest.mark.parametrize("said", ["", r"- $X$: $(N, D)$, $W$: $(D, H)$, $b$: $(H,)$" + "\n\n"])
def test_a_bias_is_added_to_every_row(said: str) -> None:
    found = states(said + BATCH, "md")
    assert [found[k] for k in sorted(found)][-2:] == [{"ok"}] * 2
    found = states(said + BATCH.replace(r"\frac1N(Z", r"\frac2N(Z"), "md")
    assert {"wrong"} in found.values()


GATE = """z = sigmoid(a)
h = z * c + (1 - z) * p
L = 0.5 * ||h - t||^2

dL/dc = (h - t) * z
dL/da = (h - t) * (c - p) * z * (1 - z)
"""


def test_a_star_multiplies_entry_by_entry_where_only_that_fits() -> None:
    found = states(GATE, "txt")
    assert found[5] == found[6] == {"ok"}
    assert states(GATE.replace("(c - p)", "(p - c)"), "txt")[6] != {"ok"}


def test_a_loss_that_is_said_to_be_a_number_is_any_function() -> None:
    text = r"""Let $o = V^\top a$, and let $\ell$ be a scalar loss
with $g = \frac{\partial\ell}{\partial o}$.
$$\frac{\partial\ell}{\partial a} = Vg$$
"""
    assert states(text, "md")[3] == {"ok"}
    assert "wrong" in states(text.replace("Vg", "2Vg"), "md")[3]


LINKED = r"""The model is $\log\lambda_i = x_i^\top\beta$ with
$$\ell(\beta) = \sum_{i=1}^n (y_i\log\lambda_i - \lambda_i)$$
$$\frac{\partial\ell}{\partial\beta} = \sum_{i=1}^n (y_i - \lambda_i)x_i$$
"""
AT_LABELS = r"""For $P_{ij} = \frac{e^{S_{ij}}}{\sum_l e^{S_{il}}}$ and the classes $y_i$ let
$$L = -\sum_{i=1}^n \log P_{i,y_i}$$
$$\frac{\partial L}{\partial S_{ij}} = P_{ij} - \mathbb 1\{j = y_i\}$$
"""
UNITS = r"""$z_j^l = \sum_k w_{jk}^l a_k^{l-1} + b_j^l$, $a_j^l = \sigma(z_j^l)$,
$\delta_j^l := \frac{\partial C}{\partial z_j^l}$.
$$\frac{\partial C}{\partial w_{jk}^l} = a_k^{l-1}\delta_j^l$$
"""
SOLUTION = r"""Let $f(x,y) = x^2 - xy + y^2 - 3x$.
$$\nabla f = 0$$
$$x = 2$$
"""
MULTIPLIED = r"""The Lagrangian is $L(p,\lambda) = \sum_k n_k\log p_k + \lambda(1 - \sum_k p_k)$.
$$\frac{\partial L}{\partial p_k} = \frac{n_k}{p_k} - \lambda = 0$$
$$\lambda = \sum_k n_k$$
"""
LIKELIHOOD = r"""$$L(\theta) = \prod_{i=1}^n \theta e^{-\theta x_i}$$
$$\ell(\theta) = \log L(\theta)$$
$$= n\log\theta - \theta\sum_{i=1}^n x_i$$
"""
KINDS = [
    (LIKELIHOOD, "md", 3, "n\\log", "2n\\log"),
    (LINKED, "md", 3, "(y_i - ", "(\\lambda_i - y_i + "),
    (AT_LABELS, "md", 3, "P_{ij} - ", "P_{ij} + "),
    (UNITS, "md", 3, "= a_k^{l-1}", "= 2a_k^{l-1}"),
    (SOLUTION, "md", 3, "x = 2", "x = 3"),
    (MULTIPLIED, "md", 3, "$$\\lambda = ", "$$\\lambda = 2"),
    ("J(w) = sum_i [ (w'*x_i)^2 ]\n\ndJ/dw = 2*sum_i (w'*x_i)*x_i\n", "txt", 3, "2*sum", "sum"),
    (
        "h(W) = exp(-1/2*tr(W'*A*W)) with a symmetric m x m matrix A.\n\ndh/dW = -h(W)*A*W\n",
        *("txt", 3, "-h(W)", "-2*h(W)"),
    ),
    ("g(x, y) = x^2*y + y\n\nd^2g/dxdy = 2*x\n", "txt", 3, "= 2*x", "= 2*y"),
]


@pytest.mark.parametrize(("text", "suffix", "line", "right", "wrong"), KINDS)
def test_spellings_of_calculus_and_statistics(
    text: str, suffix: str, line: int, right: str, wrong: str
) -> None:
    assert states(text, suffix)[line] == {"ok"}
    assert right in text
    assert "ok" not in states(text.replace(right, wrong), suffix)[line]
