"""One connection to one server, from the handshake to its end. Importing it imports mcp, which takes a second."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import httpx2
from mcp.client import Client, IncomingMessage
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Implementation, ToolListChangedNotification
from mcp.types import Tool as ServerTool
from mcp_types import CONNECTION_CLOSED
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from palaver.tools.failures import Failed
from palaver.tools.process import Program
from palaver.tools.text import quote
from palaver.tools.web import Site

_log = logging.getLogger(__name__)

Transport = Program | Site
MAX_TOOLS = 1000
_MAX_PAGES = 100
CLOSE_SECONDS = 4.0
"""What the end of a connection may take: a program is asked first, then told, then killed."""


def keep_quiet() -> None:
    """What mcp tells its log is no line for the person's screen, where Python puts it while nobody listens."""
    for name in ("mcp", "client"):
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


class Link:
    """A server that is connected. Everything runs on one loop; `alive` and `reason` may be asked from any thread."""

    def __init__(self, transport: Transport, version: str) -> None:
        self._transport = transport
        self._version = version
        self._client: Client | None = None
        self._reason = ""
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._holder = asyncio.create_task(self._hold())
        self.stale = False
        """Whether the server has said that its tools are others now."""

    @classmethod
    async def open(cls, transport: Transport, version: str) -> Self:
        """Raises `Failed`. Cancelled, it leaves nothing behind."""
        link = cls(transport, version)
        try:
            await asyncio.shield(link._ready)
        except BaseException:
            await link.close()
            raise
        return link

    @property
    def alive(self) -> bool:
        return self._client is not None and self._transport.alive

    @property
    def reason(self) -> str:
        """Why it has ended."""
        return self._reason or self._transport.describe()

    async def list_tools(self) -> list[ServerTool]:
        """Every tool the server tells of, up to a bound. Raises `Failed`."""
        self.stale = False
        tools: list[ServerTool] = []
        cursor: str | None = None
        async with self._client_now() as client:
            for _ in range(_MAX_PAGES):
                page = await client.list_tools(cursor=cursor)
                tools += page.tools
                cursor = page.next_cursor
                if cursor is None or len(tools) >= MAX_TOOLS:
                    break
        return tools[:MAX_TOOLS]

    async def call(self, name: str, args: dict[str, Any]) -> CallToolResult:
        """Raises `Failed`. Where it is cancelled, the server is told."""
        async with self._client_now() as client:
            return await client.call_tool(name, args)

    async def close(self) -> None:
        """End it; of a program nothing is left."""
        self._transport.ended.set()
        if not self._ready.done():
            self._holder.cancel()
        done, _ = await asyncio.wait({self._holder}, timeout=CLOSE_SECONDS)
        if not done:
            self._holder.cancel()
            await asyncio.wait({self._holder}, timeout=CLOSE_SECONDS)

    async def _hold(self) -> None:
        """Keep the connection open: what mcp opens, the same task must close."""
        try:
            async with Client(
                self._transport.streams(),
                cache=None,
                client_info=Implementation(name="palaver", version=self._version),
                message_handler=self._hear,
            ) as client:
                self._client = client
                self._ready.set_result(None)
                watching = asyncio.create_task(self._watch(client))
                await self._transport.ended.wait()
                watching.cancel()
        except Exception as exc:  # noqa: BLE001  (whatever a server does, the others go on; it is told as the reason)
            _log.debug("A tool server has ended", exc_info=True)
            self._reason = self._explain(exc)
        finally:
            self._client = None
            self._transport.ended.set()
            if not self._ready.done():
                self._ready.set_exception(Failed(self.reason))
                self._ready.exception()  # whoever opened it may be gone

    async def _watch(self, client: Client) -> None:
        """Hear of changes from servers that tell them only to those who have asked."""
        tools = client.server_capabilities.tools
        if tools and tools.list_changed and client.protocol_version in MODERN_PROTOCOL_VERSIONS:
            with suppress(MCPError, SubscriptionLost, TimeoutError):
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        self.stale = True

    async def _hear(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self.stale = True

    @asynccontextmanager
    async def _client_now(self) -> AsyncGenerator[Client]:
        """The client, with its errors as ours."""
        if self._client is None:
            raise Failed(self.reason)
        try:
            yield self._client
        except MCPError as exc:
            if exc.code == CONNECTION_CLOSED:
                await self.close()  # how a program ended is known when it has
                raise Failed(self._reason or self._transport.describe(" before it answered")) from exc
            if self._transport.has_forgotten:
                self._transport.ended.set()  # the next call begins anew
            raise Failed(self._explain(exc)) from exc
        except (ValidationError, RuntimeError, ValueError) as exc:
            raise Failed(f"gave back what is no result: {self._quote(exc)}") from exc

    def _explain(self, error: BaseException) -> str:
        error = next(_leaves(error))
        match error:
            case MCPError() if error.code == CONNECTION_CLOSED:
                return self._transport.describe()
            case MCPError():
                return f"answered with an error: {self._quote(error)}{self._transport.hint}"
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                return f"cannot be reached: is it running? ({self._quote(error)})"
            case httpx2.HTTPError():
                return f"could not be asked: {self._quote(error)}"
            case OSError(strerror=str(text)):
                return f"cannot be started: {text}: {quote(str(error.filename))}"
            case _:
                return f"failed with {type(error).__name__}: {self._quote(error)}"

    def _quote(self, error: BaseException) -> str:
        return quote(self._transport.clean(str(error)))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error
