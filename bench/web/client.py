"""Who asks over HTTP: `python -m bench.web.client`, a process of its own, so that it takes no time of the server's.

It reads lines of JSON, `{"call": NAME, "arguments": {…}}`, and answers each with a line. Requests are whole texts, made
beforehand; times are nanoseconds.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httptools
import uvloop

_PATIENCE = 60
_PIECE = 1 << 16


class _Connection(asyncio.Protocol):
    """Sends one request after the other, each when the last is answered in full, until `end`."""

    def __init__(self, requests: Sequence[bytes], expected: int) -> None:
        self.taken: list[int] = []
        self.end = 0
        self.done = asyncio.get_running_loop().create_future()
        self._requests = cycle(requests)
        self._expected = expected
        self._parser = httptools.HttpResponseParser(self)
        self._begun = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def begin(self, end: int) -> None:
        self.end = end
        self._send()

    def _send(self) -> None:
        self._begun = time.perf_counter_ns()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter_ns()
        self.taken.append(now - self._begun)
        status = self._parser.get_status_code()
        if status != self._expected:
            self._finish(ValueError(f"answered {status} and not {self._expected}"))
        elif now >= self.end:
            self._finish(None)
        else:
            self._parser = httptools.HttpResponseParser(self)
            # Not from within the parser that is being replaced.
            asyncio.get_running_loop().call_soon(self._send)

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(exc or ConnectionError("the server closed the connection"))

    def _finish(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc) if exc else self.done.set_result(None)
        self._transport.close()


async def race(port: int, requests: list[list[str]], expected: int, seconds: float) -> dict[str, Any]:
    """A connection for each list of requests, all at once; how long each request took, and how many a second."""
    loop = asyncio.get_running_loop()
    opened = []
    for each in requests:
        texts = [text.encode() for text in each]
        _, one = await loop.create_connection(lambda t=texts: _Connection(t, expected), "127.0.0.1", port)
        opened.append(one)
    begun = time.perf_counter_ns()
    for one in opened:
        one.begin(begun + int(seconds * 1e9))
    await asyncio.wait_for(asyncio.gather(*(one.done for one in opened)), _PATIENCE)
    took = time.perf_counter_ns() - begun
    taken = [each for one in opened for each in one.taken]
    return {"rate": len(taken) / took * 1e9, "taken": taken}


async def fetch(port: int, request: str) -> str:
    """The body of an answer that says how long it is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    _, body = await _read_answer(reader)
    writer.close()
    return body.decode()


async def first_of_completion(port: int, request: str, needle: str) -> int | None:
    """How long until an answer that streams holds the text, None where it never does; the rest is read, too."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.perf_counter_ns()
    writer.write(request.encode())
    found = await _until(reader, needle.encode())
    writer.close()
    return found and found - begun


async def first_of_turn(port: int, question: str, events: str, needle: str) -> int | None:
    """The same of a turn: it is asked for, then its events are followed on a second connection, as a page does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    listening, following = await asyncio.open_connection("127.0.0.1", port)
    begun = time.perf_counter_ns()
    writer.write(question.encode())
    _, body = await _read_answer(reader)
    following.write(events.replace("TURN", json.loads(body)["turn"]["id"]).encode())
    found = await _until(listening, needle.encode())
    writer.close()
    following.close()
    return found and found - begun


async def _until(reader: asyncio.StreamReader, needle: bytes) -> int | None:
    """When the text had come. Reads on to the end of the chunks."""
    seen, found = b"", None
    while not seen.endswith(b"\r\n0\r\n\r\n"):
        piece = await asyncio.wait_for(reader.read(_PIECE), _PATIENCE)
        if not piece:
            raise ConnectionError(f"the stream broke off: {seen[-300:]!r}")
        seen += piece
        if found is None and needle in seen:
            found = time.perf_counter_ns()
    return found


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
    status = int(head.split(b" ", 2)[1])
    fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    length = next(int(value) for name, _, value in fields if name == b"content-length")
    body = await reader.readexactly(length)
    if status not in {200, 201}:
        raise ValueError(f"answered {status}: {body[:300]!r}")
    return status, body


class _Streams:
    """Event streams that stay open from one call to the next."""

    def __init__(self) -> None:
        self._open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def open(self, port: int, request: str, many: int) -> int:
        """How many have begun."""
        self._open = [await asyncio.open_connection("127.0.0.1", port) for _ in range(many)]
        for _, writer in self._open:
            writer.write(request.encode())
        began = [asyncio.wait_for(reader.readuntil(b"\nid: "), _PATIENCE) for reader, _ in self._open]
        return len(await asyncio.gather(*began))

    async def told(self, port: int, request: str, needle: str) -> list[int]:
        """How long after a request was sent each stream had told of it; those that did not are left out."""
        begun = time.perf_counter_ns()
        waiting = [asyncio.create_task(self._wait(reader, needle.encode())) for reader, _ in self._open]
        await fetch(port, request)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        return [each - begun for each in ended if isinstance(each, int)]

    async def _wait(self, reader: asyncio.StreamReader, needle: bytes) -> int:
        await asyncio.wait_for(reader.readuntil(needle), _PATIENCE)
        return time.perf_counter_ns()

    async def close(self) -> None:
        for _, writer in self._open:
            writer.close()
        self._open = []


async def main() -> None:
    streams = _Streams()
    calls = {
        "race": race,
        "fetch": fetch,
        "first_of_completion": first_of_completion,
        "first_of_turn": first_of_turn,
        "open": streams.open,
        "told": streams.told,
        "close": streams.close,
    }
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        try:
            answer = {"result": await calls[asked["call"]](**asked["arguments"])}
        except Exception as exc:  # noqa: BLE001  (told to whoever asked)
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main())
