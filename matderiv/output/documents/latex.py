r"""A derivation in LaTeX, a fragment or a file of its own that compiles, and in Markdown.

The names that a derivation introduces are written like the user's: `\boldsymbol{\delta}_{1}` for an
upstream gradient, `\mathrm{d}(\ldots)` for a change. Nothing that a user typed becomes TeX code.
"""

from collections.abc import Iterator, Sequence

from matderiv.arguments import pairs
from matderiv.output.documents.lines import (
    DocumentNames,
    Line,
    SpokenNames,
    Wording,
    written_sections,
)
from matderiv.output.latex.formula import broken, formula
from matderiv.output.latex.names import escaped
from matderiv.views.document import About, Document

_SIGNS = pairs(r"""
    ∂ \partial      σ \sigma        Σ \sum          δ \delta        ε \varepsilon
    π \pi           Φ \Phi          λ \lambda       ⊙ \odot         ⊘ \oslash
    ⊗ \otimes       × \times        ‖ \|            ± \pm           ² ^{2}
    ³ ^{3}          ⁻ ^{-}          ¹ ^{1}          √ \surd         ≤ \le
    ≥ \ge           … \dots
""")
_TEXT = pairs(r"""
    \ \textbackslash{}     { \{                   } \}                   $ \$
    & \&                   # \#                   % \%                   _ \_
    ^ \textasciicircum{}   ~ \textasciitilde{}    < \ensuremath{<}       > \ensuremath{>}
    | \ensuremath{|}
""")

PREAMBLE = r"""\documentclass{article}
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\begin{document}
"""
_ACTIVE = "\\`*_{}[]<>#|~&$"


def document_latex(
    document: Document, *, detail: str = "normal", standalone: bool = False, **style: str
) -> str:
    r"""The derivation as a LaTeX fragment, or with `standalone` as a file that compiles.

    `style`: `vectors` is "bold", "plain" or "arrow", `transpose` "top", "T" or "prime", `gradient`
    "partial" or "nabla".
    """
    names = DocumentNames(document, **style)
    shown = names.variable(document.f), formula(document.shown, names)
    out = ["% needs: \\usepackage{amsmath,amssymb}", *_head(document.about, names, *shown)]
    for section, lines in written_sections(document, names, detail):
        out += [rf"\paragraph{{{plain(section.title)}}}", *_aligned(lines, detail, names)]
    body = "\n".join(out) + "\n"
    return PREAMBLE + body + "\\end{document}\n" if standalone else body


def answer_latex(equation: str, about: About, names: SpokenNames, *, standalone: bool) -> str:
    """One equation with what is to be known about it, as a fragment or as a file."""
    left, _, right = equation.partition(" = ")
    body = "\n".join((*_head(about, names, left, right), ""))
    return PREAMBLE + body + "\\end{document}\n" if standalone else body


def _head(about: About, names: SpokenNames, left: str, right: str) -> list[str]:
    """The declarations, an equation, and what is to be known, as sentences."""
    shown = [r"\begin{align*}", aligned(left, right), r"\end{align*}"]
    return [LATEX.declarations(about, names), *shown, " ".join(LATEX.about(about, names))]


def aligned(left: str, right: str) -> str:
    """One equation, broken where it is long."""
    return f"  {left} &= " + " \\\\\n  &\\quad ".join(broken(right))


def _aligned(lines: Sequence[Line], detail: str, names: DocumentNames) -> list[str]:
    out = [r"\begin{align*}"]
    for line in lines:
        rule = f"{plain(line.rule)} ({line.number})".lstrip()
        tag = rf" \tag*{{\small {rule}}}" if detail != "brief" else ""
        out += [rf"  {row} \\" for row in line.aligned(f"{line.left} &= ", r" &\quad ", tag)]
        if detail == "full" and line.why:
            out[-1] = out[-1].removesuffix(r" \\")
            source = f" ({plain(line.source)})" if line.source else ""
            out.append(rf"  \intertext{{\small {LATEX.named(line.why, names)}{source}}}")
    out[-1] = out[-1].removesuffix(r" \\")
    if out[-1].lstrip().startswith(r"\intertext"):  # amsmath wants a row after it
        note = out.pop().strip().removeprefix(r"\intertext{").removesuffix("}")
        return [*out, r"\end{align*}", f"{{{note}}}"]
    return [*out, r"\end{align*}"]


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


LATEX = Wording(plain, "${}$".format, lambda code: rf"\texttt{{{plain(code)}}}")


def typewriter(code: str) -> str:
    r"""Code with the characters of the typewriter face: straight quotes, its own braces."""
    written = plain(code).replace(r"\textbackslash{}", r"\char92{}")
    written = written.replace(r"\{", r"\char123{}").replace(r"\}", r"\char125{}")
    return written.replace("'", r"\textquotesingle{}")


def document_markdown(document: Document, *, detail: str = "normal", **style: str) -> str:
    """The derivation as Markdown, its formulas between `$$`."""
    names = DocumentNames(document, **style)
    shown = f"{names.variable(document.f)} = {formula(document.shown, names)}"
    out = ["$$", shown, "$$", *_markdown_head(document.about, names)]
    for section, lines in written_sections(document, names, detail):
        out += ["", f"### {escaped_text(section.title)}", "", *_block(lines, detail)]
        if detail == "full":
            out += _reasons(lines, names)
    return "\n".join(out) + "\n"


def answer_markdown(equation: str, about: About, names: SpokenNames) -> str:
    """One equation with what is to be known about it."""
    return "\n".join(("$$", equation, "$$", *_markdown_head(about, names))) + "\n"


def _markdown_head(about: About, names: SpokenNames) -> Iterator[str]:
    for sentence in (MARKDOWN.declarations(about, names), *MARKDOWN.about(about, names)):
        yield from ("", sentence)


def _block(lines: list[Line], detail: str) -> list[str]:
    rows: list[str] = []
    for line in lines:
        said = f"{plain(line.rule)} ({line.number})".lstrip().replace(
            r"\ensuremath", ""
        )  # for KaTeX
        rule = rf" &&\quad \text{{{said}}}" if detail != "brief" else ""
        rows += line.aligned(f"{line.left} &= ", r"&\quad ", rule)
    return ["$$", r"\begin{aligned}", " \\\\\n".join(rows), r"\end{aligned}", "$$"]


def _reasons(lines: list[Line], names: DocumentNames) -> list[str]:
    """The reasons, each once in a document; names in them are formulas, other pieces code."""
    out = [""]
    for line in lines:
        if line.why:
            rule = f"{escaped_text(line.rule)}: " if line.rule else ""
            why = MARKDOWN.named(line.why, names)
            source = f" *{escaped_text(line.source)}*" if line.source else ""
            out.append(f"* {rule}{why}{source}")
    return out if len(out) > 1 else []


def escaped_text(said: str) -> str:
    r"""A sentence in which Markdown and HTML have nothing to act on.

    >>> print(escaped_text("x_i < 1"))
    x\_i \< 1
    """
    return "".join("\\" + c if c in _ACTIVE else c for c in said)


MARKDOWN = Wording(escaped_text, "${}$".format, "`{}`".format)
