"""JSON taken from a stream in slices.

A `Cursor` walks arrays and objects of any size and hands out the bytes of single values, so that memory follows the
largest value and not the file, a value that cannot be used is passed over and the next one read, and nothing nested
too deeply ever reaches a recursive parser.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from palaver.errors import PalaverError
from palaver.formats.decoding import Unusable, decode

CHUNK = 1 << 18
MAX_VALUE = 1 << 29
MAX_DEPTH = 200
MAX_SCALAR = 1 << 16
BOM = b"\xef\xbb\xbf"

_SPACE = re.compile(rb"[ \t\r\n]*")
_BETWEEN = re.compile(rb'(?:[^]{}\["]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
_SCALAR = re.compile(rb"[^][{},:\"\s]+")
_QUOTE = ord('"')


class Broken(PalaverError):
    """The stream ends or changes in a place from which its structure cannot be followed further."""

    def __init__(self, why: str, offset: int) -> None:
        super().__init__(f"{why} at byte {offset}")
        self.offset = offset


class Source:
    """Reads anywhere in a seekable stream; several cursors may share one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at = stream.tell()
        self.furthest = 0

    def read(self, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; empty at the end."""
        if offset != self._at:
            self._stream.seek(offset)
        data = self._stream.read(size)
        self._at = offset + len(data)
        self.furthest = max(self.furthest, self._at)
        return data


class _Window:
    """The part of a source that is in memory: `buffer` begins at byte `base`, `at` is the place within it."""

    def __init__(self, source: Source, offset: int) -> None:
        self.source = source
        self.buffer = b""
        self.base = offset
        self.at = 0

    @property
    def offset(self) -> int:
        return self.base + self.at

    def more(self, *, keep: bool = False) -> bool:
        """Read on; what lies before `at` is let go. With `keep` the reads double, so that joining stays linear."""
        rest = self.buffer[self.at :]
        chunk = self.source.read(self.base + len(self.buffer), max(CHUNK, len(rest)) if keep else CHUNK)
        self.base += self.at
        self.at = 0
        self.buffer = rest + chunk
        return bool(chunk)

    def peek(self) -> bytes:
        while True:
            match = _SPACE.match(self.buffer, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.buffer):
                return self.buffer[self.at : self.at + 1]
            if not self.more():
                return b""

    def ahead(self, size: int) -> bytes:
        while len(self.buffer) - self.at < size and self.more():
            pass
        return self.buffer[self.at : self.at + size]


class Cursor:
    """A place in a JSON text. Each element and field must be used (`value`, `items`, `fields`) or is passed over."""

    def __init__(self, source: Source, offset: int = 0) -> None:
        self._window = _Window(source, offset)
        if offset == 0 and self._window.ahead(3) == BOM:
            self._window.at = 3

    @property
    def offset(self) -> int:
        """Bytes from the beginning of the stream."""
        return self._window.offset

    def peek(self) -> bytes:
        """The next byte that is no white space; empty at the end. It is not consumed."""
        return self._window.peek()

    def items(self) -> Iterator[int]:
        """The offset of each element of the array that begins here."""
        self._expect(b"[")
        if self._ends(b"]"):
            return
        while True:
            yield from self._here()
            if self._separator(b"]"):
                return

    def fields(self) -> Iterator[str]:
        """The name of each field of the object that begins here, the cursor before its value."""
        self._expect(b"{")
        if self._ends(b"}"):
            return
        while True:
            if self.peek() != b'"':
                raise Broken("a field's name is missing", self.offset)
            name = _name(self.value())
            self._expect(b":")
            for _ in self._here():
                yield name
            if self._separator(b"}"):
                return

    def value(self) -> bytes:
        """The bytes of the value that begins here. Raises `Unusable` for one that is too large or nested too deeply."""
        return self._slice(keep=True)

    def skip(self) -> None:
        """Pass over the value that begins here, whatever its size and depth."""
        with suppress(Unusable):
            self._slice(keep=False)

    def _here(self) -> Iterator[int]:
        self.peek()
        start = self.offset
        yield start
        if self.offset == start:
            self.skip()

    def _ends(self, closing: bytes) -> bool:
        if self.peek() != closing:
            return False
        self._window.at += 1
        return True

    def _separator(self, closing: bytes) -> bool:
        byte = self.peek()
        if byte not in (b",", closing):
            raise Broken("a comma is missing" if byte else "the text ends", self.offset)
        self._window.at += 1
        return byte == closing

    def _expect(self, byte: bytes) -> None:
        found = self.peek()
        if found != byte:
            what = repr(found.decode("latin-1")) if found else "the end"
            raise Broken(f"{what} where {byte.decode()!r} belongs", self.offset)
        self._window.at += 1

    def _slice(self, *, keep: bool) -> bytes:
        if self.peek() in (b"{", b"[", b'"'):
            return _Walk(self._window, keep).run()
        return self._scalar()

    def _scalar(self) -> bytes:
        found, window = b"", self._window
        while match := _SCALAR.match(window.buffer, window.at):
            found += match[0]
            window.at = match.end()
            if len(found) > MAX_SCALAR or window.at < len(window.buffer) or not window.more():
                break
        if not 0 < len(found) <= MAX_SCALAR:
            raise Broken("a value is missing", self.offset)
        return found


def _name(raw: bytes) -> str:
    try:
        return str(decode(raw).value)
    except Unusable:
        return raw.decode("utf-8", "replace")


class _Walk:
    """Finds the end of one string, array or object by its quotes and brackets alone."""

    def __init__(self, window: _Window, keep: bool) -> None:
        self.window = window
        self.keep = keep
        self.start = window.offset
        self.depth = 0
        self.deepest = 0
        self.inside = False
        self.done = False

    def run(self) -> bytes:
        """The bytes of the value, empty where they are not kept; the window stands behind it."""
        at = self.window.at
        if self.window.buffer[at] == _QUOTE:
            self.inside, at = True, at + 1
        while True:
            at = self._walk(self.window.buffer, at)
            if self.done:
                return self._end(at)
            at = self._refill(at)

    def _walk(self, buffer: bytes, at: int) -> int:
        """As far as the buffer goes; what stands between brackets is passed over in one step."""
        while True:
            if self.inside:
                at = self._string(buffer, at)
                if self.inside or self.done:
                    return at
            between = _BETWEEN.match(buffer, at)
            at = between.end() if between else at
            if at == len(buffer):
                return at
            self._bracket(buffer[at])
            at += 1
            if self.done:
                return at

    def _string(self, buffer: bytes, at: int) -> int:
        """To the string's end, or to where the buffer ends within it, never between a backslash and its character."""
        match = _STRING.match(buffer, at)
        self.inside = match is None or not match[1]
        self.done = not self.inside and self.depth == 0
        return match.end() if match else at

    def _bracket(self, byte: int) -> None:
        if byte == _QUOTE:
            self.inside = True  # Its end is not in the buffer, or it would have been passed over.
        elif byte in b"{[":
            self.depth += 1
            self.deepest = max(self.deepest, self.depth)
        else:
            self.depth -= 1
            self.done = self.depth == 0

    def _refill(self, at: int) -> int:
        window = self.window
        place = window.base + at
        self.keep = self.keep and place - self.start <= MAX_VALUE
        if not self.keep:
            window.at = at
        if not window.more(keep=self.keep):
            raise Broken("the text ends within a value that began", self.start)
        return place - window.base

    def _end(self, at: int) -> bytes:
        window = self.window
        size = window.base + at - self.start
        raw = window.buffer[window.at : at] if self.keep else b""
        window.at = at
        if self.deepest > MAX_DEPTH:
            raise Unusable(f"nested {self.deepest:,} deep; {MAX_DEPTH} is the most that is read")
        if size > MAX_VALUE:
            raise Unusable(f"one value of {size:,} bytes; {MAX_VALUE:,} is the most that is read")
        return raw


def lines(source: Source) -> Iterator[tuple[int, bytes | None, bool]]:
    """Number from 1, bytes without the line feed (None where it is longer than `MAX_VALUE`), whether the end was there."""
    rest, offset, number = b"", 3 if source.read(0, 3) == BOM else 0, 1
    long = False
    while chunk := source.read(offset, max(CHUNK, len(rest))):
        offset += len(chunk)
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield number, None if long or len(line) > MAX_VALUE else line, True
            number, long = number + 1, False
        if len(rest) > MAX_VALUE:
            rest, long = b"", True
    if rest or long:
        yield number, None if long else rest, False
