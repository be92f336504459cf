"""The server of the page: local, with a secret in its address, and nothing from elsewhere.

Only this computer reaches it, and only pages that know the address: other sites that a browser has
open can neither read it nor ask it anything (Host and Origin are compared, DNS rebinding included).
"""

import asyncio
import json
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from matderiv.output.documents.html import STYLE
from matderiv.output.graphs.svg import GRAPH_STYLE
from matderiv.page.replies import failure
from matderiv.page.worker import Worker

ADDRESS = "127.0.0.1"
MOST = 1_000_000  # bytes of a request
STATIC = Path(__file__).parent / "static"
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(token: str, port: int, worker: Worker) -> Starlette:
    """The page under a secret token; requests that do not come from it are refused."""
    hosts = {f"{name}:{port}" for name in (ADDRESS, "localhost")}

    def guarded(
        answer: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            reason = _refused(request, token, hosts)
            response = PlainTextResponse(reason, 403) if reason else await answer(request)
            response.headers.update(HEADERS)
            return response

        return answered

    async def ask(request: Request) -> Response:
        found = await _asked(request)
        if isinstance(found, str):
            return JSONResponse(failure("request", found), 400)
        turn = found.get("turn")
        turn = turn if isinstance(turn, int) else 0
        return JSONResponse(await worker.ask(found, str(found.get("place", ""))[:100], turn))

    return Starlette(
        routes=[
            Route("/{token}/", guarded(_file), methods=["GET"]),
            Route("/{token}/ask", guarded(ask), methods=["POST"]),
            Route("/{token}/{name}", guarded(_file), methods=["GET"]),
        ]
    )


def _refused(request: Request, token: str, hosts: set[str]) -> str:
    """Why a request is refused; nothing where it is not."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not secrets.compare_digest(request.path_params["token"].encode(), token.encode()):
        return "this address is not complete: the one that `matderiv serve` printed is"
    if host not in hosts:
        return "the page is for this computer only"
    if origin is not None and origin not in {f"http://{h}" for h in hosts}:
        return "another site asked"
    if request.method == "POST" and origin is None:
        return "only the page itself may ask"
    return ""


async def _asked(request: Request) -> dict[str, Any] | str:
    """The request as an object, or what is wrong with it."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return "a request is JSON"
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST:
            return f"a request has at most {MOST} bytes"
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return "a request is JSON"
    return found if isinstance(found, dict) else "a request is an object"


async def _file(request: Request) -> Response:
    """One of the files of the page, or the style that it shares with exported pages."""
    name = request.path_params.get("name", "page.html")
    if name == "shared.css":
        return Response(STYLE + GRAPH_STYLE, media_type="text/css")
    path = STATIC / name
    if name not in {p.name for p in STATIC.iterdir()} or path.suffix not in TYPES:
        return PlainTextResponse("there is no such file", 404)
    return Response(path.read_bytes(), media_type=TYPES[path.suffix])


def listening(port: int) -> socket.socket:
    """A socket on this computer only; port 0 is any free one. Raises OSError.

    It takes calls from here on: they wait until `serve` answers, so an address that was printed
    is never refused.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((ADDRESS, port))
    found.listen()
    return found


def serve(token: str, listening: socket.socket, seconds: float) -> None:
    """Answer until the program is interrupted."""
    worker = Worker(seconds)
    app = application(token, listening.getsockname()[1], worker)
    config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)

    async def answering() -> None:
        first = asyncio.create_task(worker.ask({"ask": "derive", "f": "x'*x"}))
        await uvicorn.Server(config).serve(sockets=[listening])
        await first

    try:
        asyncio.run(answering())
    finally:
        worker.end()
