"""What the lessons share: show a derivation, check it, and write it down where `--out` says."""

import sys
from argparse import ArgumentParser
from pathlib import Path

import numpy as np

import matderiv as md


class Lesson:
    """A lesson in sections; with `--out FOLDER` it leaves FOLDER/NAME.tex and FOLDER/NAME.html."""

    def __init__(self, title: str) -> None:
        script = Path(sys.argv[0])
        reader = ArgumentParser(description=title)
        reader.add_argument("--out", type=Path, help="write .tex and .html into this folder")
        self.folder: Path | None = reader.parse_args().out
        self.name = script.stem
        self.title = title
        self.parts: list[md.Part] = []
        print(f"{title}\n{'=' * len(title)}")

    def say(self, text: str, heading: str = "") -> None:
        """A paragraph, under a heading if there is one."""
        self.parts.append(md.Part(heading, says=text))
        print(f"\n{heading}\n{'-' * len(heading)}\n{text}" if heading else f"\n{text}")

    def show(
        self, heading: str, derivation: md.Derivation, view: str | None = "chain", says: str = ""
    ) -> md.Derivation:
        """A derivation step by step, or with view=None the result alone; checked by differences."""
        self.parts.append(md.Part(heading, derivation, view, says))
        print(f"\n{heading}\n{'-' * len(heading)}")
        if says:
            print(f"{says}\n")
        print(derivation.text(view) if view else f"{derivation}\n", end="")
        report = derivation.check()
        print(f"\n  checked: {report.verdict} at {report.points} random points")
        assert report.ok
        return derivation

    def agree(self, what: str, found: object, expected: object) -> None:
        """Two computations of the same numbers."""
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        print(f"{what}: {np.array2string(found, precision=6, separator=', ')}")
        assert found.shape == expected.shape, f"{found.shape} is not {expected.shape}"
        assert np.allclose(found, expected, rtol=1e-6, atol=1e-8), f"{found} is not {expected}"

    def finish(self) -> None:
        """Write the lesson down if that was asked for."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            sheet = md.Sheet(self.title, self.parts)
            for ending in (".tex", ".html"):
                print("wrote", sheet.write(self.folder / f"{self.name}{ending}"))
