r"""The pieces of a document in order: formulas, sentences, headings and blank lines.

Formulas stand in `$$`, `\[ \]`, `align*` and their kin (LaTeX), in lines of their own or between
backticks (the text language), or inside sentences between `$`. Everything else is prose.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from matderiv.errors import LimitError
from matderiv.verification.documents.clauses import as_row, as_typed, in_columns
from matderiv.verification.documents.markup import text_of
from matderiv.verification.documents.members import NUMBERED
from matderiv.verification.documents.positions import Lines, Passage, joined
from matderiv.verification.documents.rewriting import by_cases
from matderiv.verification.documents.sentences import (
    AND,
    LET,
    NO_CLAIM,
    SUBJECT,
    SUPPOSES,
    affirmed,
    sure,
    with_announcement,
)
from matderiv.verification.documents.statements import PROSE_CASE, announced, equal_signs, with_case

LONGEST = 10_000  # characters of a line, or of a row of a displayed formula
_DISPLAYS = (
    "align alignat equation gather multline eqnarray flalign displaymath math dmath IEEEeqnarray "
    "subequations empheq xalignat"
).split()
_INNER = "split aligned gathered alignedat multlined".split()  # environments that only set rows
_BEGIN = re.compile(
    rf"\\begin\{{((?:{'|'.join([*_DISPLAYS, *_INNER])})\*?)\}}(?:\[[a-z]\])?(?:\{{[^{{}}\n]*\}})?"
)
_DISPLAY = re.compile(rf"\$\$|\\\[|{_BEGIN.pattern}")
_INLINE = re.compile(r"\$([^$]+)\$|\\\((.+?)\\\)|`([^`\n]+)`")
_HEADING = re.compile(
    r"""\s*(?:\#{1,6}\s+(?P<hash>.+?)\s*\#*
    |\\(?:sub)*(?:section|paragraph)\*?\{(?P<section>[^{}]*)\}(?:\s*\\label\{[^{}]*\})?
    |\\begin\{(?P<env>problem|exercise|question|task)\}(?:\[[^\]]*\])?
    |(?:\*\*)?(?P<word>(?:Problem|Exercise|Question|Task|Ex\.|Q)\s*\d+[^=$]*?)(?:\*\*)?)\s*$""",
    re.VERBOSE,
)
_RUN_IN = re.compile(
    r"\s*(?:\*\*)?(?P<word>(?:Problem|Exercise|Question|Task|Aufgabe|Exercice)\s*\d+)[.:]"
    r"(?:\*\*)?(?=\s+\S)|\s*\\(?:(?:sub)*(?:section|paragraph)\*?\{(?P<title>[^{}]*)\}"
    r"|begin\{(?P<env>problem|exercise|question|task)\})"
)
_BULLET = re.compile(
    r"\s*(?:[-*+]|\d{1,2}\\?[.)]|\\item\b|(?:\\textbf\{|\*{1,2})?\(?[a-hivx]{1,3}[.)][}*]*)(?:\s|$)"
)
_MARKUP = (
    r"^\s*(?:>\s?)+"
    r"|^\s*(?:[-*+]|\d{1,2}\\?[.)]|\((?:[a-h]|[ivx]{1,4}|\d)\)|\\item(?:\[[^\]]*\])?)\s+"
    r"|\\(?:begin|end)\{(?!\w*(?:matrix|array|cases|aligned|split)\b)[A-Za-z]+\*?\}(?:\[[^\]]*\])?"
    r"|\\(?:noindent|newpage|smallskip|medskip)\b"
)
_EMPHASIS = r"\*{1,3}(?=[^\s*])|(?<=[^\s*])\*{1,3}"
_SILENT = (
    r"\\(?:tag|label|vspace|ref|eqref|(?:short)?intertext)\*?\{[^{}]*\}"
    r"|\\(?:nonumber|notag|qedhere)(?![A-Za-z])"
    rf"|\\end\{{(?:{'|'.join([*_DISPLAYS, *_INNER])})\*?\}}"
)
_ROWS = (
    r"\A\s*(?:\\begin\{array\}\{[^{}]*\}|\\eqalign\s*\{)(?P<rows>(?:(?!\\begin\{array).)*=.*)"
    r"(?:\\end\{array\}|(?<!\\end\{array)\})\s*\Z"
)
_OPAQUE = re.compile(r"\\(begin|end)\{(?!(?:split|aligned|gathered|alignedat)\b)[A-Za-z]+\*?\}")
_PROSE = re.compile(r"[A-Za-z]{2,}[,;:]?\s+[A-Za-z]{2,}")
_SCRIPT = re.compile(
    "[\u0400-\u052f\u0590-\u06ff\u0900-\u0dff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}"
)
_LABEL = re.compile(
    r"\s*(?:\*{1,3}|__?)(?=[^$=]*[A-Za-z]{3})[^$=]*(?:\*{1,3}|__?)[.:]?\s*"
    r"|\s*\(?[a-z0-9]{1,2}[.)]\s*[A-Za-z][a-z]{2,}(?:\s+[a-z]+)*\s*[:.]?\s*"
)
_LABELLED = re.compile(r"\s*(?:\*{1,3}|__?)[^*_$=]+(?:\*{1,3}|__?)[^=$*^/()]*$|\s*\|.*\|\s*$")
_BOLD_LABEL = r"^\s*(?:[-*]\s+)?(?:\*\*[^*=]+\*\*|__[^_=]+__)[.:]?(?=\s)"
_STRONG = r"(?<![^\s(])\*\*(?=[^\s*][^*]*(?<=\S)\*\*(?:[\s).,;:]|$))|(?<=[^\s*])\*\*(?=[\s).,;:]|$)"
_DONE = r"\s*[✓✔✅☑]\ufe0f?\s*$"
_ITEM = r"^\s*(?:[-*•+]|\d{1,2}[.)])\s+(?=[^=]*[^=\s]\s*=)"  # of a list: no minus
_PLAIN_CASE = re.compile(
    r"^\s*\\?[A-Za-z]\w*\s*(?:=|\\geq?|\\leq?|[<>≥≤])\s*(?:\\math\w+\s*\{?\s*)?[\w.]+\s*\}?\s*$"
)
_BEGINS = re.compile(
    r"\b(?:let|consider|define|suppose|given|now|next|another|function|objective|loss)\b",
    re.IGNORECASE,
)
_MARKER = re.compile(  # 2., (b), **a)**
    r"\s*(?:\\textbf\{)?[\s*_]*(?:[-•]|\\item|\(?[A-Za-z0-9]{1,4}[.)])?[\s*_:}]*"
)
_MARK = re.compile(
    r"\s*\\item\b(?:\s*\[[^\]]*\])?(?=[\s$]|$)"
    r"|\s*(?:\\textbf\{)?[\s*_]*(?:\(?[a-z]|\(?[ivx]{1,4}|\(?\d{1,2})[.)][*_}]*(?:\s|$)"
)
_WORD = re.compile(r"\s*[A-Za-z]{3,}[,:]?\s*")
_REASON = re.compile(
    r"(?:[a-z,]|(?:Where|Here|Since|Because|As|Note|Recall|Remember|Throughout|Using|Use)\b)"
    r"(?!.*\b(?:[Nn]ow|from (?:here|this point|there)|henceforth)\b)",
    re.DOTALL,
)
_PRODUCTS = re.compile(r"(?:(?<![A-Za-z])[A-Z]{0,2}[A-Za-z](?![A-Za-z])|[\s\d=+^_(){}.,-])+")
_MORE = re.compile(r"\s*[+*/]\s*\S|.*(?:∈|\w\s*:\s*[\w,× ]+$)")  # what goes on, or declares
_DIRECTIVE = re.compile(r"\s*(?:`{3,}|~{3,}|:{3,})\s*\{(?!code)[\w:-]+\}")  # whose inside is text
_DRAWN = r"^[^\n$]*=[^\n$]*\][ \t]*(?:\n[ \t]*\[[^\n=$]*\][ \t]*$)+"
_OF_LAST = re.compile(r"\b(?:its|whose|their)\s+(?:\w+\s+)?(?:gradient|hessian|derivative)\b")


@dataclass(frozen=True)
class Piece:
    """A passage of a document: a formula, one "inline", prose, a heading or a blank line.

    `sure` is False for a formula in a sentence that denies, asks or supposes it, `new` is True
    where it may begin another problem: after `let`, or in a line of its own, and `first` also where
    no words but a mark such as (b) stand before it. `level` is that of a heading. `affirmed` says
    that the sentence around a formula says that it holds, and `fresh` that its sentence begins
    after the lines before, and does not give the reason of the last. `supposed` stands after `let`,
    `marked` after a mark such as (b).
    """

    kind: str
    passage: Passage
    sure: bool = True
    new: bool = False
    first: bool = False
    level: int = 1
    affirmed: bool = True
    fresh: bool = False
    supposed: bool = False
    marked: bool = False


def pieces(document: str, suffix: str = "txt") -> Iterator[Piece]:
    """The pieces of a document in order; LimitError for a line or formula of excessive length."""
    text = text_of(document, suffix)
    if suffix != "tex":  # a matrix in several lines is not read, and no row is read alone
        text = text.replaced(_DRAWN, lambda m: re.sub(r"[\n[]", "⋮", m[0]), re.MULTILINE)
    for piece in _in_sentences(_as_products([*_pieces(text, suffix)])):
        if len(piece.passage.text) > LONGEST:
            number = Lines(document).number(piece.passage.start)
            raise LimitError(
                f"line {number} has {len(piece.passage.text)} characters, the limit is {LONGEST}"
            )
        yield replace(piece, passage=piece.passage.replaced(r"[ \t]{2,}", lambda m: " "))


def _as_products(found: list[Piece]) -> list[Piece]:
    """The pieces, in which a bare line `Ax = b` is LaTeX where others are: Ax is a product."""
    latex = any(piece.passage.latex for piece in found)
    for k, piece in enumerate(found):
        if latex and piece.kind == "formula" and _PRODUCTS.fullmatch(piece.passage.text):
            found[k] = replace(piece, passage=replace(piece.passage, latex=True))
    return found


def _in_sentences(found: list[Piece]) -> Iterator[Piece]:
    """The pieces, in which displayed formulas know whether the words around them affirm them.

    A line of the text language that no words lead to says what it says.
    """
    before, ended, fresh, marked = "", True, False, False
    for k, piece in enumerate(found):
        marked = marked or piece.marked
        if piece.kind in ("formula", "inline"):
            piece, marked = replace(piece, marked=marked), False
        elif piece.kind != "blank":
            marked = bool(_MARK.fullmatch(piece.passage.text))
        if piece.kind == "heading":
            case = PROSE_CASE.search(piece.passage.text)
            before, ended = piece.passage.text if case else "", True
        elif piece.kind == "prose" or _WORD.fullmatch(piece.passage.text):
            words = piece.passage.text.strip()
            before = f"{before} {words}" if not ended and words[:1].islower() else words
            ended = before.endswith((".", "!", "?"))
            piece = replace(piece, fresh=(fresh := not _REASON.match(words)))
        elif piece.kind == "formula":
            stops = piece.passage.text.rstrip().endswith(".")
            rest = next((p.passage.text for p in found[k + 1 : k + 3] if p.kind == "prose"), "")
            after = rest if not stops and rest.lstrip()[:1].islower() else ""
            holds = piece.new if ended else affirmed(before, after)
            around = (before, after, piece.passage.around[2])
            said = with_case(replace(piece.passage, around=around))
            said = replace(said, around=("" if ended else before, *around[1:]))
            if not (ended or found[k - 1].kind == "formula"):
                said = with_announcement(before, said, displayed=True)
            yield replace(piece, passage=said, affirmed=holds, fresh=fresh)
            ended = ended or stops
            continue
        elif piece.kind == "inline":
            first, after, row = piece.passage.around
            if not ended and first.lstrip()[:1].islower():  # a sentence around a display
                around = (f"{before} {first}", after, row)
                piece = replace(piece, passage=replace(piece.passage, around=around))
            piece = replace(piece, affirmed=piece.sure)
        yield piece


def _pieces(p: Passage, suffix: str) -> Iterator[Piece]:
    """The pieces of a text: displayed formulas, and what its other lines hold."""
    place, fence, directives = 0, "", 0
    paragraph: list[Passage] = []
    while place < len(p.text):
        end = p.text.find("\n", place)
        end = len(p.text) if end < 0 else end
        line = p[place:end]
        mark = re.match(r"\s*(?:```|~~~)\s*(\w*)", line.text)
        if mark and suffix != "tex":
            begins = not fence and bool(_DIRECTIVE.match(line.text))
            ends = not fence and directives > 0 and not mark[1] and not begins
            directives += begins - ends
            fence = "" if fence or begins or ends else mark[1] or "text"
            place = end + 1
            continue
        found = None if fence else _DISPLAY.search(line.text)
        before = line[: found.start()] if found else line
        if _is_running(before, suffix, fence):
            if _BULLET.match(before.text) or _RUN_IN.match(before.text):
                yield from _sentences_of(paragraph)
                yield Piece("blank", before[:0])
                paragraph = []
            paragraph.append(before)
        else:
            yield from _sentences_of(paragraph)
            paragraph = []
            yield from _line(before, suffix, fence) if before.text.strip() or not found else ()
        place = end + 1
        if found:
            alone = all(_MARKER.fullmatch(words.text) for words in paragraph)
            marked = alone and any(_MARK.match(words.text) for words in paragraph)
            yield from _sentences_of(paragraph)
            paragraph = []
            content, place = _display(p, end - len(line.text) + found.end(), found[0])
            for number, row in enumerate(rows(content)):
                yield replace(row, first=alone and not number, marked=marked and not number)
    yield from _sentences_of(paragraph)


def _is_running(p: Passage, suffix: str, fence: str) -> bool:
    """True for a line of running text, whose sentences may go on in the next line."""
    said = suffix == "tex" or _INLINE.search(p.text) or _is_prose(p.text)
    return bool(said and not (fence or not p.text.strip() or _heading(p, suffix)))


def _display(p: Passage, start: int, opening: str) -> tuple[Passage, int]:
    """What stands in a displayed formula, and the place after it."""
    begun = _BEGIN.match(opening)
    closing = {"$$": "$$", r"\[": r"\]"}.get(opening) or rf"\end{{{begun[1] if begun else ''}}}"
    end = p.text.find(closing, start)
    last = len(p.text) if end < 0 else end
    return replace(p[start:last], latex=True), min(last + len(closing), len(p.text))


def rows(content: Passage) -> Iterator[Piece]:
    r"""The rows of a displayed formula, without what only sets type.

    >>> [p.passage.text for p in rows(Passage.of(r"f &= x \\ &= y \tag{1}", latex=True))]
    ['f  = x', '= y']
    """
    content = content.replaced(_ROWS, lambda m: m["rows"].rjust(m.end("rows")), re.DOTALL)
    content = content.replaced(r"\\cr(?![A-Za-z])", lambda m: r"\\ ")
    content = by_cases(content).blanked(f"{_BEGIN.pattern}|{_SILENT}")
    start, depth = 0, 0
    signs = rf"(?P<cut>\\(?:\\(?:\[[^\]\n]*\])?|newline(?![A-Za-z])))|{_OPAQUE.pattern}"
    for found in [*re.finditer(signs, content.text), None]:
        if found is not None and not found["cut"]:
            depth += 1 if found[2] == "begin" else -1
        if found is not None and (depth > 0 or not found["cut"]):
            continue
        row = content[start : found.start() if found else len(content.text)]
        start = found.end() if found else start
        row = replace(row, around=("", "", row.text))
        row = as_row(_unaligned(row)).replaced(r"\n", lambda m: " ")
        if row:
            yield Piece("formula", row.stripped())


def _unaligned(row: Passage) -> Passage:
    """A row without the signs that align it; those of matrices stay."""
    return row if _OPAQUE.search(row.text) else in_columns(row).blanked(r"(?<!\\)&")


def _heading(p: Passage, suffix: str) -> re.Match[str] | None:
    heading = _HEADING.match(p.text)
    return None if heading and heading["hash"] and suffix == "txt" else heading


def _line(p: Passage, suffix: str, fence: str) -> Iterator[Piece]:
    """The pieces of one line that is no running text."""
    if not p.stripped():
        yield Piece("blank", p)
        return
    heading = None if fence else _heading(p, suffix)
    if heading:
        found = (heading[k] for k in ("hash", "section", "env", "word"))
        title = next((t for t in found if t is not None), "").partition("**")[0]
        level = len(p.text) - len(p.text.lstrip("#")) or p.text.count("sub") + 1
        yield Piece("heading", Passage.of(title.strip(" *:"), p.start), level=level)
        return
    python = fence in ("python", "py", "numpy", "torch", "pytorch")
    latex = not python and bool(fence in ("latex", "tex", "math") or re.search(r"\\[a-z]", p.text))
    p = p if latex else p.replaced(r"[#%].*$", lambda m: "")
    p = _unaligned(p.blanked(_SILENT)) if latex or "&=" in p.text else p
    words = suffix == "md" and not fence and not latex and bool(_LABELLED.match(p.text))
    claims = fence or latex or equal_signs(p.text) or announced(p.text) or _MORE.match(p.text)
    words = words or (suffix in ("md", "tex") and not claims)
    if p and (words or _is_prose(p.text)):
        yield Piece("prose", p)
    elif p:
        marks = "|".join((_BOLD_LABEL, _STRONG, _DONE, *[_ITEM] * (suffix == "md" and not fence)))
        p = as_row(p) if latex else p.blanked(marks) if python else as_typed(p.blanked(marks))
        p = replace(p.stripped(), latex=latex, python=python)
        yield Piece("formula", p, new=True, first=True)


# Sentences ----------------------------------------------------------------------------------------


def _sentences_of(paragraph: list[Passage]) -> Iterator[Piece]:
    if not paragraph:
        return
    if first := _RUN_IN.match(paragraph[0].text):
        group = next(k for k in ("title", "word", "env") if first[k] is not None)
        title = paragraph[0][first.start(group) : first.end(group)].stripped()
        yield Piece("heading", title, level=3 if group == "title" else 1)
        paragraph = [paragraph[0][first.end() :], *paragraph[1:]]
    lines = [p.blanked(_MARKUP).stripped() for p in paragraph]
    text, marked = joined(lines), bool(_MARK.match(paragraph[0].text))
    for sentence in _sentences(text):
        for piece in _inline(sentence):
            yield replace(piece, marked=marked and piece.first)
            marked = False
        if sentence and not _MARKER.fullmatch(sentence.text):
            yield Piece("prose", _plain_words(sentence))


def _plain_words(p: Passage) -> Passage:
    """A sentence without marks of emphasis outside its formulas."""
    covered = [found.span() for found in _INLINE.finditer(p.text)]

    def kept(match: re.Match[str]) -> str:
        inside = any(a <= match.start() < b for a, b in covered)
        return match[0] if inside else " " * len(match[0])

    return p.replaced(_EMPHASIS, kept)


def _sentences(p: Passage) -> Iterator[Passage]:
    """The sentences of a text, whose formulas may have full stops of their own."""
    covered = [found.span() for found in _INLINE.finditer(p.text)]
    start = 0
    for found in re.finditer(r"[.;]\s+(?=[A-Z$`*(])|[。；]", p.text):
        if not any(a <= found.start() < b for a, b in covered):
            yield p[start : found.end()]
            start = found.end()
    yield p[start:]


def _inline(p: Passage) -> Iterator[Piece]:
    """The formulas inside a sentence."""
    before, last, supposed = 0, "", False
    for found in _INLINE.finditer(p.text):
        group = next(k for k in (1, 2, 3) if found[k] is not None)
        part = p[found.start(group) : found.end(group)]
        latex = group < 3 or "\\" in part.text
        around = (p.text[: found.start()], p.text[found.end() :], part.text)
        part = replace(part, latex=latex, around=around)
        words = p.text[before : found.start()]
        alone = not before and bool(_MARKER.fullmatch(words))
        before = found.end()
        supposed = bool(SUPPOSES.search(words) or (supposed and AND.fullmatch(words)))
        if supposed and _PLAIN_CASE.search(part.text):
            continue
        part = with_case(as_row(by_cases(part))) if latex else part
        if SUBJECT.search(words):
            said = Passage("when", (part.start,) * 4, part.start, part.latex)
            part = joined([said, part])
        if NO_CLAIM.search(words) or p.text[before:].lstrip().startswith("?"):
            continue
        new = bool(_BEGINS.search(words))
        own = not last or bool(equal_signs(last)) or not _OF_LAST.search(words)
        announced = with_announcement(words, part) if own else part
        last = part.text
        let = bool(LET.search(words))
        yield Piece("inline", announced, sure(p.text), new, alone or new, supposed=let)


def _is_prose(text: str) -> bool:
    """True for a sentence: words, and no equation or membership."""
    label = bool(_LABEL.fullmatch(text))
    if label or announced(text):
        return label
    words = bool(_PROSE.search(text) or _SCRIPT.search(text))
    text = NUMBERED.sub("", text)
    return words and not (equal_signs(text) or "∈" in text or r"\in" in text)
