r"""Macros of a document, written out: `\newcommand`, `\DeclareMathOperator`, `\def`.

What a macro stands for keeps the place of the call, and arguments keep their own places.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from matderiv.errors import LimitError
from matderiv.verification.documents.positions import Passage, chained, closing

MOST = 10_000  # calls in one document
DEEPEST = 12  # macros in macros
_NAME = r"\s*(?:\{\s*\\(?P<in>[A-Za-z]+)\s*\}|\\(?P<out>[A-Za-z]+))"
_DEFINES = re.compile(
    rf"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand)\*?{_NAME}\s*"
    r"(?:\[(?P<count>\d)\]\s*)?(?:\[(?P<default>[^\[\]]*)\]\s*)?(?=\{)"
    r"|\\DeclareMathOperator(?P<star>\*?)\s*(?:\{\s*\\(?P<operator>[A-Za-z]+)\s*\}"
    r"|\\(?P<bare>[A-Za-z]+))\s*(?=\{)"
    r"|\\def\s*\\(?P<def>[A-Za-z]+)(?P<params>(?:#\d)*)\s*(?=\{)"
    r"|\\DeclarePairedDelimiter\s*\{?\s*\\(?P<pair>[A-Za-z]+)\s*\}?\s*(?=\{)"
)


@dataclass(frozen=True)
class Macro:
    """What a command stands for: `#1`, `#2` in the body are its arguments.

    The first of them may have a `default`.
    """

    body: str
    count: int = 0
    default: str | None = None


_USUAL = {  # macros of many, in texts that do not show their preamble
    "norm": Macro(r"\left\|#1\right\|", 1),
    "abs": Macro(r"\left|#1\right|", 1),
}


def written_out(p: Passage) -> Passage:
    r"""A text without definitions of macros, and with their bodies in place of their names.

    >>> text = r"\newcommand{\norm}[1]{\lVert #1 \rVert}\def\R{\mathbb{R}}\norm{x - \R}"
    >>> written_out(Passage.of(text)).text.strip()
    '\\lVert x - \\mathbb{R} \\rVert'
    >>> written_out(Passage.of(r"\def\K{K_L}\partial\K")).text.strip()
    '\\partial K_L'
    """
    macros, p = _definitions(p)
    macros = {n: m for n, m in _USUAL.items() if rf"\{n}" in p.text} | dict(macros)
    if not macros:
        return p
    call = re.compile(rf"\\({'|'.join(sorted(macros, key=len, reverse=True))})(?![A-Za-z])")
    return _Writing(macros, call).out(p, 0)


@dataclass
class _Writing:
    """Writes macros out, and counts the calls."""

    macros: Mapping[str, Macro]
    call: re.Pattern[str]
    count: int = 0

    def out(self, p: Passage, depth: int) -> Passage:
        """A text with every call written out; LimitError beyond what any document needs."""
        pieces: list[Passage] = []
        place = 0
        while found := self.call.search(p.text, place):
            self.count += 1
            if self.count > MOST or depth > DEEPEST:
                raise LimitError(f"macros are written out up to {MOST:,} times, {DEEPEST} deep")
            macro = self.macros[found[1]]
            arguments, end = _arguments(p, found.end(), macro)
            at = (p.places[found.start()],) * max(len(macro.body) - 1, 0)
            at = (*at, p.places[end - 1 if at else found.start()]) if macro.body else at
            body = self.out(_filled(Passage(macro.body, at, p.end), arguments), depth + 1)
            pieces += [p[place : found.start()], body]
            place = end
        return chained([*pieces, p[place:]], p)


def _definitions(p: Passage) -> tuple[Mapping[str, Macro], Passage]:
    """The macros of a text, and the text without their definitions."""
    macros: dict[str, Macro] = {}
    place = 0
    while found := _DEFINES.search(p.text, place):
        end = _end(p.text, found.end()) + 1
        body = p.text[found.end() + 1 : end - 1]
        name = next(filter(None, found.group("in", "out", "operator", "bare", "def", "pair")))
        if found["operator"] or found["bare"]:
            macros[name] = Macro(rf"\operatorname{{{body}}}")
        elif found["pair"]:
            last = _end(p.text, end)
            macros[name] = Macro(f"{body} #1 {p.text[end + 1 : last]}", 1)
            end = last + 1
        else:
            count = int(found["count"] or len(found["params"] or "") // 2)
            if not re.search(rf"\\{name}(?![A-Za-z])", body):
                macros[name] = Macro(body, count, found["default"])
        p = p.erased(found.start(), end)
        place = end
    return macros, p


def _arguments(p: Passage, place: int, macro: Macro) -> tuple[list[Passage], int]:
    """The arguments behind a call, and where they end."""
    found: list[Passage] = []
    if p.text[place : place + 1] == "*":
        place += 1
    for k in range(macro.count):
        start = place + len(p.text[place:]) - len(p.text[place:].lstrip())
        if k == 0 and macro.default is not None:
            optional = re.compile(r"\[([^\[\]]*)\]").match(p.text, start)
            own = Passage(macro.default, (p.places[place - 1],) * len(macro.default), p.end)
            found.append(p[optional.start(1) : optional.end(1)] if optional else own)
            place = optional.end() if optional else place
        elif p.text[start : start + 1] == "{":
            end = _end(p.text, start)
            found.append(p[start + 1 : end])
            place = end + 1
        else:
            token = re.compile(r"\\[A-Za-z]+|\S|").match(p.text, start)
            place = token.end() if token else start
            found.append(p[start:place])
    return found, place


def _filled(body: Passage, arguments: list[Passage]) -> Passage:
    pieces: list[Passage] = []
    last = 0
    for found in re.finditer(r"#(\d)", body.text):
        k = int(found[1]) - 1
        pieces += [body[last : found.start()], *arguments[k : k + 1]]
        last = found.end()
    return chained([*pieces, body[last:]], body)


def _end(text: str, opening: int) -> int:
    """The place of the brace that closes the one at `opening`, or the last place."""
    found = closing(text, opening, "{", "}")
    return len(text) - 1 if found is None else found
