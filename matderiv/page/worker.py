"""One process that does the work of the page, replaced when nobody wants its answer any more.

Nothing of a request outlives it: the process keeps no state, and its end is the end of the work.
"""

import asyncio
import multiprocessing
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from matderiv.page.replies import failure, reply

LATE = "time"
SUPERSEDED: dict[str, Any] = {"superseded": True}


def serve_requests(channel: Connection) -> None:
    """Answer requests from a channel until it is closed; what runs in the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, BrokenPipeError):
        while True:
            channel.send(reply(channel.recv()))


class Worker:
    """Asks one process; a newer request for the same place of a page ends the older one."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._turn = asyncio.Lock()
        self._newest: dict[str, int] = {}
        self._running = ""
        self._process: Any = None
        self._channel: Connection | None = None

    async def ask(self, request: dict[str, Any], place: str = "", turn: int = 0) -> dict[str, Any]:
        """The reply to a request; `place` is where it is shown, where only the newest turn counts.

        Requests of one page may arrive in another order than they were sent; a request without a
        place is always answered.
        """
        if place:
            if turn < self._newest.get(place, turn):
                return SUPERSEDED
            self._newest[place] = turn
            if self._running == place:
                self.end()
        async with self._turn:
            if self._is_old(place, turn):
                return SUPERSEDED
            self._running = place
            try:
                return await self._answered(request, place, turn)
            finally:
                self._running = ""

    def _is_old(self, place: str, turn: int) -> bool:
        return bool(place) and self._newest[place] != turn

    async def _answered(self, request: dict[str, Any], place: str, turn: int) -> dict[str, Any]:
        channel = await asyncio.to_thread(self._started)
        if self._is_old(place, turn):  # the newer one came while the process started
            return SUPERSEDED
        try:
            channel.send(request)
            there = await asyncio.to_thread(_waited, channel, self.seconds)
            if there:
                found: dict[str, Any] = channel.recv()
                return found
        except (EOFError, OSError):
            if self._is_old(place, turn):
                return SUPERSEDED
            self.end()
            return failure("internal", "this input ended the calculation; please report it")
        self.end()
        return failure(LATE, f"no answer within {self.seconds:g} s")

    def _started(self) -> Connection:
        """The channel to the process, which is started if there is none."""
        if self._process is None or not self._process.is_alive():
            self.end()
            self._channel, theirs = _CONTEXT.Pipe()
            process = _CONTEXT.Process(target=serve_requests, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._process = process
        assert self._channel is not None
        return self._channel

    def end(self) -> None:
        """End the process; the next request gets another one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()


def _waited(channel: Connection, seconds: float) -> bool:
    return channel.poll(seconds or None)


def _context() -> Any:
    """Processes that are born with everything loaded, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["matderiv.page.preloaded"])
    return context


_CONTEXT = _context()
