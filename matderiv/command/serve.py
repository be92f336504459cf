"""The verb `serve`: the page, until Ctrl-C."""

import secrets
import webbrowser
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import quote

from matderiv.command import failures
from matderiv.command.failures import OutputError, UsageError
from matderiv.command.options import Request
from matderiv.command.streams import Terminal

EXAMPLE = """matderiv serve "x'*A*x" x"""


def run(request: Request, terminal: Terminal) -> int:
    """Serve the page on this computer until it is interrupted.

    Raises UsageError where starlette and uvicorn are missing, OutputError for a port in use.
    """
    if len(request.operands) > 2:
        raise UsageError("serve takes an expression and a variable", hint=EXAMPLE)
    server = _imported()
    port = int(request.values.get("port") or 0)
    terminal.reading = False
    try:
        listening = server.listening(port)
    except OSError as error:
        hint = "another --port, or none for a free one"
        raise OutputError(f"port {port} cannot be used: {error.strerror}", hint=hint) from error
    port, token = listening.getsockname()[1], secrets.token_urlsafe(18)
    address = f"http://{server.ADDRESS}:{port}/{token}/{_fragment(request.operands)}"
    terminal.result(address)
    terminal.remark("Page", "for this computer only; Ctrl-C ends it")
    if not request.values.get("no_open"):
        webbrowser.open(address)
    with suppress(KeyboardInterrupt):
        server.serve(token, listening, request.timeout)
    return failures.FINE


def _imported() -> Any:
    try:
        return import_module("matderiv.page.server")
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        said = "the page needs starlette and uvicorn, which are not installed"
        raise UsageError(said, hint="pip install 'matderiv[web]'") from error


def _fragment(operands: tuple[str, ...]) -> str:
    """What was typed, where the page looks for it."""
    pairs = zip(("f", "by"), operands, strict=False)
    return "".join(f"{'#' if name == 'f' else '&'}{name}={quote(v, safe='')}" for name, v in pairs)
