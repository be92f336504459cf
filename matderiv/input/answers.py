r"""Answers as people write them: an equation or a formula, in text, LaTeX or Python.

`\nabla_w L = X^\top(\sigma(Xw) - y)`, `dw = X.T @ (sigmoid(X @ w) - y)` and `X'*(sigmoid(X*w) - y)`
state the same answer. What stands before the last equals sign is read by `verification/quantities`.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from matderiv.errors import MatderivError, ParseError, ShapeError, Span, UnknownFunction
from matderiv.expr import Expr
from matderiv.input.builder import Scope
from matderiv.input.latex import sides as latex
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.python import reader as python
from matderiv.input.python.cursor import sides as python_sides
from matderiv.input.resolve import Reading
from matderiv.input.spelling import NO_PYTHON, Spelled, marks, source_of
from matderiv.input.variables import name_typed
from matderiv.language.source import Source
from matderiv.shapes import Shape, Size, size_names

_EQUALS = re.compile(r"(?<![<>=!:])=(?![=<>])")
_ENTRY = re.compile(r"([^\W\d]\w*)\(\s*[0-9]+\s*(?:,\s*[0-9]+\s*)*\)")
_NUMBERED = re.compile(r"(?<![\w.\\])[^\W\d_]+[0-9]+(?!\w)")
_WHERE = re.compile(
    r"\\text\s*\{\s*(?:where|with)\b|\b(?:where|with)\b(?!\s*\()"
    r"|[,;\n](?:\s|~|\\(?:[ ,;:]|q?quad(?![a-z])))*\\?[^\W\d_]\w*(?:_\{\w+\})?\s*=(?!=)"
)


@dataclass(frozen=True)
class Stated:
    """A statement that was read: its value, and how it was spelled."""

    expr: Expr
    spelling: str


def scope_of(reading: Reading, extra: Mapping[str, Expr] | None = None) -> Scope:
    """The names of a reading, as the parsers of other spellings want them."""
    known = {**reading.variables, **dict(reading.parts), **(extra or {})}
    sizes = frozenset(reading.sizes | size_names(e.shape for e in known.values()))
    shapes = {name: e.shape for name, e in known.items()}
    found = Scope(shapes, sizes, guess=False, labels=reading.labels, first=reading.free)
    return replace(found, rows=reading.rows)


def equation_sides(text: str, spelling: str) -> tuple[Span, ...]:
    """The places of a, b, c in `a = b = c`; one place for a formula without an equals sign.

    An empty first side means that the line goes on from the one before: `&= 2x`.

    >>> equation_sides("df = 2*x'*dx", "text")
    ((0, 2), (5, 12))
    """
    if spelling == "latex":
        return latex.sides(text)
    if spelling == "python":
        return python_sides(text)
    end = definitions_start(text)
    places = [m.start() for m in _EQUALS.finditer(text, 0, end) if _outside(text, m.start())]
    starts = [0, *(p + 1 for p in places)]
    spans = zip(starts, [*places, len(text)], strict=True)
    return tuple(trimmed(text, a, b) for a, b in spans)


def name_of_whole(reading: Reading) -> str:
    """The s of the question `s = 1/(1 + exp(-z))`, the p of `p_j = ...`; "" where none is said.

    >>> name_of_whole(read("E(x) = x'*x")), name_of_whole(read("x'*x"))
    ('E', '')
    """
    spans = equation_sides(reading.source, reading.spelling)
    label = reading.source[slice(*spans[0])] if len(spans) == 2 else reading.label
    name = name_typed(label.partition("(")[0].strip(" :"))
    base, label = split_label(name)
    return base if label and {*label} <= {*reading.free} else name


def definitions_start(text: str) -> int:
    """Where the names that an answer defines begin: its end if it defines none.

    >>> definitions_start("2*X'*r, r = X*w"), definitions_start("f(x, y)")
    (6, 7)
    """
    for match in _WHERE.finditer(text):
        if _outside(text, match.start()):
            return match.start()
    return len(text)


def _outside(text: str, place: int) -> bool:
    before = text[:place]
    return before.count("(") == before.count(")")


def trimmed(text: str, start: int, stop: int) -> Span:
    """A place without the blanks around it."""
    inside = text[start:stop]
    first = start + len(inside) - len(inside.lstrip())
    return first, max(first, start + len(inside.rstrip()))


def read_stated(
    text: str,
    reading: Reading,
    *,
    spelling: str | None = None,
    extra: Mapping[str, Expr] | None = None,
    expected: Shape | None = None,
    over: Mapping[str, Size] | None = None,
) -> Stated:
    r"""The last right side of an equation, or a formula, in the names of `reading`.

    `extra` are further names, `expected` a shape for open sizes, `over` indices of the left side.

    >>> read_stated(r"\nabla_x f = 2A^\top Ax", read("norm2(A*x)^2")).spelling
    'latex'
    """
    given = spelling or getattr(text, "spelling", None)
    strong, weak = marks(text, known=True)
    names = [given] if given else spellings(text, reading)
    if not given and names[0] == "python":
        with suppress(UnknownFunction):
            return _read_in("python", text, reading, extra, expected, over)
    failure: MatderivError | None = None
    for name in names:
        beside = not given and name == "latex" and name in weak
        misfit = isinstance(failure, ShapeError) and reading.spelling != "latex"
        if beside and (misfit or _no_product(text, reading, extra)):
            continue  # it was understood and does not fit, or is no product without signs
        try:
            found = _read_in(name, text, reading, extra, expected, over)
        except MatderivError as error:
            if failure is None or name in strong or isinstance(error, ShapeError):
                failure = error
            continue
        unlike = len(equation_sides(text, name)) == 1 and ("@" in text or "latex" in strong)
        if name == "text" and not given and unlike:  # or is it another spelling?
            reading.read_more(str(text), "the answer", extra=extra, expected=expected)
        return found
    assert failure is not None
    raise failure


def spellings(text: str, reading: Reading) -> list[str]:
    r"""The spellings that an answer may have, likeliest first: that of the question is one.

    >>> spellings(r"A\theta", read(r"A^\top\theta")), spellings("2*x", read("np.sum(x**2)"))
    (['latex', 'text'], ['python', 'text', 'latex'])
    """
    strong, weak = marks(text, known=True)
    meant = reading.spelling == "python"  # its answers are meant so too
    meant |= "@" in reading.source and re.search(r"\.T\b", text) is not None
    python = "latex" not in strong and meant and not NO_PYTHON.search(text)
    first = ["python"] if python else [s for s in strong if s == reading.spelling]
    return list(dict.fromkeys([*first, "text", *strong, *weak]))


def _has_columns(reading: Reading) -> bool:
    """True if the question reads with vectors as columns, too."""
    try:
        python.parse_python(reading.source, scope_of(reading), columns=True)
    except MatderivError:
        return False
    return True


def _no_product(text: str, reading: Reading, extra: Mapping[str, Expr] | None) -> bool:
    """True for `2*x(1)`, `x2` and definitions, which are no products without signs."""
    known = {*reading.variables, *dict(reading.parts), *(extra or {}), *reading.sizes}
    if _WHERE.search(text) or any(m[1] in known for m in _ENTRY.finditer(text)):
        return True
    return any(m[0] not in known for m in _NUMBERED.finditer(text))


def _read_in(
    spelling: str,
    text: str,
    reading: Reading,
    extra: Mapping[str, Expr] | None,
    expected: Shape | None,
    over: Mapping[str, Size] | None,
) -> Stated:
    *_, (start, stop) = equation_sides(text, spelling)
    if not text[start:stop].strip():
        raise ParseError("the answer is empty", source=text, span=(start, stop))
    typed = _right_side(text, spelling)
    flat = spelling == reading.spelling == "python" and not _has_columns(reading)
    spelled = Spelled(typed, spelling, flat)
    within = (start, stop) if spelling != "text" else None
    try:
        value = reading.read_more(
            spelled, "the answer", extra=extra, expected=expected, within=within, over=over
        )
    except MatderivError as error:
        error.source = text if error.source == typed else error.source  # the left side too
        raise
    return Stated(value, spelling)


def _right_side(text: str, spelling: str) -> str:
    """The text; in the text language with blanks for its left side, so that places stay."""
    *before, (start, stop) = equation_sides(text, spelling)
    return " " * start + text[start:stop] if before and spelling == "text" else text


def answer_source(
    text: str, reading: Reading, extra: Mapping[str, Expr] | None = None
) -> Source | None:
    """The source tree of an answer in the first spelling that parses; None if none does."""
    given = getattr(text, "spelling", None)
    for name in [given] if given else spellings(text, reading):
        try:
            return source_of(Spelled(_right_side(text, name), name), scope_of(reading, extra))
        except MatderivError:
            continue
    return None
