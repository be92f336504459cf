r"""Formulas in LaTeX, broken where they are long; they need amsmath only, and can be read back.

Vectors and matrices are bold (`\mathbf`, `\boldsymbol` for Greek), factors of a matrix product
stand side by side, `\odot`, `\oslash` and `^{\odot k}` work entry by entry, `\frac` divides by a
scalar. A number added to an array is added to every entry. One table of levels decides every
bracket; brackets grow (`\left( \right)`) only around fractions.

The choices where there is no one habit:

* `\mathbf{1}_{n}`, `\mathbf{1}_{m \times n}`, `\mathbf{0}_{n}`, `\mathbf{I}_{n}`,
  `\mathbf{K}_{m,n}` (commutation), upright bold in every style;
* `\mathbf{1}\{a > b\}` is 1 where the comparison holds, entry by entry; it also writes `step`;
* `\operatorname{sum}(X)` sums everything, `X\mathbf{1}_{n}` rows and `\mathbf{1}_{m}^{\top}X`
  columns; other functions along an axis carry it as `_{\mathrm{rows}}` (each row by itself, axis
  2), `_{\mathrm{cols}}` (each column, axis 1) or, for vectors and tensors, its number;
* `\max(x)` of one argument is its largest entry, `\max(a, b)` works entry by entry;
* `\lVert x \rVert_{2}` for vectors, `_{F}` for matrices, `_{*}` and `_{2}` of a matrix are the
  nuclear and the spectral norm; `_{1}` and `_{\infty}` of a matrix are of its `vec`;
* `\operatorname{einsum}_{ij,jk \to ik}(A, B)`, `\operatorname{permute}_{3,1,2}(T)`,
  `\operatorname{unvec}_{m \times n}(x)`, `\langle A, B \rangle` for `dot` of matrices;
* everything else is `\operatorname{name}(arguments)`.
"""

import re
from collections.abc import Iterator, Sequence

from matderiv.errors import LimitError
from matderiv.expr import Expr, is_, variable, walk
from matderiv.language.printer import MAX_SYMBOLS, strings_in
from matderiv.output.latex.names import LatexNames, between, needs_space
from matderiv.output.latex.spelling import spelled
from matderiv.output.latex.templates import COMPARE, NEXT, Item, Piece, Printer

Part = tuple[str, Expr]
WIDE = 58  # visible characters of a line before it is broken at + and -
SPARE = 14  # so many more before it is broken inside brackets


def latex(
    expr: Expr, parts: Sequence[Part] = (), *, vectors: str = "bold", transpose: str = "top"
) -> str:
    r"""`expr` as a LaTeX formula, with its named parts after "where".

    `vectors` is "bold", "plain" or "arrow", `transpose` "top", "T" or "prime". Raises LimitError
    when the formula would be too long to be read by anybody.

    >>> X, y = variable("X", (5, 3)), variable("y", (5,))
    >>> print(latex(X.T @ (X @ variable("w", (3,)) - y), vectors="plain"))
    X^{\top}(X w - y)
    """
    names = LatexNames(vectors, transpose, [expr, *(value for _, value in parts)])
    return formula(expr, names) + where_parts(parts, names)


def formula(expr: Expr, names: LatexNames) -> str:
    """`expr` with the names of a larger text."""
    if expr.weight > MAX_SYMBOLS:
        raise LimitError(
            f"the formula would have {expr.weight} symbols, the limit is {MAX_SYMBOLS}"
        )
    shown = spelled(expr)
    printer = Printer(names, tall_nodes(shown))

    def opened(item: Item) -> list[Piece]:
        if printer.level(item.node) < item.least:
            return printer.bracketed("(", [Item(item.node, COMPARE)], ")")
        return printer.pieces(item.node)

    return _joined(strings_in([Item(shown, COMPARE)], opened))


def where_parts(parts: Sequence[Part], names: LatexNames) -> str:
    r"""The named parts: `\quad\text{where}\quad z = ...,\quad h = ...`, or nothing."""
    written = [
        f"{names.variable(variable(name, value.shape))} = {formula(value, names)}"
        for name, value in parts
    ]
    return r"\quad\text{where}\quad " + r",\quad ".join(written) if written else ""


def tall_nodes(root: Expr) -> set[Expr]:
    """The nodes that are printed higher than one line: fractions and what holds them."""
    tall: set[Expr] = set()
    for node in walk(root):
        inside = node.args[:1] if is_(node, "power", "epow") else node.args
        if is_(node, "div") or any(a in tall for a in inside) or _is_fraction(node):
            tall.add(node)
    return tall


def _is_fraction(node: Expr) -> bool:
    return is_(node, "number") and Printer.number(node).startswith("\\frac")


def _joined(strings: Iterator[str]) -> str:
    """The text; `NEXT` between factors becomes nothing, a space or a dot, as reading needs it."""
    out: list[str] = [""]
    factor = False
    for piece in strings:
        if piece == NEXT:
            factor = True
            continue
        before = out[-1]
        if factor:
            out.append(between(before, piece))
        elif needs_space(before, piece):
            out.append(" ")
        out.append(piece)
        factor = False
    return "".join(out)


def broken(written: str) -> list[str]:
    r"""A long right side in rows, broken before + and - outside all brackets, and before `where`.

    >>> broken("a + b")
    ['a + b']
    """
    rows: list[str] = []
    for chunk in re.split(r"(?=\\quad\\text\{where\})|(?<=,)(?=\\quad )", written):
        rows += _broken_at_signs(chunk.removeprefix(r"\quad ")) if rows else _broken_at_signs(chunk)
    return [r.removeprefix(r"\quad") for r in rows]


def _broken_at_signs(written: str) -> list[str]:
    if visible(written) <= WIDE:
        return [written]
    rows = _filled(_terms(written, 0))
    for depth in (1, 2, 3):
        if max(map(visible, rows)) > WIDE + SPARE:
            rows = _filled(_terms(written, depth))
    fixed = re.sub(r"\\(left|right)(?=[()\[\]])", lambda m: f"\\big{m[1][0]}", written)
    if max(map(visible, rows)) > WIDE + SPARE and fixed != written:
        return _broken_at_signs(fixed)
    return rows


def _filled(pieces: list[str]) -> list[str]:
    """Pieces gathered into rows."""
    rows = [""]
    for piece in pieces:
        if rows[-1] and visible(rows[-1] + piece) > WIDE:
            rows.append(piece.lstrip())
        else:
            rows[-1] += piece
    return rows


def _terms(written: str, most: int) -> list[str]:
    r"""The text cut before every + and - that stands in at most so many plain brackets.

    Never inside braces or a matrix, nor between `\left` and `\right`, which stand in one row.
    """
    pieces, braces, round_, start = [], 0, 0, 0
    for found in re.finditer(
        r"\\(?:left|right|begin|end)\b|\\[{}]|[{}()\[\]]| [+-] | \\odot ", written
    ):
        mark = found[0]
        if mark in ("{", r"\left", r"\begin"):
            braces += 1
        elif mark in ("}", r"\right", r"\end"):
            braces -= 1
        elif mark in ("(", "[", r"\{"):
            round_ += 1
        elif mark in (")", "]", r"\}"):
            round_ -= 1
        elif not braces and round_ <= most and found.start() > start:
            if mark == r" \odot " and not most:
                continue
            pieces.append(written[start : found.start()])
            start = found.start()
    return [*pieces, written[start:]]


def visible(written: str) -> int:
    r"""About how many characters a reader sees.

    >>> visible(r"\\mathbf{x}^{\\top}\\mathbf{y}")
    3
    >>> visible(r"\\begin{bmatrix} a \\\\ b + c \\end{bmatrix}x")
    4
    """
    tables = r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}"
    written = re.sub(tables, lambda m: max(m[1].split(r"\\"), key=visible), written)
    shown = re.sub(
        r"\\(mathbf|boldsymbol|mathrm|operatorname|text|left|right|small)\b", "", written
    )
    shown = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1", shown)
    shown = re.sub(r"\\[A-Za-z]+", "#", shown)
    return len(re.sub(r"[{}^_\s\\]", "", shown))
