"""Whole documents: no right line is called wrong, whatever stands around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from random_documents import KINDS, random_document

from matderiv.verification.derivations.homework import verify_homework

DATA = Path(__file__).parent / "data" / "documents.jsonl"
CASES = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
UNREAD = {"notes-kmeans"}  # right lines left open: a fact about r_nk makes it a name of its own
STATES = {"proved": "ok", "verified": "ok", "disproved": "wrong", "given": "given"}


def states(text: str, suffix: str, **declared: Any) -> dict[int, set[str]]:
    """What is said of each line."""
    found: dict[int, set[str]] = {}
    for verdict in verify_homework(text, suffix, **declared):
        for line in verdict.lines:
            found.setdefault(line.number, set()).add(STATES.get(line.verdict, "open"))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_every_line_is_judged_as_a_tutor_would(case: dict[str, Any]) -> None:
    found = states(case["text"], case["suffix"], shapes=case["shapes"], assume=case["assume"])
    for number, said in case["lines"].items():
        got = found.get(int(number), set())
        assert "wrong" in got if said == "wrong" else "wrong" not in got, (number, got)
        open_ = case["name"] in UNREAD and got == {"open"}
        assert said != "ok" or "ok" in got or open_, (number, got)
        assert said != "open" or "ok" not in got, (number, got)
    if "wrong" not in case["lines"].values():
        assert not any("wrong" in got for got in found.values()), found


def judged(seeds: range) -> tuple[int, int]:
    """How many claims of right documents are judged right, of how many; none may be wrong."""
    right = claims = 0
    for seed in seeds:
        document = random_document(seed)
        found = states(document.text, document.suffix)
        assert not any("wrong" in got for got in found.values()), (seed, document.text, found)
        claims += len(document.claims)
        right += sum("ok" in found.get(number, set()) for number in document.claims)
    return right, claims


def test_no_line_of_a_right_document_is_called_wrong() -> None:
    right, claims = judged(range(24))
    assert right >= 0.9 * claims


def planted(seeds: range) -> list[int]:
    """The seeds whose planted mistake is not found; none may be called right."""
    missed = []
    for seed in seeds:
        document = random_document(seed, mistake=True)
        found = states(document.text, document.suffix)
        assert document.wrong is not None
        got = found.get(document.wrong, set())
        assert "ok" not in got or "wrong" in got, (seed, document.text)
        missed += [] if "wrong" in got else [seed]
    return missed


def test_planted_mistakes_are_found() -> None:
    assert len(planted(range(16))) <= 1


@pytest.mark.sweep
def test_sweep_of_right_documents() -> None:
    right, claims = judged(range(1000, 3000))
    assert right >= 0.9 * claims


@pytest.mark.sweep
def test_sweep_of_planted_mistakes() -> None:
    assert len(planted(range(1000, 3000))) <= 60


def test_there_are_twenty_kinds_of_mistakes() -> None:
    assert len(KINDS) >= 20


FIRST, ITS_SLOPE = r"$f(x) = \|Ax-b\|^2$", r"$\nabla f(x) = 2A^\top(Ax-b)$"
SECOND, SLOPE = r"$f(x) = b^\top A x$", r"$\nabla f(x) = A^\top b$"
PARTS = [
    ("md", "## Part 1\n\n{}\n\n{}\n\n## Part 2\n\n{}\n\n{}\n"),
    ("md", "# Sheet\n### One\n{}\n\n{}\n### Two\n{}\n\n{}\n"),
    ("md", "1. {}. Then {}.\n\n2. {}. Then {}.\n"),
    ("md", "- {} has the gradient {}.\n- {} has the gradient {}.\n"),
    ("md", "**(a)** {}\n\n{}\n\n**(b)** {}\n\n{}\n"),
    ("tex", "\\begin{{enumerate}}\n\\item {}. So {}.\n\\item {}. So {}.\n\\end{{enumerate}}\n"),
    ("tex", "\\subsection{{One}}\n{}\n\n{}\n\\subsection{{Two}}\n{}\n\n{}\n"),
    ("tex", "\\paragraph{{a}} {}, so {}.\n\\paragraph{{b}} {}, so {}.\n"),
    ("tex", "\\textbf{{(a)}} {}\n\n{}\n\n\\textbf{{(b)}} {}\n\n{}\n"),
]


@pytest.mark.parametrize(("suffix", "layout"), PARTS)
def test_a_name_that_a_later_part_defines_again_is_another_one(suffix: str, layout: str) -> None:
    right = states(layout.format(FIRST, ITS_SLOPE, SECOND, SLOPE), suffix)
    assert any("ok" in said for said in right.values())
    assert not any("wrong" in said or "open" in said for said in right.values()), right
    wrong = states(layout.format(FIRST, ITS_SLOPE, SECOND, ITS_SLOPE), suffix)
    assert any("wrong" in said for said in wrong.values()), wrong


def test_another_formula_for_a_settled_function_is_left_open() -> None:
    said = states(f"{FIRST} has {ITS_SLOPE}. {SECOND} has {SLOPE}.", "md")
    assert "wrong" not in said[1]
    early = states(f"{FIRST}\n\n{SECOND}\n\n{ITS_SLOPE}\n", "md")
    assert any("wrong" in s for s in early.values())
    kept = states(f"{FIRST} has {ITS_SLOPE}. {SECOND} has {ITS_SLOPE}.", "md")
    assert "wrong" not in kept[1]
    after = states("f = x'*x\ndf/dx = 2*x\nf = 2*x'*x\ndf/dx = 2*x\n", "txt", shapes={"x": "n"})
    assert after[4] == {"open"}


def test_no_name_that_the_text_does_not_have_is_shown() -> None:
    document = r"""Let $h(x) = w^\top x$ and $f(w) = \sum_i (w^\top x^{(i)} - y^{(i)})^2 + h(x)$.

$$\frac{\partial f}{\partial q} = \sum_i x x^{(i)}$$
$$\nabla_w f = \sum_i 2 (w^\top x^{(i)} - y^{(i)}) x^{(i)}$$
"""
    shown = [str(v) for v in verify_homework(document, "md")]
    assert not any("plain" in s.lower() for s in shown), shown


PROX = r"For $\lambda>0$ let $$g(x) = \frac12(x-v)^2 + \lambda|x|.$$ If $x>0$,"
NORMED = (
    r"$\mu = \frac1m\sum_i x_i$, $v = \frac1m\sum_i(x_i-\mu)^2$, $y_i = \frac{x_i-\mu}{\sqrt{v}}$"
    "\n"
)
SNIPPETS = [  # the last line of each is as said
    (r"$h(x) = \exp(-\frac12 x^\top x)$" + "\n" + r"$\nabla^2 h = h(x)(xx^\top - I)$", "ok"),
    (r"$h(x) = \exp(-\frac12 x^\top x)$" + "\n" + r"$\nabla^2 h = h(x)(xx^\top + I)$", "wrong"),
    (PROX + r" the stationary point is" + "\n" + r"$$x = v - \lambda.$$", "ok"),
    (PROX + r" the stationary point is" + "\n" + r"$$x = v + \lambda.$$", "wrong"),
    (PROX.replace(">0$,", "<0$,") + " we have\n" + r"$$g'(x) = x - v - \lambda.$$", "ok"),
    (PROX.replace(">0$,", "<0$,") + " we have\n" + r"$$g'(x) = x - v + \lambda.$$", "wrong"),
    (PROX[:-10] + " The stationary point is\n" + r"$$x = v - \lambda.$$", "open"),
    (
        NORMED + r"$\frac{\partial L}{\partial v} = -\frac12\sum_i\frac{\partial L}{\partial y_i}"
        r"(x_i-\mu)v^{-3/2}$",
        "ok",
    ),
    (
        NORMED + r"$\frac{\partial L}{\partial v} = \frac12\sum_i\frac{\partial L}{\partial y_i}"
        r"(x_i-\mu)v^{-3/2}$",
        "wrong",
    ),
    (
        r"$D = \frac12\sum_j(\sigma_j^2 - \log\sigma_j^2)$ with $s_j = \log\sigma_j^2$" + "\n"
        r"$\frac{\partial D}{\partial s_j} = \frac12(e^{s_j} - 1)$",
        "ok",
    ),
    (
        r"Recall: for symmetric $A$ we have $\nabla_x(x^\top Ax) = 2Ax$." + "\n\n"
        r"Let $f(x) = x^\top Ax$. Then" + "\n" + r"$$\nabla f = 2Ax.$$",
        "open",
    ),
    (
        r"$J = \sum_{u,i} k_{ui}(r_{ui} - p_u^\top q_i)^2$, $e_{ui} = r_{ui} - p_u^\top q_i$" + "\n"
        r"$\frac{\partial J}{\partial p_u} = -2\sum_i k_{ui} e_{ui} q_i$",
        "ok",
    ),
    (
        r"$\mathbb{E}[y_i \mid x_i] = \mu_i = w^\top x_i$ and $f(w) = \sum_i (y_i - \mu_i)^2$"
        + "\n"
        r"$\nabla_w f = -2\sum_i (y_i - \mu_i) x_i$",
        "ok",
    ),
    (
        r"$Q(\mu) = \sum_{n=1}^N\sum_{k=1}^K c_{nk}\|x_n - \mu_k\|^2$, $N_k = \sum_n c_{nk}$" + "\n"
        r"$\frac{\partial Q}{\partial \mu_k} = 2N_k\mu_k - 2\sum_n c_{nk} x_n$",
        "ok",
    ),
    (r"$f(x) = x^\top x$" + "\n" + r"$`\nabla f\space = \space 2x`$", "ok"),
    (r"$f(x) = x^\top x$" + "\n" + r"$x^\top\nabla f = 0$", "open"),
    (
        r"$F(w) = \frac12\sum_i(y_i - \sum_k x_{ik}w_k)^2$, $r_i = y_i - \sum_{k\ne j} x_{ik}w_k$."
        "\n" + r"$\frac{\partial F}{\partial w_j} = -\sum_i x_{ij}r_i + w_j\sum_i x_{ij}^2$",
        "ok",
    ),
    (
        r"$E = \frac12\sum_k(y_k - t_k)^2$, $y_k = \sum_j w_{kj}z_j$, "
        r"$\delta_k = \frac{\partial E}{\partial y_k}$" + "\n"
        r"$\frac{\partial E}{\partial w_{kj}} = \delta_k z_j$",
        "ok",
    ),
    (
        r"$c = x - \frac1d\mathbf 1$, $s = \sqrt{\frac1d c^\top c}$" + "\n"
        r"$\frac{\partial s}{\partial c} = \frac{c}{ds}$",
        "ok",
    ),
    (
        r"$k(x,x') = \exp(-\|x-x'\|^2)$" + "\n" + r"$\nabla_{x'} k = 2(x-x')k(x,x')$",
        "ok",
    ),
    (
        r"$$p(t \mid w) = \prod_{i=1}^n e^{-(t_i-w)^2} \\" + "\n"
        r"\ln p(t \mid w) = -\sum_i (t_i-w)^2$$",
        "ok",
    ),
    (
        r"$f(X,Y) = \operatorname{tr}(XYX)$, $\frac{\partial f}{\partial Y} = (XX)^T$" + "\n"
        r"$df = \operatorname{tr}(dX\,YX + XY\,dX)$",
        "ok",  # Y is held fixed
    ),
    (
        r"$f(X,Y) = \operatorname{tr}(XYX)$, $\frac{\partial f}{\partial Y} = (XX)^T$" + "\n"
        r"$df = \operatorname{tr}(dX\,YX)$",
        "wrong",
    ),
    (
        r"The data are $z = Hx + v$ with $v\sim\mathcal N(0,R)$ and $J(x) = \|z - Hx\|^2$." + "\n"
        r"$\nabla J = -2H^\top(z - Hx)$",
        "ok",
    ),
    (
        r"$f(x) = x^\top x$ and $A(t)$ is invertible." + "\n"
        r"$\frac{d}{dt}\det A = \operatorname{tr}(A^{-1}\frac{dA}{dt})$",
        "open",  # nothing says how A depends on t
    ),
    (
        r"$f(x) = \frac12x^\top Qx - b^\top x$, $Q$ symmetric, $\varphi(t) = f(x + tp)$" + "\n"
        r"$\varphi'(t) = \nabla f(x+tp)^\top p$",
        "ok",
    ),
    (
        r"$f(x) = \frac12x^\top Qx - b^\top x$, $Q$ symmetric, $\varphi(t) = f(x + tp)$" + "\n"
        r"$\varphi''(t) = 2p^\top Qp$",
        "wrong",
    ),
    (
        r"Scores are $s = Wx$, $L = \sum_{j\neq y}\max(0, s_j - s_y + 1)$. For $j\ne y$" + "\n"
        r"$\nabla_{w_j}L = \mathbb{1}(w_j^\top x - w_y^\top x + 1 > 0)\,x$",
        "ok",
    ),
    (
        r"Scores are $s = Wx$, $L = \sum_{j\neq y}\max(0, s_j - s_y + 1)$. For $j\ne y$" + "\n"
        r"$\nabla_{w_j}L = -\mathbb{1}(w_j^\top x - w_y^\top x + 1 > 0)\,x$",
        "wrong",
    ),
    (
        r"$f_{w,b}(x) = w\cdot x + b$, $J(w,b) = \sum_{i=1}^m(f_{w,b}(x^{(i)}) - y^{(i)})^2$" + "\n"
        r"$\frac{\partial J}{\partial w_j} = 2\sum_{i=1}^m(f_{w,b}(x^{(i)}) - y^{(i)})x_j^{(i)}$",
        "ok",
    ),
    (
        r"$P(y_i = 1) = p_i = \sigma(x_i^\top b)$, $\ell(b) = \sum_{i=1}^n \log p_i$" + "\n"
        r"$\nabla\ell(b) = \sum_{i=1}^n (1-p_i) x_i$",
        "ok",
    ),
    (
        r"$E = -\sum_i t_i\log p_i$ with $\sum_i t_i = 1$, $p_i = e^{z_i}/\sum_k e^{z_k}$, "
        r"$\frac{\partial E}{\partial z_j} = p_j - t_j$. If $z = Wx + b$ then" + "\n"
        r"$\frac{\partial E}{\partial b_j} = p_j - t_j$",
        "ok",
    ),
    (
        r"$\mu_j = \frac1N\sum_{i=1}^N x_{ij}$, $v_j = \frac1N\sum_{i=1}^N(x_{ij}-\mu_j)^2$, "
        r"$y_{ij} = (x_{ij}-\mu_j)/\sqrt{v_j}$" + "\n"
        r"$\frac{\partial L}{\partial v_j} = -\sum_{i=1}^N"
        r"\frac{\partial L}{\partial y_{ij}}(x_{ij}-\mu_j)v_j^{-3/2}$",
        "wrong",
    ),
    (
        r"$$\begin{aligned} a &= Wx & h &= \tanh(a) \end{aligned}$$ $L = v^\top h$" + "\n"
        r"$\frac{\partial L}{\partial W} = ((1 - h^2)\odot v)x^\top$",
        "ok",
    ),
    (
        r"$Q = \sum_{i=1}^n\sum_{k=1}^K r_{ik}(\log\pi_k - \frac d2\log(2\pi s))$, "
        r"$\sum_k\pi_k = 1$, $N_k = \sum_i r_{ik}$" + "\n"
        r"$\frac{\partial Q}{\partial\pi_k} = N_k/\pi_k$",
        "ok",
    ),
    (r"$f(x) = \norm{Ax - b}^2$" + "\n" + r"$\nabla f = 2A^\top(Ax - b)$", "ok"),
    (
        r"$o = \sigma(Ux + Vh)$, $c' = i\odot g$" + "\n" + r"$h' = o\odot\tanh(c')$",
        "given",
    ),
]


@pytest.mark.parametrize(("text", "said"), SNIPPETS)
def test_what_a_last_line_claims(text: str, said: str) -> None:
    found = states(text, "md")
    assert said in found[max(found)], found
