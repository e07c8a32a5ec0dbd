"""JSON with two spaces of indent, as `JSON.stringify(value, null, 2)` writes it, one element at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import msgspec

from palaver.wire import encode

_CLOSING = {b"{": b"}", b"[": b"]"}


class PrettyWriter:
    """Writes one JSON value piece by piece. `name` is given within an object, and there only."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._counts: list[int] = []

    @contextmanager
    def object(self, name: str | None = None) -> Iterator[None]:
        """What is put inside are its fields."""
        with self._bracket(b"{", name):
            yield

    @contextmanager
    def array(self, name: str | None = None) -> Iterator[None]:
        """What is put inside are its elements."""
        with self._bracket(b"[", name):
            yield

    def put(self, value: Any, name: str | None = None) -> None:
        """A whole value."""
        self._lead(name)
        text = msgspec.json.format(encode(value), indent=2)
        self._out.write(text.replace(b"\n", self._line()))

    @contextmanager
    def _bracket(self, opening: bytes, name: str | None) -> Iterator[None]:
        self._lead(name)
        self._out.write(opening)
        self._counts.append(0)
        yield
        filled = self._counts.pop()
        self._out.write((self._line() if filled else b"") + _CLOSING[opening])

    def _lead(self, name: str | None) -> None:
        if self._counts:
            self._out.write((b"," if self._counts[-1] else b"") + self._line())
            self._counts[-1] += 1
        if name is not None:
            self._out.write(encode(name) + b": ")

    def _line(self) -> bytes:
        return b"\n" + b"  " * len(self._counts)
