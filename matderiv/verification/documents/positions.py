"""Passages of a document that remember where they stand, through every change of spelling."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from matderiv.errors import Span

_COMMAND = re.compile(r"\\[A-Za-z]+$")
NOWHERE = -1  # the place of what stands nowhere in the document


@dataclass(frozen=True)
class Passage:
    """A text and the place in the document of each of its characters; `end` is past the last.

    `latex` and `python` say in which notation it is written; otherwise in the text language.
    `around` are the words before and after it in its sentence, and its row as typed.

    >>> p = Passage.of("so  df = 2*x'dx")
    >>> q = p[9:].replaced(r"(?<=')(?=dx)", lambda m: "*")
    >>> q.text, q.span((4, 6))
    ("2*x'*dx", (13, 14))
    """

    text: str
    places: tuple[int, ...]
    end: int
    latex: bool = False
    python: bool = False
    around: tuple[str, str, str] = ("", "", "")

    @staticmethod
    def of(
        text: str, start: int = 0, *, latex: bool = False, around: tuple[str, str, str] = ("",) * 3
    ) -> Passage:
        """A text that stands at `start`."""
        places = tuple(range(start, start + len(text)))
        return Passage(text, places, start + len(text), latex, around=around)

    def __getitem__(self, part: slice) -> Passage:
        stop = part.indices(len(self.text))[1]
        end = self.places[stop] if stop < len(self.places) else self.end
        return replace(self, text=self.text[part], places=self.places[part], end=end)

    def __bool__(self) -> bool:
        return bool(self.text.strip())

    @property
    def start(self) -> int:
        """The place of the first character that is no space."""
        lead = len(self.text) - len(self.text.lstrip())
        return self.places[lead] if lead < len(self.places) else self.end

    def stripped(self) -> Passage:
        """Without space at both ends."""
        lead = len(self.text) - len(self.text.lstrip())
        return self[lead : max(lead, len(self.text.rstrip()))]

    def replaced(self, pattern: str, by: Callable[[re.Match[str]], str], flags: int = 0) -> Passage:
        """Each match replaced; the new characters stand where the match did, first and last."""
        text: list[str] = []
        places: list[int] = []
        last = 0
        for match in re.finditer(pattern, self.text, flags):
            start, stop = match.span()
            new = by(match)
            if new[:1].isalpha() and _COMMAND.search(self.text, max(start - 30, 0), start):
                new = f" {new}"  # a command ends
            text += [self.text[last:start], new]
            places += self.places[last:start]
            at = [min(start + k, max(stop - 1, start)) for k in range(len(new))]
            at[1:] = [*at[1:-1], max(stop - 1, start)] if at[1:] else []
            places += [self._place(k) for k in at]
            last = stop
        if not text:
            return self
        rest = (*text, self.text[last:])
        return replace(self, text="".join(rest), places=(*places, *self.places[last:]))

    def blanked(self, pattern: str, flags: int = 0) -> Passage:
        """Each match replaced by spaces."""
        return self.replaced(pattern, lambda m: " " * len(m[0]), flags)

    def with_part(self, start: int, stop: int, new: str) -> Passage:
        """With other text from `start` to `stop`, whose first and last characters stand there."""
        places = (self._place(start),) * len(new)
        if new[1:] and stop > start:
            places = (*places[:-1], self._place(stop - 1))
        return replace(
            self,
            text=self.text[:start] + new + self.text[stop:],
            places=(*self.places[:start], *places, *self.places[stop:]),
        )

    def erased(self, start: int, stop: int) -> Passage:
        """With spaces from `start` to `stop`; new lines stay."""
        space = re.sub(r"[^\n]", " ", self.text[start:stop])
        return replace(self, text=self.text[:start] + space + self.text[stop:])

    def _place(self, k: int) -> int:
        return self.places[k] if k < len(self.places) else self.end

    def span(self, span: Span) -> Span:
        """Where a part of the text stands in the document."""
        start, stop = span
        first = self._place(start)
        return first, max(first, self._place(stop - 1) + 1 if stop > start else first)


def joined(passages: Iterable[Passage]) -> Passage:
    """Passages one after the other, with a space between."""
    found = list(passages)
    text, places = found[0].text, found[0].places
    for before, p in pairwise(found):
        text, places = f"{text} {p.text}", (*places, before.end, *p.places)
    return replace(found[0], text=text, places=places, end=found[-1].end)


def chained(passages: Iterable[Passage], like: Passage) -> Passage:
    """Passages one right after the other, in the notation of `like`; a command has an end.

    >>> chained([Passage.of(text) for text in (r"2\\partial", "f", "g")], Passage.of("")).text
    '2\\\\partial fg'
    """
    text, places = [""], list[int]()
    for p in passages:
        gap = p.text[:1].isalpha() and _COMMAND.search(text[-1])
        text += [" ", p.text] if gap else [p.text]
        places += [p.places[0], *p.places] if gap else p.places
    return replace(like, text="".join(text), places=tuple(places))


def closing(text: str, opening: int, opens: str = "([{", closes: str = ")]}") -> int | None:
    """The place of the bracket that closes the one at `opening`; None where none does.

    >>> closing("f(a(b))", 1), closing("f(a", 1)
    (6, None)
    """
    depth = 0
    for k in range(opening, len(text)):
        if k == opening or text[k - 1] != "\\":
            depth += (text[k] in opens) - (text[k] in closes)
        if not depth:
            return k
    return None


class Lines:
    """The numbers of the lines of a document."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.starts = [0, *(m.end() for m in re.finditer("\n", document))]

    def number(self, place: int) -> int:
        """The number, from 1, of the line where a place is."""
        return bisect_right(self.starts, place)

    def text(self, number: int) -> str:
        """A line without its end."""
        start = self.starts[number - 1]
        stop = self.document.find("\n", start)
        return self.document[start : stop if stop >= 0 else len(self.document)].rstrip("\r")

    def typed(self, passage: Passage) -> str:
        """A passage as it stands in the document, on one line, with its hats and stars."""
        if not passage:
            return ""
        start, stop = passage.span((0, len(passage.text)))
        hat = re.search(r"\\(?:wide)?hat\s*\{?\s*$", self.document[max(start - 12, 0) : start])
        open_ = r"\s*\}" if hat and "{" in hat[0] else ""
        star = re.compile(rf"{open_}(?:\s*\^\s*\{{?\s*(?:\*|\\(?:ast|star)(?![A-Za-z]))\s*\}}?)?")
        stop = found.end() if (found := star.match(self.document, stop)) else stop
        return " ".join(self.document[start - len(hat[0] if hat else "") : stop].split()).strip(
            "$ "
        )

    def named(self, passage: Passage) -> str:
        """A left side as it stands in the document, or the name that it was given where none is."""
        typed = self.typed(passage) if {*passage.places[1:]} != {*passage.places[:1]} else ""
        return typed if any(c.isalpha() for c in typed) else passage.text

    def within(self, span: Span) -> tuple[int, Span]:
        """The line where a span begins, and the span in that line."""
        number = self.number(span[0])
        start, width = self.starts[number - 1], len(self.text(number))
        first = min(span[0] - start, width)
        return number, (first, min(max(span[1] - start, first), width))
