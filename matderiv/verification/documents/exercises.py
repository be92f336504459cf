r"""Documents with derivations in them: plain text, Markdown, LaTeX; one or several exercises.

Formulas stand in `$$`, `\[ \]`, `align*` and their kin (LaTeX), in lines of their own or between
backticks (the text language), or inside sentences between `$`. Everything else is prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from matderiv.errors import LimitError
from matderiv.verification.documents.clauses import as_row, clauses
from matderiv.verification.documents.declared import Declared, sure
from matderiv.verification.documents.passages import Lines, Passage, joined
from matderiv.verification.documents.statements import announced, equal_signs, statement
from matderiv.verification.quantities import FORMULA, VALUE

_ENVIRONMENTS = (
    "align alignat equation gather multline eqnarray flalign displaymath math dmath split aligned"
).split()
_BEGIN = re.compile(rf"\\begin\{{((?:{'|'.join(_ENVIRONMENTS)})\*?)\}}(?:\{{\d+\}})?")
_DISPLAY = re.compile(rf"\$\$|\\\[|{_BEGIN.pattern}")
_INLINE = re.compile(r"\$([^$\n]+)\$|\\\((.+?)\\\)|`([^`\n]+)`")
_HEADING = re.compile(
    r"""\s*(?:\#{1,6}\s+(?P<hash>.+?)\s*\#*
    |\\(?:sub)*(?:section|paragraph)\*?\{(?P<section>[^{}]*)\}.*
    |\\begin\{(?P<env>problem|exercise|question|task)\}.*
    |(?:\*\*)?(?P<word>(?:Problem|Exercise|Question|Task|Ex\.|Q)\s*\d+[^=]*?)(?:\*\*)?)\s*$""",
    re.VERBOSE,
)
_SOLUTION = re.compile(r"(?:my )?(?:solution|answer|derivation|proof|gradient)", re.IGNORECASE)
_NUMBERED = re.compile(r"\b(?:problem|exercise|question|task)\b|\d", re.IGNORECASE)
LONGEST = 10_000  # characters of a line, or of a row of a displayed formula
_PROSE = re.compile(r"[A-Za-z]{2,}[,;:]?\s+[A-Za-z]{2,}")
_FORMULA = re.compile(r"[*'^+/()]|\bd[A-Za-z]\b|\\[a-z]")
_GOES_ON = re.compile(r"\s*(?:[+*/)\]]|\.[*/^]|-|\\(?:cdot|odot|times)\b)")
_UNFINISHED = re.compile(r"(?:[-+*/(=]|\.[*/^]|\\(?:cdot|odot|times))\s*$")
_CASE = re.compile(r"\b(?:for|if|when|at|suppose|assume|assuming|case|unless)\s*$", re.IGNORECASE)
_PLAIN_CASE = re.compile(r"^\s*\\?[A-Za-z]\w*\s*(?:=|\\geq?|\\leq?|[<>≥≤])\s*[\w.]+\s*$")
_ANNOUNCES = re.compile(
    r"\b(gradient|hessian|derivative)(?:\s+(?:of|is|equals|becomes|then|therefore|thus|with|respect"
    r"|to|[A-Za-z]|:))*\s*(?:is|equals|becomes|:|=)\s*$",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(r"\b(gradient|Hessian|since|because|if|as|when)\s*$", re.IGNORECASE)
_STATIONARY = re.compile(
    r"(?:\bset\w*|\bequat\w+)\b.*\b(?:zero|0)\b|\bstationary\b|\bfirst[- ]order\b|\bvanish"
    r"|\boptimality\b|\b(?:mini|maxi)mi[sz]ers?\b|\bcritical points?\b|\bnormal equations?\b"
    r"|\bat (?:the|a|an) (?:minim|maxim|optim)",
    re.IGNORECASE,
)
_SILENT = (
    r"\\(?:tag|label|intertext|hspace|vspace|ref|eqref)\*?\{[^{}]*\}"
    r"|\\(?:nonumber|notag)(?![A-Za-z])|\\(?:begin|end)\{[a-z]+\*?\}(?:\{\d+\})?|&"
)


@dataclass
class Exercise:
    """One problem of a document: its title, its lines, and what is declared about names.

    `stationary` says that its words set a derivative to zero.
    """

    title: str = ""
    passages: list[Passage] = field(default_factory=list)
    declared: Declared = field(default_factory=Declared)
    stationary: bool = False

    def heard(self, piece: Piece) -> None:
        """Take over what words say."""
        if piece.kind == "prose":
            self.declared.prose(piece.passage, stated=self.claims)
        self.stationary = self.stationary or bool(_STATIONARY.search(piece.passage.text))

    @property
    def claims(self) -> bool:
        """True if a line says something about a derivative."""
        return bool(self._kinds() - {VALUE, FORMULA})

    @property
    def defined(self) -> set[str]:
        """The names that lines define."""
        found = (statement(p) for p in self.passages)
        return {s.quantity.of for s in found if s and s.quantity and s.quantity.kind == VALUE}

    def _kinds(self) -> set[str]:
        found = (statement(p) for p in self.passages)
        return {s.quantity.kind for s in found if s and s.quantity}


@dataclass(frozen=True)
class Piece:
    """A passage of a document: a formula, one "inline", prose, a heading or a blank line.

    `sure` is False for a formula in a sentence that denies, asks or supposes it.
    """

    kind: str
    passage: Passage
    sure: bool = True


def exercises(document: str, suffix: str = "txt") -> list[Exercise]:
    """The exercises of a document; `suffix` is that of its file, txt, md or tex.

    Headings start an exercise, and after a blank line the definition of a name that has been
    differentiated already.

    >>> found = exercises("# One\\n$$f = x^2$$\\n# Two\\nf = 2*y\\n", "md")
    >>> [(e.title, [p.text for p in e.passages]) for e in found]
    [('One', ['f = x^2']), ('Two', ['f = 2*y'])]
    """
    found = [Exercise()]
    shared, blank = found[0].declared, False
    for piece in pieces(document, suffix):
        current = found[-1]
        if piece.kind == "heading":
            shared = shared if current.passages else current.declared
            found.append(Exercise(piece.passage.text, [], shared.copy()))
            found[-1].declared.heading(piece.passage.text)
        elif piece.kind == "blank":
            blank = True
            continue
        elif piece.kind == "prose":
            current.heard(piece)
        else:
            current.heard(piece)
            for place, clause in enumerate(clauses(piece.passage)):
                current = found[-1]
                unheard = current.claims or not piece.sure
                p = current.declared.taken(clause, stated=unheard)
                if blank and not place and current.claims and _redefines(p, current):
                    found.append(Exercise("", [], current.declared.copy()))
                if _says(p, piece):
                    _append(found[-1].passages, p, apart=blank or place > 0)
        blank = False
    return _merged(found)


def whole(document: str) -> Exercise:
    """A document that is one exercise, whatever its headings say."""
    found = Exercise()
    blank = False
    for piece in pieces(document):
        if piece.kind == "prose":
            found.heard(piece)
        elif piece.kind in ("formula", "inline"):
            found.heard(piece)
            for clause in clauses(piece.passage):
                p = found.declared.taken(clause, stated=found.claims or not piece.sure)
                if _says(p, piece):
                    _append(found.passages, p, apart=blank)
                blank = True
        blank = piece.kind == "blank"
    return found


def _says(p: Passage, piece: Piece) -> bool:
    """False for what is left of a declaration, and for an expression inside a sentence."""
    return bool(p) and (piece.kind != "inline" or bool(equal_signs(p.text)))


def is_formula(text: str) -> bool:
    """True for a line without an equals sign that looks like a formula, not like prose."""
    return bool(_FORMULA.search(text)) and not _PROSE.search(text)


def _redefines(p: Passage, exercise: Exercise) -> bool:
    s = statement(p)
    q = None if s is None else s.quantity
    return q is not None and q.kind == VALUE and q.of in exercise.defined


def _append(passages: list[Passage], p: Passage, *, apart: bool) -> None:
    """Add a formula, or join it to the one before that it goes on from."""
    if (
        passages
        and not apart
        and passages[-1].latex == p.latex
        and goes_on(passages[-1].text, p.text)
    ):
        passages[-1] = joined([passages[-1], p])
    elif equal_signs(p.text) or not _PROSE.search(p.text) or announced(p.text):
        passages.append(p)


def goes_on(before: str, line: str) -> bool:
    """True if a line is the rest of the one before it.

    >>> goes_on("df = a*dx", "  + b*dx"), goes_on("df = a*dx", "= b*dx")
    (True, False)
    """
    if before.rstrip().endswith(":") and announced(before):
        return True
    if "=" not in before and not _FORMULA.search(before):
        return False
    open_still = any(before.count(a) > before.count(b) for a, b in ("()", "[]"))
    if _UNFINISHED.search(before) or open_still:
        return True
    return bool(_GOES_ON.match(line)) and not equal_signs(line)


def _merged(found: list[Exercise]) -> list[Exercise]:
    """Without exercises that only state a problem whose solution has a heading of its own."""
    out: list[Exercise] = []
    for e in found:
        if not e.passages:
            continue
        before = out[-1] if out else None
        if before is not None and not before.claims and _solves(e, before):
            both = [*before.passages, *e.passages]
            declared = before.declared.joined(e.declared)
            told = before.stationary or e.stationary
            out[-1] = Exercise(before.title or e.title, both, declared, told)
        else:
            out.append(e)
    return out


def _solves(e: Exercise, before: Exercise) -> bool:
    """True if an exercise is the solution of the one before."""
    if _SOLUTION.match(e.title):
        return True
    return not _NUMBERED.search(e.title) and not e.defined & before.defined


# Pieces -------------------------------------------------------------------------------------------


def pieces(document: str, suffix: str = "txt") -> Iterator[Piece]:
    """The pieces of a document in order; LimitError for a line or formula of excessive length."""
    for piece in _pieces(document, suffix):
        if len(piece.passage.text) > LONGEST:
            number = Lines(document).number(piece.passage.start)
            raise LimitError(
                f"line {number} has {len(piece.passage.text)} characters, the limit is {LONGEST}"
            )
        yield replace(piece, passage=piece.passage.replaced(r"[ \t]{2,}", _single))


def _single(match: re.Match[str]) -> str:
    return " "


def _pieces(document: str, suffix: str) -> Iterator[Piece]:
    place, stop = 0, len(document)
    if suffix == "tex":
        begin = document.find(r"\begin{document}")
        place = 0 if begin < 0 else begin + len(r"\begin{document}")
        end = document.find(r"\end{document}")
        stop = stop if end < 0 else end
    fence: str | None = None
    while place < stop:
        end = document.find("\n", place)
        end = stop if end < 0 or end > stop else end
        line = document[place:end]
        mark = re.match(r"\s*(```|~~~)\s*(\w*)", line)
        if mark and suffix != "tex":
            fence = None if fence is not None else mark[2] or "text"
            place = end + 1
        elif fence is None and (found := _DISPLAY.search(line)) and not _commented(line, found):
            yield from _line(Passage.of(line[: found.start()], place), suffix, fence)
            content, after = _display(document, place + found.end(), found[0], stop)
            yield from rows(content)
            place = after
        else:
            yield from _line(Passage.of(line, place), suffix, fence)
            place = end + 1


def _commented(line: str, found: re.Match[str]) -> bool:
    return bool(re.match(r"(?:[^\\%]|\\.)*%", line[: found.start()]))


def _display(document: str, start: int, opening: str, stop: int) -> tuple[Passage, int]:
    """What stands in a displayed formula, and the place after it."""
    begun = _BEGIN.match(opening)
    closing = {"$$": "$$", r"\[": r"\]"}.get(opening) or rf"\end{{{begun[1] if begun else ''}}}"
    end = document.find(closing, start)
    last = stop if end < 0 or end > stop else end
    after = min(last + len(closing), stop)
    return Passage.of(document[start:last], start, latex=True), after


def rows(content: Passage) -> Iterator[Piece]:
    r"""The rows of a displayed formula, without what only sets type.

    >>> [p.passage.text for p in rows(Passage.of(r"f &= x \\ &= y \tag{1}", latex=True))]
    ['f  = x', '= y']
    """
    content = content.blanked(r"(?<!\\)%[^\n]*")
    start = 0
    for cut in [*re.finditer(r"\\\\(?:\[[^\]\n]*\])?", content.text), None]:
        row = content[start : cut.start() if cut else len(content.text)]
        start = cut.end() if cut else start
        row = as_row(row.blanked(_SILENT)).replaced(r"\n", lambda m: " ")
        if row:
            yield Piece("formula", row.stripped())


def _line(p: Passage, suffix: str, fence: str | None) -> Iterator[Piece]:
    """The pieces of one line outside displayed formulas."""
    if suffix == "tex":
        p = p.replaced(r"(?<!\\)%.*$", lambda m: "")
    if not p.stripped():
        yield Piece("blank", p)
        return
    heading = _HEADING.match(p.text) if fence is None else None
    if heading and not (heading["hash"] and suffix == "txt"):
        found = (heading[k] for k in ("hash", "section", "env", "word"))
        title = next((t for t in found if t is not None), "")
        yield Piece("heading", Passage.of(title.strip(" *:"), p.start))
        return
    if fence is None and _INLINE.search(p.text):
        for sentence in _sentences(p):
            yield from _inline(sentence)
            yield Piece("prose", sentence)
    elif suffix == "tex" and fence is None:
        yield Piece("prose", p)
    else:
        python = fence in ("python", "py", "numpy", "torch", "pytorch")
        latex = fence in ("latex", "tex", "math") or (
            not python and bool(re.search(r"\\[A-Za-z]", p.text))
        )
        p = p if latex else p.replaced(r"[#%].*$", lambda m: "")
        p = p.blanked(_SILENT) if latex or "&=" in p.text else p
        if p and _is_prose(p.text):
            yield Piece("prose", p)
        elif p:
            p = as_row(p) if latex else p
            yield Piece("formula", replace(p.stripped(), latex=latex, python=python))


def _sentences(p: Passage) -> Iterator[Passage]:
    """The sentences of a line, whose formulas may have full stops of their own."""
    covered = [found.span() for found in _INLINE.finditer(p.text)]
    start = 0
    for found in re.finditer(r"[.;]\s+(?=[A-Z$`])", p.text):
        if not any(a <= found.start() < b for a, b in covered):
            yield p[start : found.end()]
            start = found.end()
    yield p[start:]


def _inline(p: Passage) -> Iterator[Piece]:
    """The formulas inside a sentence."""
    before = 0
    for found in _INLINE.finditer(p.text):
        group = next(k for k in (1, 2, 3) if found[k] is not None)
        part = p[found.start(group) : found.end(group)]
        latex = group < 3 or "\\" in part.text
        part = replace(part, latex=latex)
        words = p.text[before : found.start()]
        before = found.end()
        if _CASE.search(words) and _PLAIN_CASE.search(part.text):
            continue
        part = as_row(part) if latex else part
        yield Piece("inline", _with_announcement(words, part), sure(p.text))


def _with_announcement(words: str, part: Passage) -> Passage:
    """A formula after `the gradient is`, with that as its left side."""
    called = _INTRODUCED.search(words)
    if called and equal_signs(part.text):
        at = (part.start,) * len(called[1])
        word = Passage(called[1].lower(), at, part.start, part.latex)
        return joined([word, part]) if re.match(r"\s*[A-Za-z]\s*=", part.text) else part
    found = _ANNOUNCES.search(words)
    if not found or equal_signs(part.text):
        return part
    sign = "∇² =" if found[1].lower() == "hessian" else "∇ ="
    return joined([replace(Passage.of(sign, part.start), latex=part.latex), part])


def _is_prose(text: str) -> bool:
    """True for a sentence: words, and no equation or membership."""
    if announced(text):
        return False
    return (
        bool(_PROSE.search(text))
        and not equal_signs(text)
        and "∈" not in text
        and r"\in" not in text
    )
