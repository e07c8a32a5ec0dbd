"""Bytes that are sent as they are read: a stored file or a part of it, or what a writer on a thread makes."""

import asyncio
import io
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import CancelledError, Future
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from palaver.server.caching import is_known
from palaver.server.problems import HttpError

logger = logging.getLogger(__name__)

CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_AHEAD = 4
"""Chunks that a writer may be ahead of the network."""

SHOWN = re.compile(r"image/(png|jpeg|gif|webp|avif|bmp)|audio/[\w.+-]+|video/[\w.+-]+|text/plain")
"""What a browser may show in place; all else could be a page or a script that speaks as the one who looks at it."""


def disposition(name: str, *, inline: bool = False) -> str:
    """The header that names a download."""
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename*=utf-8''{quote(name, safe='')}"


def answer_file(request: Request, file: BinaryIO, *, tag: str, mime: str, name: str) -> Response:
    """A file that never changes, or the part of it that is asked for. Raises "range_not_satisfiable"."""
    size = file.seek(0, io.SEEK_END)
    inline = SHOWN.fullmatch(mime) is not None
    headers = {
        "ETag": f'"{tag}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(name, inline=inline),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if is_known(request, headers["ETag"]):
        file.close()
        return Response(status_code=304, headers=headers)
    start, end, status = 0, size, 200
    asked = request.headers.get("range")
    if asked is not None and request.headers.get("if-range", headers["ETag"]) == headers["ETag"]:
        found = _part(asked, size)
        if found is not None:
            (start, end), status = found, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    kind = mime if inline else "application/octet-stream"
    return StreamingResponse(_read(file, start, end - start), status, headers, kind)


def _part(asked: str, size: int) -> tuple[int, int] | None:
    """Where one range begins and ends; None for what is none, or several, which are answered with the whole."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    else:
        start, end = max(0, size - int(last)), size
    if start >= size or (first and last and int(last) < int(first)):
        raise HttpError(
            "range_not_satisfiable", f"there are {size} bytes", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, end


async def _read(file: BinaryIO, start: int, count: int) -> AsyncIterator[bytes]:
    try:
        await asyncio.to_thread(file.seek, start)
        while count > 0:
            chunk = await asyncio.to_thread(file.read, min(CHUNK, count))
            if not chunk:
                return
            count -= len(chunk)
            yield chunk
    finally:
        file.close()


class _Pipe(io.RawIOBase):
    """A file that a thread writes and a response sends; the thread waits where the network is slower."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        self._loop = asyncio.get_running_loop()
        self._gathered = bytearray()
        self._sending: Future[None] | None = None
        self._given_up = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._gathered += data
        if len(self._gathered) >= CHUNK:
            self.send()
        return len(data)

    def send(self) -> None:
        """What was gathered, on the writer's thread."""
        part, self._gathered = bytes(self._gathered), bytearray()
        if self._given_up:
            raise BrokenPipeError
        self._sending = asyncio.run_coroutine_threadsafe(self.parts.put(part), self._loop)
        try:
            self._sending.result()
        except CancelledError as exc:
            raise BrokenPipeError from exc

    def give_up(self) -> None:
        """On the loop: nobody reads any more, so that the writer ends at its next part."""
        self._given_up = True
        if self._sending is not None:
            self._sending.cancel()


async def answer_written(write: Callable[[BinaryIO], object], *, name: str, mime: str) -> Response:
    """What `write` writes into a file, sent while it does. Raises what it raises before the first part is full.

    Where it fails later, the connection ends before the answer does: no half of a file passes for a whole one.
    """
    parts = _written(write)
    first = await anext(parts, b"")

    async def all_of_it() -> AsyncIterator[bytes]:
        try:
            yield first
            async for part in parts:
                yield part
        finally:
            await parts.aclose()

    headers = {"Cache-Control": "no-store", "Content-Disposition": disposition(name)}
    return StreamingResponse(all_of_it(), 200, headers, mime)


async def _written(write: Callable[[BinaryIO], object]) -> AsyncGenerator[bytes]:
    pipe = _Pipe()

    def run() -> None:
        write(cast(BinaryIO, pipe))
        pipe.send()

    async def work() -> None:
        try:
            await asyncio.to_thread(run)
        except BrokenPipeError:
            logger.info("a download was given up")
        finally:
            await pipe.parts.put(None)

    writing = asyncio.create_task(work())
    try:
        while (part := await pipe.parts.get()) is not None:
            yield part
        await writing
    finally:
        pipe.give_up()
        if not writing.done():
            while pipe.parts.qsize():
                pipe.parts.get_nowait()
