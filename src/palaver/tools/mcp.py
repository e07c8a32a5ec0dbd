"""A toolbox of servers that speak the Model Context Protocol."""

import asyncio
import atexit
import concurrent.futures
import logging
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from palaver.context.tools import Tool
from palaver.settings import ToolServerSettings
from palaver.tools.base import Offer, Returned, Trouble
from palaver.tools.failures import Failed
from palaver.tools.keys import FindKey
from palaver.tools.loop import Loop
from palaver.tools.server import Server

_log = logging.getLogger(__name__)
T = TypeVar("T")

PATIENCE = 10.0
START_SECONDS = 60.0
_TICK = 0.05
"""Seconds between two looks whether a call is to stop."""
_CLOSE_SECONDS = 10.0


class McpToolbox:
    """The servers of the configuration that are not forbidden. Connects with the first question, or with `start`.

    `environment` is where programs are found and what they inherit a few names of. `find_key` finds what `${NAME}` stands
    for. `patience` is how long a list of tools waits for servers that start for the first time, `start_seconds` how long
    one may take, in seconds.
    """

    def __init__(
        self,
        servers: Sequence[ToolServerSettings],
        *,
        environment: Mapping[str, str],
        find_key: FindKey | None = None,
        version: str = "0",
        patience: float = PATIENCE,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._servers = [
            Server(
                settings,
                environment=environment,
                find_key=find_key or environment.get,
                version=version,
                start_seconds=start_seconds,
            )
            for settings in servers
            if settings.allow != "never"
        ]
        self._patience = patience
        self._began: float | None = None
        self._lock = threading.Lock()
        self._loop = Loop("palaver-tools")
        self._routes: dict[str, tuple[Server, str]] = {}

    def start(self) -> None:
        """Begin to connect, in the background. Returns at once."""
        with self._lock:
            first, self._began = self._began is None, self._began or time.monotonic()
        if first and self._servers:
            atexit.register(self.close)
            self._loop.submit(self._begin())

    def list_tools(self, *, stopped: threading.Event | None = None) -> Sequence[Tool]:
        """The tools that are there, in the order of the configuration. Never raises."""
        self.start()
        if self._servers:
            self._wait(self._gather(), stopped)
        if self._loop.closed:
            return ()
        listed = [(server, one) for server in self._servers for one in server.tools]
        with self._lock:
            self._routes.update({one.tool.name: (server, one.name) for server, one in listed})
        return tuple(one.tool for _, one in listed)

    def find(self, name: str) -> Offer | None:
        """Where the tool comes from that `list_tools` gave under this name."""
        server, there = self._routes.get(name, (None, ""))
        return Offer(server.settings.name, there, server.settings.allow) if server is not None else None

    def troubles(self) -> Sequence[Trouble]:
        """The servers whose tools are missing now. Does not wait."""
        told = ((server.settings.name, server.trouble) for server in self._servers)
        return tuple(Trouble(name, f"it {trouble}") for name, trouble in told if trouble is not None)

    def call(
        self, name: str, args: Any, *, timeout: float | None = None, stopped: threading.Event | None = None
    ) -> Returned:
        """Call a tool and wait for what it gives back. Never raises."""
        if name not in self._routes:
            return _failure(
                f"There is no tool {name[:80]!r}. There are: {', '.join(self._routes) or 'none'}."
            )
        if not isinstance(args, Mapping):
            return _failure(f"The arguments of {name} must be a JSON object.")
        if stopped is not None and stopped.is_set():
            return _failure(f"The call of {name} was stopped before it began.")
        server, there = self._routes[name]
        work = server.call(there, args, timeout or server.settings.timeout)
        return self._ask(work, name, server.settings.name, stopped)

    def _ask(
        self, work: Coroutine[Any, Any, Returned], name: str, server: str, stopped: threading.Event | None
    ) -> Returned:
        try:
            returned = self._wait(work, stopped)
        except Failed as exc:
            return _failure(f"The tool server {server!r} {exc}.")
        except Exception as exc:  # noqa: BLE001  (the turn goes on, whatever a server and what speaks with it do)
            _log.info("A call of %s failed in an unknown way", name, exc_info=True)
            return _failure(f"The call of {name} failed in an unknown way: {type(exc).__name__}.")
        if returned is not None:
            return returned
        ended = (
            "ended because the tools are closed" if self._loop.closed else "was stopped, and its server told"
        )
        return _failure(f"The call of {name} {ended}.")

    def close(self) -> None:
        """End every connection and every process. Calls that run return. May be called again."""
        self._loop.close(self._end(), _CLOSE_SECONDS)
        atexit.unregister(self.close)

    async def _begin(self) -> None:
        for server in self._servers:
            server.begin()

    async def _gather(self) -> None:
        """Until every server is there, has failed, or takes longer than the patience lasts."""
        await self._begin()
        starts = {start for server in self._servers if (start := server.first_start) and not start.done()}
        if starts:
            waited = time.monotonic() - (self._began or 0.0)
            await asyncio.wait(starts, timeout=max(0.0, self._patience - waited))
        refreshes = (server.refresh(self._patience) for server in self._servers)
        for outcome in await asyncio.gather(*refreshes, return_exceptions=True):
            if isinstance(outcome, Exception):
                _log.info("Tools could not be listed again: %r", outcome)

    async def _end(self) -> None:
        await asyncio.gather(*(server.close() for server in self._servers), return_exceptions=True)

    def _wait(self, work: Coroutine[Any, Any, T], stopped: threading.Event | None) -> T | None:
        """What the work gives, None where it was stopped or everything is closed."""
        future = self._loop.submit(work)
        if future is None:
            return None
        try:
            while not concurrent.futures.wait([future], timeout=_TICK).done:
                if stopped is not None and stopped.is_set():
                    future.cancel()
            return future.result()
        except concurrent.futures.CancelledError:
            return None
        finally:
            future.cancel()


def _failure(text: str) -> Returned:
    return Returned(text, is_error=True)
