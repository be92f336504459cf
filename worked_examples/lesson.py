"""What the lessons share: say something, show a derivation, compare numbers, write it all down."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill

import numpy as np

import matderiv as md


def differences(f: Callable[[np.ndarray], object], at: object, step: float = 1e-5) -> np.ndarray:
    """The derivative of f at a place by central differences: f's axes first, then those of `at`.

    >>> differences(lambda x: x @ x, [1.0, 2.0]).round(6)
    array([2., 4.])
    """
    at = np.asarray(at, float)
    columns = []
    for entry in np.ndindex(at.shape):
        change = np.zeros_like(at)
        change[entry] = step
        after, before = np.asarray(f(at + change)), np.asarray(f(at - change))
        columns.append((after - before) / (2 * step))
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + at.shape)


class Lesson:
    """A lesson in parts; with `--out FOLDER` it leaves FOLDER/NAME.tex and FOLDER/NAME.html."""

    def __init__(self, title: str) -> None:
        script = Path(sys.argv[0])
        reader = ArgumentParser(description=title)
        reader.add_argument("--out", type=Path, help="write .tex and .html into this folder")
        self.folder: Path | None = reader.parse_args().out
        self.name = script.stem
        self.title = title
        self.parts: list[md.Part] = []
        print(f"{title}\n{'=' * len(title)}\n")

    def say(self, text: str, heading: str = "") -> None:
        """Sentences, under a heading if there is one."""
        self._add(md.Part(heading, says=_filled(text)))

    def show(
        self, heading: str, derivation: md.Derivation, view: str | None = "chain", says: str = ""
    ) -> md.Derivation:
        """A derivation step by step, or with view=None the result alone; checked by differences."""
        report = derivation.check()
        assert report.ok, report
        self._add(md.Part(heading, derivation, view, _filled(says)))
        return derivation

    def table(self, rows: Sequence[Sequence[object]], says: str = "", heading: str = "") -> None:
        """A table; the first row names the columns."""
        cells = [[str(cell) for cell in row] for row in rows]
        self._add(md.Part(heading, says=_filled(says), table=cells))

    def lines(self, listing: object, says: str = "", heading: str = "") -> None:
        """Lines of a program, or of what it printed."""
        self._add(md.Part(heading, says=_filled(says), listing=str(listing)))

    def draw(self, heading: str, graph: md.Graph, says: str = "") -> None:
        """A computational graph."""
        self._add(md.Part(heading, says=_filled(says), graph=graph))

    def agree(
        self, what: str, found: object, expected: object, by: str = "central differences"
    ) -> None:
        """Two computations of the same numbers."""
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        assert found.shape == expected.shape, f"{what}: {found.shape} is not {expected.shape}"
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-8), f"{found} is not {expected}"
        shown = np.array2string(found.round(4) + 0.0, separator=", ")
        gap = "\n" if "\n" in shown else " "
        self._add(md.Part(listing=f"{what}:{gap}{shown}\n{by}: the same"))

    def finish(self) -> None:
        """Write the lesson down if that was asked for."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            sheet = md.Sheet(self.title, self.parts)
            for ending in (".tex", ".html"):
                print("wrote", sheet.write(self.folder / f"{self.name}{ending}"))

    def _add(self, part: md.Part) -> None:
        self.parts.append(part)
        print(md.Sheet("", [part]).text())


def _filled(text: str) -> str:
    """Paragraphs with lines of one width."""
    return "\n\n".join(fill(" ".join(p.split()), 92) for p in text.split("\n\n"))
