r"""A derivation in LaTeX: a fragment that needs amsmath, or a file of its own that compiles.

The names that a derivation introduces are written like the user's: `\boldsymbol{\delta}_{1}` for an
upstream gradient, `\mathrm{d}(\ldots)` for a change. Nothing that a user typed becomes TeX code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from matderiv.calculus.structure import linear_structure
from matderiv.errors import MatderivError
from matderiv.expr import Expr, is_, variable
from matderiv.notation.parts import name_parts
from matderiv.output.latex import formula
from matderiv.output.latex_index import axis_letters, index_sum, subscript
from matderiv.output.latex_names import Names, escaped
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Tensor
from matderiv.views.document import (
    DETAILS,
    Document,
    Partial,
    Section,
    Side,
    Step,
    shown_steps,
)

WIDE = 58  # visible characters of a line before it is broken at + and -
SPARE = 14  # so many more before it is broken inside brackets

_SIGNS = {
    "∂": r"\partial",
    "σ": r"\sigma",
    "Σ": r"\sum",
    "δ": r"\delta",
    "ε": r"\varepsilon",
    "π": r"\pi",
    "Φ": r"\Phi",
    "λ": r"\lambda",
    "⊙": r"\odot",
    "⊘": r"\oslash",
    "⊗": r"\otimes",
    "×": r"\times",
    "‖": r"\|",
    "±": r"\pm",
    "²": "^{2}",
    "³": "^{3}",
    "⁻": "^{-}",
    "¹": "^{1}",
    "√": r"\surd",
    "≤": r"\le",
    "≥": r"\ge",
}
_TEXT = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
}

PREAMBLE = r"""\documentclass{article}
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\begin{document}
"""


class Line(NamedTuple):
    """One equation: its left side or nothing, its right side in rows, the rule and the reason."""

    left: str
    rows: tuple[str, ...]
    rule: str
    why: str
    source: str


class DocumentNames(Names):
    """The names of a document: changes are written as an upright d before what changes."""

    def __init__(self, document: Document, vectors: str, transpose: str) -> None:
        roots = [document.shown, *document.declarations, *expressions(document)]
        super().__init__(vectors, transpose, roots)
        self.changes = {
            s.variable.name: s.origin or s.of for s in document.symbols if s.role == "change"
        }
        self.changes[f"d{document.wrt.name}"] = document.wrt
        self.own = {s.variable.name: s.variable for s in document.symbols}

    def variable(self, node: Expr) -> str:
        """A variable in the style of its shape; a change with its d."""
        if node.name not in self.changes:
            return super().variable(node)
        of = self.changes[node.name]
        if is_(of, "variable"):
            return rf"\mathrm{{d}}{super().variable(of)}"
        whole = formula(of, self)
        grow = (r"\left(", r"\right)") if r"\frac" in whole else ("(", ")")
        return rf"\mathrm{{d}}{grow[0]}{whole}{grow[1]}"

    def wide(self, node: Expr) -> bool:
        """True for a name that needs a space to its neighbours."""
        return (is_(node, "variable") and node.name in self.changes) or super().wide(node)


def expressions(document: Document) -> list[Expr]:
    """Every expression that stands on a side of a line."""
    found: list[Expr] = []
    for step in document.steps:
        for side in (step.left, step.right):
            if isinstance(side, Expr):
                found.append(side)
            elif isinstance(side, Tensor):
                found += [f.expr for t in side.terms for f in t.factors]
            else:
                found += [side.of, side.by]
    return found


def document_latex(
    document: Document,
    *,
    detail: str = "normal",
    standalone: bool = False,
    vectors: str = "bold",
    transpose: str = "top",
) -> str:
    r"""The derivation as a LaTeX fragment, or with `standalone` as a file that compiles."""
    if detail not in DETAILS:
        raise MatderivError(f"unknown detail {detail!r}", hint=f"one of {', '.join(DETAILS)}")
    names = DocumentNames(document, vectors, transpose)
    said: set[str] = set()
    out = ["% needs: \\usepackage{amsmath,amssymb}", *head(document, names)]
    for section in (*document.sections, Section("Answer", (document.answer,))):
        lines = section_lines(section, document, names, detail)
        if lines:
            out += [rf"\paragraph{{{plain(section.title)}}}", *_aligned(lines, detail, said, names)]
    body = "\n".join(out) + "\n"
    return PREAMBLE + body + "\\end{document}\n" if standalone else body


def head(document: Document, names: Names) -> list[str]:
    """What is differentiated, the declarations and the layout, as sentences."""
    said = ", ".join(declared(v, names) for v in document.declarations)
    shown = formula(document.shown, names)
    f = names.variable(document.f)
    rows = " \\\\\n  &\\quad ".join(broken(shown))
    out = [f"Let {said}.", r"\begin{align*}", f"  {f} &= {rows}", r"\end{align*}"]
    return [*out, rf"Layout: {plain(document.layout)}."]


def declared(v: Expr, names: Names) -> str:
    r"""A name and the space it lives in: `$\mathbf{x} \in \mathbb{R}^{n}$`."""
    sizes = names.sizes(v.shape) if v.shape else ""
    space = rf"\mathbb{{R}}^{{{sizes}}}" if sizes else r"\mathbb{R}"
    facts = " ".join(sorted(v.params[2]))
    return rf"${names.variable(v)} \in {space}$" + (f" ({plain(facts)})" if facts else "")


def _aligned(lines: Sequence[Line], detail: str, said: set[str], names: DocumentNames) -> list[str]:
    out = [r"\begin{align*}"]
    for k, line in enumerate(lines):
        for j, row in enumerate(line.rows):
            first = j == 0
            left = line.left + (" &= " if first else " &\\quad ")
            left = left if first else " &\\quad "
            last = j == len(line.rows) - 1
            tag = rf" \tag*{{\small {plain(line.rule)}}}" if last and line.rule else ""
            end = r" \\" if not (last and k == len(lines) - 1) else ""
            out.append(f"  {left}{row}{tag if detail != 'brief' else ''}{end}")
        if detail == "full" and line.why and line.why not in said:
            said.add(line.why)
            out[-1] = out[-1].removesuffix(r" \\")
            source = f" ({plain(line.source)})" if line.source else ""
            out.append(rf"  \intertext{{\small {named(line.why, names)}{source}}}")
    if out[-1].lstrip().startswith(r"\intertext"):  # amsmath wants a row after it
        note = out.pop().strip().removeprefix(r"\intertext{").removesuffix("}")
        return [*out, r"\end{align*}", f"{{{note}}}"]
    return [*out, r"\end{align*}"]


def section_lines(section: Section, document: Document, names: Names, detail: str) -> list[Line]:
    """The equations of a section, formatted."""
    out = []
    answer = document.answer in section.steps
    for step in shown_steps(section, detail):
        left = "" if step.continues and not answer else _left(step, names)
        if answer and document.order > 1:
            left = f"{_repeated(document, names)} = {left}"
        right = side_latex(step.right, names)
        rows = tuple(broken(right))
        rule = step.rule
        if step.shape is not None:
            sizes = names.sizes(step.shape) if step.shape else ""
            of = rf",\quad {_whole(step.left, names)}" if isinstance(step.left, Tensor) else ""
            space = rf"{of} \in \mathbb{{R}}^{{{sizes}}}" if sizes else ""
            rows = (*rows[:-1], rows[-1] + space)
        out.append(Line(left, rows, rule, step.why, step.source))
    return out


def _whole(entry: Tensor, names: Names) -> str:
    """The array that an entry belongs to."""
    return names.variable(entry.terms[0].factors[0].expr)


def _repeated(document: Document, names: Names) -> str:
    """∂²f/∂x²."""
    f, x, power = names.variable(document.f), names.variable(document.wrt), document.order
    return rf"\frac{{\partial^{{{power}}} {f}}}{{\partial {x}^{{{power}}}}}"


def _left(step: Step, names: Names) -> str:
    axes = step.right.axes if isinstance(step.right, Tensor) else ()
    letters = axis_letters(len(axes), names)
    if isinstance(step.left, Partial):
        left = partial_latex(step.left, letters, names)
    else:
        left = side_latex(step.left, names)
    if step.names is not None:
        symbol = names.entry(step.names.name, subscript(letters)) if axes else ""
        symbol = symbol or names.variable(step.names)
        left = symbol if step.short else f"{symbol} = {left}"
    return left


def partial_latex(left: Partial, letters: Sequence[str], names: Names) -> str:
    r"""`\frac{\partial f}{\partial \mathbf{x}}`, with index letters where they are given."""
    outer = len(long_axes(left.of.shape)) if letters else 0
    above = _entry(left.of, letters[:outer], names)
    below = _entry(left.by, letters[outer:], names)
    fraction = rf"\frac{{\partial {above}}}{{\partial {below}}}"
    if left.turned:
        fraction = rf"\left({fraction}\right){names.transpose}"
    if left.projected:
        fraction += rf"\Big|_{{\text{{{linear_structure(left.by)}}}}}"
    return fraction


def _entry(v: Expr, letters: Sequence[str], names: Names) -> str:
    return names.entry(v.name, subscript(letters)) if letters else names.variable(v)


def side_latex(side: Side, names: Names) -> str:
    """One side of an equation."""
    if isinstance(side, Partial):
        return partial_latex(side, (), names)
    if isinstance(side, Tensor):
        return index_sum(side, names)
    main, parts = name_parts(side, names.taken)
    written = formula(main, names)
    for k, (name, value) in enumerate(parts):
        joint = r",\quad " if k else r"\quad\text{where}\quad "
        symbol = names.variable(variable(name, value.shape))
        written += f"{joint}{symbol} = {formula(value, names)}"
    return written


# Long lines ---------------------------------------------------------------------------------------


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

    Never inside braces, nor between `\left` and `\right`, which must stand in one row.
    """
    pieces, braces, round_, start = [], 0, 0, 0
    for found in re.finditer(r"\\(?:left|right)\b|\\[{}]|[{}()\[\]]| [+-] | \\odot ", written):
        mark = found[0]
        if mark in ("{", r"\left"):
            braces += 1
        elif mark in ("}", r"\right"):
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
    """
    shown = re.sub(
        r"\\(mathbf|boldsymbol|mathrm|operatorname|text|left|right|small)\b", "", written
    )
    shown = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1", shown)
    shown = re.sub(r"\\[A-Za-z]+", "#", shown)
    return len(re.sub(r"[{}^_\s\\]", "", shown))


def named(said: str, names: DocumentNames) -> str:
    """A sentence in which the names that the derivation introduced are formulas."""
    pieces = re.split(r"\b([A-Za-z]+[0-9]+(?:_[0-9]+)?)\b", said)
    return "".join(
        f"${names.variable(names.own[p])}$" if p in names.own else plain(p) for p in pieces
    )


def plain(said: str) -> str:
    r"""A sentence with every character that TeX would act on written out.

    >>> print(plain("50% of x_i, ∂f"))
    50\% of x\_i, \ensuremath{\partial}f
    """
    out = []
    for c in said:
        if c in _SIGNS:
            out.append(rf"\ensuremath{{{_SIGNS[c]}}}")
        elif c in _TEXT:
            out.append(_TEXT[c])
        else:
            out.append(c if c.isascii() else rf"\ensuremath{{{escaped(c)}}}")
    return "".join(out)
