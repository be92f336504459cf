"""Many answers, to one question or to several: each question is read once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any

from matderiv.errors import LimitError, MatderivError
from matderiv.verification.claims import Asked, ask
from matderiv.verification.judging import POINTS
from matderiv.verification.verdict import UNDECIDED, Verdict
from matderiv.verification.verifying import verify_asked

UNREAD = "unread"


@dataclass(frozen=True)
class Row:
    """An answer with its question: `number` is its place in the file, `who` whose it is.

    `error` says why a row cannot be judged.
    """

    number: int
    f: str
    wrt: str
    answer: str
    who: str = ""
    shapes: Mapping[str, str] = field(default_factory=dict)
    assume: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = None
    order: int = 1
    layout: str = "gradient"
    structure: str | None = None
    upstream: str = "G"
    error: MatderivError | None = None

    @property
    def question(self) -> tuple[Any, ...]:
        """What makes two rows ask the same."""
        about = tuple(sorted(self.shapes.items())), tuple(sorted(self.assume.items()))
        said = self.kind, self.order, self.layout, self.structure, self.upstream
        return (self.f, self.wrt, *about, *said)


@dataclass(frozen=True)
class RowVerdict:
    """The verdict on a row, or the error that kept it from being read."""

    row: Row
    verdict: Verdict
    error: MatderivError | None = None

    @property
    def state(self) -> str:
        """The verdict, or "unread"."""
        unread = self.error is not None and not isinstance(self.error, LimitError)
        return UNREAD if unread else self.verdict.verdict

    @property
    def code(self) -> str:
        """The stable code of the mistake, or of the error; "" where there is none."""
        if self.error is not None:
            return self.error.code
        return self.verdict.diagnosis or ""

    @property
    def message(self) -> str:
        """What is to be said, in one line."""
        said = self.error.message if self.error is not None else self.verdict.message
        return "" if self.verdict.correct else " ".join(said.split())


def verify_rows(
    rows: Iterable[Row],
    *,
    seed: int = 0,
    points: int = POINTS,
    diagnosis: bool = True,
    limit: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[RowVerdict]:
    """The verdict on each row, in order; rows that cannot be read are reported, not raised.

    `limit` makes the context in which each answer is judged, and then its mistake is looked for: it
    may raise LimitError. A verdict without its cause is better than none.

    >>> rows = [Row(1, "x'*x", "x", "2*x"), Row(2, "x'*x", "x", "-2*x"), Row(3, "x'*x", "x", "2*")]
    >>> [(v.state, v.code) for v in verify_rows(rows)]
    [('proved', ''), ('disproved', 'sign'), ('unread', 'parse')]
    """
    questions: dict[tuple[Any, ...], Asked | MatderivError] = {}
    for row in rows:
        try:
            if row.error is not None:
                raise row.error
            if row.question not in questions:
                with limit():
                    questions[row.question] = _asked(row)
            asked = questions[row.question]
            if isinstance(asked, MatderivError):
                raise asked
            how: dict[str, Any] = {"seed": seed, "points": points}
            with limit():
                verdict = verify_asked(asked, row.answer, **how, diagnosis=False)
            if diagnosis and verdict.correct is False:
                with suppress(LimitError), limit():
                    verdict = verify_asked(asked, row.answer, **how, diagnosis=True)
            yield RowVerdict(row, verdict)
        except MatderivError as error:
            yield RowVerdict(row, Verdict(UNDECIDED, message=error.message), error)


def _asked(row: Row) -> Asked | MatderivError:
    """The question of a row, or why it cannot be read: kept, so that it is tried once."""
    try:
        return ask(
            row.f,
            row.wrt,
            shapes=row.shapes,
            assume=row.assume,
            kind=row.kind,
            order=row.order,
            layout=row.layout,
            structure=row.structure,
            upstream=row.upstream,
        )
    except MatderivError as error:
        return error


def summary(found: Iterable[RowVerdict]) -> dict[str, dict[str, int]]:
    """How many rows got each verdict, and each code; the most frequent first."""
    found = list(found)
    states, codes = Counter(v.state for v in found), Counter(v.code for v in found if v.code)
    return {
        "verdicts": dict(sorted(states.items(), key=lambda item: (-item[1], item[0]))),
        "codes": dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
    }
