"""One server of the configuration: connected when it is needed, and again when it has died."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palaver.errors import PalaverError
from palaver.settings import ToolServerSettings
from palaver.tools.base import Returned
from palaver.tools.catalog import Listed, offer
from palaver.tools.failures import Failed
from palaver.tools.keys import FindKey, fill, fill_all
from palaver.tools.results import translate

if TYPE_CHECKING:  # a second of imports, which whoever connects pays
    from palaver.tools.link import Link, Transport

_log = logging.getLogger(__name__)

MAX_STARTS = 3
STARTS_SECONDS = 60.0
"""So many starts within so many seconds; a server that dies again and again is let be for a while."""
RETRY_SECONDS = 20.0
"""So long after a start that failed no list of tools begins another one."""
_SHORTEST_KEY = 4
"""Characters: what is shorter says nothing about a key, and is part of too many words."""
_INHERITED = (
    *("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"),
    *("APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATHEXT", "PROCESSOR_ARCHITECTURE"),
    *("PROGRAMFILES", "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE"),
)
"""What a program needs to run. Nothing else is handed on: the environment holds keys that are not its own."""


class Server:
    """Its methods run on the loop; its attributes may be read from any thread."""

    def __init__(
        self,
        settings: ToolServerSettings,
        *,
        environment: Mapping[str, str],
        find_key: FindKey,
        version: str,
        start_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.tools: tuple[Listed, ...] = ()
        """What it offered last; it keeps that when it has died, and loses it when it cannot be started again."""
        self._environment = environment
        self._find_key = find_key
        self._version = version
        self._start_seconds = start_seconds
        self._clock = clock
        self._link: Link | None = None
        self._failure: str | None = None
        self._starting: asyncio.Task[Link] | None = None
        self._starts: deque[float] = deque(maxlen=MAX_STARTS)
        self._keys: set[str] = set()

    @property
    def trouble(self) -> str | None:
        """Why its tools are missing or may not answer: words that follow its name. None where nothing is wrong."""
        link, starting = self._link, self._starting
        if starting is not None and not starting.done():
            return (
                self._failure or "is still starting"
            )  # what failed before says more than that it is tried again
        if link is not None and not link.alive:
            return f"{link.reason}. It is started again when one of its tools is called"
        return self._failure

    @property
    def first_start(self) -> asyncio.Task["Link"] | None:
        """The start that goes on, where it is the first."""
        return self._starting if len(self._starts) == 1 else None

    def begin(self) -> None:
        """Start it in the background, where it has no tools and was not just tried."""
        tried = bool(self._starts) and self._clock() - self._starts[-1] < RETRY_SECONDS
        if not (tried or self._busy or self._alive or self.tools or self._pause()):
            self._start()

    async def refresh(self, seconds: float) -> None:
        """Ask for the tools again, where it has said that they have changed. Raises `Failed` and `TimeoutError`."""
        if self._link is not None and self._link.alive and self._link.stale:
            async with asyncio.timeout(seconds):
                self.tools = offer(self.settings.name, await self._link.list_tools())

    async def call(self, name: str, args: Mapping[str, Any], seconds: float) -> Returned:
        """What the tool gives back within so many seconds, once the server is there. Raises `Failed`."""
        link = await self._linked()
        try:
            async with asyncio.timeout(seconds):
                return translate(await link.call(name, dict(args)))
        except TimeoutError:
            raise Failed(f"did not answer within {seconds:g} seconds, and was told to stop") from None

    async def close(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        if self._link is not None:
            await self._link.close()

    @property
    def _busy(self) -> bool:
        return self._starting is not None and not self._starting.done()

    @property
    def _alive(self) -> bool:
        return self._link is not None and self._link.alive

    async def _linked(self) -> "Link":
        """The connection, made anew where it has ended. Raises `Failed`."""
        if self._link is not None and self._link.alive:
            return self._link
        if not self._busy:
            if seconds := self._pause():
                raise Failed(
                    f"{self._past()}; it is not tried again before {seconds:.0f} seconds have passed"
                )
            self._start()
        if self._starting is None:
            raise Failed("is not started")
        return await asyncio.shield(self._starting)

    def _past(self) -> str:
        return self._link.reason if self._link is not None else self._failure or "has ended"

    def _pause(self) -> float:
        """Seconds until it may be started."""
        if len(self._starts) < MAX_STARTS:
            return 0.0
        return max(0.0, self._starts[0] + STARTS_SECONDS - self._clock())

    def _start(self) -> None:
        self._starts.append(self._clock())
        self._starting = asyncio.create_task(self._connect())
        self._starting.add_done_callback(_hear)

    async def _connect(self) -> "Link":
        before, self._link = self._link, None
        if before is not None:
            await before.close()
        transport: Transport | None = None
        try:
            async with asyncio.timeout(self._start_seconds):
                transport = self._transport()
                return await self._open(transport)
        except TimeoutError:
            said = transport.said if transport is not None else ""
            self._failure = f"was not ready within {self._start_seconds:g} seconds{said}"
        except (Failed, PalaverError) as exc:
            self._failure = str(exc)
        except Exception as exc:  # noqa: BLE001  (whatever one server does, the others go on)
            _log.info("%s cannot be started", self.settings.name, exc_info=True)
            self._failure = f"cannot be started: {type(exc).__name__}"
        self.tools = ()
        raise Failed(self._failure)

    async def _open(self, transport: "Transport") -> "Link":
        from palaver.tools.link import Link, keep_quiet  # noqa: PLC0415  (a second, for who has a tool server)

        keep_quiet()
        link = await Link.open(transport, self._version)
        try:
            self.tools = offer(self.settings.name, await link.list_tools())
        except BaseException:
            await link.close()
            raise
        self._link, self._failure = link, None
        return link

    def _transport(self) -> "Transport":
        """How it is reached. Raises `Invalid` for a key that is missing."""
        from palaver.tools.process import Command, Program  # noqa: PLC0415  (as above)
        from palaver.tools.web import Site  # noqa: PLC0415

        told = self.settings
        if told.url is not None:
            return Site(fill(told.url, self._key), fill_all(told.headers, self._key), self._clean)
        command = Command(
            program=told.command or "",
            args=[fill(text, self._key) for text in told.args],
            environment={
                **{name: self._environment[name] for name in _INHERITED if name in self._environment},
                **fill_all(told.env, self._key),
            },
            cwd=str(Path(told.cwd).expanduser()) if told.cwd else None,
        )
        return Program(told.name, command, self._clean)

    def _key(self, name: str) -> str | None:
        value = self._find_key(name)
        if value and len(value) >= _SHORTEST_KEY:
            self._keys.add(value)
        return value

    def _clean(self, text: str) -> str:
        """What a server says, without the keys it was given."""
        for key in self._keys:
            text = text.replace(key, "…")
        return text


def _hear(start: "asyncio.Task[Link]") -> None:
    """What went wrong is kept by the server; nobody may be left who waits for it."""
    if not start.cancelled():
        start.exception()
