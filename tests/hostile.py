"""Hostile inputs through every public door: what breaks, hangs, or lets the user's text out.

`python tests/hostile.py --seed 1 --count 100000` runs a sweep and prints what failed;
`--from N` goes on at a number, `--door NAME` takes one door alone. An input is reproduced by its
seed and number.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import re
import resource
import signal
import sys
import time
import traceback
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import hostile_inputs as hostile
from hostile_doors import DOORS, Trial

import matderiv as md

SECONDS = 5.0  # of processor time for one input
QUIET = 0.045  # seconds of a loop on the machine for which that is meant
PATIENCE = 180.0  # seconds until it is said where an input hangs
MEGABYTES = 500  # more than before the input
PRINTERS = Path(md.__file__).parent / "output"
PRINTED = "\n".join(p.read_text(encoding="utf-8") for p in PRINTERS.rglob("*.py"))
PRINTED += "\n".join(p.read_text(encoding="utf-8") for p in PRINTERS.parent.rglob("functions/*.py"))
PRINTED += (PRINTERS.parent / "doors" / "derivation.py").read_text(encoding="utf-8")
COMMANDS = set(re.findall(r"\\([A-Za-z]+)", PRINTED.replace(r"\\", "\\")))
COMMANDS |= set(hostile.FUNCTIONS)
COMMANDS |= {n for letter in hostile.GREEK for n in (letter, "var" + letter)}
NEVER = {"write", "input", "include", "def", "let", "csname", "catcode", "immediate", "openout"}
MATHML = "math mrow mi mn mo ms mtext mspace msup msub msubsup mover munder munderover mfrac msqrt"
MATHML += " mroot mtable mtr mtd mpadded mstyle merror mphantom menclose semantics annotation"
ELEMENTS = {*re.findall(r"[</\"']([a-z][a-z0-9]*)", PRINTED), *MATHML.split()}
ELEMENTS -= {"script", "iframe", "img", "a"}


class Slow(BaseException):
    """The time for one input is over; nothing in the project catches this."""


@dataclass(frozen=True)
class Failure:
    """An input that broke something."""

    door: str
    seed: int
    number: int
    what: str
    said: str

    def __str__(self) -> str:
        return f"{self.door} seed {self.seed} number {self.number}: {self.what}\n    {self.said}"


# What must hold -----------------------------------------------------------------------------------


def trial(seed: int, number: int, door: str | None = None) -> tuple[str, Trial]:
    """The input with a number: its door, and what is asked there."""
    r = Random(f"{seed}/{number}")
    drawn = r.choices(list(DOORS), [weight for weight, _ in DOORS.values()])[0]
    name = door or drawn
    return name, DOORS[name][1](r)


def failure(seed: int, number: int, door: str | None = None) -> Failure | None:
    """What is wrong about one input; None where it is answered or refused as it should be."""
    name, asked = trial(seed, number, door)
    what = _wrong(asked, SECONDS)
    if what.startswith("more than") and (slow := slowness()) > 1:
        what = _wrong(asked, SECONDS * slow)
    return Failure(name, seed, number, what, asked.said[:2000]) if what else None


def slowness() -> float:
    """How much slower this processor is now than when it has nothing else to do."""
    started = time.process_time()
    made = {k % 1000: (k, str(k)) for k in range(300_000)}
    assert made
    return (time.process_time() - started) / QUIET


def _wrong(asked: Trial, seconds: float) -> str:
    """What is wrong about the answer to an input; nothing where it is as it should be."""
    what = ""
    try:
        with bounded(seconds):
            try:
                shown = list(asked.ask())
            except md.MatderivError as error:
                shown = [("text", str(error))]
        problems = [w for kind, text in shown if (w := CHECKS[kind](text) or printable(text))]
        what = problems[0] if problems else ""
    except Slow:
        what = f"more than {seconds:.3g} s"
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        place = next((p for p in places[::-1] if "matderiv/" in p.filename), places[-1])
        where = f"{place.filename.rpartition('matderiv/')[2]}:{place.lineno}"
        what = f"{type(error).__name__}: {str(error)[:300]} ({where})"
    return what


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Slow is raised inside after so much processor time."""

    def stop(*_: Any) -> None:
        raise Slow

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    faulthandler.dump_traceback_later(PATIENCE)  # a loop in C hears no signal
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def bound_memory(megabytes: int = MEGABYTES) -> None:
    """No more than so many megabytes from now on: beyond them Python raises MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def printable(text: str) -> str:
    """What is wrong about the characters of a text that goes to a terminal or a page."""
    odd = next((c for c in text if unicodedata.category(c) in UNSEEN and c not in "\n\t"), "")
    return f"the character U+{ord(odd):04X} got out: {text[:200]!r}" if odd else ""


UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def in_tex(text: str) -> str:
    """What is wrong about TeX: an unknown command, a comment, braces that do not fit."""
    body = "\n".join(line for line in text.split("\n") if not line.startswith("% needs"))
    commands = set(re.findall(r"\\([A-Za-z]+)", body.replace(r"\\", " ")))
    unknown = (commands - COMMANDS) | (commands & NEVER)
    if unknown:
        return f"TeX has \\{', '.join(sorted(unknown))}: {text[:300]!r}"
    bare = re.sub(r"\\.", "", body)
    if "^^" in bare or re.search(r"[%~#]", bare):
        return f"TeX acts on a character: {text[:300]!r}"
    depth = 0
    for c in bare:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            break
    return f"braces do not fit: {text[:300]!r}" if depth else ""


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.odd: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ELEMENTS:
            self.odd.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or (
                name in ("href", "src") and not str(value).startswith("#")
            ):
                self.odd.append(f"{name}={value}")

    handle_startendtag = handle_starttag


def in_html(text: str) -> str:
    """What is wrong about a page: an element or an attribute that no printer writes."""
    reader = _Elements()
    reader.feed(text)
    return f"the page has {reader.odd[0]}" if reader.odd else ""


def in_xml(text: str) -> str:
    """What is wrong about a picture."""
    try:
        ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return f"no XML: {error}"
    return in_html(text)


def in_code(text: str) -> str:
    """What is wrong about a program: it does not compile."""
    try:
        compile(text, "program", "exec")
    except SyntaxError as error:
        return f"no Python: {error}: {text[:300]!r}"
    return ""


CHECKS: dict[str, Callable[[str], str]] = {
    "text": lambda text: "",
    "derived": lambda text: "",
    "tex": in_tex,
    "html": in_html,
    "xml": in_xml,
    "code": in_code,
}


# Sweeps -------------------------------------------------------------------------------------------


def sweep(seed: int, count: int, start: int = 0, door: str | None = None) -> list[Failure]:
    """The failures among so many inputs; warnings count as exceptions."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(start, start + count):
            failed = failure(seed, number, door)
            if failed is not None:
                found.append(failed)
                print(failed, flush=True)
            if number % 5000 == 4999:
                gc.collect()
                print(f"# seed {seed}: {number + 1} inputs, {len(found)} failed", flush=True)
    return found


def run() -> int:
    """The sweep of a command line; 1 where something failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--from", type=int, default=0, dest="start")
    parser.add_argument("--door", choices=list(DOORS))
    asked = parser.parse_args()
    md.derive("norm2(A*x - b)^2", "x").check()
    bound_memory()
    started = time.process_time()
    found = sweep(asked.seed, asked.count, asked.start, asked.door)
    kinds = Counter(f"{f.door}: {f.what[:80]}" for f in found)
    print(*(f"{n:6} {kind}" for kind, n in kinds.most_common()), sep="\n")
    used = time.process_time() - started
    print(
        f"seed {asked.seed}: {asked.count} inputs, {len(found)} failed, {used:.0f} s of processor"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(run())
