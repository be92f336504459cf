"""Hostile inputs at random: formulas, documents, tables and files of values.

Each maker takes a `random.Random` and gives a text or bytes: from a grammar, by mutation of what is
valid, or of characters that nobody expects. The same generator state gives the same input.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from student_derivations import RIGHT, WRONG
from test_formula_fuzz import numpy_formula

from matderiv.language.calls import function_names
from matderiv.language.tokens import GREEK_NAMES

DATA = Path(__file__).parent / "data"


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


PROBLEMS = _rows("algebra.jsonl") + _rows("ml.jsonl")
ANSWERS = [row for row in _rows("answers.jsonl") if row["answer"]]
TEXTS = [t for p in PROBLEMS for t in (p["expr"], p["answer"]) if t]
LATEX = [p["latex"] for p in _rows("latex_formulas.jsonl") if p["latex"]]
PYTHON = [p["torch"] for p in PROBLEMS if p.get("torch")]
DOCUMENTS = [(s.text, s.suffix) for s in (*RIGHT, *WRONG)]
GREEK = sorted(GREEK_NAMES)
FUNCTIONS = sorted(function_names())
NAMES = "x y w b A X W S a c t n m e i pi G dx f g float mu Sigma x_1 xx Ax theta lambda".split()
NUMBERS = "0 1 2 3 0.5 1e-3 1e308 1e-300 100 -1 1/2 1e6 12345678901234567890 0.1".split()
FACTS = "symmetric skew diagonal posdef orthogonal lower upper positive onehot simplex".split()
FACTS += ["labels", "binary"]
SIZES = "n m d k 1 2 3 0 -1 x 1e9 100000 2.5 n+1".split()

CONTROL = [chr(c) for c in (*range(32), 0x7F, 0x85, 0x9B, 0x2028, 0x2029, 0xFEFF)]
BIDI = [chr(c) for c in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x61C)]
ODD = ["\ud800", "\U0001f600", "é", "́", "ﬀ", "٣", "ｘ", "‖", "∂", "Σ", "σ", "∇", "²", "ᵀ", "₁", "½"]
ODD += ["\x1b[2J", "\x1b]0;t\x07", "\N{COMBINING ACUTE ACCENT}", "\u00a0", "\u200b", "\u200d"]
MARKUP = ["<script>", "</math>", "&lt;", "-->", "<img src=x onerror=alert(1)>", "]]>", "${x}", "`"]
MARKUP += [r"\write18{id}", r"\input{/etc/passwd}", r"\def\x{}", "^^5c", "%", "#", "~", "{{7*7}}"]
PIECES = [*"()[]{}^_'*+-/=,.:;|&%$#@!<>~\\\n\"01x Aé½√∑∂\x00", *CONTROL[:4], *BIDI[:3]]
PIECES += r"\frac \sum_{i=1}^n \sigma \left \right \| \text{where} ** .T .* ./ .^ np. None".split()
PIECES += [*ODD, *MARKUP, *"sum( inv( norm2( einsum( 1e308 ∇".split(), " where z = x", "d/dx "]


# Formulas -----------------------------------------------------------------------------------------


def formula(r: Random, depth: int = 3) -> str:
    """A text of the language's grammar; sizes may not fit."""
    if depth <= 0 or r.random() < 0.15:
        return r.choice(NAMES if r.random() < 0.8 else NUMBERS)
    part = lambda: formula(r, depth - 1 - r.randrange(2))  # noqa: E731
    kind = r.randrange(12)
    if kind < 4:
        sign = r.choice(["+", "-", "*", "*", ".*", "./", "/", "\\", "⊗", "@"])
        return f"({part()} {sign} {part()})"
    if kind < 5:
        return f"{part()}'"
    if kind < 6:
        return f"({part()}){r.choice(['^', '.^'])}{r.choice(['2', '3', '-1', 'a', '(1/2)', '100'])}"
    if kind < 7:
        return f"-{part()}"
    if kind < 8:
        return r.choice(["‖{}‖", "|{}|", "||{}||^2", "sum({}, 1)", "({} > 0)"]).format(part())
    name = r.choice(FUNCTIONS)
    return f"{name}({', '.join(part() for _ in range(r.choice([1, 1, 1, 2, 2, 3])))})"


FITTING = {
    "s": """a c t 2 3 0.5 m (S+S) (S-S) (S*S) (S/S) V'*V sum(V) norm2(V)^2 tr(M) det(M) V'*M*V (S)^2
        exp(S) tanh(S) log(S) sum(M) logsumexp(V) max(V) mean(V) norm1(V) sqrt(S) (S)^(-1) norm2(M)
        sum(log(1+exp(V))) prod(V) sum((V).^2) logdet(M) -S max(S,S) where(S>0,S,S) sum(M.*M)
        cross_entropy(V,V) huber(S,1) (S>S) |S| std(V) norm2(V)""".split(),
    "v": """x y w x y (V+V) (V-V) (V).*(V) (M)*(V) (S)*(V) tanh(V) exp(V) diag(M) softmax(V) (V)/(S)
        (V).^2 sum(M,2) relu(V) sigmoid(V) (V)./(V) inv(M)*(V) M\\V -V log(V) cumsum(V) (V>0)
        where(V>0,V,V) maximum(V,0) unit(V) ones(n) vector(S)""".split(),
    "m": """A B C A B (M+M) (M)*(M) (M)' (V)*(V)' diag(V) inv(M) (S)*(M) (M).*(M) tanh(M) (M)^2
        eye(n) (M)^(-1) outer(V,V) exp(M) relu(M) softmax(M,2) (M).^3 (M)./(M) -M expm(M)
        M-mean(M,1) M+V M+V' kron(M,M) adj(M)""".split(),
}  # fmt: skip
"""Formulas whose sizes fit, by kind; S, V and M stand for a number, a vector, a square matrix."""


def fitting(r: Random, kind: str = "s", depth: int = 3) -> str:
    """A formula whose sizes fit, most of the time."""
    rows = FITTING[kind]
    pattern = r.choice([p for p in rows if not set(p) & set("SVM")] if depth <= 0 else rows)
    grown = {"S": "s", "V": "v", "M": "m"}
    return "".join(fitting(r, grown[c], depth - 1) if c in grown else c for c in pattern)


def combined(r: Random) -> str:
    """Two valid formulas as one, or one inside a function that takes anything."""
    a, b = r.choice(TEXTS), r.choice(TEXTS)
    return r.choice(
        [f"({a}) + ({b})", f"sum(tanh({a}))", f"({a})*({b})", f"norm2({a})^2", f"exp(-({a})^2)"]
    )


def soup(r: Random) -> str:
    """Pieces one after the other."""
    pool = PIECES + NAMES + FUNCTIONS
    return r.choice(["", " "]).join(r.choice(pool) for _ in range(r.randrange(1, 15)))


def characters(r: Random) -> str:
    """Characters of all planes of Unicode."""

    def one() -> str:
        if r.random() < 0.3:
            return r.choice(CONTROL + BIDI + ODD)
        return chr(r.choice([r.randrange(128), r.randrange(0x3000), r.randrange(0x110000)]))

    return "".join(one() for _ in range(r.randrange(1, 40)))


def long(r: Random) -> str:
    """Long or deep, so that work that is not linear shows."""
    k = r.choice([30, 99, 101, 300, 1000])
    x = r.choice(["x", "A", "a", "(x'*x)", "sum(x)", "x_1"])
    return r.choice(
        [
            "+".join([x] * k),
            "*".join([r.choice(["A", "a"])] * k),
            " + ".join(f"a{j}*{x}" for j in range(k)),
            "*".join(f"a{j}" for j in range(k)),
            "(" * k + x + ")" * k,
            "sin(" * k + x + ")" * k,
            "x" * k,
            "-" * k + x,
            x + "'" * k,
            x + "^2" * k,
            "√" * k + x,
            "7" * k,
            f"1e{k}*{x}",
            " where ".join([x] * k),
            f"{x} where " + "; ".join(f"z{j} = z{j + 1} + x" for j in range(k)) + f"; z{k} = x",
            f"{x} where " + "; ".join(f"z{j + 1} = z{j}*z{j}" for j in range(k)) + "; z0 = a",
            "[" * k + x + "]" * k,
            "|" * k + x + "|" * k,
            r"\frac{1}{" * k + x + "}" * k,
            r"\sum_{i=1}^n " * k + "x_i",
            "np.exp(" * k + x + ")" * k,
            x + ".T" * k,
            "{" * k + x + "}" * k,
            x + "^{" * k + "2" + "}" * k,
            " " * k * 10 + x,
            f"({x})^{'9' * min(k, 49)}",
            f"({x})^{r.choice([10, 1000, 100000])}",
            "x'*A*" * k + "x",
            "*".join(f"(x'*A{j}*x)" for j in range(k // 3)),
            f'einsum("{",".join(["ij"] * k)}->i", {", ".join(["A"] * k)})',
        ]
    )


def mutated(r: Random, text: str, pool: list[str]) -> str:
    """A text with one to three changes: pieces lost, doubled, moved, or put in from elsewhere."""
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        i = r.randrange(len(text) + 1)
        j = min(len(text), i + r.randrange(1, 6))
        other = r.choice(pool) or "x"
        k = r.randrange(len(other))
        text = r.choice(
            (
                text[:i] + text[j:],
                text[:i] + r.choice(PIECES) + text[i:],
                text[:i] + text[i:j] * 2 + text[j:],
                text[:i] + other[k : k + r.randrange(1, 15)] + text[i:],
                text[:i] + text[j:] + text[i:j],
                text[:i],
                text[:i] + r.choice(NAMES + FUNCTIONS) + text[j:],
            )
        )
    return text


POOLS: dict[str, list[str]] = {"text": TEXTS, "latex": LATEX, "python": PYTHON}
MAKERS: list[tuple[int, Callable[[Random], str]]] = [
    (12, lambda r: formula(r, r.randrange(1, 4))),
    (40, lambda r: fitting(r, r.choice("ssvm"), r.randrange(1, 4))),
    (4, lambda r: mutated(r, fitting(r), TEXTS)),
    (18, lambda r: mutated(r, r.choice(TEXTS), TEXTS)),
    (12, lambda r: mutated(r, r.choice(LATEX), LATEX)),
    (8, lambda r: mutated(r, r.choice(PYTHON), PYTHON)),
    (6, lambda r: numpy_formula(r, r.randrange(1, 4))),
    (8, combined),
    (10, soup),
    (10, characters),
    (1, long),
    (4, lambda r: r.choice(TEXTS + LATEX)),
]
WEIGHTS = [weight for weight, _ in MAKERS]


def any_formula(r: Random) -> str:
    """A formula in one of the spellings, or what is none."""
    return r.choices(MAKERS, WEIGHTS)[0][1](r)


def shapes(r: Random) -> Any:
    """Declarations of sizes, some of them impossible; None most of the time."""
    if r.random() < 0.85:
        return None
    if r.random() < 0.1:
        return r.choice([{"x": None}, {"x": 1.5}, {"x": (1, "n")}, {3: "n"}, [], "x: n", {"x": []}])
    return {
        r.choice(NAMES) if r.random() < 0.9 else characters(r): ",".join(
            r.choice(SIZES) for _ in range(r.randrange(3))
        )
        for _ in range(r.randrange(1, 4))
    }


def assume(r: Random) -> Any:
    """Facts about names; None most of the time."""
    if r.random() < 0.88:
        return None
    if r.random() < 0.1:
        return r.choice(
            [{"x": None}, {"x": 3}, [], "A: symmetric", {"A": []}, {"A": ["symmetric"]}]
        )
    return {
        r.choice(NAMES): r.choice(FACTS) if r.random() < 0.9 else soup(r)
        for _ in range(r.randrange(1, 3))
    }


# Documents ----------------------------------------------------------------------------------------

LINES = [
    r"\section{}", "# ", "##", "## Exercise 1", "```", "```python", "$$", r"\begin{align}", "\\[",
    r"\end{align}", r"\begin{problem}", "Let x be a vector.", "so the gradient is $2x$", "= 2*x",
    "f = x'*x", "f = x'*A*x", "df = 2*x'*dx", "∇f = 2*x", "f'(x) = 2*x", r"\nabla f = 2x", "d = ",
    "A is symmetric", "Setting the gradient to zero:", "f = norm2(A*x - b)^2", "H = 2*A", "(a)",
    r"\newcommand{\R}{\mathbb{R}}", r"\def\x{x}\x", r"\verb|f = x|", "% f = x", r"\iffalse", "`f`",
    r"$f(x) = \frac12\|x\|^2$", r"\begin{document}", r"\end{document}", "", "   ", "f = 3 = 4",
    "∂f/∂x = 2*A'*z where z = A*x - b", "z = A*x - b", r"\item $x$", "| a | b |", "> f = x",
]  # fmt: skip


def document(r: Random) -> tuple[bytes, str]:
    """A derivation as a file: its bytes and its suffix."""
    text, suffix = r.choice(DOCUMENTS)
    kind = r.randrange(10)
    if kind < 4:
        text = mutated(r, text, [t for t, _ in DOCUMENTS])
    elif kind < 6:
        text = "\n".join(r.choice(LINES) for _ in range(r.randrange(1, 8)))
    elif kind < 7:
        text = "\n".join(any_formula(r) for _ in range(r.randrange(1, 4)))
    elif kind < 8:
        text = f"f = {r.choice(TEXTS)}\n" + "".join(
            f"{r.choice(['= ', 'df = ', '∇f = ', 'grad = '])}{any_formula(r)}\n" for _ in range(2)
        )
    elif kind < 9:
        lines = text.splitlines()
        r.shuffle(lines)
        text = "\n".join(lines)
    suffix = r.choice([suffix, suffix, suffix, "txt", "tex", "md", "ipynb"])
    if suffix == "ipynb" and r.random() < 0.8:
        cell = {"cell_type": r.choice(["markdown", "code"]), "source": text.splitlines(True)}
        text = json.dumps({"cells": [cell], "nbformat": 4, "metadata": {}, "nbformat_minor": 5})
    return encoded(r, text), suffix


def encoded(r: Random, text: str) -> bytes:
    """UTF-8, perhaps with a mark, in another encoding, cut, or with odd bytes."""
    content = text.encode("utf-8", "surrogatepass")
    kind = r.randrange(25)
    if kind == 0:
        return b"\xef\xbb\xbf" + content
    if kind == 1:
        return text.encode("utf-16", "replace")
    if kind == 2:
        return bytes(r.randrange(256) for _ in range(r.randrange(60)))
    if kind == 3:
        k = r.randrange(len(content) + 1)
        return content[:k] + bytes([r.randrange(256)]) + content[k:]
    if kind == 4:
        return content.replace(b"\n", r.choice([b"\r\n", b"\r", b"\n\n", b"\x0b"]))
    return content


# Tables -------------------------------------------------------------------------------------------

CELLS: list[Any] = ["", " ", None, [], {}, ["a"], {"a": 1}, 0, -1, 1.5, True, 10**30, "x", "1e400"]
CELLS += ["gradient", "jacobian", "vjp", "numerator", "independent", "2", "9", "A: symmetric", "x:"]
CELLS += ["x: n", "=1+1", "'=1", "\x1b[1A\x1b[2Kfake", "\u202eevil", '"', ",", "\n", "NaN"]
COLUMNS = "f wrt answer id shapes assume kind order layout structure".split()


def table(r: Random) -> tuple[bytes, str]:
    """A table of answers, CSV or JSON lines: its bytes and its suffix."""
    rows = [_row(r) for _ in range(r.randrange(1, 4))]
    suffix = r.choice(["csv", "jsonl"])
    if suffix == "jsonl":
        text = "\n".join(json.dumps(row, ensure_ascii=r.random() < 0.5) for row in rows)
    else:
        columns = [c for c in COLUMNS if r.random() < 0.9] or ["answer"]
        quote = r.choice(['"', '"', '"', ""])
        lines = [",".join(columns)]
        lines += [",".join(f"{quote}{row.get(c, '')}{quote}" for c in columns) for row in rows]
        text = "\n".join(lines)
    if r.random() < 0.3:
        text = mutated(r, text, [text])
    return encoded(r, text), suffix


def _row(r: Random) -> dict[str, Any]:
    known = r.choice(ANSWERS)
    declared = "; ".join(f"{n}: {s}" for n, s in known["shapes"].items())
    row: dict[str, Any] = {"f": known["expr"], "wrt": known["wrt"], "answer": known["answer"]}
    row["shapes"] = r.choice([declared, known["shapes"]])
    for _ in range(r.choice([0, 1, 1, 2])):
        row[r.choice(COLUMNS)] = r.choice(CELLS)
    if r.random() < 0.3:
        row["answer"] = any_formula(r)
    if r.random() < 0.1:
        row["f"] = any_formula(r)
    return row


# Values -------------------------------------------------------------------------------------------

JSON_VALUES: list[Any] = [1, -2.5, 0, 1e308, 10**400, True, None, "1", [], [[]], [1, 2], [1, [2]]]
JSON_VALUES += [[[1, 2], [3, 4]], [[1, 2], [3]], {"a": 1}, [None], ["x"], [[[1]]], [1e999], 1e-320]
DTYPES = "f8 f4 f2 i8 u1 ? c16 S3 U4 O M8[s] f8,i4 >f8 V3".split()


def values(r: Random) -> tuple[bytes, str]:
    """A file of values: JSON, npy or npz, whole, damaged, or of other things than numbers."""
    suffix = r.choice(["json", "npy", "npz", "npz"])
    if suffix == "json":
        found = {r.choice(NAMES): r.choice(JSON_VALUES) for _ in range(r.randrange(1, 4))}
        whole: Any = found if r.random() < 0.9 else r.choice(JSON_VALUES)
        text = json.dumps(whole)
        text = mutated(r, text, [text, "NaN", '{"x": 1, "x": 2}']) if r.random() < 0.3 else text
        return encoded(r, text), suffix
    stream = io.BytesIO()
    if suffix == "npy":
        np.save(stream, array(r), allow_pickle=True)
    else:
        named = {r.choice(NAMES): array(r) for _ in range(r.randrange(1, 3))}
        save = np.savez_compressed if r.random() < 0.5 else np.savez
        save(stream, **named)  # type: ignore[arg-type]
    content = bytearray(stream.getvalue())
    for _ in range(r.choice([0, 1, 1, 2, 5])):
        content[r.randrange(len(content))] = r.randrange(256)
    if r.random() < 0.1:
        content = content[: r.randrange(len(content))]
    if suffix == "npz" and r.random() < 0.1:
        other = io.BytesIO()
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr(r.choice(["x.npy", "x", "../x.npy", "x.npy\x00"]), bytes(content))
        content = bytearray(other.getvalue())
    return bytes(content), suffix


def array(r: Random) -> Any:
    """An array of one of the kinds that NumPy has."""
    shape = tuple(r.choice([0, 1, 2, 3]) for _ in range(r.choice([0, 1, 1, 2, 2, 3])))
    kind = np.dtype(r.choice(DTYPES))
    if kind.kind == "O":
        return np.array([None, {"a": 1}], object)
    plain = kind.kind in "fiubc" and kind.names is None
    return np.ones(shape, kind) if plain and r.random() < 0.5 else np.zeros(shape, kind)
