"""What verifying a derivation line by line found, as values that print for a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from matderiv.errors import MatderivError, Span, caret_lines, visible
from matderiv.lazy import Shown
from matderiv.verification.derivations.roles import CONDITION, Chain
from matderiv.verification.documents.clauses import NAMELESS
from matderiv.verification.documents.positions import Lines, Passage
from matderiv.verification.verdict import DISPROVED, PROVED, UNDECIDED, VERIFIED, Verdict, hint_of

_SUM_TO = re.compile(r"\\sum\s*_\s*\{[^{}]*\}\s*\^\s*\{?\s*([A-Za-z])(?![A-Za-z])")
GIVEN = "given"
UNREAD = "unread"
LOOSE = "loose"  # right in a sense that has no shape: wrong only until all choices were tried
MISFIT = "misfit"  # sizes that do not fit by the kinds that names were taken to have
AGAIN = "defined-again"  # a name may be another one from here on
BEFORE = "right-before"  # right by what a name was before it was defined again
MARKS = {GIVEN: "given", PROVED: "ok", VERIFIED: "ok", UNDECIDED: "?", DISPROVED: "WRONG"}


@dataclass(frozen=True)
class LineVerdict:
    """One side of a line: `number` counts the lines of the document from 1, `text` is as typed.

    `verdict` is "proved", "verified", "disproved", "undecided", or "given" for what a derivation
    starts from. A wrong line has a stable code in `diagnosis` ("unread" for a line that could not
    be read); `follows` is the number of the earlier wrong line that it follows from correctly.
    `span` is the place in the line that the message is about.
    """

    number: int
    text: str
    verdict: str
    diagnosis: str | None = None
    message: str = ""
    suggestion: str | None = None
    follows: int | None = None
    line: str = ""
    span: Span | None = None
    found: Verdict | None = field(default=None, repr=False)

    @staticmethod
    def of(
        v: Verdict, number: int, text: str, said: str = "", follows: int | None = None
    ) -> LineVerdict:
        """A verdict as one on a line; what follows from a mistake has no cause of its own."""
        cause = (v.diagnosis, v.suggestion) if follows is None else ("follows", None)
        message = said or ("" if v.correct else v.message)
        return LineVerdict(number, text, v.verdict, cause[0], message, cause[1], follows, found=v)

    @property
    def correct(self) -> bool | None:
        """True, False, or None where nothing was decided; what is given is right."""
        known = {GIVEN: True, PROVED: True, VERIFIED: True, DISPROVED: False}
        return known.get(self.verdict)

    @property
    def mark(self) -> str:
        """What stands in the margin: given, ok, ?, WRONG or follows."""
        if self.diagnosis == UNREAD:
            return "?"
        return "follows" if self.follows is not None else MARKS[self.verdict]

    @property
    def hint(self) -> str:
        """The kind of mistake and nothing more."""
        if self.verdict != DISPROVED:
            return self.message if self.diagnosis == UNREAD else ""
        if self.follows is not None:
            return self.message
        return hint_of(self.diagnosis, "this is wrong")

    def left_open(self, said: str = "") -> LineVerdict:
        """The line, of which nothing is decided any more."""
        message = said or self.message
        return replace(self, verdict=UNDECIDED, diagnosis=None, message=message, follows=None)

    def shown(self, *, hint: bool = False, as_in: int | None = None) -> str:
        """The line with its verdict, and below it what is to be said, or the line that says it."""
        said = (self.hint if hint else self.message).splitlines()
        said = said if as_in is None else [f"as in line {as_in}"]
        below = said[:1]
        if self.span is not None and self.line and not hint and as_in is None:
            below += ["  " + shown for shown in caret_lines(self.line, self.span)]
        below += [line.strip() for line in said[1:] if line.strip()]
        head = f"{self.number:>5}  {self.mark:<8} {' '.join(self.text.split())}"
        return visible("\n".join([head, *(" " * 15 + line for line in below)]))


@dataclass
class Findings:
    """What is said of the lines of a document, in order."""

    lines: Lines
    found: list[LineVerdict] = field(default_factory=list)

    def typed(self, passage: Passage, chain: Chain) -> str:
        """The side as typed, with its left side where it is the first."""
        if chain.first is not None and passage is chain.sides[0]:
            return f"{self.lines.named(chain.first)} = {self.lines.typed(passage)}"
        return f"= {self.lines.typed(passage)}"

    def given(self, number: int, chain: Chain, message: str) -> None:
        """A statement that is no step."""
        text = self.lines.typed(chain.whole)
        sided = chain.sides and chain.role != CONDITION and chain.name != NAMELESS
        if chain.first is not None and sided:
            text = f"{self.lines.named(chain.first)} = {self.lines.typed(chain.sides[0])}"
        self.found.append(LineVerdict(number, " ".join(text.split()), GIVEN, message=message))

    def add(
        self,
        number: int,
        text: str,
        v: Verdict,
        *,
        said: str = "",
        follows: int | None = None,
        error: MatderivError | None = None,
    ) -> None:
        """A side that was judged."""
        found = LineVerdict.of(v, number, text, said, follows)
        self.found.append(found if error is None else _pointed(found, error, self.lines))

    def unread(self, passage: Passage, error: MatderivError, shown: str = "") -> None:
        """A line that could not be read: said, and passed over."""
        self.found.append(unread(passage, error, self.lines, shown))


def _pointed(line: LineVerdict, error: MatderivError, lines: Lines) -> LineVerdict:
    """A line with the place that an error is about."""
    if error.span is None:
        return line
    at, span = lines.within(error.span)
    return replace(line, line=lines.text(at), span=span)


def unread(passage: Passage, error: MatderivError, lines: Lines, shown: str = "") -> LineVerdict:
    """A line that could not be read, with the reason."""
    hint = f"\ntry: {error.hint}" if error.hint else ""
    v = Verdict(UNDECIDED, UNREAD, f"not read: {error.message}{hint}")
    number = lines.number(passage.start)
    return _pointed(LineVerdict.of(v, number, shown or passage.text), error, lines)


@dataclass(frozen=True)
class StepsVerdict(Shown):
    """A derivation checked line by line; `first_wrong` is where it breaks.

    >>> StepsVerdict((LineVerdict(1, "df = 2*x", "disproved", "factor"),)).first_wrong.number
    1
    """

    lines: tuple[LineVerdict, ...]
    title: str = ""
    notes: tuple[str, ...] = ()

    @property
    def correct(self) -> bool | None:
        """True if every line is right, False if one is wrong, None if one is undecided."""
        found = [line.correct for line in self.lines]
        if False in found:
            return False
        checked = [line for line in self.lines if line.verdict != GIVEN]
        return None if None in found or not checked else True

    @property
    def first_wrong(self) -> LineVerdict | None:
        """The first line that is wrong; None where none is."""
        return next((line for line in self.lines if line.correct is False), None)

    @property
    def right(self) -> int:
        """How many lines were checked and are right."""
        return sum(line.correct is True and line.verdict != GIVEN for line in self.lines)

    @property
    def wrong(self) -> int:
        """How many lines are wrong."""
        return sum(line.correct is False for line in self.lines)

    @property
    def fitting(self) -> tuple[int, int]:
        """How many lines are right, and how many are wrong but not of another shape."""
        return self.right, self.wrong - sum(line.diagnosis == "shape" for line in self.lines)

    @property
    def score(self) -> tuple[int, int]:
        """How good a reading is: right lines count, wrong ones more."""
        return self.right - 2 * self.wrong, -self.wrong

    def explains(self, other: StepsVerdict) -> bool:
        """True if more lines are right than in another reading, where no wrong one is right."""
        right = {line.number for line in other.lines if line.correct}
        return self.right > other.right and not self.broken & right

    @property
    def decided(self) -> int:
        """How many lines are right or wrong."""
        return self.right + self.wrong

    @property
    def broken(self) -> set[int]:
        """The numbers of lines that are wrong."""
        return {line.number for line in self.lines if line.correct is False}

    @property
    def open(self) -> set[int]:
        """The numbers of lines that are undecided or could not be read."""
        return {line.number for line in self.lines if line.correct is None}

    @property
    def unsure(self) -> int:
        """How many lines are undecided or could not be read."""
        return sum(line.correct is None for line in self.lines)

    @property
    def ends(self) -> frozenset[str]:
        r"""The letters that sums in lines that are not right run to: n of `\sum_{i=1}^n`."""
        open_lines = " ".join(line.text for line in self.lines if not line.correct)
        return frozenset(_SUM_TO.findall(open_lines))

    def doubted(self, reason: str) -> StepsVerdict:
        """The same with no line called wrong, for a reason."""
        said = f"wrong at first sight; {reason}"
        return self.left_open(lambda line: line.correct is False, said)

    def left_open(self, which: Callable[[LineVerdict], bool], said: str = "") -> StepsVerdict:
        """The same with some lines left open, and what follows from them."""
        told = {line.number for line in self.lines if which(line)}
        after = "follows from a line that is left open"
        lines = (
            line.left_open(said if which(line) else after)
            if which(line) or line.follows in told
            else line
            for line in self.lines
        )
        return replace(self, lines=tuple(lines))

    def unless(self, other: StepsVerdict, said: str) -> StepsVerdict:
        """The same with wrong lines left open that are right in another reading."""
        right = {(line.number, line.text) for line in other.lines if line.correct}
        return self.left_open(
            lambda line: line.correct is False and (line.number, line.text) in right, said
        )

    @property
    def settled(self) -> StepsVerdict:
        """The same with what is only loose left open."""
        return self.left_open(lambda line: line.diagnosis == LOOSE)

    def fitted(self, fitting: Collection[tuple[int, str]]) -> StepsVerdict:
        """The same with sides left open whose sizes fit if names are something else."""
        said = "the sizes do not fit together as the names were taken"
        known = self.left_open(
            lambda line: line.diagnosis == MISFIT and (line.number, line.text) in fitting, said
        )
        lines = (replace(n, diagnosis="shape") if n.diagnosis == MISFIT else n for n in known.lines)
        return replace(self, lines=tuple(lines))

    def fits(self) -> set[tuple[int, str]]:
        """The sides whose sizes fit together."""
        unfit = MISFIT, "shape"
        return {(line.number, line.text) for line in self.lines if line.diagnosis not in unfit}

    @property
    def conclusion(self) -> str:
        """The outcome in one line."""
        wrong = self.first_wrong
        if wrong is not None:
            code = f" ({wrong.diagnosis})" if wrong.diagnosis else ""
            return f"It breaks in line {wrong.number}{code}."
        checked = [line for line in self.lines if line.verdict != GIVEN]
        unsure = [line.number for line in checked if line.correct is None]
        if not checked:
            return "There is no equation to check."
        if unsure:
            numbers = ", ".join(map(str, dict.fromkeys(unsure)))
            if not self.right:
                return f"Nothing was judged; not decided: line {numbers}."
            return f"No mistake found; not decided: line {numbers}."
        return f"All {len(checked)} steps are right." if checked[1:] else "The step is right."

    def shown(self, *, hint: bool = False) -> str:
        """All lines with their verdicts, and the outcome."""
        first = {why: at[0] for why, at in causes(self.lines)}
        body = []
        for line in self.lines:
            place = first.get(line.message, line.number) if line.correct is None else line.number
            as_in = None if place == line.number else place
            body.append(line.shown(hint=hint, as_in=as_in))
        notes = [f"  note: {n}" for n in self.notes]
        title = [self.title] if self.title else []
        return visible("\n".join([*title, *body, *notes, self.conclusion]))

    def __str__(self) -> str:
        return self.shown()


def causes(lines: Iterable[LineVerdict]) -> list[tuple[str, list[int]]]:
    """Why lines are left open: each reason once, with the numbers of its lines.

    >>> lines = [LineVerdict(n, "", "undecided", None, "nothing says what c is") for n in (3, 5)]
    >>> causes(lines), listed([3, 5])
    ([('nothing says what c is', [3, 5])], 'lines 3, 5')
    """
    found: dict[str, dict[int, None]] = {}
    for line in lines:
        if line.correct is None:
            found.setdefault(line.message, {})[line.number] = None
    return [(why, [*numbers]) for why, numbers in found.items()]


def listed(numbers: Sequence[int]) -> str:
    """Numbers of lines, in words."""
    return f"line{'s' if numbers[1:] else ''} {', '.join(map(str, numbers))}"
