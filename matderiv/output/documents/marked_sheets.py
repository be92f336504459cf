"""A sheet with marks in the margin: every line as it was handed in, and what was found about it.

Reasons stand once for each cause. Nothing of the sheet is acted on: it is escaped in every format.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from matderiv.errors import visible
from matderiv.output.documents.html import page
from matderiv.output.documents.latex import typewriter
from matderiv.verification.derivations.findings import (
    UNREAD,
    LineVerdict,
    StepsVerdict,
    causes,
    listed,
)
from matderiv.verification.verdict import DISPROVED

WRONG, FOLLOWS, OPEN, RIGHT, GIVEN = "WRONG", "follows", "?", "ok", "given"
WORST_FIRST = (WRONG, FOLLOWS, OPEN, RIGHT, GIVEN)
COLOURS = {
    WRONG: "#b00020",
    FOLLOWS: "#b00020",
    OPEN: "#8a5a00",
    RIGHT: "#1b6e2d",
    GIVEN: "#555555",
}
ON_DARK = {"#b00020": "#ff8a9a", "#8a5a00": "#e8b04a", "#1b6e2d": "#7fd08f", "#555555": "#a3a7b3"}
_RULES = Path(__file__).with_name("marked_sheets.css").read_text(encoding="utf-8")
_STYLE = f"<style>{_RULES}</style>"


@dataclass(frozen=True)
class MarkedSheet:
    """A document with the verdicts on its derivations; a `hinted` one does not say what is right.

    >>> line = LineVerdict(2, "df = 3*x", "disproved", "factor", "It is 2.")
    >>> sheet = MarkedSheet("ann", "f = x^2\\ndf = 3*x", (StepsVerdict((line,)),))
    >>> sheet.mark(2), sheet.conclusion, [*sheet.said(2)]
    ('WRONG', 'The first mistake is in line 2: a number as a factor is wrong.', ['It is 2.'])
    """

    name: str
    document: str
    found: tuple[StepsVerdict, ...]
    hinted: bool = False

    @property
    def lines(self) -> list[LineVerdict]:
        """All verdicts, in the order of the document."""
        return sorted((line for v in self.found for line in v.lines), key=lambda v: v.number)

    def mark(self, number: int) -> str:
        """What stands in the margin of a line: the worst of what was found in it."""
        marks = {line.mark for line in self.lines if line.number == number}
        return next((m for m in WORST_FIRST if m in marks), "")

    def said(self, number: int) -> Iterator[str]:
        """What is said below a line: of mistakes and what follows from them."""
        for line in self.lines:
            if line.number == number and line.verdict == DISPROVED:
                yield line.hint if self.hinted else line.message or "This is not right."

    @property
    def first_wrong(self) -> LineVerdict | None:
        """The first mistake."""
        return next((line for line in self.lines if line.verdict == DISPROVED), None)

    @property
    def conclusion(self) -> str:
        """The outcome in one sentence."""
        wrong, right = self.first_wrong, sum(v.right for v in self.found)
        if wrong is not None:
            return f"The first mistake is in line {wrong.number}: {wrong.hint}."
        if not right:
            return "Nothing was judged: no line could be decided."
        unsure = sum(v.unsure for v in self.found)
        rest = f" {unsure} could not be judged." if unsure else ""
        return f"No mistake found: {right} steps are right.{rest}"

    @property
    def remarks(self) -> list[str]:
        """What was not judged and why, and what was guessed, each once."""
        unread = [f"Not judged: {listed(at)}: {why}" for why, at in causes(self.lines)]
        notes = dict.fromkeys(note for v in self.found for note in v.notes)
        return [*unread, *(f"Note: {note}" for note in notes)]

    def rows(self) -> Iterator[tuple[int, str, str, list[str]]]:
        """The lines of the document: number, mark, text, what is said below."""
        for number, text in enumerate(self.document.split("\n"), 1):
            yield number, self.mark(number), visible(text), [*self.said(number)]


def colour_of(mark: str) -> str:
    """The colour of a mark in a page, on light and on dark paper.

    >>> colour_of("ok")
    'light-dark(#1b6e2d,#7fd08f)'
    """
    colour = COLOURS.get(mark, COLOURS[GIVEN])
    return f"light-dark({colour},{ON_DARK[colour]})"


def sheet_html(sheet: MarkedSheet) -> str:
    """The sheet as a page without scripts."""
    body = [_STYLE, f"<p><strong>{escape(sheet.conclusion)}</strong></p>", '<table class="sheet">']
    for number, mark, text, said in sheet.rows():
        colour = colour_of(mark)
        shown = f'<strong style="color:{colour}">{escape(mark)}</strong>' if mark else ""
        below = "".join(f'<p style="color:{colour}">{escape(s)}</p>' for s in said)
        body.append(
            f'<tr id="line-{number}"><td>{number}</td><td>{shown}</td>'
            f"<td><code>{escape(text)}</code>{below}</td></tr>"
        )
    body += ["</table>", "<ul>", *(_item(r) for r in sheet.remarks), "</ul>"]
    return page(sheet.name, body)


def _item(said: str) -> str:
    return f'<li style="white-space:pre-wrap">{escape(said)}</li>'


def sheet_markdown(sheet: MarkedSheet) -> str:
    """The sheet as Markdown: a block of text with marks, and the remarks."""
    fence = "~~~"
    while fence in sheet.document:
        fence += "~"
    body = [f"# {' '.join(visible(sheet.name).split())}", "", sheet.conclusion, "", f"{fence}text"]
    for number, mark, text, said in sheet.rows():
        body.append(f"{number:>5}  {mark:<7} {text}".rstrip())
        body += [f"               {line}" for s in said for line in s.splitlines()]
    return "\n".join([*body, fence, "", *(f"* {_folded(r)}" for r in sheet.remarks)])


def _folded(said: str) -> str:
    return "`" + " ".join(said.replace("`", "'").split()) + "`"


def sheet_latex(sheet: MarkedSheet) -> str:
    """The sheet as a file that compiles: the lines as typed, marks in the margin."""
    body = [
        r"\documentclass{article}",
        r"\usepackage[margin=2.5cm,left=3.5cm]{geometry}\usepackage{xcolor}",
        r"\renewcommand{\familydefault}{\ttdefault}\setlength{\parindent}{0pt}\raggedright",
        r"\newcommand{\sheetline}[3]{\leavevmode\llap{\footnotesize #1\quad #2\quad}"
        r"{\small #3}\par}",
        r"\newcommand{\said}[1]{\hspace*{1em}{\small #1}\par}",
        r"\begin{document}",
        rf"\section*{{{_tex(sheet.name)}}}",
        rf"\textbf{{{_tex(sheet.conclusion)}}}\par\medskip",
    ]
    for number, mark, text, said in sheet.rows():
        colour = f"[HTML]{{{COLOURS[mark].lstrip('#').upper()}}}" if mark else "{black}"
        shown = rf"\textcolor{colour}{{{_tex(mark)}}}"
        body.append(rf"\sheetline{{{number}}}{{{shown}}}{{{_tex(text)}}}")
        body += [rf"\said{{\textcolor{colour}{{{_tex(s)}}}}}" for s in said]
    body += [r"\medskip", *(rf"\said{{{_tex(r)}}}" for r in sheet.remarks), r"\end{document}"]
    return "\n".join(body)


def _tex(said: str) -> str:
    return typewriter(" ".join(said.split("\n")))


SHEETS = {"html": sheet_html, "markdown": sheet_markdown, "latex": sheet_latex}


@dataclass(frozen=True)
class Turned:
    """What one student handed in: the sheet, or why it could not be read."""

    student: str
    sheet: MarkedSheet | None
    error: str = ""

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many lines are right, wrong, and not judged."""
        found = () if self.sheet is None else self.sheet.found
        wrong = sum(line.mark == WRONG for v in found for line in v.lines)
        return sum(v.right for v in found), wrong, sum(v.unsure for v in found)

    @property
    def outcome(self) -> str:
        """The outcome in one sentence."""
        return self.error if self.sheet is None else self.sheet.conclusion


def by_question(turned: Sequence[Turned]) -> dict[str, dict[str, list[str]]]:
    """For each question who has it right, wrong, or not decided."""
    found: dict[str, dict[str, list[str]]] = {}
    for t in turned:
        for v in t.sheet.found if t.sheet is not None else ():
            state = {True: "right", False: "wrong", None: "open"}[v.correct]
            found.setdefault(v.title or "(no title)", {}).setdefault(state, []).append(t.student)
    return found


def by_cause(turned: Sequence[Turned]) -> dict[str, list[str]]:
    """For each kind of mistake, or reason why a line was not judged, who has it; most first."""
    found: dict[str, dict[str, None]] = {}
    for t in turned:
        for line in t.sheet.lines if t.sheet is not None else ():
            if line.mark == WRONG:
                found.setdefault(line.diagnosis or "wrong", {})[t.student] = None
            elif line.diagnosis == UNREAD or line.correct is None:
                said = "not judged: " + line.message.split("\n")[0]
                found.setdefault(said, {})[t.student] = None
    order = sorted(found, key=lambda c: (c.startswith("not judged"), -len(found[c]), c))
    return {c: [*found[c]] for c in order}


def class_html(turned: Sequence[Turned]) -> str:
    """The page for the teacher: students with links to their pages, questions, causes."""
    rows: list[Sequence[str]] = [("student", "right", "wrong", "not judged", "outcome")]
    rows += [(t.student, *map(str, t.counts), t.outcome) for t in turned]
    asked: list[Sequence[str]] = [("question", "right", "wrong", "not decided")]
    for title, states in by_question(turned).items():
        asked.append((title, *(", ".join(states.get(s, [])) for s in ("right", "wrong", "open"))))
    why: list[Sequence[str]] = [("cause", "students", "who")]
    why += [(cause, str(len(who)), ", ".join(who)) for cause, who in by_cause(turned).items()]
    linked = {t.student for t in turned if t.sheet is not None}
    body = [_STYLE, *_table(rows, linked)]
    body += ["<h2>By question</h2>", *_table(asked), "<h2>By cause</h2>", *_table(why)]
    return page(f"{len(turned)} sheets", body)


def _table(rows: Sequence[Sequence[str]], linked: set[str] | None = None) -> Iterator[str]:
    yield '<table class="class">'
    for place, row in enumerate(rows):
        tag = "td" if place else "th"
        cells = [escape(visible(cell)) for cell in row]
        if place and linked and row[0] in linked:
            cells[0] = f'<a href="{quote(f"{row[0]}.html")}">{cells[0]}</a>'
        yield "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"
    yield "</table>"
