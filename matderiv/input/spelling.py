r"""Which language a text is written in: the text language, LaTeX or Python.

The text language comes first: what reads in it is meant in it (`A\b` solves). Otherwise commands
and braces say LaTeX; `np.`, subscripts, methods, `@` and `**` say Python. The error that is shown
is that of the reader whose marks the text carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from matderiv.errors import MatderivError, ParseError, ShapeError, Span
from matderiv.input.builder import Scope
from matderiv.input.comments import check_comments
from matderiv.input.latex.reader import parse_latex
from matderiv.input.latex.tokens import is_command
from matderiv.input.meaning.kinds import meant
from matderiv.input.python.operands import ArrayError
from matderiv.input.python.reader import PythonReading, parse_python
from matderiv.input.python.scanner import formula
from matderiv.input.text import parse
from matderiv.language.calls import function_names
from matderiv.language.source import Source
from matderiv.language.tokens import GREEK_NAMES

SPELLINGS = ("text", "latex", "python")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_LATEX = re.compile(
    r"[_^]\s*\{|₌|\\[A-Za-z]+\{|^\s*\{[|‖]|\^\s*[0-9]\s*_|\\[,;!{|]|,\\ "
    r"|^\s*(?:\\[(\[]|\$.*\$\s*$)",
    re.DOTALL,
)
_PYTHON = re.compile(
    r"\b(?:np|numpy|torch|F|nn|jnp|jax|scipy|special|linalg|math)\.[A-Za-z_]|\.mT\b|\.shape\b"
    r"|\.[A-Za-z_]+\s*\(|\b(?:keepdims?|dim|dtype)\s*=|\baxis\s*=\s*[-0]"
)
_SUBSCRIPT = re.compile(r"(?:\b[A-Za-z_]\w*|[)\]])\s*\[")
NO_PYTHON = re.compile(r"'|\.[*/^]|\^|\\|[∂∇]")
"""What no Python formula has."""

_DIVIDED = re.compile(r"(?:[A-Z]\w*|[)\]'])\s*$")  # what \ divides by: a matrix
_WORD = re.compile(r"(?<!\\)[A-Za-z]{3,}")
_SIDE_BY_SIDE = re.compile(r"\^[Tt]\s*[A-Za-z(]")
_COLUMNS = re.compile(r"\.[TtH]\b|transpose|reshape|keepdim|None|newaxis|outer|vdot")
"""What tells columns from rows: without it a vector has one axis, as it was declared."""

_AXES = re.compile(r"\[[^\[\],]*,[^\[\],]*,[^\[\]]*\]")  # X[:, None, :], which says nothing of that

_PYTHON_TOO = re.compile(r"@|\*\*|^\s*\w+ [-+*/@]?= .*\n", re.MULTILINE)
_T = TypeVar("_T")


class _Asked(NamedTuple, Generic[_T]):
    """A text, and what is to be made of it, as for `understood`."""

    text: str
    scope: Scope
    build: Callable[[Source], _T]
    fits: Callable[[_T], bool] = lambda found: True
    within: Span | None = None


class Spelled(str):
    """A text together with the spelling it is to be read in, for doors that let people say it.

    `flat` says that a vector of Python has one axis and is no column.
    """

    __slots__ = ("flat", "spelling")
    spelling: str
    flat: bool

    def __new__(cls, text: str, spelling: str, flat: bool = False) -> Spelled:
        """The text marked with one of `SPELLINGS`."""
        made = super().__new__(cls, text)
        made.spelling, made.flat = spelling, flat
        return made


def understood(
    text: str,
    scope: Scope,
    build: Callable[[Source], _T],
    fits: Callable[[_T], bool] = lambda found: True,
    within: Span | None = None,
) -> _T:
    """What `build` makes of the text, in the spelling that reads.

    `fits` prefers one of two readings that are both possible, `within` limits LaTeX and Python to
    a part of the text. Raises what the parsers and `build` raise.
    """
    text = _unmarked(text)
    asked = _Asked(text, scope, build, fits, within)
    spelling = getattr(text, "spelling", None)
    if spelling is not None or not isinstance(text, str):
        return _spelled(asked, spelling or "text")
    try:
        found = _spelled(asked, "text")
    except MatderivError as error:
        strong, weak = marks(text, not scope.guess)
        if not strong and not weak:
            raise
        return _others(asked, error)
    if "@" in text and (python := _as_python(asked)) is not None:
        return python
    commands = [m for m in _COMMAND.finditer(text) if is_command(m[1])]
    if any(m[1] in function_names() or m[1] not in GREEK_NAMES for m in commands):
        return _spelled(asked, "latex")  # A\log x divides by nothing
    divisions = [m for m in commands if _DIVIDED.search(text[: m.start()])]
    if commands and not divisions:
        return _spelled(asked, "latex")  # x\sigma(x)
    if divisions:
        _check_division(asked, divisions[0].span())
    return found


def marks(text: str, known: bool = False) -> tuple[list[str], list[str]]:
    r"""The spellings that a text carries marks of, surely or perhaps, besides the text language.

    Where all names are `known`, factors may stand side by side as in LaTeX: `2Ax`, `x^TAx`.

    >>> marks(r"X^\top w"), marks("np.exp(x)"), marks("A @ x"), marks(r"A\b")
    ((['latex'], []), (['python'], []), ([], ['python']), ([], []))
    """
    strong: list[str] = []
    weak: list[str] = []
    if _LATEX.search(text) or any(is_command(m[1]) for m in _COMMAND.finditer(text)):
        strong.append("latex")
    subscripts = _SUBSCRIPT.search(text) and not NO_PYTHON.search(text)
    if (_PYTHON.search(text) or subscripts) and not strong:
        strong.append("python")
    if _PYTHON_TOO.search(text) and not strong:
        weak.append("python")
    spelled_out = not known and any(w in GREEK_NAMES for w in _WORD.findall(text))
    if (
        not strong
        and "==" not in text
        and (known or _SIDE_BY_SIDE.search(text))
        and not spelled_out
    ):
        weak.append("latex")
    return strong, weak


def source_of(text: str, scope: Scope) -> Source:
    """The source tree of a text, in the first spelling in which it parses.

    >>> [type(source_of(t, Scope()).main).__name__ for t in (r"x^{\\top}y", "np.exp(x)", "x")]
    ['Operation', 'Call', 'Name']
    """
    text = _unmarked(text)
    spelling = getattr(text, "spelling", None)
    failure: MatderivError | None = None
    strong, weak = marks(text, not scope.guess)
    for name in [spelling] if spelling else ["text", *strong, *weak]:
        try:
            if name == "python":
                return parse_python(text, scope).source
            return _spelled(_Asked(text, scope, lambda source: source), name)
        except MatderivError as error:
            failure = error if failure is None or name in strong else failure
    assert failure is not None
    raise failure


def _unmarked(text: str) -> str:
    """The text without a byte order mark, `lambda w:` and its kin, which are no content."""
    if not isinstance(text, str):
        return text
    plain = formula(text.removeprefix("\ufeff"))
    spelling = getattr(text, "spelling", None)
    return Spelled(plain, spelling, getattr(text, "flat", False)) if spelling else plain


def _spelled(asked: _Asked[_T], spelling: str) -> _T:
    text, scope, build = asked[:3]
    if spelling == "latex":
        return build(meant(parse_latex(text, scope, asked.within), scope))
    if spelling == "python":
        return _in_python(asked)[0]
    names = {*scope.shapes, *scope.sizes} - {n for n in "HT" if scope.shapes.get(n)}  # x^H
    source = parse(text, names, scope.about)
    check_comments(text, scope.shapes)
    return build(meant(source, scope))


def _others(asked: _Asked[_T], error: MatderivError) -> _T:
    """The text in another spelling; the error of the reader whose marks it carries."""
    strong, weak = marks(asked.text, not asked.scope.guess)
    if isinstance(error, ShapeError):  # it was understood, and does not fit
        weak = [spelling for spelling in weak if spelling != "latex"]
    for spelling in (*strong, *weak):
        try:
            return _spelled(asked, spelling)
        except MatderivError as found:
            fitted = isinstance(error, ShapeError) and isinstance(found, ParseError)
            if spelling in strong and not fitted:
                raise found from None
            if isinstance(found, ShapeError):  # it was understood, and does not fit
                error = found
    raise error


def _in_python(asked: _Asked[_T]) -> tuple[_T, PythonReading]:
    """A Python formula with vectors of one axis, or as columns where only that reads.

    Where both read and mean different things, the one that fits; ParseError if that decides
    nothing.
    """
    text, scope = asked[:2]
    readings: list[tuple[_T, PythonReading]] = []
    failure: MatderivError | None = None
    columns_said = {n for n, s in scope.shapes.items() if len(s) == 2 and 1 in s}  # y: n,1
    thin = any(re.search(rf"\b{re.escape(name)}\b", text) for name in columns_said)
    flat = not scope.guess and not thin and not _COLUMNS.search(_AXES.sub("", text))
    flat = flat or getattr(text, "flat", False)
    for columns in (False,) if flat else (thin, not thin):
        try:
            reading = parse_python(text, scope, columns=columns, within=asked.within)
            readings.append((asked.build(reading.source), reading))
            if not reading.choices:
                break  # nothing hangs on what a vector is
        except MatderivError as error:
            failure = failure or error
            if not isinstance(failure, (ShapeError, ArrayError)):
                break  # that vectors are columns would not help
    if not readings:
        assert failure is not None
        raise failure
    return readings[0] if len(readings) == 1 else _clearer(asked, readings, thin)


def _clearer(
    asked: _Asked[_T], readings: list[tuple[_T, PythonReading]], thin: bool
) -> tuple[_T, PythonReading]:
    """The first of two readings if they mean the same, else the one that fits."""
    flat, column = (reading for _, reading in readings)
    unlike = [s for s in flat.choices if column.choices.get(s, flat.choices[s]) != flat.choices[s]]
    if not unlike:
        return readings[0]
    text, fitting = asked.text, [r for r in readings if asked.fits(r[0])]
    if len(fitting) == 1:
        return fitting[0]
    place = unlike[0]
    if thin or not _COLUMNS.search(_AXES.sub("", text)):
        return readings[0]  # as declared; or nothing makes a column: vectors have one axis
    biases = "|".join(map(re.escape, flat.source.kinds))
    if biases and all(re.search(rf"\b(?:{biases})\b", text[slice(*p)]) for p in unlike):
        return readings[0]  # a name that is guessed to be added as an array of one axis
    said = f"a {flat.choices[place]} or a {column.choices[place]}"
    hint = {
        "number": "np.dot(x, y) or np.outer(x, y)",
        "row": "x[None, :] for a row, x[:, None] for a column",
    }.get(flat.choices[place])
    raise ParseError(f"this can be {said}", source=text, span=place, hint=hint)


def _as_python(asked: _Asked[_T]) -> _T | None:
    """What a text with @ means in Python where the text language means something else.

    ParseError where it is said in words of the text language, as an answer to such a question.
    """
    try:
        found, reading = _in_python(asked)
    except MatderivError:
        return None
    if not reading.unlike_text:
        return None
    if asked.scope.guess:
        return found
    raise ParseError(
        "with @ this is Python, and in the text language it means something else",
        source=asked.text,
        span=reading.unlike_text[0],
        hint=".* for entry by entry, * for the matrix product",
    )


def _check_division(asked: _Asked[_T], place: Span) -> None:
    r"""ParseError for `X\beta`, which divides in the text language and multiplies in LaTeX."""
    try:
        _spelled(asked._replace(within=None), "latex")
    except MatderivError:
        return
    text, typed = asked.text, asked.text[slice(*place)]
    raise ParseError(
        f"{typed} is a letter in LaTeX, and \\ divides in the text language",
        source=text,
        span=place,
        hint=f"${text}$ for LaTeX" if len(text) <= 40 else "solve(A, b), or $...$ for LaTeX",
    )
