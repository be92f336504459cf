"""Documents of right derivations in several dialects, with what stands around them in real ones.

Every derivation is a textbook result, every mistake one that is wrong for some values; the
dialects, names, conditions, labels, code and remarks are drawn at random.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True)
class Derivation:
    """A function of a variable, what its derivative is said to be, and mistakes by their kind.

    `left` is the left side where it is not the gradient.
    """

    name: str
    variable: str
    function: str
    sides: tuple[str, ...]
    wrong: Mapping[str, str]
    left: str = ""
    letters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


REGRESSION = {"w": ("w", r"\beta", r"\theta"), "X": ("X", "Z"), "y": ("y", "t")}
DERIVATIONS = (
    Derivation(
        "J",
        "w",
        r"\frac{1}{2}\|Xw - y\|^2",
        (r"X^\top(Xw - y)", r"X^\top X w - X^\top y"),
        {
            "sign": r"X^\top(Xw + y)",
            "factor": r"2X^\top(Xw - y)",
            "transpose": r"X(Xw - y)",
            "missing factor": "Xw - y",
            "extra term": r"X^\top(Xw - y) + w",
        },
        letters=REGRESSION,
    ),
    Derivation(
        "J",
        "w",
        r"\|Xw - y\|^2 + c\|w\|^2",
        (r"2X^\top(Xw - y) + 2c w", r"2(X^\top X + cI)w - 2X^\top y"),
        {
            "factor of a term": r"2X^\top(Xw - y) + c w",
            "missing term": r"2X^\top(Xw - y)",
            "sign of a term": r"2X^\top(Xw - y) - 2c w",
        },
        letters={**REGRESSION, "c": ("c", r"\lambda")},
    ),
    Derivation(
        "f",
        "x",
        r"x^\top A x + b^\top x",
        (r"(A + A^\top)x + b", r"Ax + A^\top x + b"),
        {
            "sign": r"(A + A^\top)x - b",
            "as if symmetric": "2Ax + b",
            "missing term": r"(A + A^\top)x",
            "transpose": "Ax + Ax + b",
        },
        letters={"b": ("b", "q"), "A": ("A", "Q")},
    ),
    Derivation(
        "g",
        "X",
        r"\operatorname{tr}(A X B)",
        (r"A^\top B^\top", r"(BA)^\top"),
        {"factor": r"2A^\top B^\top", "order": r"B^\top A^\top", "sign of all": "-(BA)^\\top"},
    ),
    Derivation(
        "L",
        "w",
        r"-\sum_{i=1}^n \left[y_i\log\sigma(w^\top x_i) + (1-y_i)\log(1-\sigma(w^\top x_i))\right]",
        (r"\sum_{i=1}^n (\sigma(w^\top x_i) - y_i)x_i",),
        {
            "sign": r"\sum_{i=1}^n (\sigma(w^\top x_i) + y_i)x_i",
            "sign of all": r"-\sum_{i=1}^n (\sigma(w^\top x_i) - y_i)x_i",
            "wrong variable": r"\sum_{i=1}^n (\sigma(w^\top x_i) - y_i)w",
            "function": r"\sum_{i=1}^n (\tanh(w^\top x_i) - y_i)x_i",
        },
        letters={"w": ("w", r"\theta"), "L": ("L", "J")},
    ),
    Derivation(
        "E",
        "w",
        r"\sum_{i=1}^n (w^\top x_i - t_i)^2",
        (r"2\sum_{i=1}^n (w^\top x_i - t_i)x_{ij}",),
        {
            "factor": r"\sum_{i=1}^n (w^\top x_i - t_i)x_{ij}",
            "sign": r"2\sum_{i=1}^n (w^\top x_i + t_i)x_{ij}",
            "power": r"2\sum_{i=1}^n (w^\top x_i - t_i)^2x_{ij}",
        },
        left=r"\frac{\partial E}{\partial w_j}",
    ),
    Derivation(
        "F",
        "U",
        r"\|R - UV^\top\|_F^2",
        (r"-2(R - UV^\top)V", r"2UV^\top V - 2RV"),
        {
            "sign of all": r"2(R - UV^\top)V",
            "factor": r"-(R - UV^\top)V",
            "transpose": r"-2(R - UV^\top)^\top V",
        },
    ),
    Derivation(
        "h",
        "z",
        r"\log\sum_{k=1}^K e^{z_k}",
        (r"\frac{e^{z_j}}{\sum_{k=1}^K e^{z_k}}",),
        {
            "missing factor": r"\frac{1}{\sum_{k=1}^K e^{z_k}}",
            "sign of all": r"-\frac{e^{z_j}}{\sum_{k=1}^K e^{z_k}}",
            "missing divisor": r"e^{z_j}",
        },
        left=r"\frac{\partial h}{\partial z_j}",
    ),
    Derivation(
        "f",
        "X",
        r"\log\det X",
        (r"X^{-\top}", r"(X^{-1})^\top"),
        {"transpose": "X^{-1}", "sign of all": r"-X^{-\top}", "inverse": r"X^\top"},
    ),
    Derivation(
        "f",
        "X",
        r"\operatorname{tr}(X^\top A X)",
        (r"(A + A^\top)X", r"AX + A^\top X"),
        {"as if symmetric": "2AX", "order": r"X(A + A^\top)", "missing term": "AX"},
    ),
    Derivation(
        "f",
        "X",
        r"a^\top X b",
        (r"ab^\top",),
        {"wrong variable": r"aa^\top", "factor": r"2ab^\top", "sign of all": r"-ab^\top"},
    ),
    Derivation(
        "f",
        "x",
        r"\sum_{i=1}^n \log(1 + x_i^2)",
        (r"\frac{2x_j}{1 + x_j^2}",),
        {
            "power": r"\frac{2x_j}{1 + x_j}",
            "missing factor": r"\frac{1}{1 + x_j^2}",
            "sum for an entry": r"\sum_{i=1}^n \frac{2x_i}{1 + x_i^2}",
        },
        left=r"\frac{\partial f}{\partial x_j}",
    ),
    Derivation(
        "f",
        "x",
        r"\exp(-\frac{1}{2}\|x\|^2)",
        (r"-\exp(-\frac{1}{2}\|x\|^2)x",),
        {
            "sign of all": r"\exp(-\frac{1}{2}\|x\|^2)x",
            "factor inside": r"-\exp(-\|x\|^2)x",
            "factor": r"-2\exp(-\frac{1}{2}\|x\|^2)x",
        },
    ),
    Derivation(
        "f",
        "x",
        r"\|x\|_2",
        (r"\frac{x}{\|x\|_2}",),
        {"power": r"\frac{x}{\|x\|_2^2}", "of the square": "2x", "inverse": r"\|x\|_2 x"},
    ),
    Derivation(
        "J",
        "w",
        r"\frac{1}{n}\sum_{i=1}^n (w^\top x_i - y_i)^2",
        (r"\frac{2}{n}\sum_{i=1}^n (w^\top x_i - y_i)x_i",),
        {
            "sum for mean": r"2\sum_{i=1}^n (w^\top x_i - y_i)x_i",
            "factor": r"\frac{1}{n}\sum_{i=1}^n (w^\top x_i - y_i)x_i",
            "missing factor": r"\frac{2}{n}\sum_{i=1}^n x_i",
        },
        letters={"w": ("w", r"\theta"), "J": ("J", "L")},
    ),
    Derivation(
        "f",
        "x",
        r"a^\top\tanh(Wx)",
        (r"W^\top\left(a\odot(1-\tanh^2(Wx))\right)",),
        {
            "missing factor": r"W^\top a",
            "function": r"W^\top\left(a\odot(1-\tanh(Wx))\right)",
            "sign": r"W^\top\left(a\odot(1+\tanh^2(Wx))\right)",
        },
    ),
    Derivation(
        "f",
        "x",
        r"\frac{1}{2}x^\top A x - b^\top x",
        (r"\frac{1}{2}(A + A^\top)",),
        {"as if symmetric": "A", "factor": r"A + A^\top", "sign": r"\frac{1}{2}(A - A^\top)"},
        left=r"\nabla_x^2 f",
    ),
    Derivation(
        "f",
        "X",
        r"a^\top X^{-1} b",
        (r"-X^{-\top}ab^\top X^{-\top}",),
        {
            "sign of all": r"X^{-\top}ab^\top X^{-\top}",
            "transpose": r"-X^{-1}ab^\top X^{-1}",
            "missing factor": r"-X^{-\top}ab^\top",
        },
    ),
    Derivation(
        "f",
        "x",
        r"(x^\top x)^2",
        (r"4(x^\top x)x", r"4\|x\|^2x"),
        {"factor": r"2(x^\top x)x", "power": "4x", "extra term": r"4(x^\top x)x + x"},
    ),
    Derivation(
        "f",
        "x",
        r"\cos(b^\top x)",
        (r"-\sin(b^\top x)b",),
        {
            "function": r"-\cos(b^\top x)b",
            "sign of all": r"\sin(b^\top x)b",
            "wrong variable": r"-\sin(b^\top x)x",
        },
    ),
    Derivation(
        "f",
        "W",
        r"\frac{1}{2}\|Wx - y\|^2",
        (r"(Wx - y)x^\top", r"Wxx^\top - yx^\top"),
        {
            "order": r"x(Wx - y)^\top",
            "entry by entry": r"(Wx - y)\odot x",
            "missing term": r"Wxx^\top",
        },
    ),
)
KINDS = sorted({kind for d in DERIVATIONS for kind in d.wrong})
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
    kind: str = ""


def random_document(seed: int, *, mistake: bool = False) -> Document:
    """A document by its seed, perhaps with one planted mistake."""
    random = Random(seed)
    d = random.choice(DERIVATIONS)
    tex = random.random() < 0.3
    lines: list[str] = []
    if tex:
        lines += [r"\documentclass{article}", *MACROS, r"\begin{document}"]
        lines += [random.choice((r"\section{Problem}", r"\textbf{Exercise 3.}", ""))]
    else:
        lines += [random.choice(HEADINGS), ""]
    written = _Dialect(random, d, tex).written
    function = f"{d.name}({d.variable}) = {d.function}" if random.random() < 0.6 else ""
    lines += [random.choice(OPENINGS), ""]
    lines += _displayed(random, written(function or f"{d.name} = {d.function}"), tex)
    lines += _between(random, tex)
    kind = random.choice(sorted(d.wrong)) if mistake else ""
    sides = [d.wrong[kind]] if mistake else list(d.sides)
    left = d.left or random.choice(GRADIENTS).format(f=d.name, x=d.variable)
    shown, claims = _claimed(random, [written(s) for s in sides], written(left), tex, len(lines))
    lines += shown
    lines += _between(random, tex)
    lines += [r"\end{document}"] if tex else []
    suffix = "tex" if tex else "md"
    return Document("\n".join(lines), suffix, claims, claims[0] if mistake else None, kind)


GRADIENTS = (
    r"\nabla_{{{x}}} {f}",
    r"\nabla_{x} {f}({x})",
    r"\frac{{\partial {f}}}{{\partial {x}}}",
    r"\frac{{\partial {f}({x})}}{{\partial {x}}}",
    r"\dfrac{{\mathrm{{d}} {f}}}{{\mathrm{{d}} {x}}}",
)
MACROS = (r"\newcommand{\T}{^\top}", r"\renewcommand{\vec}[1]{\mathbf{#1}}")
TURNED = (r"^\top", "^T", r"^{\mathrm{T}}", r"^{\top}", r"^{\mathsf{T}}")


class _Dialect:
    """How one author writes: names, bold letters, transposes."""

    def __init__(self, random: Random, d: Derivation, tex: bool) -> None:
        self.names = {letter: random.choice(kinds) for letter, kinds in d.letters.items()}
        self.bold = random.random() < 0.3
        self.macro = tex and random.random() < 0.5
        self.turned = random.choice(TURNED)
        self.arrays = {c for c in "abwxyzt"} | {c for c in "ABQRUVWXZ"}

    def written(self, formula: str) -> str:
        """A formula as this author writes it."""
        text = re.sub(r"(\\operatorname\{tr\}|\\[A-Za-z]+)|([A-Za-z])", self._letter, formula)
        text = text.replace(r"^{-\top}", r"^{-T}" if self.turned == "^T" else r"^{-\top}")
        return text.replace(r"^\top", r"\T " if self.macro else self.turned + " ")

    def _letter(self, match: re.Match[str]) -> str:
        letter = match[2]
        if letter is None:
            return match[0]
        name = self.names.get(letter, letter)
        if self.bold and letter in self.arrays and not _indexed(match):
            vector = r"\vec" if self.macro else r"\mathbf"
            return rf"{vector}{{{name}}}" if len(name) == 1 else rf"\boldsymbol{{{name}}}"
        return name + " " if len(name) > 1 else name


def _indexed(match: re.Match[str]) -> bool:
    """True for y_i and x_{ij}, which are numbers; data points x_i stay plain beside them."""
    return match.string[match.end() : match.end() + 1] == "_" or "_i" in match.string


def _claimed(
    random: Random, sides: list[str], left: str, tex: bool, before: int
) -> tuple[list[str], tuple[int, ...]]:
    """The lines of a claim, and the numbers of those that claim something."""
    if len(sides) == 1 or random.random() < 0.4:
        shown = _displayed(random, f"{left} = {' = '.join(sides)}", tex)
        place = next(k for k, line in enumerate(shown, 1) if " = " in line)
        return shown, (before + place,)
    opening = "align*" if tex else "aligned"
    start = [rf"\begin{{{opening}}}"] if tex else ["$$", rf"\begin{{{opening}}}"]
    stop = [rf"\end{{{opening}}}"] if tex else [rf"\end{{{opening}}}", "$$"]
    rows = [f"{left} &= {sides[0]}", *(f"&= {s}" for s in sides[1:])]
    first = before + len(start) + 1
    lines = [*start, *(f"{row} \\\\" for row in rows), *stop]
    return lines, tuple(range(first, first + len(rows)))


def _displayed(random: Random, formula: str, tex: bool) -> list[str]:
    if tex:
        label = random.choice(("", r" \label{eq:a}"))
        return [r"\begin{equation}", f"{formula}.{label}", r"\end{equation}"]
    return random.choice(([f"$${formula}$$"], ["$$", f"{formula},", "$$"]))


def _between(random: Random, tex: bool) -> list[str]:
    found = ["", random.choice(STREWN), ""] if random.random() < 0.7 else [""]
    return [*found, *CODE, ""] if not tex and random.random() < 0.2 else found
