"""Claims under a condition of their sentence: `if $A$ is symmetric`, `for $A = I$`, `when $b = 0$`.

What such a condition says is not put into the claim, so that a claim that fails without it is open.
"""

import re

from matderiv.verification.documents.positions import Passage

LONGEST = 300  # characters of a sentence that are looked at
_IF = r"\b(?:if|when|whenever|unless|provided|wenn|falls|sofern)\b"
_FACT = r"\b(?:symmetri|symétri|diagonal|orthogonal|definit|positiv|invertib|square|skew)\w*"
_VALUE = (  # $b = 0$, $A = A^\top$, $i \ne j$
    r"\$\s*\\?[A-Za-z]\w*(?:\^\{?(?:\\top|T)\}?)?\s*(?:=|\\neq?(?![A-Za-z]))"
    r"\s*[^\s$=,]{1,12}\s*\$"
)
# $i = j$, which is put in where it comes first
_INDICES = r"\$\s*(?-i:[a-z])\s*(?:=|\\neq?(?![A-Za-z]))\s*(?-i:[a-z])\s*\$"
_BEFORE = re.compile(
    rf"{_IF}[^.;]*?(?:{_FACT}|(?!{_INDICES}){_VALUE})|\b(?:for|at|with)\s+(?!{_INDICES}){_VALUE}",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"[\s$,(]*(?:{_IF}[^.;]*?(?:{_FACT}|{_VALUE})|for\s+{_VALUE})", re.IGNORECASE)
# \text{(since } A \text{ is symmetric)}, \overset{A = A^\top}{=}, [n \times 1]
_WITHIN = re.compile(
    r"\\(?:text\w*|mbox)\s*\{[^{}]*\b(?:since|because|if|when)\b"
    r"|\\(?:overset|stackrel)\s*\{(?:[^{}]*=|\\text\s*\{\s*sym|[^{}]*\bsym)"
    r"|\[\s*\w+\s*\\times\s*\w+\s*\]",
    re.IGNORECASE,
)
_ENDED = re.compile(r"[.;!?]\s|\n\s*\n")


def is_conditional(document: str, p: Passage) -> bool:
    """True for a formula whose sentence says that it holds under a condition.

    >>> said = "If $A$ is symmetric, $g = 2Ax$. Then $h = 2A$ for $A = I$. So $k = 1$ when we sum."
    >>> [is_conditional(said, Passage.of(f, said.index(f))) for f in ("g = 2Ax", "h = 2A", "k = 1")]
    [True, True, False]
    """
    before = _ENDED.split(document[max(0, p.start - LONGEST) : p.start])[-1]
    after = document[p.end : p.end + LONGEST]
    row = document[p.start : p.end] + after.partition("$")[0].partition("\n")[0]
    return bool(_BEFORE.search(before) or _AFTER.match(after) or _WITHIN.search(row))
