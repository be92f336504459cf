"""A fact counts where a sentence says it, and from there on."""

from __future__ import annotations

import pytest
from test_whole_documents import states

from matderiv import verify_steps
from matderiv.verification.documents.declarations import Declared
from matderiv.verification.documents.positions import Passage

F = "Let $f(x) = \\frac12 x^\\top A x$"
EQUAL = "\n$$A = A^\\top{}$$\n"
CLAIM = "\n$$\\nabla f = Ax$$\n"
AFFIRMED = [
    (". Suppose that", "."),
    (" with", ".\n$$ $$\nThen"),
    (" where", ",\n"),
    (". Since", ","),
    (". Assume that", ""),
]
DENIED = [
    " without assuming",
    ". It is not true in general that",
    ". We do not assume",
    ". Here $A$ is any matrix, not satisfying",
    ". It would be wrong to use",
    ". It is not the case that",
    ". If we had",
    ". For example, if",
    ". Unless",
    ". When is",
]


@pytest.mark.parametrize("words", DENIED)
@pytest.mark.parametrize("end", [".", ",", ""])
def test_a_fact_that_a_sentence_denies_or_supposes_makes_no_line_right(
    words: str, end: str
) -> None:
    text = F + words + EQUAL.replace("{}", end) + "In general," + CLAIM
    found = states(text, "md")
    assert not any("ok" in said for said in found.values()), found


@pytest.mark.parametrize(("words", "end"), AFFIRMED)
def test_a_fact_that_a_sentence_affirms_counts(words: str, end: str) -> None:
    text = F + words + EQUAL.replace("{}", end[:1].strip("\n")) + "we have" + CLAIM
    found = states(text, "md")
    assert {"ok"} in found.values(), found
    assert not any("wrong" in said for said in found.values()), found


@pytest.mark.parametrize(
    "later", ["From now on let $A$ be symmetric.", "(b) Now let\n$$A=A^\\top.$$"]
)
def test_a_fact_counts_from_its_place_on(later: str) -> None:
    found = states(f"{F}.{CLAIM}\n{later}{CLAIM}", "md")
    lines = sorted(found)
    assert "ok" not in found[lines[1]]
    assert "ok" in found[lines[-1]]


def test_the_reason_of_a_line_may_stand_behind_it() -> None:
    for reason in ("because $A$ is symmetric.", "since\n$$A=A^\\top.$$"):
        found = states(f"{F}. We have{CLAIM}{reason}", "md")
        assert "ok" in found[2]


SQUARES = "Let $f(x) = \\|Qx - b\\|^2$. Suppose\n$$Q^\\top Q = I.$$\nThen\n"
ENTROPY = (
    "Let $L = -\\sum_k y_k \\log p_k$, $p = \\mathrm{softmax}(z)$ with\n$$\\sum_k y_k = 1.$$\n"
)


@pytest.mark.parametrize(
    "text",
    [SQUARES + "$$\\nabla f = 2x - 2Q^\\top b$$", ENTROPY + "$$\\nabla_z L = p - y$$"],
)
def test_a_condition_in_a_display_makes_no_line_wrong(text: str) -> None:
    assert not any("wrong" in said for said in states(text, "md").values())


def test_a_condition_does_not_excuse_what_is_wrong_by_it_too() -> None:
    assert "wrong" in states(SQUARES + "$$\\nabla f = 3x - 2Q^\\top b$$", "md")[4]


def test_a_solution_with_another_label_is_of_another_problem() -> None:
    text = (
        "Let $f(\\beta) = (y-X\\beta)^\\top W (y-X\\beta)$ with $W$ symmetric.\n"
        "$$\\hat\\beta_{GLS} = (X^\\top W X)^{-1}X^\\top W y$$\nFor comparison,\n"
        "$$\\hat\\beta_{OLS} = (X^\\top X)^{-1}X^\\top y$$"
    )
    found = states(text, "md")
    assert "ok" in found[2]
    assert "wrong" not in found[4]


@pytest.mark.parametrize("words", ["For ${}$,", "Case 1: ${}$.", "If ${}$ we have"])
@pytest.mark.parametrize("right", [True, False])
def test_a_case_of_indices_may_stand_in_the_words_before(words: str, right: bool) -> None:
    text = "Let $p_i = \\frac{e^{z_i}}{\\sum_j e^{z_j}}$.\n"
    for case, value in (("i=j", "p_i(1-p_i)"), ("i\\ne j", "-p_i p_j")):
        text += words.replace("{}", case)
        text += f"\n$$\\frac{{\\partial p_i}}{{\\partial z_j}} = {'' if right else '2'}{value}$$\n"
    text = text.replace("2-p_i", "2p_i")
    found = states(text, "md")
    assert all("wrong" not in found[n] if right else "ok" not in found[n] for n in (3, 5)), found


BASE = {
    "quadratic": "$f(x)=x^\\top Ax$\n",
    "squares": "$f(x)=\\|Ax-b\\|^2$\n",
    "softmax": "$s_i=\\frac{e^{z_i}}{\\sum_j e^{z_j}}$\n",
}


@pytest.mark.parametrize(
    ("base", "said", "correct"),
    [
        ("quadratic", "If $A$ is symmetric, $\\nabla f=2Ax$.", True),
        ("quadratic", "$\\nabla f(x)=2Ax$ if $A$ is symmetric.", True),
        ("quadratic", "$\\nabla f(x)=2Ax$ when $A=A^\\top$.", True),
        ("quadratic", "Wenn $A$ symmetrisch ist, gilt $\\nabla f=2Ax$.", True),
        ("quadratic", "If $A$ is symmetric, $\\nabla f=(A+A^\\top)x$.", True),
        (
            "quadratic",
            "$\\nabla f=2Ax \\quad \\text{(since } A \\text{ is symmetric)}$",
            True,
        ),
        ("quadratic", "$\\nabla f\\overset{A=A^\\top}{=}2Ax$", True),
        ("quadratic", "$\\nabla f=(A+A^\\top)x \\;[n\\times 1]$", True),
        ("quadratic", "If $A$ is symmetric, then $$\\nabla f=Ax+A^\\top x=2Ax.$$", True),
        ("quadratic", "$\\nabla f=(A+A^\\top)x\\overset{\\text{sym.}}{=}2Ax$", True),
        ("quadratic", "$\\nabla f=2Ax \\quad \\text{(where } A \\text{ is any matrix)}$", False),
        ("quadratic", "For $A=I$ we have $\\nabla f=2x$.", True),
        ("quadratic", "If $A$ is diagonal, $\\frac{\\partial f}{\\partial x_i}=2A_{ii}x_i$.", True),
        ("quadratic", "If $A$ is symmetric, $\\nabla f=Ax$.", False),
        ("quadratic", "For $A=I$ we have $\\nabla f=x$.", False),
        ("quadratic", "If $A$ is nilpotent and symmetric, $\\nabla f=Ax$.", None),
        ("quadratic", "If $\\|x\\|=1$, $\\nabla f=Ax$.", None),
        ("squares", "If $A=I$ and $b=0$, $\\nabla f=2x$.", True),
        ("squares", "If $A$ is orthogonal, $\\nabla f=2x-2A^\\top b$.", True),
        ("quadratic", "When differentiating, $\\nabla f=2Ax$.", False),
        ("quadratic", "Hence $\\nabla f=2Ax$.", False),
        ("squares", "When $b=0$, $\\nabla f=2A^\\top Ax$.", True),
        ("squares", "For $A=I$ we get $\\nabla f=2(x-b)$.", None),
        ("softmax", "$\\frac{\\partial s_i}{\\partial z_j}=-s_is_j$ for $i\\ne j$", True),
        ("softmax", "If $i=j$, $\\frac{\\partial s_i}{\\partial z_j}=s_i(1-s_i)$.", True),
        ("softmax", "If $i=j$, $\\frac{\\partial s_i}{\\partial z_j}=s_i(2-s_i)$.", False),
        (
            "softmax",
            r"$$\frac{\partial s_i}{\partial z_j}=\begin{cases} s_i(1-s_i) & i=j\\ "
            r"-s_is_j & \text{if } i\neq j\end{cases}$$",
            True,
        ),
        (
            "softmax",
            r"$$\frac{\partial s_i}{\partial z_j}=\begin{cases} s_i(1-s_i) & i=j\\ "
            r"s_is_j & i\neq j\end{cases}$$",
            False,
        ),
    ],
)
def test_a_claim_under_a_condition_is_no_mistake(
    base: str, said: str, correct: bool | None
) -> None:
    lines = verify_steps(BASE[base] + said).lines
    assert [line.correct for line in lines if line.number == 2 and line.verdict != "given"][
        -1
    ] is correct


@pytest.mark.parametrize(
    "said",
    [
        "A common mistake is $\\nabla f=2Ax$.",
        "Is $\\nabla f=2Ax$? No.",
        "Wrong: $\\nabla f=2Ax$.",
    ],
)
def test_a_mistake_that_is_quoted_is_no_claim(said: str) -> None:
    assert len(verify_steps(BASE["quadratic"] + said).lines) == 1


SAID = [
    (r"Sia $D$ una matrice diagonale e", {"D": "diagonal"}),
    (r"Soit $S$ une matrice symétrique définie positive.", {"S": "posdef"}),
    (r"Sea $A$ una matriz simétrica.", {"A": "symmetric"}),
    (r"$A$ è simmetrica.", {"A": "symmetric"}),
    (r"Пусть $A$ симметричная матрица.", {"A": "symmetric"}),
    (r"Let $K\in\mathbb{R}^{n\times n}$ (symmetric, positive definite).", {"K": "posdef"}),
    (r"Let $A\in\mathbb{R}^{n\times n}$, $D$ a diagonal matrix.", {"D": "diagonal"}),
    (r"for a symmetric matrix $A$ and $B\in\mathbb{R}^{n\times n}$", {"A": "symmetric"}),
    (r"Let $A$, $B$ be symmetric.", {"A": "symmetric", "B": "symmetric"}),
]


@pytest.mark.parametrize(("words", "facts"), SAID)
def test_a_fact_is_about_the_names_that_the_sentence_gives_it_to(
    words: str, facts: dict[str, str]
) -> None:
    found = Declared()
    found.prose(Passage.of(words))
    assert found.assume == facts


@pytest.mark.parametrize(
    ("words", "facts"),
    [
        ("A is sym", {"A": "symmetric"}),
        ("with A sym.", {"A": "symmetric"}),
        ("A, B are PD", {"A": "posdef", "B": "posdef"}),
        ("f = x^T A x, A symmetric", {"A": "symmetric"}),
        ("f = A sym(B)", {}),
        ("y = A PD b", {}),
    ],
)
def test_short_words_for_facts_are_no_factors(words: str, facts: dict[str, str]) -> None:
    said = Declared()
    said.prose(Passage.of(words))
    assert said.assume == facts
