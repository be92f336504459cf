"""Documents of right derivations in several dialects, with what stands around them in real ones.

Every derivation is a textbook result; the dialects, names, conditions, labels, code and remarks are
drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Derivation:
    """A function, what its derivative is said to be, and the mistakes that may be planted."""

    function: str
    left: str
    sides: tuple[str, ...]
    wrong: tuple[str, ...]


DERIVATIONS = (
    Derivation(
        r"J(w) = \frac{1}{2}\|Xw - y\|^2",
        r"\nabla_w J",
        (r"X^\top(Xw - y)", r"X^\top X w - X^\top y"),
        (r"X^\top(Xw + y)", r"2X^\top(Xw - y)"),
    ),
    Derivation(
        r"J(w) = \|Xw - y\|^2 + c\|w\|^2",
        r"\frac{\partial J}{\partial w}",
        (r"2X^\top(Xw - y) + 2c w",),
        (r"2X^\top(Xw - y) + c w", r"X^\top(Xw - y) + 2c w"),
    ),
    Derivation(
        r"f(x) = x^\top A x + b^\top x",
        r"\nabla f(x)",
        (r"(A + A^\top)x + b", r"Ax + A^\top x + b"),
        (r"(A + A^\top)x - b", r"(A - A^\top)x + b"),
    ),
    Derivation(
        r"g(X) = \operatorname{tr}(A X B)",
        r"\frac{\partial g}{\partial X}",
        (r"A^\top B^\top", r"(BA)^\top"),
        (r"B^\top A^\top B", r"2A^\top B^\top"),
    ),
    Derivation(
        r"L = -\sum_{i=1}^n \left[y_i\log\sigma(w^\top x_i)"
        r" + (1-y_i)\log(1-\sigma(w^\top x_i))\right]",
        r"\nabla_w L",
        (r"\sum_{i=1}^n (\sigma(w^\top x_i) - y_i)x_i",),
        (
            r"\sum_{i=1}^n (\sigma(w^\top x_i) + y_i)x_i",
            r"-\sum_{i=1}^n (\sigma(w^\top x_i) - y_i)x_i",
        ),
    ),
    Derivation(
        r"E(w) = \sum_{i=1}^n (w^\top x_i - t_i)^2",
        r"\frac{\partial E}{\partial w_j}",
        (r"2\sum_{i=1}^n (w^\top x_i - t_i)x_{ij}",),
        (r"\sum_{i=1}^n (w^\top x_i - t_i)x_{ij}", r"2\sum_{i=1}^n (w^\top x_i + t_i)x_{ij}"),
    ),
    Derivation(
        r"F(U, V) = \|R - UV^\top\|_F^2",
        r"\nabla_U F",
        (r"-2(R - UV^\top)V", r"2UV^\top V - 2RV"),
        (r"2(R - UV^\top)V", r"-(R - UV^\top)V"),
    ),
    Derivation(
        r"h(z) = \log\sum_{k=1}^K e^{z_k}",
        r"\frac{\partial h}{\partial z_j}",
        (r"\frac{e^{z_j}}{\sum_{k=1}^K e^{z_k}}",),
        (r"\frac{1}{\sum_{k=1}^K e^{z_k}}", r"-\frac{e^{z_j}}{\sum_{k=1}^K e^{z_k}}"),
    ),
)
STREWN = (
    "The learning rate is $\\alpha = 0.1$ in all experiments.",
    "**Remark.** There is nothing to show for $n = 1$.",
    "This uses the chain rule [2, p. 17].",
    "See also Figure 3.",
    "Die Ableitung folgt aus der Kettenregel.",
    "We write $\\|\\cdot\\|$ for the Euclidean norm.",
    "> **Note:** check the sizes.",
)
CODE = ("```python", "for k in range(100):", "    w = w - 0.1 * grad", "```")
HEADINGS = ("## Derivation", "### (a)", "**Step 1**", "## 2.3 Gradients", "*Solution.*")
OPENINGS = ("We start from", "Let", "Consider the objective", "Gegeben sei", "The function is")


@dataclass(frozen=True)
class Document:
    """A text, its kind of file, and the lines that claim something; `wrong` is a planted one."""

    text: str
    suffix: str
    claims: tuple[int, ...]
    wrong: int | None = None


def random_document(seed: int, *, mistake: bool = False) -> Document:
    """A document by its seed, perhaps with one planted mistake."""
    random = Random(seed)
    d = random.choice(DERIVATIONS)
    tex = random.random() < 0.3
    lines: list[str] = []
    if tex:
        lines += [r"\documentclass{article}", r"\begin{document}", r"\section{Problem}"]
    else:
        lines += [random.choice(HEADINGS), ""]
    lines += [random.choice(OPENINGS), ""]
    lines += _displayed(random, d.function, tex)
    lines += _between(random, tex)
    sides = list(d.sides)
    if mistake:
        sides = [random.choice(d.wrong)]
    shown = [rf"{d.left} &= {sides[0]}", *(f"&= {s}" for s in sides[1:])]
    if len(shown) == 1 or random.random() < 0.4:
        shown = [f"{d.left} = {' = '.join(sides)}"]
        lines += _displayed(random, shown[0], tex)
        claims = (next(k for k in range(len(lines), 0, -1) if sides[0] in lines[k - 1]),)
    else:
        opening = "align*" if tex else "aligned"
        start = [rf"\begin{{{opening}}}"] if tex else ["$$", rf"\begin{{{opening}}}"]
        stop = [rf"\end{{{opening}}}"] if tex else [rf"\end{{{opening}}}", "$$"]
        first = len(lines) + len(start) + 1
        lines += [*start, *(f"{row} \\\\" for row in shown), *stop]
        claims = tuple(range(first, first + len(shown)))
    lines += _between(random, tex)
    lines += [r"\end{document}"] if tex else []
    return Document(
        "\n".join(lines), "tex" if tex else "md", claims, claims[0] if mistake else None
    )


def _displayed(random: Random, formula: str, tex: bool) -> list[str]:
    if tex:
        label = random.choice(("", r" \label{eq:a}"))
        return [r"\begin{equation}", f"{formula}.{label}", r"\end{equation}"]
    return random.choice(([f"$${formula}$$"], ["$$", f"{formula},", "$$"]))


def _between(random: Random, tex: bool) -> list[str]:
    found = ["", random.choice(STREWN), ""] if random.random() < 0.7 else [""]
    return [*found, *CODE, ""] if not tex and random.random() < 0.2 else found
