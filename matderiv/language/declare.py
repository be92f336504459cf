"""What is said about names apart from the expression: shapes, facts, and the letter rule."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, SupportsIndex

from matderiv.arguments import given, optional_mapping, pairs
from matderiv.errors import LimitError, MatderivError, ParseError, ShapeError, Span
from matderiv.language.tokens import GREEK_NAMES, canonical_name, is_name
from matderiv.lazy import difflib
from matderiv.shapes import Dim, Shape, Size, is_scalar, shape_text, times

MAX_SIZE = 100_000
MAX_AXES = 8
SQUARE_FACTS = (
    *("symmetric", "skew", "diagonal", "posdef", "orthogonal", "idempotent", "lower", "upper"),
    "hermitian",
)
SUM_FACTS = ("onehot", "simplex")
FACTS = (*SQUARE_FACTS[:-1], *SUM_FACTS, "positive", "labels", "binary")
OF_COMPLEX = ("complex", "hermitian", "real")
FUNCTION = "function"
"""What is assumed of a name that stands for a function which nobody defines."""

SYNONYMS = pairs("spd posdef  psd posdef  pd posdef  antisymmetric skew  projector idempotent")
CONSTANTS = ("pi", "where")
SPELLED = ("lam", "lamb", "lamda", "lambd", "lmbda", "lr", "reg", "eps")
"""Names of numbers as programs spell them."""

SHAPES = 'shapes={"X": "n,d", "y": "n", "c": ""}'
ASSUME = 'assume={"A": "symmetric"}'
_SPACE = r"(?s)(?:R|ℝ|\\mathbb\s*\{?\s*R\s*\}?)\s*(?P<power>\^.+)?"
_BETWEEN = (
    r",|×|\\times(?![A-Za-z])|\s+(?:x|by)\s+|(?<=[0-9])x(?=\w)|x(?=[0-9])"
    r"|(?<=\b[A-Za-z])x(?=[A-Za-z]\b)"
)
_SIGN = r":|∈|\\in(?![A-Za-z])|\s(?:in|is)\s"  # between a name and what is said of it
_NEXT = r";|,(?=\s*[^\W\d]\w*\s*:)"
_WHOLE = "sizes are whole numbers from 1, or names, or products such as 2*n"


def declared_shapes(shapes: Mapping[str, Any] | None) -> dict[str, Shape]:
    """The shapes by canonical name; ParseError, ShapeError or LimitError with the entry at fault.

    >>> {k: shape_text(v) for k, v in declared_shapes({"X": "n,d", "μ": "", "T": (2, "n")}).items()}
    {'X': 'n × d', 'mu': 'scalar', 'T': '2 × n'}
    """
    found: dict[str, Shape] = {}
    for typed, value in optional_mapping(shapes, "shapes", SHAPES).items():
        name = checked_name(typed)
        if name in found:
            raise ParseError(f"{name} is declared twice")
        found[name] = shape_of(name, value)
    return found


def checked_name(typed: Any) -> str:
    """The canonical name of a declared variable; ParseError if it cannot be one."""
    typed = str(typed)
    name = canonical_name(typed.strip())
    if not is_name(name):
        said = f"{typed[:70]!r} cannot be a name"
        raise ParseError(said, hint="a letter, then letters, digits and underscores")
    if name in CONSTANTS:
        raise ParseError(f"{name} has a fixed meaning and cannot be declared")
    return name


def shape_of(name: str, value: Any) -> Shape:
    """A shape from "", "n", "n,d", "3x2", "R^(m x n)", a number, or a tuple of numbers and names.

    Raises ShapeError for anything else, with a caret in the declaration.
    """
    entries = _entries(value)
    written = f"{name}: {','.join(entries)}"
    if len(entries) > MAX_AXES:
        raise LimitError(f"{name} has {len(entries)} axes, the limit is {MAX_AXES}")
    start, sizes = len(name) + 2, []
    for entry in entries:
        sizes.append(_size(entry, written, (start, start + len(entry))))
        start += len(entry) + 1
    return tuple(sizes)


def _entries(value: Any) -> list[str]:
    if isinstance(value, tuple | list) and not isinstance(value, Dim):
        return [_entry(v) for v in value]
    if not isinstance(value, str):
        return [_entry(value)]
    inside = value.strip()
    space = re.fullmatch(_SPACE, inside)
    if space:
        inside = (space["power"] or "").strip("^_ ")
    for pair in ("()", "[]", "{}"):
        if inside[:1] == pair[0] and inside[-1:] == pair[1]:
            inside = inside[1:-1].strip().removesuffix(",")
    if inside in ("", "scalar", "number"):
        return []
    return [entry.strip() for entry in re.split(_BETWEEN, inside)]


def _entry(value: Any) -> str:
    """One size as text: a number, a name, or a symbol of SymPy."""
    whole = isinstance(value, SupportsIndex) and not getattr(value, "shape", ())
    known = isinstance(value, str | float | Dim) or whole or hasattr(value, "free_symbols")
    if known and not isinstance(value, bool):
        return str(value).strip()
    raise ShapeError(f"{_WHOLE}; {given(value)} is none", hint=SHAPES)


def _size(entry: str, written: str, span: Span) -> Size:
    factors: list[Size] = []
    for factor in entry.split("*"):
        typed = factor.strip()
        if is_name(canonical_name(typed)) and typed not in CONSTANTS:
            factors.append(Dim((canonical_name(typed),)))
            continue
        if not re.fullmatch("[0-9]{1,50}", typed) or int(typed) < 1:
            raise ShapeError(_WHOLE, source=written, span=span)
        if int(typed) > MAX_SIZE:
            raise LimitError(
                f"a size is {typed}, the limit is {MAX_SIZE}", source=written, span=span
            )
        factors.append(int(typed))
    return times(*factors)


def declarations(texts: Iterable[str]) -> dict[str, str]:
    """Names and what is declared about them, from lines such as "X: n,d" or "A: symmetric".

    Raises ParseError for a line without a colon and for a name declared twice with different words.

    >>> declarations(["X: n,d", "y: n; b: ", "A in R^(m x n)"])
    {'X': 'n,d', 'y': 'n', 'b': '', 'A': 'R^(m x n)'}
    """
    found: dict[str, str] = {}
    for line in texts:
        place = 0
        for entry in re.split(_NEXT, line):
            span = (place, place + len(entry))
            place += len(entry) + 1
            if not entry.strip() and ";" in line:
                continue
            sign = re.search(_SIGN, entry)
            typed, value = (entry[: sign.start()], entry[sign.end() :]) if sign else (entry, "")
            if sign is None:
                said = "a declaration is a name, a colon and sizes or words"
                raise ParseError(said, source=line, span=span, hint="X: n,d")
            name = checked_name(typed)
            if found.get(name, value.strip()) != value.strip():
                said = f'{name} is declared twice: "{found[name]}" and "{value.strip()}"'
                raise ParseError(said, source=line, span=span)
            found[name] = value.strip()
    return found


def declared_facts(assume: Mapping[str, Any] | None) -> dict[str, frozenset[str]]:
    """The facts by canonical name; ParseError with the nearest word for an unknown one.

    >>> sorted(declared_facts({"A": "symmetric posdef"})["A"])
    ['posdef', 'symmetric']
    """
    found: dict[str, frozenset[str]] = {}
    for name, words in fact_words(assume).items():
        for word in words:
            if word not in (*FACTS, *OF_COMPLEX, FUNCTION):
                raise _unknown_fact(name, word, " ".join(words))
        found[name] = frozenset(words)
    return found


_BLANK = r"(?:\s|~|\\[,;:! ]|\\q?quad(?![A-Za-z]))"
_NAME = r"(?:\\(?:mathbf|boldsymbol|bm)\s*\{?\s*)?\\?[^\W\d_][^\W_]*(?:_\{?(?:\d|\w\w)\w*\}?)?\}?"
_WORD = r"(?:where|with|and|for)"
_SAID = (
    rf"(?:{_BLANK}+{_WORD}\s+|{_BLANK}*\\text\s*\{{[\s,]*{_WORD}?\s*\}}|{_BLANK}*[,;]|{_BLANK}+\()"
    rf"{_BLANK}*(?P<names>{_NAME}(?:\s*,\s*{_NAME})*)"
    rf"(?:\s+(?:is\s+)?(?P<fact>{'|'.join((*FACTS, *OF_COMPLEX))})"
    r"|\s*=\s*(?P=names)(?:'|\^T|ᵀ)"
    r"|\s*(?:∈|\\in(?![A-Za-z])|in\s)\s*(?P<space>(?:R|ℝ|\\mathbb\s*\{?\s*R\s*\}?)"
    r"(?:\s*\^\s*(?:\{[^{}]*\}|\([^()]*\)|\w+))?))\s*\)?[\s.]*$"
)
_LONGEST = 300  # characters of one thing that is said
_CONSTRAINT = r"\\(?:text|textrm|mathrm|mbox)\s*+\{\s*+(?:s\.?\s*+t\.|subject\s++to)[\s.:]*+\}"
_SEARCHES = r"\s*\\(?:arg|operatorname|text|mathrm)?\s*\\?\{?(?:arg)?(?:min|max)"


class Appended(NamedTuple):
    """What a text says behind its formula: facts and shapes of names, and what is left out."""

    facts: dict[str, str]
    shapes: dict[str, str]
    remarks: tuple[str, ...] = ()


def stated(text: str) -> tuple[str, Appended]:
    r"""A text without what is said of names at its end, blanks in its place, and what is said.

    >>> stated("w'*R*w with R symmetric")
    ("w'*R*w                 ", Appended(facts={'R': 'symmetric'}, shapes={}, remarks=()))
    >>> [stated(f"R*w{said}")[1].facts for said in (" (R symmetric)", ", R = R'", ", R = w'")]
    [{'R': 'symmetric'}, {'R': 'symmetric'}, {}]
    >>> stated(r"\|Aw - y\|^2,\ A \in \mathbb R^{m\times n}, w \in \mathbb R^n")[1].shapes
    {'w': '\\mathbb R^n', 'A': '\\mathbb R^{m\\times n}'}
    """
    found = Appended({}, {})
    if not isinstance(text, str):
        return text, found
    if re.match(_SEARCHES, text) and (below := re.search(_CONSTRAINT, text)):
        text = text[: below.start()]
        found = found._replace(remarks=("the constraint is left out",))
    rest = text.rstrip()
    while said := re.search(_SAID, rest[-_LONGEST:]):
        start = max(len(rest) - _LONGEST, 0) + said.start()
        if re.fullmatch(_NAME, rest[:start].strip()):
            break
        for typed in said["names"].split(","):
            name = canonical_name(re.sub(r"\\(?:mathbf|boldsymbol|bm)|[\\{}\s]", "", typed))
            if said["space"]:
                found.shapes[name] = said["space"]
            else:
                found.facts[name] = said["fact"] or "symmetric"
        rest = rest[:start].rstrip()
        text = rest + " " * (len(text) - len(rest))
    return text, found


def fact_words(assume: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """The words declared about each canonical name, known ones or not.

    Raises MatderivError for what is no dictionary and for what are no words.

    >>> fact_words({"A": "symmetric posdef", "μ": ("positive",)})
    {'A': ['symmetric', 'posdef'], 'mu': ['positive']}
    """
    found: dict[str, list[str]] = {}
    for typed, value in optional_mapping(assume, "assume", ASSUME).items():
        name = checked_name(typed)
        listed = isinstance(value, list | tuple | set | frozenset)
        if not isinstance(value, str) and not (listed and all(isinstance(w, str) for w in value)):
            said = f"what is assumed about {name} is a text or a list of words, not {given(value)}"
            raise MatderivError(said, hint=ASSUME)
        words = re.split(r"[,\s]+", value) if isinstance(value, str) else sorted(value)
        found.setdefault(name, []).extend(filter(None, words))
    return found


def _unknown_fact(name: str, word: str, words: str) -> ParseError:
    alike = difflib.get_close_matches(word.lower(), (*FACTS, *OF_COMPLEX), 1)
    near = SYNONYMS.get(word.lower()) or next(iter(alike), None)
    start = len(name) + 2 + words.find(word)
    return ParseError(
        f"unknown structure {word}",
        source=f"{name}: {words}",
        span=(start, start + len(word)),
        hint=near or ", ".join(FACTS),
    )


def check_facts(name: str, facts: Iterable[str], shape: Shape) -> None:
    """ShapeError where a fact does not suit the shape: only square matrices are symmetric."""
    for fact in sorted(facts):
        square = len(shape) == 2 and shape[0] == shape[1]
        fits = square if fact in SQUARE_FACTS else fact not in SUM_FACTS or 1 <= len(shape) <= 2
        if not fits and not (is_scalar(shape) and fact in SQUARE_FACTS):
            needed = "a square matrix" if fact in SQUARE_FACTS else "a vector or a matrix"
            start = len(name) + 2
            said = f"only {needed} is {fact}, {name} is {shape_text(shape)}"
            raise ShapeError(said, source=f"{name}: {fact}", span=(start, start + len(fact)))


def guessed_axes(name: str, facts: Iterable[str] = ()) -> int:
    """The letter rule: how many axes an undeclared name has, by its first letter.

    >>> [guessed_axes(name) for name in ("a", "x", "A", "theta", "mu_1", "Sigma")]
    [0, 1, 2, 0, 0, 2]
    """
    if any(fact in SQUARE_FACTS for fact in facts):
        return 2
    if name[0].isupper():
        return 2
    stem = re.split("[0-9_]", name, maxsplit=1)[0]
    greek = stem.removesuffix("sq") in GREEK_NAMES
    return 0 if greek or stem in SPELLED or name[0] in "abcdefg" else 1
