"""How Python's values go to PostgreSQL and come back.

Everything is sent untyped, in binary: the casts of `statements` say what it is. PostgreSQL's text holds no NUL: it is
escaped by U+0010, which is doubled; a text that begins with U+0010 and j is a message's JSON and comes back as bytes.
"""

import re
from collections.abc import Sequence
from struct import Struct, pack
from typing import Any, ClassVar

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.types.numeric import NumericBinaryLoader

from palaver.storage.postgres.statements import JSON_BODY

_ESCAPE, _NUL = "\x10", "\0"
_ESCAPED = re.compile("\x10(.)", re.DOTALL)
_pack_number = Struct("!q").pack
_pack_length = Struct("!i").pack
_pack_sized_number = Struct("!iq").pack
_NULL = _pack_length(-1)
_BIGINT, _BYTEA, _TEXT = 20, 17, 25


def adapt(connection: Connection[Any]) -> None:
    """Make the connection speak so."""
    adapters = connection.adapters
    adapters.register_dumper(int, _NumberDumper)
    adapters.register_dumper(bool, _TruthDumper)
    adapters.register_dumper(str, _TextDumper)
    adapters.register_dumper(bytes, _BytesDumper)
    adapters.register_dumper(Numbers, _NumbersDumper)
    adapters.register_dumper(Blobs, _BlobsDumper)
    adapters.register_dumper(Texts, _TextsDumper)
    for name in ("text", "varchar", "name"):
        adapters.register_loader(name, _TextLoader)
    adapters.register_loader("json", _JsonLoader)
    adapters.register_loader("numeric", _WholeLoader)


def escape(text: str) -> str:
    if _NUL in text or _ESCAPE in text:
        return text.replace(_ESCAPE, _ESCAPE * 2).replace(_NUL, _ESCAPE + "0")
    return text


def unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: _NUL if match[1] == "0" else match[1], text)


class Numbers(tuple[int | None, ...]):
    """A column of bigint, to be sent as one array."""

    __slots__ = ()


class Blobs(tuple[bytes | None, ...]):
    """A column of bytea."""

    __slots__ = ()


class Texts(tuple[str | bytes | None, ...]):
    """A column of text; bytes are UTF-8 that is written as it is."""

    __slots__ = ()


class _Binary(Dumper):
    format = Format.BINARY
    oid = 0


class _NumberDumper(_Binary):
    def dump(self, obj: int) -> bytes:
        if -(1 << 63) <= obj < 1 << 63:
            return _pack_number(obj)
        raise OverflowError(f"{obj} does not fit into 64 bits")


class _TruthDumper(_Binary):
    def dump(self, obj: bool) -> bytes:
        return b"\1" if obj else b"\0"


class _TextDumper(_Binary):
    def dump(self, obj: str) -> bytes:
        return escape(obj).encode()


class _BytesDumper(_Binary):
    def dump(self, obj: bytes) -> bytes:
        return obj


class _ArrayDumper(_Binary):
    element: ClassVar[int]

    def dump(self, obj: Sequence[Any]) -> bytes:
        # Dimensions, whether NULLs may come, the elements' type, how many, the first one's number.
        return pack("!iIIii", 1, 1, self.element, len(obj), 1) + b"".join(map(self.item, obj))

    @staticmethod
    def item(value: Any) -> bytes:
        raise NotImplementedError


class _NumbersDumper(_ArrayDumper):
    element = _BIGINT

    @staticmethod
    def item(value: int | None) -> bytes:
        return _NULL if value is None else _pack_sized_number(8, value)


class _BlobsDumper(_ArrayDumper):
    element = _BYTEA

    @staticmethod
    def item(value: bytes | None) -> bytes:
        return _NULL if value is None else _pack_length(len(value)) + value


class _TextsDumper(_ArrayDumper):
    element = _TEXT

    @staticmethod
    def item(value: str | bytes | None) -> bytes:
        if value is None:
            return _NULL
        data = value if type(value) is bytes else escape(value).encode()  # type: ignore[arg-type]
        return _pack_length(len(data)) + data


class _TextLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str | bytes:
        text = str(data, "utf-8")
        if _ESCAPE not in text:
            return text
        if text.startswith(JSON_BODY):
            return text[len(JSON_BODY) :].encode()
        return unescape(text)


class _JsonLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


class _WholeLoader(NumericBinaryLoader):
    """Sums of whole numbers, which PostgreSQL makes numeric."""

    def load(self, data: Buffer) -> int:  # type: ignore[override]
        return int(super().load(data))
