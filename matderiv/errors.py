"""Every error a user can meet: what is wrong, where, and one thing to try."""

from __future__ import annotations

import unicodedata

Span = tuple[int, int]

_WINDOW = 70  # columns of a long line shown around the caret


class MatderivError(Exception):
    """The one family of errors; `str` is the message, the caret line and a hint.

    `source` is the text as typed and `span` the half-open range of characters at fault.

    >>> print(ParseError("expected an operand after +", source="x +", span=(3, 3)))
    expected an operand after +
      x +
         ^
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        source: str | None = None,
        span: Span | None = None,
        hint: str | None = None,
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.span = span
        self.hint = hint
        self.details = details

    def located(self, source: str, span: Span) -> MatderivError:
        """This error with a place, unless it has one already (the door knows the text)."""
        if self.source is None:
            self.source, self.span = source, span
        return self

    def __str__(self) -> str:
        lines = [self.message]
        if self.source is not None and self.span is not None:
            lines += ["  " + line for line in caret_lines(self.source, self.span)]
        lines += ["  " + line for line in self.details]
        if self.hint:
            lines.append(f"  try:   {self.hint}")
        return visible("\n".join(lines))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message, and no traceback of ours."""
        return [f"{type(self).__name__}: {self}"]


class ParseError(MatderivError):
    """The text is not an expression of the language."""

    code = "parse"


class ShapeError(MatderivError):
    """Sizes do not fit together."""

    code = "shape"


class UnknownSize(ShapeError):  # noqa: N818  (named as its neighbours are)
    """A constant, such as I, of which nothing says how large it is."""


class UnknownName(MatderivError):  # noqa: N818  (a name of the public contract)
    """A name that the expression does not have."""

    code = "unknown-name"


class UnknownFunction(MatderivError):  # noqa: N818  (a name of the public contract)
    """A function outside the table."""

    code = "unknown-function"


class DomainError(MatderivError):
    """A value outside the set where the expression is defined."""

    code = "domain"


class LimitError(MatderivError):
    """A stated limit of size, depth or time was reached."""

    code = "limit"


class NoRule(MatderivError):  # noqa: N818  (a name of the public contract)
    """A function whose derivative this version does not know."""

    code = "no-rule"


class NoClosedForm(NoRule):
    """An equation that this version cannot solve in closed form."""

    code = "no-closed-form"


class NoMatrixForm(MatderivError):  # noqa: N818  (a name of the public contract)
    """The derivative exists and matrix notation cannot spell it; see the index form."""

    code = "no-matrix-form"


class UntrueResult(MatderivError):  # noqa: N818  (a name of the public contract)
    """A derivative that numbers of f contradict: a mistake of this program, never shown."""

    code = "internal"


def display_width(text: str) -> int:
    """Terminal columns taken by `text`: wide characters take two, combining marks none.

    >>> display_width("x́ａ")
    3
    """
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def caret_lines(source: str, span: Span) -> tuple[str, str]:
    """The line at fault and a line that underlines it; long lines are shown through a window.

    >>> caret_lines("tr(X * y)", (3, 8))
    ('tr(X * y)', '   ~~~~~')
    """
    start, end = span
    begin = source.rfind("\n", 0, start) + 1
    stop = source.find("\n", begin)
    stop = len(source) if stop < 0 else stop
    end = min(max(end, start), stop)
    head, tail = "", ""
    if stop - begin > _WINDOW + 20:
        left = max(begin, start - _WINDOW // 2)
        right = min(stop, left + _WINDOW)
        head, tail = "…" if left > begin else "", "…" if right < stop else ""
        begin, stop, end = left, right, min(end, right)
    shown, before, marked = (
        visible(source[a:b]).replace("\t", "    ")
        for a, b in ((begin, stop), (begin, start), (start, end))
    )
    before = head + before
    width = display_width(marked)
    return head + shown + tail, " " * display_width(before) + ("~" * width if width > 1 else "^")


def visible(text: str) -> str:
    """The text with a dot for each character that acts on a terminal and is not seen itself.

    Escape sequences, marks of writing direction, separators of lines that are no line feeds; what
    comes from a file or from a person passes here before it is printed.

    >>> visible("x\\x1b[2J\\n\\u202ey")
    'x·[2J\\n·y'
    """
    if text.isprintable():
        return text
    return "".join("·" if c not in "\n\t" and _unseen(c) else c for c in text)


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
