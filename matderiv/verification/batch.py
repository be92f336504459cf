"""Many answers, to one question or to several: each is read once, equal ones are judged once.

So many that it takes long are shared out among processes. Which process judges an answer changes
nothing: what is remembered of a question is spent again each time.
"""

import json
import multiprocessing
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.errors import LimitError, MatderivError
from matderiv.verification.claims import Asked, ask
from matderiv.verification.judging import POINTS
from matderiv.verification.verdict import UNDECIDED, Verdict
from matderiv.verification.verifying import verify_asked

UNREAD = "unread"
MANY = 60  # different answers that take longer than processes take to start
SHARE = 12  # answers to one question that a process gets at once
Limit = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Row:
    """An answer with its question: `number` is its place in the file, `who` whose it is.

    `about` are further arguments of `ask`, `error` says why a row cannot be judged.
    """

    number: int
    f: str
    wrt: str
    answer: str
    who: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    error: MatderivError | None = None

    @property
    def question(self) -> tuple[Any, ...]:
        """What makes two rows ask the same."""
        return self.f, self.wrt, json.dumps(self.about, sort_keys=True)

    @property
    def judged_as(self) -> tuple[Any, ...]:
        """What makes two rows have the same verdict."""
        return self.question, self.answer.strip(), self.error


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
        lines = [line.strip() for line in said.splitlines() if not self.verdict.correct]
        if any(set(line) == {"~"} for line in lines):  # below the formula: what and how only
            lines = [f"{lines[0]}.", lines[-1]]
        return " ".join(" ".join(lines).split())


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
        if row.judged_as not in found:
            try:
                asked = _once(row, questions, limit)
                verdict = _judged(asked, row.answer, limit, causes, seed=seed, points=points)
                found[row.judged_as] = RowVerdict(row, verdict)
            except MatderivError as error:
                verdict = Verdict(UNDECIDED, message=error.message)
                found[row.judged_as] = RowVerdict(row, verdict, error)
        yield replace(found[row.judged_as], row=row)


def verify_many(rows: Iterable[Row], processes: int, **how: Any) -> Iterator[RowVerdict]:
    """What `verify_rows` yields, in the same order, from several processes where they pay.

    `how` are arguments of `verify_rows` that can be pickled. What no table shows of a verdict, its
    report and its expressions, is left out then.
    """
    rows = list(rows)
    different: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        different.setdefault(row.judged_as, row)
    if processes < 2 or len(different) < MANY:
        yield from verify_rows(rows, **how)
        return
    shares = list(_shares(different.values()))
    told = zip(shares, _shared_out(shares, processes, how), strict=True)
    found: dict[tuple[Any, ...], RowVerdict] = {}
    for row in rows:
        while row.judged_as not in found:
            share, verdicts = next(told)
            found.update(zip((r.judged_as for r in share), verdicts, strict=True))
        yield replace(found[row.judged_as], row=row)


def _shares(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in portions of one question each, so that few processes read the same question."""
    asked: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        asked[row.question].append(row)
    for group in asked.values():
        yield from (group[k : k + SHARE] for k in range(0, len(group), SHARE))


def _shared_out(
    shares: list[list[Row]], processes: int, how: Mapping[str, Any]
) -> Iterator[list[RowVerdict]]:
    """The verdicts on each share in order; those of a process that was ended are found here."""
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        told = [pool.submit(_served, share, how) for share in shares]
        for share, verdicts in zip(shares, told, strict=True):
            try:
                yield verdicts.result()
            except BrokenProcessPool:
                yield list(verify_rows(share, **how))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in {*multiprocessing.active_children()}.difference(others):
            process.kill()


def _served(share: list[Row], how: Mapping[str, Any]) -> list[RowVerdict]:
    """The verdicts on a share, in a process of its own."""
    return [_told(v) for v in verify_rows(share, **how)]


def _told(v: RowVerdict) -> RowVerdict:
    """A verdict with nothing but what is said of it."""
    verdict = replace(v.verdict, counterexample=None, report=None, exact=None)
    return replace(v, verdict=replace(verdict, part=None, corrected=None))


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
        return ask(row.f, row.wrt, **row.about)
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
