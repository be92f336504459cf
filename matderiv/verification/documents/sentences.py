"""What a sentence says for sure: no question, no condition, no denial."""

import re

from matderiv.language.declare import FACTS
from matderiv.language.tokens import GREEK, GREEK_NAMES
from matderiv.verification.documents.positions import Passage, joined
from matderiv.verification.documents.statements import equal_signs

MATH = r"\$[^$]+\$|`[^`]+`|\\\([^$]+?\\\)"
# Names in sentences: formulas, and what cannot be a word; `a` and `I` only before a verb.
_LETTER = rf"[A-Za-z{''.join(GREEK)}]|{'|'.join(sorted(GREEK_NAMES))}"
_SYMBOL = rf"(?:{_LETTER})(?:_?[0-9]+|_[A-Za-z0-9]+)?"
ITEM = rf"(?:{MATH}|(?<![^\s,(;:])(?!(?:a|I)\b){_SYMBOL}(?=[\s,;:)]|[.?!](?:\s|$)|$))"
ITEMS = rf"{ITEM}(?:\s*(?:,\s*and|,|and|&)\s*{ITEM})*"
_SIZE = r"[$`]?(?:\d+|[A-Za-z](?:_?\d+|_[A-Za-z]+)?)(?![A-Za-z\\])[$`]?"
_BY = rf"(?P<m>{_SIZE})\s*(?:x|×|by|-by-|\$?\\times\$?)\s*(?P<n>{_SIZE})"
_LONG = rf"(?P<n>{_SIZE})"
_IS = r",?\s+(?:is|are|be)\s+"
_VECTOR = r"(?:an?\s+)?vectors?\s+(?:of|with)\s+(?:length|size|dimension)\s+"
_SHAPED = r"(?:\s*:|,?\s+(?:(?:is|are|has|have|with|of)\s+)*(?:the\s+)?shape)\s*\$?\("
SAID_SIZES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?P<names>{ITEMS}){_IS}(?:an?\s+|the\s+)?{_BY}(?!\w)",
        rf"(?P<names>{ITEMS})\s*\(\s*{_BY}\s*\)",
        rf"(?P<names>{ITEMS}){_SHAPED}(?P<m>{_SIZE})\s*,\s*(?P<n>{_SIZE})\s*\)",
        rf"(?P<names>{ITEMS}){_SHAPED}{_LONG}\s*,?\s*\)",
        rf"(?<!x\s)(?<!by\s)(?P<names>{ITEMS}),?\s+(?:has|have|with)\s+{_LONG}\s+"
        r"(?:entries|elements|components)\b",
        rf"(?P<names>{ITEMS})(?:{_IS}|,?\s+){_VECTOR}{_LONG}\b",
        rf"(?P<names>{ITEMS}){_IS}(?:an?\s+)?{_LONG}-(?:dimensional\s+)?vectors?\b",
    )
)
_NUMBER = r"(?:(?:real|positive|nonnegative|fixed)\s+)*(?:scalars?|numbers?)"
SAID_NUMBERS = (
    re.compile(rf"\b(?:scalars?|real\s+numbers?)\s+(?:(?!and|f)[a-z]+\s+)?(?P<names>{ITEMS})"),
    re.compile(rf"(?P<names>{ITEMS}),?\s+(?:is|are|be)\s+(?:an?\s+)?{_NUMBER}\b"),
    re.compile(rf"\breal\s+(?P<names>{ITEMS})(?!\s*matri)"),
    re.compile(rf"(?P<names>{ITEMS})\s*>\s*0\s+scalars?"),
)
SPELLED = {
    **dict.fromkeys(("positive definite", "positive-definite", "posdef", "spd"), "posdef"),
    **dict.fromkeys(("psd", "positive semidefinite", "positive semi-definite"), "symmetric"),
    **dict.fromkeys(("skew-symmetric", "skew symmetric", "antisymmetric"), "skew"),
    **{f"{half}{sign}triangular": half for half in ("lower", "upper") for sign in " -"},
    **dict.fromkeys(("one-hot", "one hot"), "onehot"),
    **dict.fromkeys(("hermitian", "self-adjoint", "covariance matrix"), "symmetric"),
    **dict.fromkeys(("probability vector", "probability distribution"), "simplex"),
    **{word: word for word in FACTS if word not in ("lower", "upper", "labels", "positive")},
}
FACT = rf"(?<![\w-])(?i:{'|'.join(sorted(SPELLED, key=len, reverse=True))})"
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
    r"|wrong\w*|false|falsch|faux|incorrect\w*|mistake\w*|fail\w*|lack\w*|drop\w*|for example)\b"
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


LABELS_IN = (  # one-hot labels in $Y$
    r"(?:labels|targets|classes|encodings?)\s+(?:(?:are|we|i|stored|collected|stacked"
    r"|gathered|encoded|call)\s+)*(?:in|as)?\s+(?:the\s+rows\s+of\s+)?"
)
_ENGLISH = {
    r"半正定|对称|對稱|対称|대칭|\b[Ss][iy]m{1,2}[eé]tri(?:sche?[snm]?|ques?|c[ao]s?)\b"
    r"|\bсимметричн\w*": "symmetric",
    r"正定|\bpositiv definit\w*|\bd[eé]fini(?:e|da|ta)s? positiv[aeo]s?\b"
    r"|\bположительно определ\w+": "posdef",
    r"\bsymm?\b\.?(?!\s*[-\w(])|\bsymm?\.(?=\s)": "symmetric",
    r"\b[Pp]\.\s*[Ss]\.\s*[Dd]\.?(?!\w)|\bpos(?:itive)?\.?\s*semi\.?-?\s*def\b\.?": "psd",
    r"\b[Pp]\.\s*[Dd]\.?(?!\w)|(?<=is )PD\b|(?<=are )PD\b|\bpos(?:itive)?\.?\s*def\b\.?": "posdef",
    r"正交|\borthogonale[snm]?\b|\bort[oh]+gonal[aei]s?\b|\bортогональн\w*": "orthogonal",
    r"对角|対角|(?<!die )(?<!la )\bdiagonale[snm]?\b|\bDiagonalmatri\w+"
    r"|\bдиагональн\w*": "diagonal",
    r"协方差矩阵|\bKovarianzmatrix\b|\bmatri(?:ce|z) d[ei] covarian(?:ce|za|ça)\b": (
        "covariance matrix"
    ),
    r"\b(?:die|der|das|la|le|les|el|los|las)\b(?=\s)": "the",
    r"均为|为|是|\b(?:ist|sind|seien?|est|soi(?:en)?t|sont|es|sean?|son|seja[m]?|são|sia(?:no)?)\b"
    r"|(?<!\w)[éè](?!\w)": "is",
    r"\b(?:Matrizen|matri(?:zes|ci)|матрицы)\b": "matrices",
    r"矩阵|行列|\b(?:Matrix|matri(?:z|ce)|матриц\w+)\b": "matrix",
    r"\b(?:eine[rnms]?|ein|une?|un[ao]|uma)\b": "a",
    r"\((?=[a-z, -]{4,40}\))|(?<=[a-z])[\])]": " ",  # the (symmetric) matrix
    r"和|与|\b(?:und|et)\b|^\s*[yeи]\s*$": "and",
    r"\b(?:mit|avec|con|com|wobei|où|dove|donde|onde|где)\b": "with",
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


def strongest(words: str) -> str:
    """The fact that words come to: `symmetric positive definite` is posdef; "" for none."""
    said = [SPELLED[w.lower()] for w in re.findall(FACT, words)]
    return next((f for f in ("posdef", "skew") if f in said), said[-1] if said else "")


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


_ANNOUNCES = re.compile(
    r"\b(gradient|hessian|derivative)(?:\s+(?:of|is|equals|becomes|then|therefore|thus|with|respect"
    r"|to|[A-Za-z]|:))*\s*(?:is|equals|becomes|:|=)\s*$",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(
    r"\b(?P<word>gradient|Hessian|Jacobian)(?:\s+(?:matrix|vector))?(?P<verb>(?:\s+(?:is|equals"
    r"|then|thus|therefore|hence|now|given))*\s+(?:is|equals|by)\s*:?)?\s*$"
    r"|\b(?P<reason>since|because|if|as|when)\s*$",
    re.IGNORECASE,
)
_ENTRIES = re.compile(  # $p$ the vector whose $i$th entry is ..., $W$ with $i$-th diagonal entry
    r"\$(?P<name>\s*(?:\\[a-z]+\s*\{?)?\\?[A-Za-z]+\}?\s*)\$(?:[^$.]|\$[^$]*\\times[^$]*\$)*?"
    r"(?:第\s*)?(?:\$i\$|(?<![A-Za-z$])i(?![A-Za-z$]))[-\s]*(?:th|ten?|[eè](?:me)?|ésim[oa])?\s*"
    r"(?P<diagonal>diagonal\s*)?(?:element|entr(?:y|ada)|component|coordinate|[Ee]intrag"
    r"|[Kk]omponente|élément|composante|个分量|个元素)\w*"
    r"\s*(?:is|are|being|equals?(?: to)?|given by|ist|est|es|为|是)?\s*$"
)


def with_announcement(words: str, part: Passage, *, displayed: bool = False) -> Passage:
    """A formula after `the gradient is`, with that as its left side."""
    called, found = _INTRODUCED.search(words), _ANNOUNCES.search(words)
    if displayed and not (called and called["verb"]):
        return part
    if re.search(r"[∂∇]|\\(?:partial|nabla)(?![A-Za-z])", part.text):
        return part  # it says itself of what
    if called and equal_signs(part.text):
        said = (called["word"] or called["reason"]).lower()
        word = Passage(said, (part.start,) * len(said), part.start, part.latex)
        return joined([word, part]) if re.match(r"\s*[A-Za-z]\s*=", part.text) else part
    if equal_signs(part.text):
        return part
    if listed := _ENTRIES.search(part.around[0]):
        name = listed["name"].strip()
        opening = rf"{name} = \operatorname{{diag}}(" if listed["diagonal"] else f"{name}_i ="
        ends = [(opening, part.start), (")" if listed["diagonal"] else "", part.end)]
        head, tail = (Passage(t, (k,) * len(t), k, part.latex) for t, k in ends)
        return joined([head, part, tail]) if part.latex else part
    if not found:
        return part
    sign = "∇² =" if found[1].lower() == "hessian" else "∇ ="
    said = Passage(sign, (part.start,) * len(sign), part.start, part.latex)
    return joined([said, part])


_LAYOUT = re.compile(
    r"(?P<rows>\bgradients?\b[^.;]*(?:\brow[- ]vectors?\b|\b1\s*(?:\\times|[x×])\s*n\b)"
    r"|\bnumerator[- ]layout\b)|(?P<columns>\bdenominator[- ]layout\b)",
    re.IGNORECASE,
)


def layouts_said(text: str) -> set[str]:
    """The layouts that words name: of rows, or of columns.

    >>> layouts_said("Here the gradient is a row vector."), layouts_said("a row vector")
    ({'rows'}, set())
    """
    return {m.lastgroup for m in _LAYOUT.finditer(text) if m.lastgroup}


_STATIONARY = re.compile(
    r"(?:\bset\w*|\bequat\w+)\b.*\b(?:zero|0)\b|\bstationary\b|\bfirst[- ]order\b|\bvanish"
    r"|\boptimality\b|\b(?:mini|maxi)mi[sz]ers?\b|\bcritical points?\b|\bnormal equations?\b"
    r"|\bat (?:the|a|an) (?:minim|maxim|optim)",
    re.IGNORECASE,
)


def says_zero(text: str) -> bool:
    """True for words that set a derivative to zero.

    >>> says_zero("Setting this to zero gives"), says_zero("We have")
    (True, False)
    """
    return bool(_STATIONARY.search(text))
