"""The verb `repl`: commands one after the other, without the quotes of a shell."""

import re
import shlex
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

from matderiv.command import failures
from matderiv.command.failures import UsageError
from matderiv.command.options import Request
from matderiv.command.streams import Terminal
from matderiv.command.verbs import VERBS

PROMPT = "matderiv> "
ENDS = {"exit", "quit", "exit()", "quit()"}
WELCOME = """\
EXPR by VARIABLE derives, EXPR by VARIABLE is ANSWER checks an answer; so does any command
without the word matderiv, such as: graph (x+y)*z --at x=-2,y=5,z=-4. Ctrl-D ends."""


def run(request: Request, terminal: Terminal) -> int:
    """Read lines until the end and answer each; the exit code of the last one.

    Arrows bring earlier lines back where Python has a line editor; nothing is written to a disk.
    """
    if request.operands:
        raise UsageError("repl takes nothing: type the commands in it", hint="matderiv repl")
    with suppress(ImportError):
        import_module("readline")
    terminal.reading = False
    terminal.complain(WELCOME)
    return answered(input, import_module("matderiv.cli").main, terminal)


def answered(
    asked: Callable[[str], str], main: Callable[[list[str]], int], terminal: Terminal
) -> int:
    """Answer each line that `asked` gives, until it raises EOFError; the last exit code."""
    status = failures.FINE
    while True:
        try:
            line = asked(PROMPT).strip()
        except EOFError:
            return status
        except KeyboardInterrupt:
            terminal.complain("")
            continue
        if line in ENDS:
            return status
        if line:
            words = command_of(line)
            status = main(words) if words else failures.USAGE
            if not words:
                terminal.complain("a quote is open in this line")


def command_of(line: str) -> list[str]:
    """The words of a line as the command line has them; none where a quote is open.

    >>> command_of("x'*A*x by x")
    ['derive', '--', "x'*A*x", 'x']
    >>> command_of("sum(x .* y) by x is y + 1")
    ['verify', '--', 'sum(x .* y)', 'x', 'y + 1']
    >>> command_of('derive "x\\'*A*x" x --order 2')
    ['derive', "x'*A*x", 'x', '--order', '2']
    """
    first = line.split(maxsplit=1)[0]
    if first not in {*VERBS, "help", "--help", "--version"}:
        short = re.fullmatch(r"(.+?) by ([^\s,]+(?:\s*,\s*[^\s,]+)*)(?: is (.+))?", line)
        if short is not None:
            f, by, answer = short.groups()
            verb = "derive" if answer is None else "verify"
            return [verb, "--", *(part for part in (f, by, answer) if part is not None)]
    return words_of(line)


def words_of(line: str) -> list[str]:
    """The words of a line, in double quotes where they have blanks; none where one is open.

    A prime is no quote.

    >>> words_of('x\\'*A*x x --shape "A: n,n"')
    ["x'*A*x", 'x', '--shape', 'A: n,n']
    """
    reader = shlex.shlex(line, posix=True)
    reader.whitespace_split, reader.quotes, reader.commenters, reader.escape = True, '"', "", ""
    try:
        return list(reader)
    except ValueError:
        return []
