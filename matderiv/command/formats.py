"""The format of a file by the ending of its name."""

from collections.abc import Mapping
from pathlib import PurePath

from matderiv.command.failures import UsageError
from matderiv.command.options import Request
from matderiv.command.streams import refuse_to_overwrite

DERIVATIONS = {
    ".html": "html",
    ".htm": "html",
    ".tex": "latex",
    ".md": "markdown",
    ".markdown": "markdown",
    ".typ": "typst",
    ".json": "json",
}
TABLES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}
PROGRAMS = {".py": "python"}
PICTURES = {
    ".svg": "svg",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".md": "mermaid",
    ".tex": "tikz",
    ".tikz": "tikz",
}
_ALL = {**PICTURES, **PROGRAMS, **TABLES, **DERIVATIONS}
_FOREIGN = ".pdf .ps .doc .docx .odt .rtf .ipynb .xls .xlsx .ods .png .jpg .jpeg .gif .zip".split()
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a spreadsheet knows a formula


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (CWE-1236): an apostrophe says it is text.

    >>> guarded("=1+1"), guarded("x")
    ("'=1+1", 'x')
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def outlet(request: Request, asked: str | None, known: Mapping[str, str]) -> str | None:
    """The format of the file that a request names, else the one asked for.

    UsageError where the file cannot be made, and what `format_of` raises.
    """
    output = request.values.get("output")
    if output is not None:
        refuse_to_overwrite(output, force=request.force)
    return format_of(output, asked, known)


def format_of(name: str | None, asked: str | None, known: Mapping[str, str]) -> str | None:
    """The format that the ending of a file's name stands for, else the one asked for.

    UsageError where it stands for something that is not written here, or for another format than
    the one asked for. A name that ends in .txt, or in nothing that is known, may hold any.

    >>> format_of("x.html", None, DERIVATIONS), format_of("x.txt", "latex", DERIVATIONS)
    ('html', 'latex')
    >>> format_of("x.pdf", None, DERIVATIONS)
    Traceback (most recent call last):
    ...
    matderiv.command.failures.UsageError: nothing is written here that ends in .pdf: x.pdf
      try:   a name that ends in .json .typ .md .tex .html .txt; pdflatex makes a .pdf of a .tex
    """
    ending = PurePath(name or "").suffix.lower()
    said = known.get(ending)
    if said is None and (ending in _FOREIGN or ending in _ALL):
        endings = " ".join({form: end for end, form in reversed(list(known.items()))}.values())
        also = "; pdflatex makes a .pdf of a .tex" if ending == ".pdf" and ".tex" in known else ""
        raise UsageError(
            f"nothing is written here that ends in {ending}: {name}",
            hint=f"a name that ends in {endings} .txt{also}",
        )
    if said is not None and asked not in (None, said):
        raise UsageError(f"{name} says {said}, and {asked} is asked for", hint="one of both")
    return said or asked
