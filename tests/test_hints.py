"""What a learner must not see: a hint shows no answer; what one must see: what was guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from problems import Problem, problems

import matderiv as md
from matderiv.language.printer import text
from matderiv.output.documents.text import hint

VIEWS = ("chain", "differential", "index")
PROBLEMS = [p for p in problems() if "hard" not in p.tags][::3]


def right_side(formula: str) -> str:
    return formula.rpartition(" = ")[2]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
def test_no_hint_shows_the_answer(problem: Problem) -> None:
    """Nor, before it is found, a first derivative that is differentiated again."""
    d = problem.derivation()
    secret = right_side(d.formula)
    if secret in text(d.f) or len(secret) < 4:
        return
    for view in VIEWS:
        steps = d.steps(view)
        known: set[str] = set()
        for number, step in enumerate(steps, 1):
            told = str(hint(steps, number))
            if not any(secret in line for line in known):
                assert secret not in told, told
            known.add(str(hint(steps, number)) if step is not steps.answers[-1] else "")
            if step.names is not None:
                known.add(text(step.right) if isinstance(step.right, type(d.f)) else "")


CASES = [
    ("A*X*B", "X", ()),
    ("A*X*B", "X", ("--steps", "index")),
    ("norm2(A*x - b)^2", "x", ("--shape", "b: m")),
    ("logdet(X)", "X", ("--assume", "X: symmetric", "--structure", "independent")),
    ("x'*A*x", "x", ("--order", "2", "--assume", "A: symmetric")),
    ("kron(A,X)", "X", ()),
    ("softmax(x)", "x", ("--kind", "vjp")),
]


@pytest.mark.parametrize(("f", "wrt", "more"), CASES)
@pytest.mark.parametrize("asked", [("--hint",), ("--step", "1")])
def test_no_channel_beside_a_step_shows_the_answer(
    f: str, wrt: str, more: tuple[str, ...], asked: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    """Not the result, not its index form, and not its vec form, on either stream, or in a file."""
    whole = json.loads(run("derive", f, wrt, *more, "--json", seconds=20).out)
    forms = [right_side(whole[k]) for k in ("result", "index", "vec") if whole[k]]
    told = run("derive", f, wrt, *more, *asked, seconds=20)
    file = tmp_path / "hint.txt"
    again = run("derive", f, wrt, *more, *asked, "-o", str(file), seconds=20)
    for form in forms:
        assert form not in told.out + told.err + again.err + file.read_text(encoding="utf-8")
    assert "Vec form" not in told.err
    values = run("derive", f, wrt, *more, *asked, "--json")
    assert values.status == (2 if "--step" in asked else 0)
    assert not any(form in values.out for form in forms)
    assert "numeric" not in values.out
    assert run("derive", f, wrt, *more, *asked, "-o", str(tmp_path / "hint.html")).status == 2


def test_a_hint_to_a_wrong_answer_gives_nothing_away(run: Run, tmp_path: Path) -> None:
    asked = ("verify", "norm2(A*x - b)^2", "x", "A'*(A*x - b)", "--shape", "b: m", "--hint")
    found = json.loads(run(*asked, "--json", seconds=20).out)
    assert (found["verdict"], found["diagnosis"]) == ("disproved", "factor")
    assert found["message"] == "a number as a factor is wrong"
    assert (found["suggestion"], found["counterexample"], found["notes"]) == (None, None, [])
    sheet = tmp_path / "sheet.txt"
    sheet.write_text("b: m\nf = norm2(A*x - b)^2\n∂f/∂x = A'*(A*x - b)\n", encoding="utf-8")
    shown = run("verify", "--file", str(sheet), "--hint", "--json", seconds=20).out
    assert "2*A" not in shown
    assert "a number as a factor is wrong" in shown


# What was guessed, and how it was checked ---------------------------------------------------------

GUESSED = md.derive("c*norm2(A*x)^2", "x", shapes={"A": "m,n"})
DECLARED = md.derive("x'*x", "x", shapes={"x": "n"})


def pages(d: md.Derivation) -> dict[str, str]:
    """Every page, file and notebook output there is."""
    found: dict[str, str] = {
        "html": d.html(None),
        "tex": d.latex(standalone=True),
        "md": d.markdown(None),
        **{f"notebook {kind}": shown for kind, shown in d._repr_mimebundle_().items()},
    }
    for view in VIEWS:
        found |= {
            f"{view} text": d.text(view),
            f"{view} html": d.html(view),
            f"{view} tex": d.latex(view),
            f"{view} file": d.latex(view, standalone=True),
            f"{view} md": d.markdown(view),
            f"{view} json": json.dumps(d.json(view)),
        }
        shown = d.steps(view)._repr_mimebundle_()
        found |= {f"{view} notebook {kind}": page for kind, page in shown.items()}
    for view in ("chain", None):
        sheet = md.Sheet("Sheet", [md.Part("Part", d, view)])
        forms: dict[str, Any] = {"latex": sheet.latex, "html": sheet.html, "text": sheet.text}
        found |= {f"sheet {view} {kind}": write() for kind, write in forms.items()}
        found[f"sheet {view} md"] = sheet.markdown()
        shown = sheet._repr_mimebundle_()
        found |= {f"sheet {view} notebook {kind}": page for kind, page in shown.items()}
    return found


@pytest.mark.parametrize("name", pages(GUESSED))
def test_every_page_says_what_was_guessed_and_how_it_was_checked(name: str) -> None:
    said = pages(GUESSED)[name]
    assert "uessed" in said
    assert "verified with values of f at" in said
    other = pages(DECLARED)[name].replace('"guessed": []', "")
    assert "uessed" not in other
    assert "verified" in other


def test_a_page_says_that_nothing_was_checked_or_decided() -> None:
    unchecked = md.derive("x'*x", "x", check=False)
    assert all("not checked" in page for page in pages(unchecked).values())
    undecided = md.derive("a^(10^9)", "a")
    assert "undecided: the exponent 1e+09 is too large" in undecided.html(None).replace("\\", "")


def test_several_derivatives_on_a_page_say_it_too(run: Run, tmp_path: Path) -> None:
    for name in ("x.html", "x.tex", "x.md"):
        assert run("derive", "x'*A*x", "x,A", "-q", "-o", str(tmp_path / name)).status == 0
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert page.count("verified with values of f") == 2
        assert "are guessed" in page


# Formats by the name of a file --------------------------------------------------------------------

BEGINNINGS = {
    "a.html": "<!DOCTYPE html>",
    "a.HTM": "<!DOCTYPE html>",
    "a.tex": "\\documentclass",
    "a.md": "$$",
    "a.json": "{",
    "a.txt": "2*x",
    "a": "2*x",
    "a.v2": "2*x",
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_the_name_of_a_file_says_its_format(name: str, run: Run, tmp_path: Path) -> None:
    assert run("derive", "x'*x", "x", "-q", "-o", str(tmp_path / name)).status == 0
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(BEGINNINGS[name])


REFUSED = [
    ("derive", "x'*x", "x", "-o", "a.pdf"),
    ("derive", "x'*x", "x", "--format", "latex", "-o", "a.pdf"),
    ("derive", "x'*x", "x", "--format", "latex", "-o", "a.html"),
    ("derive", "x'*x", "x", "--json", "-o", "a.md"),
    ("derive", "x'*x", "x", "-o", "a.csv"),
    ("derive", "x'*x", "x", "-o", "a.py"),
    ("code", "x'*x", "x", "-o", "a.html"),
    ("graph", "x'*x", "--svg", "a.png"),
    ("graph", "x'*x", "--dot", "a.svg"),
    ("verify", "x'*x", "x", "--batch", "a.csv", "-o", "a.xlsx"),
    ("verify", "x'*x", "x", "--batch", "a.csv", "--json", "-o", "b.csv"),
]


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_a_name_of_another_format_is_refused(
    words: tuple[str, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("f,wrt,answer\nx'*x,x,2*x\n")
    before = sorted(tmp_path.iterdir())
    if words[-1] == "a.csv":
        words = (*words[:-1], "c.csv")
    told = run(*words)
    assert told.status == 2
    assert "ends in" in told.err + told.out or "asked for" in told.err + told.out
    assert sorted(tmp_path.iterdir()) == before
