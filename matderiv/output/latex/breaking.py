r"""Long LaTeX formulas in rows: broken before + and - outside brackets, then inside them."""

import re

WIDE = 58  # visible characters of a line before it is broken at + and -
SPARE = 14  # so many more before it is broken inside brackets


def broken(written: str) -> list[str]:
    r"""A long right side in rows, broken before + and - outside all brackets, and before `where`.

    >>> broken("a + b")
    ['a + b']
    """
    rows: list[str] = []
    for chunk in re.split(r"(?=\\quad\\text\{where\})|(?<=,)(?=\\quad )", written):
        rows += _broken_at_signs(chunk.removeprefix(r"\quad ")) if rows else _broken_at_signs(chunk)
    return [r.removeprefix(r"\quad") for r in rows]


def _broken_at_signs(written: str) -> list[str]:
    if visible(written) <= WIDE:
        return [written]
    rows = _filled(_terms(written, 0))
    for depth in (1, 2, 3):
        if max(map(visible, rows)) > WIDE + SPARE:
            rows = _filled(_terms(written, depth))
    fixed = re.sub(r"\\(left|right)(?=[()\[\]])", lambda m: f"\\big{m[1][0]}", written)
    if max(map(visible, rows)) > WIDE + SPARE and fixed != written:
        return _broken_at_signs(fixed)
    return rows


def _filled(pieces: list[str]) -> list[str]:
    """Pieces gathered into rows."""
    rows = [""]
    for piece in pieces:
        if rows[-1] and visible(rows[-1] + piece) > WIDE:
            rows.append(piece.lstrip())
        else:
            rows[-1] += piece
    return rows


def _terms(written: str, most: int) -> list[str]:
    r"""The text cut before every + and - that stands in at most so many plain brackets.

    Never inside braces or a matrix, nor between `\left` and `\right`, which stand in one row.
    """
    pieces, braces, round_, start = [], 0, 0, 0
    for found in re.finditer(
        r"\\(?:left|right|begin|end)\b|\\[{}]|[{}()\[\]]| [+-] | \\odot ", written
    ):
        mark = found[0]
        if mark in ("{", r"\left", r"\begin"):
            braces += 1
        elif mark in ("}", r"\right", r"\end"):
            braces -= 1
        elif mark in ("(", "[", r"\{"):
            round_ += 1
        elif mark in (")", "]", r"\}"):
            round_ -= 1
        elif not braces and round_ <= most and found.start() > start:
            if mark == r" \odot " and not most:
                continue
            pieces.append(written[start : found.start()])
            start = found.start()
    return [*pieces, written[start:]]


def visible(written: str) -> int:
    r"""About how many characters a reader sees.

    >>> visible(r"\\mathbf{x}^{\\top}\\mathbf{y}")
    3
    >>> visible(r"\\begin{bmatrix} a \\\\ b + c \\end{bmatrix}x")
    4
    """
    tables = r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}"
    written = re.sub(tables, lambda m: max(m[1].split(r"\\"), key=visible), written)
    shown = re.sub(
        r"\\(mathbf|boldsymbol|mathrm|operatorname|text|left|right|small)\b", "", written
    )
    shown = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1", shown)
    shown = re.sub(r"\\[A-Za-z]+", "#", shown)
    return len(re.sub(r"[{}^_\s\\]", "", shown))
