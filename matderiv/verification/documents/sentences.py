"""What a sentence says for sure: no question, no condition, no denial."""

import re

MATH = r"\$[^$]+\$|`[^`]+`|\\\([^$]+?\\\)"
LET = re.compile(
    r"(?:\b(?:let|suppose|assume|assuming|choose|put|denote|sei|seien|soit|sea)|[令设记]|假设)\s*$",
    re.IGNORECASE,
)
SUPPOSES = re.compile(
    r"\b(?i:for|if|when|whenever|at|suppose|assume|assuming|case|unless|f[uü]r|falls|si|pour)\s*$"
)
SUBJECT = re.compile(
    r"\b(?:subject to|s\.\s*t\.|(?:under|with) the constraints?|unter(?: der)? Nebenbedingung"
    r"|sous (?:la|les) contraintes?)(?:\s+that)?\s*$",
    re.IGNORECASE,
)
NO_CLAIM = re.compile(
    r"\b(?:would|were|had been|wrong|incorrect(?:ly)?|mistake|falsch|faux)\b", re.IGNORECASE
)
AND = re.compile(r"[\s,]*(?:and|und|et|y|e)?\s*")
_UNSURE = re.compile(
    r"\b(?:if|when|unless|whether|by|would|were|until|may|might|could|can|need"
    r"|only|except|or|no|not|never|none|neither|nor|without|cannot|had|unlike|instead|avoid\w*"
    r"|iff|wenn|falls|sofern|nicht|keine?|rarely|seldom|hardly|scarcely|barely|far|longer|later"
    r"|often|usually|sometimes|mostly|relax\w*"
    r"|(?:some|other|many|most)\s+(?:author|book|text|people)s?"
    r"|wrong\w*|false|incorrect\w*|mistake\w*|fail\w*|lack\w*|drop\w*|for example)\b"
    r"|n['’]t\b|\bnon-?(?=symm|herm|orth|diag|posit)|\?\s*$"
    r"|[若如假]果?|(?<!相)当(?![然于])|不是|并非|만약|이면",
    re.IGNORECASE,
)
_AFFIRMED = re.compile(
    r"\b(?:let|lets|assum\w+|since|suppos\w+|where|with|because|given|as|take|taking|recall|have"
    r"|has|know|satisf\w+|obey\w*|such that|so that|note|symmetric|using|requir\w*"
    r"|i\.e|that is|and|then|now|here|for|is|are|in which|whose|fact|consider|impose|subject to)\b",
    re.IGNORECASE,
)
_SPOILED = re.compile(
    r"\b(?:not|never|no|would|were|wrong|false|incorrect|fails?|cannot|unlikely|rarely|only)\b"
    r"|n['’]t\b|\?",
    re.IGNORECASE,
)
DENIED = re.compile(
    r"\b(?:no\s+longer|no|not|never|none|neither|nor|need|far\s+from|(?:rarely|seldom|hardly"
    r"|scarcely|barely)(?:\s+ever)?)\b|n['’]t\b|\bnon-?(?=symm|herm|orth|diag|posit)",
    re.IGNORECASE,
)
DROPPED = re.compile(
    r"\b(?:drop|relax|remov|without|no longer|not|n['’]t)\w*\b[^.;]*\b(?:assum|requir|condition)",
    re.IGNORECASE,
)


_ENGLISH = {
    r"半正定|对称|對稱|대칭|\bsymmetrische?[snm]?\b|\bsymétriques?\b|\bsimétricas?\b": "symmetric",
    r"正定|\bpositiv definit\w*|\bdéfinies? positives?\b|\bdefinidas? positivas?\b": "posdef",
    r"正交|\borthogonale[sn]?\b|\bortogonal(?:es)?\b": "orthogonal",
    r"协方差矩阵|\bKovarianzmatrix\b|\bmatrice de covariance\b|\bmatriz de covarian[zç]a\b": (
        "covariance matrix"
    ),
    r"\b(?:die|der|das|la|le|les|el|los|las)\b(?=\s)": "the",
    r"均为|为|是|\b(?:ist|sind|seien?|est|soit|soient|sont)\b": "is",
    r"矩阵|\b(?:Matrix|Matrizen|matriz|eine|une)\b": "matrix",
    r"\((?=[a-z -]{4,20}\))|(?<=[a-z])\)": " ",  # the (symmetric) matrix
    r"和|与|\b(?:und|et)\b": "and",
}


def in_english(text: str) -> str:
    """A sentence with English words for those that facts are said with in other languages.

    >>> in_english("其中$A$为对称矩阵").split(), in_english("$S$ ist symmetrisch").split()
    (['其中', '$A$', 'is', 'symmetric', 'matrix'], ['$S$', 'is', 'symmetric'])
    """
    parts = re.split(rf"({MATH})", text)
    for k in range(0, len(parts), 2):
        for words, english in _ENGLISH.items():
            parts[k] = re.sub(words, f" {english} ", parts[k])
    return " ".join(part for part in parts if part)


def sure(sentence: str) -> bool:
    """True for a sentence that says something: no question, no condition, no denial.

    >>> sure("A is symmetric."), sure("$A = A^T$ is not assumed."), sure("Is A symmetric?")
    (True, False, False)
    >>> sure("Since $S$ is symmetric we can read off")
    True
    """
    said = re.sub(r"\bwe\s+(?:can|may|could|might)\b.*$", "", re.sub(MATH, "", sentence))
    return not _UNSURE.search(said)


def affirmed(before: str, after: str = "") -> bool:
    """True where the words around an equation in a display say that it holds.

    >>> affirmed("Suppose that"), affirmed("We do not assume"), affirmed("")
    (True, False, False)
    >>> affirmed("With", "this is not so in general.")
    False
    """
    return bool(_AFFIRMED.search(before)) and sure(before) and not _SPOILED.search(after)
