"""A server that is reached by HTTP. Only imported by what connects."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from palaver.tools.process import MAX_MESSAGE

_CONNECT = 10.0
"""Seconds to connect; how long an answer may take is the caller's to say."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Site:
    """One server's address. `ended` is set when the connection is not to be used any more."""

    def __init__(self, url: str, headers: Mapping[str, str], clean: Callable[[str], str]) -> None:
        self._url = url
        self._headers = dict(headers)
        self._status: int | None = None
        self.clean = clean
        self.ended = asyncio.Event()

    @property
    def alive(self) -> bool:
        return not self.ended.is_set()

    @property
    def hint(self) -> str:
        """What else is known of an error it answered with."""
        if self._status in (401, 403):
            return f" ({self._status}: it wants a key that headers can name)"
        return f" ({self._status})" if self._status is not None else ""

    @property
    def has_forgotten(self) -> bool:
        """Whether it does not know of the connection any more."""
        return self._status == 404

    @property
    def said(self) -> str:
        return self.hint

    def describe(self, when: str = "") -> str:
        """How it ended: words that follow its name."""
        return f"has ended the connection{when}{self.hint}"

    @asynccontextmanager
    async def streams(self) -> AsyncGenerator[Any]:
        """What is read from it and written to it."""
        async with (
            httpx2.AsyncClient(
                # What is compressed has no bound before it is too late.
                headers={**self._headers, "Accept-Encoding": "identity"},
                timeout=httpx2.Timeout(_CONNECT, read=None),
                # A proxy does not lead to this machine.
                trust_env=httpx2.URL(self._url).host not in _LOOPBACK,
                event_hooks={"response": [self._look]},
            ) as client,
            streamable_http_client(self._url, http_client=client, max_sse_event_size=MAX_MESSAGE) as streams,
        ):
            yield streams

    async def _look(self, response: httpx2.Response) -> None:
        if response.request.method == "POST":
            self._status = response.status_code if response.is_error else None
        if response.headers.get("content-encoding", "identity") != "identity":
            raise httpx2.DecodingError("the answer is compressed, which was not asked for")
        if "json" in response.headers.get("content-type", ""):
            stream = response.stream
            if isinstance(stream, httpx2.AsyncByteStream):
                response.stream = _Bounded(stream)


class _Bounded(httpx2.AsyncByteStream):
    """A body of at most as many bytes as one message may have."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for data in self._stream:
            size += len(data)
            if size > MAX_MESSAGE:
                raise httpx2.StreamError(f"an answer of more than {MAX_MESSAGE // 1024**2} MB")
            yield data

    async def aclose(self) -> None:
        await self._stream.aclose()
