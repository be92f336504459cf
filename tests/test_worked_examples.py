"""The worked examples run, agree with numbers, can be handed in as LaTeX and HTML; their index."""

from __future__ import annotations

import doctest
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

FOLDER = Path(__file__).parent.parent / "worked_examples"
SCRIPTS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
VOID = {"meta", "wbr", "br", "hr", "link", "img"}

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)


class Told(NamedTuple):
    """What a script printed, and the folder it wrote into."""

    out: str
    folder: Path


class Lessons:
    """The scripts, each run once with `--out`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: dict[Path, Told] = {}

    def __call__(self, script: Path) -> Told:
        if script not in self.told:
            self.told[script] = Told(ran(script, "--out", str(self.folder)), self.folder)
        return self.told[script]


def ran(script: Path, *arguments: str) -> str:
    """What a script prints, run in this process."""
    before, path = sys.argv, list(sys.path)
    sys.argv, out = [str(script), *arguments], StringIO()
    sys.path.insert(0, str(FOLDER))
    try:
        with redirect_stdout(out):
            runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = before, path
    return out.getvalue()


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> Lessons:
    return Lessons(tmp_path_factory.mktemp("lessons"))


# What they print ----------------------------------------------------------------------------------


@each_script
def test_a_lesson_derives_and_compares_with_numbers(script: Path, lessons: Lessons) -> None:
    out, folder = lessons(script)
    assert ": the same\n" in out
    assert "Traceback" not in out
    assert out.rstrip().endswith(f"wrote {folder / script.stem}.html")
    assert max(map(len, script.read_text(encoding="utf-8").splitlines())) <= 100


def test_the_same_lesson_prints_the_same() -> None:
    assert ran(SCRIPTS[0]) == ran(SCRIPTS[0])


def test_numbers_that_differ_are_noticed() -> None:
    out = ran(SCRIPTS[0])
    assert ": the same" in out
    scope = runpy.run_path(str(FOLDER / "lesson.py"))
    lesson = scope["Lesson"].__new__(scope["Lesson"])
    lesson.parts = []
    with redirect_stdout(StringIO()):
        lesson.agree("equal", [1.0, 2.0], [1.0, 2.0])
        for wrong in ([1.0, 2.001], [1.0], [1.0, float("nan")]):
            with pytest.raises(AssertionError):
                lesson.agree("different", [1.0, 2.0], wrong)


def test_the_differences_of_the_lessons_are_right() -> None:
    scope = runpy.run_path(str(FOLDER / "lesson.py"))
    example = scope["differences"]
    test = doctest.DocTestFinder().find(example, "differences", globs=scope)[0]
    assert doctest.DocTestRunner().run(test) == (0, 1)


# The index ----------------------------------------------------------------------------------------

ROWS = re.findall(r"^\| \[([^]]+)\]\(([^)]+)\) \| (.+) \| (.+) \|$", INDEX, re.MULTILINE)


def test_the_index_has_every_lesson_in_order() -> None:
    assert [name for name, *_ in ROWS] == [s.name for s in SCRIPTS]
    assert all(name == link for name, link, *_ in ROWS)
    assert [s.name[:2] for s in SCRIPTS] == [f"{k:02}" for k in range(1, len(SCRIPTS) + 1)]


@pytest.mark.parametrize(("name", "result"), [(r[0], r[3]) for r in ROWS], ids=[r[0] for r in ROWS])
def test_the_results_of_the_index_are_those_of_the_lessons(
    name: str, result: str, lessons: Lessons
) -> None:
    out = lessons(FOLDER / name).out
    for formula in re.findall("`([^`]+)`", result):
        assert formula in out


# The pictures of the README -----------------------------------------------------------------------


def labels(svg: str) -> list[str]:
    """The texts of a drawing, sorted."""
    texts = (t for t in ElementTree.fromstring(svg).iter() if t.tag.endswith("}text"))
    return sorted("".join(t.itertext()) for t in texts)


def test_the_pictures_are_small_and_show_what_they_would_show_today() -> None:
    scope = runpy.run_path(str(FOLDER / "pictures.py"))
    svg = (FOLDER / "pictures" / "circuit.svg").read_text(encoding="utf-8")
    assert labels(svg) == labels(scope["circuit"]())
    assert {"0.7311", "-0.1966", "0.3932", "-0.5898", "-0.5344"} <= set(labels(svg))
    png = (FOLDER / "pictures" / "derivation.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert max(len(png), len(svg)) < 100_000
    assert scope["derivation"]().count(r"\begin{align*}") >= 5


# What they write ----------------------------------------------------------------------------------


class Page(HTMLParser):
    """Reads a page: every element is closed, no script, nothing from elsewhere, no name twice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.check(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.check(tag, attrs)

    def check(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert tag not in ("script", "iframe", "object", "embed", "link", "img")
        for name, value in attrs:
            assert not name.startswith("on")
            assert name not in ("src", "href")
            assert "url(" not in (value or "")
            self.names += [value or ""] if name == "id" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


def test_the_reader_of_pages_notices_what_it_is_for() -> None:
    for bad in ("<p>x", "<b><i>x</b></i>", "<script></script>", "<a href='x'>y</a>", "</p>"):
        with pytest.raises(AssertionError):
            Page(bad)


@each_script
def test_pages_are_well_formed_and_need_no_script(script: Path, lessons: Lessons) -> None:
    text = (lessons(script).folder / f"{script.stem}.html").read_text(encoding="utf-8")
    page = Page(text)
    assert len(set(page.names)) == len(page.names)
    assert page.seen & {"math", "table", "svg"}


def bodies(folder: Path) -> Iterator[str]:
    """What stands between \\begin{document} and \\end{document} in every file."""
    for path in sorted(folder.glob("*.tex")):
        text = path.read_text(encoding="utf-8")
        yield text.split(r"\begin{document}")[1].split(r"\end{document}")[0]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no TeX here")
def test_all_lessons_compile_without_an_overfull_box(tmp_path: Path, lessons: Lessons) -> None:
    folders = {lessons(script).folder for script in SCRIPTS}
    (folder,) = folders
    drawn = next(p for p in folder.glob("*.tex") if "tikz" in p.read_text(encoding="utf-8"))
    preamble = drawn.read_text(encoding="utf-8").split(r"\begin{document}")[0]
    whole = preamble + r"\begin{document}" + "\n\\clearpage\n".join(bodies(folder))
    (tmp_path / "all.tex").write_text(whole + r"\end{document}", encoding="utf-8")
    found = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert found.returncode == 0, found.stdout[-2000:]
    assert "Overfull" not in found.stdout
    assert "undefined" not in found.stdout
