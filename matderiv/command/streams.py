"""Bytes in and out: standard input, files and their formats by name, terminals in ASCII only."""

import os
import re
import stat
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from shutil import get_terminal_size
from typing import TextIO

from matderiv.arguments import in_short, pairs
from matderiv.command.failures import OutputError, UsageError
from matderiv.command.options import Request
from matderiv.errors import LimitError, ParseError, visible

NARROW = 20  # columns: a narrower terminal folds lines by itself
LONGEST = 80  # characters of a file name in a message
MAX_BYTES = 400_000  # a text of 100,000 characters, of up to four bytes each

SPELLINGS = pairs("""
    ∂ d         Σ sum       δ delta     ε epsilon   ² ^2        ³ ^3
    ⁴ ^4        ⁻ ^-        ¹ 1         × x         ⊗ kron      ⊙ .*
    ⊘ ./        · .         … ...       → ->        ± +-        π pi
    σ sigma     Φ Phi       ‖ ||
""")
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


def in_ascii(text: str) -> str:
    """The text in ASCII: mathematical signs by name, anything else as its escape.

    >>> in_ascii("∂²f/∂x_i ∂x_j = δ_ij")
    'd^2f/dx_i dx_j = delta_ij'
    """
    spelled = "".join(SPELLINGS.get(c, c) for c in text)
    return spelled.encode("ascii", "backslashreplace").decode("ascii")


def only_ascii(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """True where other characters may not arrive: by encoding, locale or kind of terminal.

    Python replaces the C locale by C.UTF-8, so LANG is asked too.
    """
    encoding = (getattr(stream, "encoding", None) or "ascii").lower()
    if not encoding.replace("-", "").startswith("utf") or environ.get("TERM") == "dumb":
        return True
    if environ.get("LC_ALL"):
        return environ["LC_ALL"] in ("C", "POSIX")
    coerced = environ.get("LC_CTYPE", "") in ("", "C", "POSIX", "C.UTF-8", "C.utf8", "UTF-8")
    return coerced and environ.get("LANG") in ("C", "POSIX")


# In -----------------------------------------------------------------------------------------------


def standard_input(most: int = MAX_BYTES) -> str:
    """The text on standard input; ParseError where it is not UTF-8, LimitError if it is long."""
    if sys.stdin is None:
        raise UsageError("there is no standard input to read", hint='give the expression: "x\'*x"')
    if sys.stdin.isatty() and sys.stderr is not None:
        print("reading the expression from the terminal; end it with Ctrl-D", file=sys.stderr)
    stream = getattr(sys.stdin, "buffer", None)
    try:
        content = sys.stdin.read(most + 1).encode() if stream is None else stream.read(most + 1)
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {error.strerror}") from error
    return decoded(content, "standard input", most)


def file_text(name: str, most: int = MAX_BYTES, *, wide: bool = False) -> str:
    """The text of a file of at most `most` bytes; UsageError with the reason if there is none.

    With `wide` it may be UTF-16 with a mark at the beginning, as spreadsheets and editors write it.
    """
    try:
        with Path(name).open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read {name}: {reason}") from error
    if wide and content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        content = content.decode("utf-16", "replace").encode()[: most + 1]
    return decoded(content, name, most)


def decoded(content: bytes, name: str, most: int = MAX_BYTES) -> str:
    """UTF-8 as text; a byte order mark is no content, and lines end with a line feed.

    >>> decoded(b"\\xef\\xbb\\xbfx +\\r\\ny", "standard input")
    'x +\\ny'
    >>> decoded(b"x + \\xff", "standard input")
    Traceback (most recent call last):
    ...
    matderiv.errors.ParseError: standard input is not UTF-8: byte 0xff at offset 4
      try:   save it as UTF-8; in Excel as CSV UTF-8
    """
    if len(content) > most:
        raise LimitError(f"{name} has more than {most} bytes, which is the limit")
    try:
        text = content.decode("utf-8")
        return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        byte = content[error.start]
        raise ParseError(
            f"{name} is not UTF-8: byte 0x{byte:02x} at offset {error.start}",
            hint="save it as UTF-8; in Excel as CSV UTF-8",
        ) from error


GREEN, RED, YELLOW = "32", "31", "33"
_COLOURS = {
    **dict.fromkeys(("proved", "verified", "ok"), GREEN),
    **dict.fromkeys(("disproved", "WRONG", "follows"), RED),
    **dict.fromkeys(("undecided", "?"), YELLOW),
}
_VERDICT = re.compile(
    r"^(?:( *\d+  )(ok|WRONG|follows|\?)(?= |$)"
    r"|(verdict +|)(proved|verified|disproved|undecided)(?=:| \(|$))",
    re.MULTILINE,
)


def coloured(text: str) -> str:
    r"""The verdicts of a text in their colours, and the marks in front of lines.

    >>> coloured("    3  WRONG    df = 2*x")
    '    3  \x1b[31mWRONG\x1b[0m    df = 2*x'
    """

    def paint(found: re.Match[str]) -> str:
        before, word = found[1] or found[3] or "", found[2] or found[4]
        return f"{before}\x1b[{_COLOURS[word]}m{word}\x1b[0m"

    return _VERDICT.sub(paint, text)


# Out ----------------------------------------------------------------------------------------------


@dataclass
class Terminal:
    """Where the result and the remarks go; `ascii_only` for both, `quiet` for no remarks.

    `reading` is True until the input is read: what fails so long is a mistake in it.
    """

    ascii_only: bool = False
    quiet: bool = False
    reading: bool = True

    @property
    def plain_errors(self) -> bool:
        """True where standard error takes nothing but ASCII."""
        return self.ascii_only or only_ascii(sys.stderr, os.environ)

    @property
    def plain_results(self) -> bool:
        """True where standard output takes nothing but ASCII."""
        return self.ascii_only or only_ascii(sys.stdout, os.environ)

    @property
    def coloured(self) -> bool:
        """True on a terminal that shows colours and whose user wants them (no-color.org)."""
        told = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return not told and sys.stdout is not None and sys.stdout.isatty()

    @property
    def width(self) -> int:
        """The columns of the terminal that results go to; 0 where they go to a file or a pipe."""
        if sys.stdout is None or not sys.stdout.isatty():
            return 0
        return max(get_terminal_size().columns, NARROW)

    def result(self, text: str) -> None:
        """The result on standard output; quiet when the reader has closed it.

        Raises OutputError when it cannot be written, as on a full disk.
        """
        if sys.stdout is None:
            raise OutputError("the result cannot be written: standard output is closed")
        try:
            shown = self._fit(text, sys.stdout)
            sys.stdout.write((coloured(shown) if self.coloured else shown) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            _forget(sys.stdout)
        except OSError as error:
            _forget(sys.stdout)
            raise OutputError(f"the result cannot be written: {error.strerror}") from error

    def deliver(self, text: str, file: str | None, *, force: bool) -> None:
        """The result in a file, or without one on standard output."""
        if file is None:
            self.result(text)
        else:
            write_file(file, text, force=force)

    def remarks(self, found: Iterable[tuple[str, str]]) -> None:
        """Several remarks with their labels."""
        for label, said in found:
            self.remark(label, said)

    def remark(self, label: str, text: str) -> None:
        """A labelled remark on standard error, unless quiet."""
        if not self.quiet:
            self.complain(f"{label:<9} {text}")

    def progress(self, said: str) -> None:
        """How far the work is, in one line of a terminal that is written again; "" ends it."""
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            return
        shown = self._fit(said, sys.stderr)[: max(get_terminal_size().columns - 1, NARROW)]
        with suppress(OSError):
            sys.stderr.write(f"\r\x1b[K{shown}")
            sys.stderr.flush()

    def complain(self, text: str) -> None:
        """Text on standard error; nothing else can be done when that fails."""
        if sys.stderr is None:
            return
        try:
            sys.stderr.write(self._fit(text, sys.stderr) + "\n")
            sys.stderr.flush()
        except OSError:
            _forget(sys.stderr)

    def _fit(self, text: str, stream: TextIO) -> str:
        if self.ascii_only or only_ascii(stream, os.environ):
            return in_ascii(visible(text))
        return visible(text)


def _forget(stream: TextIO) -> None:
    """Point a broken stream at nothing, so that the interpreter's last flush is quiet."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def refuse_to_overwrite(name: str, *, force: bool) -> None:
    """UsageError where a file cannot be made under this name."""
    path = Path(name)
    there = _exists(path)
    if path.is_dir():
        raise UsageError(f"{name} is a directory")
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory {path.parent}")
    if there and not force and not _is_device(path):
        raise UsageError(f"{name} exists already", hint="another name, or --force to replace it")


def _exists(path: Path) -> bool:
    """True for a file that is there, or a link; UsageError for a name that no file can have."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot write {in_short(str(path), LONGEST)}: {reason}") from error
    return True


def write_file(name: str, text: str, *, force: bool) -> None:
    """The text as a file, whole or not at all; an old file stays as it is when writing fails.

    Devices and pipes are written directly. Raises UsageError or OutputError.
    """
    refuse_to_overwrite(name, force=force)
    path = Path(name)
    content = (text + "\n").encode("utf-8", "backslashreplace")
    try:
        if _is_device(path):
            with path.open("wb") as stream:
                stream.write(content)
            return
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise OutputError(f"cannot write {path}: the link leads to itself")
        _replace(target, content)
    except OSError as error:
        raise OutputError(f"cannot write {name}: {error.strerror}") from error


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f".matderiv.{os.getpid()}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


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
