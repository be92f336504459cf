r"""What of a file is text: notebooks opened, code and comments taken out, macros written out.

A program in a document without formulas is taken for the derivation itself.
"""

import json
import re

from matderiv.errors import ParseError
from matderiv.verification.documents.macros import written_out
from matderiv.verification.documents.positions import Passage

_NO_TEXT = (
    "verbatim lstlisting minted comment tabular tabularx tikzpicture algorithm algorithmic figure "
    "table thebibliography filecontents alltt"
).split()
_TAKEN_OUT = re.compile(
    rf"\\begin\{{(?P<env>(?:{'|'.join(_NO_TEXT)})\*?)\}}.*?\\end\{{(?P=env)\}}"
    r"|\\iffalse(?![A-Za-z]).*?\\fi(?![A-Za-z])",
    re.DOTALL,
)
_COMMENT = re.compile(r"(?:(?<!\\)|(?<=\\\\))%[^\n]*")
_FRONT = re.compile(r"---\n.*?\n---\n", re.DOTALL)
_HTML = re.compile(
    r"<!--.*?-->|</?(?:a|img|br|p|div|span|center|b|i|em|h[1-6]|hr|table|t[dhr]|figure|iframe"
    r"|details|summary|script|style|pre|code|video|source|sup|sub|u)(?:\s[^<>]{0,400})?/?>"
    r"|!\[[^\]\n]*\]\([^()\s]*\)",
    re.DOTALL,
)
_CODE = (
    "code-cell code python py ipython numpy julia r matlab octave c cpp java js bash sh console "
    "output"
).split()
_FENCED = re.compile(
    rf"^(?P<mark>```+|~~~+)[ \t]*\{{?\.?(?:{'|'.join(_CODE)})\b[^\n]*\n.*?(?:^(?P=mark)[^\n]*$|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_BARE_FENCE = re.compile(
    r"^(?P<mark>```+|~~~+)[ \t]*\n(?P<body>.*?)^(?P=mark)[ \t]*$", re.DOTALL | re.MULTILINE
)
_QUOTED = re.compile(r"(?:\A|(?<=\n\n))(?:[ \t]*>[^\n]*(?:\n|\Z))+")
_STATEMENT = re.compile(
    r"^\s*(?:for|while|if|elif|else|def|function|return|import|from|print|end)\b|;\s*$"
    r"|\w\(.*\)\s*:\s*$",
    re.MULTILINE,
)
MOST_STATEMENTS = 2  # lines like a program's that a formula may have


_FORMULAS = re.compile(r"\$|\\\[|\\\(|\\begin\{|∂|∇")  # beside them a program is no derivation


def notebook_text(document: str) -> str:
    r"""The markdown cells of a Jupyter notebook, one after the other.

    Raises ParseError for a file that is no notebook.

    >>> cells = [{"cell_type": "markdown", "source": ["# One\n", "x"]}, {"cell_type": "code"}]
    >>> notebook_text(json.dumps({"cells": cells}))
    '# One\nx'
    """
    try:
        cells = json.loads(document)["cells"]
        sources = [c.get("source", "") for c in cells if c.get("cell_type") == "markdown"]
        return "\n".join(s if isinstance(s, str) else "".join(s) for s in sources)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ParseError("this is no notebook", hint="a file as Jupyter saves it") from error


def text_of(document: str, suffix: str) -> Passage:
    r"""The text of a document, with spaces for what is no text: comments, code, tables, macros.

    >>> text_of("x % no\n\\begin{verbatim}y\\end{verbatim}", "tex").text.split()
    ['x']
    """
    p = Passage.of(document)
    if suffix == "tex":
        for pattern in (_COMMENT, _TAKEN_OUT):
            p = _without(p, pattern)
        p = _body(written_out(p))
    if suffix == "md":
        p = p.replaced(r"\$`([^`$\n]+)`\$", lambda m: f"$ {m[1]} $")
        p = p.replaced(_QUOTED.pattern, lambda m: m[0].replace(">", " "), _QUOTED.flags)
        if front := _FRONT.match(p.text):
            p = p.erased(0, front.end())
        p = _without(p, _HTML)
        bare = _without(p, _FENCED)
        p = bare if _FORMULAS.search(bare.text) else _without(p, _FENCED, MOST_STATEMENTS)
        p = written_out(_without(p, _BARE_FENCE, MOST_STATEMENTS))
    return p


def _without(p: Passage, pattern: re.Pattern[str], statements: int = -1) -> Passage:
    """Spaces for what matches and has more lines like a program's than these."""

    def blank(match: re.Match[str]) -> str:
        said = len(_STATEMENT.findall(match[0])) > statements
        return re.sub(r"[^\n]", " ", match[0]) if said else match[0]

    return p.replaced(pattern.pattern, blank, pattern.flags)


def _body(p: Passage) -> Passage:
    """What stands between the begin and the end of the document."""
    begin, end = p.text.find(r"\begin{document}"), p.text.find(r"\end{document}")
    p = p if end < 0 else p[:end]
    return p if begin < 0 else p[begin + len(r"\begin{document}") :]
