"""What a sentence says for sure: no question, no condition, no denial."""

from __future__ import annotations

import re

MATH = r"\$[^$]+\$|`[^`]+`|\\\([^$]+?\\\)"
_UNSURE = re.compile(
    r"\b(?:if|when|unless|whether|by|would|were|until|may|might|could|can|need"
    r"|only|except|or|no|not|never|none|neither|nor|without|cannot)\b|n['’]t\b|\?\s*$",
    re.IGNORECASE,
)
DENIED = re.compile(r"\b(?:no|not|never|none|neither|nor|need)\b|n['’]t\b", re.IGNORECASE)


def sure(sentence: str) -> bool:
    """True for a sentence that says something: no question, no condition, no denial.

    >>> sure("A is symmetric."), sure("$A = A^T$ is not assumed."), sure("Is A symmetric?")
    (True, False, False)
    >>> sure("Since $S$ is symmetric we can read off")
    True
    """
    said = re.sub(r"\bwe\s+(?:can|may|could|might)\b.*$", "", re.sub(MATH, "", sentence))
    return not _UNSURE.search(said)
