"""Many answers, to one question or to several: each is read once, equal ones are judged once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.errors import LimitError, MatderivError
from matderiv.verification.claims import Asked, ask
from matderiv.verification.judging import POINTS
from matderiv.verification.verdict import UNDECIDED, Verdict
from matderiv.verification.verifying import verify_asked

UNREAD = "unread"
Limit = Callable[[], AbstractContextManager[None]]


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
    limit: Limit = nullcontext,
) -> Iterator[RowVerdict]:
    """The verdict on each row, in order; rows that cannot be read are reported, not raised.

    `limit` makes the context in which each answer is judged and its mistake is looked for, and then
    judged alone: it may raise LimitError. A verdict without its cause is better than none.

    >>> rows = [Row(1, "x'*x", "x", "2*x"), Row(2, "x'*x", "x", "-2*x"), Row(3, "x'*x", "x", "2*")]
    >>> [(v.state, v.code) for v in verify_rows(rows)]
    [('proved', ''), ('disproved', 'sign'), ('unread', 'parse')]
    """
    questions: dict[tuple[Any, ...], Asked | MatderivError] = {}
    found: dict[tuple[Any, ...], RowVerdict] = {}
    causes = (True, False) if diagnosis else (False,)
    for row in rows:
        key = row.question, row.answer.strip(), row.error
        if key not in found:
            try:
                asked = _once(row, questions, limit)
                verdict = _judged(asked, row.answer, limit, causes, seed=seed, points=points)
                found[key] = RowVerdict(row, verdict)
            except MatderivError as error:
                found[key] = RowVerdict(row, Verdict(UNDECIDED, message=error.message), error)
        yield replace(found[key], row=row)


def _judged(
    asked: Asked, answer: str, limit: Limit, causes: tuple[bool, ...], **how: int
) -> Verdict:
    """The verdict with its cause; without one where only that is within the limit."""
    first, *rest = causes
    try:
        with limit():
            return verify_asked(asked, answer, diagnosis=first, **how)
    except LimitError:
        if not rest:
            raise
        return _judged(asked, answer, limit, tuple(rest), **how)


def _once(row: Row, questions: dict[tuple[Any, ...], Asked | MatderivError], limit: Limit) -> Asked:
    """The question of a row, read once; raises what is wrong with the row or with its question."""
    if row.error is not None:
        raise row.error
    if row.question not in questions:
        with limit():
            questions[row.question] = _asked(row)
    asked = questions[row.question]
    if isinstance(asked, MatderivError):
        raise asked
    return asked


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
