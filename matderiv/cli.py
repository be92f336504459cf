"""The program `matderiv`: reads arguments, calls a verb, turns every failure into an exit code."""

import json
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from matderiv import __version__
from matderiv.command import failures, verbs
from matderiv.command.failures import Terminated, interruptible
from matderiv.command.options import Request, quoted, read_arguments
from matderiv.command.streams import Terminal
from matderiv.errors import MatderivError

MODULES = {
    "check": "derive",
    **dict.fromkeys(("curvature", "divergence", "laplacian", "taylor", "implicit"), "solve"),
    **dict.fromkeys(("explain", "examples"), "rules"),
}
"""Where verbs are answered that have no module of their own name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; no exception leaves, except to end the interpreter.

    >>> main(["derive", "x'*x", "x", "--quiet"])
    2*x
    0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal(ascii_only="--ascii" in given, quiet="--quiet" in given or "-q" in given)
    try:
        with interruptible():
            return _run(read_arguments(given), terminal)
    except MatderivError as error:
        return _failed(error, given, terminal, reading=terminal.reading)
    except KeyboardInterrupt:
        terminal.complain("interrupted")
        return failures.INTERRUPTED
    except Terminated:
        return failures.TERMINATED
    except MemoryError:
        terminal.complain("LimitError: there is not enough memory for this")
        return failures.BUDGET
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        return _failed(failures.unexpected(error), given, terminal, reading=False)


def _run(request: Request, terminal: Terminal) -> int:
    if request.verb == "version":
        terminal.result(f"matderiv {__version__}")
        return failures.FINE
    if request.verb == "help":
        name = request.operands[0]
        if not name:
            terminal.complain(verbs.overview())
            return failures.USAGE
        terminal.result(verbs.overview() if name == "all" else verbs.page(name))
        return failures.FINE
    module = import_module(f"matderiv.command.{MODULES.get(request.verb, request.verb)}")
    status: int = module.run(request, terminal)
    return status


def _failed(error: MatderivError, given: list[str], terminal: Terminal, *, reading: bool) -> int:
    """Say what went wrong, as text or as a document; the exit code."""
    status = failures.exit_code(error, reading=reading)
    if status == failures.BUG:
        command = " ".join(quoted(a) for a in given)
        command = command if len(command) < 300 else command[:300] + " ..."
        error.hint = f"please report this mistake in matderiv {__version__}: matderiv {command}"
    pairs = zip(given, [*given[1:], ""], strict=True)
    if any(a in ("--json", "--format=json") or (a == "--format" and b == "json") for a, b in pairs):
        try:
            terminal.result(json.dumps(failures.document(error, status), indent=2))
        except MatderivError as lost:
            terminal.complain(failures.shown(lost, ascii_only=terminal.ascii_only))
        return status
    terminal.complain(failures.shown(error, ascii_only=terminal.plain_errors))
    return status


if __name__ == "__main__":
    sys.exit(main())
