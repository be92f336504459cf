"""The page in a real browser, at the widths of a desk and of a phone, with the network blocked.

Needs Playwright and Chromium (`pip install 'matderiv[browser]'`, Debian's package chromium); what
is missing is said where these tests are skipped.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

playwright = pytest.importorskip("playwright.sync_api")
playwright.expect.set_options(timeout=20_000)
pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
QUIET = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WIDTHS = {"desk": 1200, "phone": 400}
NORM = "norm2(A*x - b)^2"

Page = Any
Scenario = Callable[["Typing"], None]


class Typing:
    """The page and what a person does there."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def open(self, **fields: str) -> None:
        self.page.goto("about:blank")
        given = "&".join(f"{n}={quote(v, safe='')}" for n, v in fields.items())
        self.page.goto(f"{self.address}#{given}")
        self.page.wait_for_load_state("networkidle")

    def types(self, text: str) -> None:
        self.page.fill("#f", text)

    def sees(self, selector: str, text: str = "") -> None:
        found = self.page.locator(selector)
        playwright.expect(found.filter(has_text=text).first).to_be_visible()

    def misses(self, selector: str) -> None:
        playwright.expect(self.page.locator(selector).first).to_be_hidden()

    def presses(self, label: str, within: str = "main") -> None:
        self.page.locator(within).get_by_role("button", name=label, exact=True).first.click()

    def opens(self, part: str) -> None:
        self.page.click(f"#{part} > summary")

    def value(self, selector: str) -> str:
        found: str = self.page.input_value(selector)
        return found

    def text(self, selector: str) -> str:
        found: str = self.page.locator(selector).first.inner_text()
        return found

    def copied(self) -> str:
        found: str = self.page.evaluate("navigator.clipboard.readText()")
        return found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-m", "matderiv", "serve", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running.stdout.readline().strip()
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture(params=WIDTHS)
def typing(request: Any, browser: Any, address: str) -> Iterator[Typing]:
    width = WIDTHS[request.param]
    context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    home, strangers, errors = address.rsplit("/", 2)[0], [], []

    def routed(route: Any) -> None:
        if route.request.url.startswith((home, "blob:")):
            route.continue_()
        else:
            strangers.append(route.request.url)
            route.abort()

    context.route("**/*", routed)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    yield Typing(page, address)
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert wide <= width, "the page is wider than the screen"
    assert not strangers
    assert not errors


# Scenarios ----------------------------------------------------------------------------------------


def typed_text(t: Typing) -> None:
    t.open()
    t.types(NORM)
    t.sees("#results .formula", "Ax")
    t.sees("#results summary", "checked")


def typed_latex(t: Typing) -> None:
    t.open()
    t.types(r"\frac{1}{2}\|Ax - b\|_2^2")
    t.sees("#results .formula", "Ax")
    assert t.page.locator("#read math").count() == 1


def typed_numpy(t: Typing) -> None:
    t.open()
    t.types("np.sum((X @ w - y)**2)")
    t.sees("#results .formula", "Xw")


def read_as(t: Typing) -> None:
    t.open(f="x'Ax")
    t.sees("#read math")
    t.types("tr(A*X")
    t.sees("#fault", "never closed")
    t.sees("#stale")
    t.sees("#read math")


def error_with_corrections(t: Typing) -> None:
    t.open(f="tr(reul(X))")
    t.sees("#fault", "unknown function reul")
    assert t.text("#marks mark") == "reul"
    t.presses("relu", "#fault")
    assert t.value("#f") == "tr(relu(X))"
    t.sees("#results .formula")
    assert t.text("#fault") == ""


def error_at_a_place_behind_wide_letters(t: Typing) -> None:
    t.open(f="𝒳 + reul(x)")
    t.sees("#fault p")
    assert t.page.locator("#marks mark").count() <= 1


def another_variable(t: Typing) -> None:
    t.open(f=NORM, by="x")
    t.presses("b", "#chips")
    t.sees("#chips [aria-pressed=true]", "b")
    assert t.page.locator("#results > .result").count() == 2


def variable_that_is_gone(t: Typing) -> None:
    t.open(f=NORM, by="x")
    t.sees("#results .formula")
    t.types("norm2(B*w)^2")
    t.sees("#chips [aria-pressed=true]", "w")
    t.sees("#results .formula", "Bw")


def names_and_guesses(t: Typing) -> None:
    t.open(f=NORM)
    t.sees("#names .badge", "guessed by its letter")
    t.sees("#names .badge", "guessed by its use")
    assert t.value("[aria-label='size of A']") == "m, n"
    table = "document.querySelector('#names').closest('.wide')"
    assert t.page.evaluate(f"{table}.scrollWidth <= {table}.clientWidth")


def guess_that_changes_the_answer(t: Typing) -> None:
    t.open(f="c*x'*x", by="x")
    t.presses("a vector?", "#names")
    playwright.expect(t.page.locator("[aria-label='kind of c']")).to_have_value("vector")
    playwright.expect(t.page.locator("#names .doubts button")).to_have_count(0)


def sum_form(t: Typing) -> None:
    t.open(f=r"\sum_{i=1}^n (w^\top x_i - y_i)^2", by="w")
    t.page.click("text=As a sum")
    t.sees("#results .formula", "∑")


def another_kind(t: Typing) -> None:
    t.open(f="sum(a*x)", by="x")
    t.page.select_option("[aria-label='kind of a']", "matrix")
    t.sees("#results .formula", "a")
    playwright.expect(t.page.locator("[aria-label='size of a']")).not_to_have_value("")
    assert "kinds" in t.page.url


def another_size(t: Typing) -> None:
    t.open(f=NORM, by="x")
    t.page.fill("[aria-label='size of A']", "3,2")
    t.page.press("[aria-label='size of A']", "Tab")
    t.sees("#results .said", "2")
    playwright.expect(t.page.locator("[aria-label='size of x']")).to_have_value("2")


def fact(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    t.page.select_option("[aria-label='add a fact about A']", "symmetric")
    t.sees("#results .said", "A is symmetric")
    t.presses("A is not symmetric", "#names")
    playwright.expect(t.page.locator("#results .said", has_text="symmetric")).to_have_count(0)


def order_and_layout(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    t.opens("conventions")
    t.page.select_option("[data-state=order]", "2")
    t.sees("#results .said", "second derivative")
    t.page.select_option("[data-state=order]", "")
    t.page.select_option("[data-state=layout]", "numerator")
    t.sees("#results .said", "numerator")


def notation(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    t.opens("conventions")
    t.page.select_option("[data-state=gradient]", "partial")
    t.sees("#results mfrac")
    t.page.select_option("[data-state=transpose]", "T")
    t.sees("#results .formula", "T")


def spelling(t: Typing) -> None:
    t.open(f=r"x^\top x", by="x")
    t.opens("conventions")
    t.page.select_option("[data-state=spelling]", "text")
    t.sees("#fault p")
    t.page.select_option("[data-state=spelling]", "latex")
    t.sees("#results .formula")


def numbers_behind_the_badge(t: Typing) -> None:
    t.open(f=NORM)
    t.page.click("#results .checked summary")
    t.sees("#results .checked pre", "central differences")


def entries(t: Typing) -> None:
    t.open(f=NORM)
    t.page.click("text=Entry by entry")
    t.sees("#results .formula", "∑")


def copies(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    for name, expected in {
        "LaTeX": r"\mathbf{A}",
        "text": "(A + A')*x",
        "MathML": "<math",
        "Markdown": "$$",
        "SymPy": "A.T",
        "NumPy": "import numpy",
        "PyTorch": "import torch",
        "JAX": "import jax",
    }.items():
        t.presses(name, "#results")
        t.sees("#said", f"{name} copied")
        assert expected in t.copied(), name


def saves(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    for ending, expected in {".tex": r"\documentclass", ".html": "<!DOCTYPE html>"}.items():
        with t.page.expect_download() as found:
            t.presses(f"save {ending}", "#results")
        assert found.value.suggested_filename == f"derivative{ending}"
        assert Path(found.value.path()).read_text("utf-8").startswith(expected)


def practice(t: Typing) -> None:
    t.open(f=NORM)
    t.page.check("#practice")
    t.misses("#results .formula")
    t.page.reload()
    t.page.wait_for_load_state("networkidle")
    t.misses("#results .formula")
    t.page.uncheck("#practice")
    t.sees("#results .formula")


def right_answer(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("check")
    t.page.fill("#answer", "2*A'*(A*x - b)")
    t.presses("Check", "#check")
    t.sees("#verdict .good", "Right.")


def wrong_answer_in_levels(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("check")
    t.page.fill("#answer", "2*A*(A*x - b)")
    t.page.press("#answer", "Control+Enter")
    t.sees("#verdict .bad", "a transpose is missing")
    t.misses("#verdict .formula")
    t.presses("Where?", "#verdict")
    t.sees("#verdict mark")
    t.misses("#verdict .formula")
    t.presses("What would be right?", "#verdict")
    t.sees("#verdict .formula")


def answer_that_is_not_read(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("check")
    t.page.fill("#answer", "2*A'*(")
    t.presses("Check", "#check")
    t.sees("#verdict p")


def derivation_line_by_line(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("check")
    t.page.fill("#answer", "df = 2*(A*x - b)'*A*dx\n∇f = A'*(A*x - b)")
    t.presses("Check", "#check")
    t.sees("#verdict .lines [aria-label=ok]")
    t.sees("#verdict .lines [aria-label=WRONG]")
    t.presses("What would be right?", "#verdict")
    t.sees("#verdict .lines", "multiplied by 2")


def steps_in_three_views(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("steps")
    t.sees("#told h2", "Backward pass")
    t.page.select_option("[data-state=view]", "differential")
    t.sees("#told math", "d")
    t.page.select_option("[data-state=view]", "index")
    t.sees("#told math", "i")


def reasons_unfold(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("steps")
    t.page.click("#told .rule summary >> nth=0")
    t.sees("#told .why")


def hints_before_steps(t: Typing) -> None:
    t.open(f=NORM, practice="1")
    t.opens("steps")
    t.sees("#told", "")
    assert t.page.locator("#told li:visible").count() == 0
    t.presses("Hint", "#steps")
    t.sees("#told-hint", "rule:")
    t.presses("Next step", "#steps")
    assert t.page.locator("#told li:visible").count() == 1
    t.presses("Show all", "#steps")
    assert t.page.locator("#told li:visible").count() > 3


def detail(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("steps")
    t.page.select_option("[data-state=detail]", "full")
    t.sees("#told .full")


def graph_with_formulas(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("graph")
    t.sees("#picture svg")
    t.presses("Next node", "#graph")
    t.sees("#gate", "has the gradient 1")
    assert t.page.locator("#picture rect.now").count() == 1
    t.presses("Next node", "#graph")
    t.presses("Back", "#graph")
    t.sees("#gate", "1. ")


def graph_with_numbers(t: Typing) -> None:
    t.open(f="(x + y)*z", by="x", shapes='{"x":"","y":"","z":""}')
    t.opens("graph")
    t.sees("#picture svg")
    for name, number in {"x": "-2", "y": "5", "z": "-4"}.items():
        t.page.get_by_label(name, exact=True).fill(number)
    t.page.get_by_label("z", exact=True).press("Tab")
    t.sees("#picture svg text", "-12")


def graph_with_random_numbers(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("graph")
    t.sees("#picture svg")
    t.presses("Random numbers", "#graph")
    t.sees("#picture svg path.value")
    t.presses("Formulas", "#graph")
    playwright.expect(t.page.locator("#picture svg path.value")).to_have_count(0)


def graph_larger_and_copied(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("graph")
    t.sees("#picture svg")
    before = t.page.locator("#picture svg").bounding_box()["width"]
    t.presses("larger", "#graph")
    assert t.page.locator("#picture svg").bounding_box()["width"] > before
    t.presses("smaller", "#graph")
    t.presses("Copy SVG", "#graph")
    t.sees("#said", "SVG copied")
    assert t.copied().startswith("<svg")
    assert "<style>" in t.copied()
    t.presses("Copy TikZ", "#graph")
    t.sees("#said", "TikZ copied")
    assert "tikzpicture" in t.copied()


def code(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("code")
    t.sees("#program", "import numpy")
    t.page.select_option("[data-state=target]", "torch")
    t.sees("#program", "import torch")
    t.presses("Copy", "#code")
    t.sees("#said", "Code copied")
    assert "import torch" in t.copied()


def sheet(t: Typing) -> None:
    t.open(f=NORM)
    t.opens("sheet")
    t.presses("Add this question", "#sheet")
    t.types("tr(X'*X)")
    t.sees("#results .formula", "2X")
    t.presses("Add this question", "#sheet")
    t.sees("#parts li >> nth=1", "tr(X'*X)")
    t.presses("tr(X'*X) by X: up", "#parts")
    t.sees("#parts li >> nth=0", "tr(X'*X)")
    for label, ending in {"HTML": "html", "LaTeX": "tex", "Markdown": "md"}.items():
        with t.page.expect_download() as found:
            t.presses(label, "#sheet")
        assert found.value.suggested_filename == f"sheet.{ending}"
        assert "Exercise 2" in Path(found.value.path()).read_text("utf-8")
    t.presses("tr(X'*X) by X: remove", "#parts")
    assert t.page.locator("#parts li").count() == 1


def a_class(t: Typing) -> None:
    t.open()
    t.opens("class")
    t.page.fill("#table", "f,wrt,answer,id\nx'*x,x,2*x,Ann\nx'*x,x,x,Bob")
    t.presses("Check all", "#class")
    t.sees("#judged td", "disproved")
    with t.page.expect_download() as found:
        t.presses("save .csv", "#judged")
    assert "Bob" in Path(found.value.path()).read_text("utf-8")


def a_class_from_a_file(t: Typing) -> None:
    t.open()
    t.opens("class")
    content = b"f,wrt,answer,id\nx'*x,x,2*x,Ann\n"
    t.page.set_input_files("#file", {"name": "a.csv", "mimeType": "text/csv", "buffer": content})
    t.presses("Check all", "#class")
    t.sees("#judged td", "proved")


def sheets_of_a_class(t: Typing) -> None:
    t.open()
    t.opens("class")
    f = "$f(x) = x^\\top x$\n\n"
    sheets = {"ann.md": rf"{f}$\nabla f = 2x$", "bob.txt": rf"{f}$\nabla f = x$"}
    files = [
        {"name": n, "mimeType": "text/markdown", "buffer": s.encode()} for n, s in sheets.items()
    ]
    t.page.set_input_files("#file", files)
    t.sees("#judged td", "No mistake found")
    t.sees("#judged td", "The first mistake is in line 3")
    with t.page.expect_download() as found:
        t.presses("save bob.html", "#judged")
    assert "WRONG" in Path(found.value.path()).read_text("utf-8")


def address_keeps_everything(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    t.page.select_option("[aria-label='add a fact about A']", "symmetric")
    t.sees("#results .said", "A is symmetric")
    t.page.reload()
    t.sees("#results .said", "A is symmetric")
    assert t.value("#f") == "x'*A*x"


def history(t: Typing) -> None:
    t.open(f="x'*A*x", by="x")
    t.sees("#results .formula")
    t.types("tr(X'*X)")
    t.sees("#results .formula", "2X")
    t.opens("history")
    t.page.click("#past a >> text=x'*A*x")
    playwright.expect(t.page.locator("#f")).to_have_value("x'*A*x")
    t.sees("#results .formula", "A")  # an answer that comes later is remembered again
    t.presses("Clear the history", "#history")
    playwright.expect(t.page.locator("#past li")).to_have_count(0)


def keyboard_alone(t: Typing) -> None:
    t.open()
    t.page.keyboard.type("x'*A*x")
    t.sees("#results .formula")
    for _ in range(40):
        t.page.keyboard.press("Tab")
        if t.page.evaluate("document.activeElement.closest('summary')?.textContent") == "Steps":
            break
    t.page.keyboard.press("Enter")
    t.sees("#told li")


def quotes_of_a_phone(t: Typing) -> None:
    t.open()
    t.types("x’*A*x")
    playwright.expect(t.page.locator("#f")).to_have_value("x'*A*x")
    t.sees("#results .formula")
    for name, value in {
        "autocorrect": "off",
        "autocapitalize": "none",
        "spellcheck": "false",
    }.items():
        assert t.page.get_attribute("#f", name) == value


def names_are_marked_together(t: Typing) -> None:
    t.open(f=NORM)
    t.sees("#results .formula")
    t.page.hover("#read mi >> nth=0")
    assert t.page.locator("#results mi.same").count() >= 1


def nothing_typed_runs(t: Typing) -> None:
    typed = "<img src=x onerror=window.bad=1> + <script>window.bad=1</script>"
    t.open(f=typed, by=typed, answer=typed)
    t.sees("#fault p")
    t.opens("check")
    t.presses("Check", "#check")
    t.sees("#verdict p")
    assert t.page.evaluate("window.bad") is None


def slow_then_quick(t: Typing) -> None:
    t.open()
    t.types("det(" + "*".join(["(A.^2+B)"] * 40) + ")")
    t.page.wait_for_timeout(400)
    t.types("x'*x")
    t.sees("#results .formula", "2x")


SCENARIOS: tuple[Scenario, ...] = (
    typed_text, typed_latex, typed_numpy, read_as, error_with_corrections,
    error_at_a_place_behind_wide_letters, another_variable, variable_that_is_gone,
    names_and_guesses, guess_that_changes_the_answer, sum_form, another_kind, another_size, fact,
    order_and_layout, notation, spelling,
    numbers_behind_the_badge, entries, copies, saves, practice, right_answer,
    wrong_answer_in_levels, answer_that_is_not_read, derivation_line_by_line,
    steps_in_three_views, reasons_unfold, hints_before_steps, detail, graph_with_formulas,
    graph_with_numbers, graph_with_random_numbers, graph_larger_and_copied, code, sheet, a_class,
    a_class_from_a_file, sheets_of_a_class, address_keeps_everything, history, keyboard_alone,
    quotes_of_a_phone, names_are_marked_together, nothing_typed_runs, slow_then_quick,
)  # fmt: skip


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.__name__)
def test_scenario(scenario: Scenario, typing: Typing) -> None:
    scenario(typing)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_access(scheme: str, typing: Typing) -> None:
    """No violation of the rules of axe, with every part open and with an error."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    typing.page.emulate_media(color_scheme=scheme)
    typing.open(f=NORM, answer="2*A*(A*x - b)")
    for part in ("conventions", "history", "check", "steps", "graph", "code", "sheet", "class"):
        typing.opens(part)
    typing.presses("Check", "#check")
    typing.sees("#verdict .bad")
    typing.sees("#picture svg")
    typing.sees("#told li")
    typing.presses("Add this question", "#sheet")
    for typed in (NORM, "tr(reul(X))"):
        typing.types(typed)
        typing.sees("#fault p" if "reul" in typed else "#results .formula")
        found = axe.Axe().run(typing.page).response["violations"]
        said = [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found]
        assert not found, json.dumps(said, indent=1)


def test_targets_are_large_enough_for_a_finger(typing: Typing) -> None:
    typing.open(f=NORM)
    sizes = typing.page.evaluate(
        "[...document.querySelectorAll('button,select,textarea,input:not([type=checkbox])')]"
        ".filter(e => e.offsetParent).map(e => [e.id || e.textContent, e.offsetHeight])"
    )
    small = [s for s in sizes if s[1] < 44]
    assert not small


def test_the_address_is_needed(browser: Any, address: str) -> None:
    page = browser.new_page()
    wrong = re.sub(r"/[^/]+/$", "/wrong/", address)
    assert page.goto(wrong).status == 403
    page.close()
