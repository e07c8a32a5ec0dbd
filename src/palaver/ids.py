"""Ids: UUIDv7 (RFC 9562), text outside, 16 bytes in a database.

Ids made in one process ascend, also within a millisecond and when the clock is set back.
"""

import os
import struct
import threading
import time

from palaver.errors import Invalid

_lock = threading.Lock()
_last = 0
# Random, drawn many at a time: asking the system for each takes longer than the rest of an id.
_tails: list[int] = []
_draw = struct.Struct("64Q")
_SEQUENCE_BITS = 12
_MASK_48 = (1 << 48) - 1


def new_id() -> str:
    """A new UUIDv7 as text, greater than every earlier one of this process."""
    return from_bytes(new_bytes())


def new_bytes() -> bytes:
    """A new UUIDv7 as 16 bytes: 48 bits of milliseconds, 12 bits of order within one, 62 random bits."""
    global _last  # noqa: PLW0603  (the order of ids belongs to the process, as the clock does)
    stamp = (time.time_ns() // 1_000_000) << _SEQUENCE_BITS
    with _lock:
        _last = stamp = max(stamp, _last + 1)
        if not _tails:
            _tails.extend(_draw.unpack(os.urandom(_draw.size)))
        tail = _tails.pop() & ((1 << 62) - 1) | (0b10 << 62)
    milliseconds = (stamp >> _SEQUENCE_BITS) & _MASK_48
    sequence = stamp & 0xFFF
    return (((milliseconds << 16 | 0x7000 | sequence) << 64) | tail).to_bytes(16)


def _begin_anew() -> None:
    """In a forked process: the parent has the same tails, and a thread that is not here may hold the lock."""
    global _lock  # noqa: PLW0603  (see above)
    _lock = threading.Lock()
    _tails.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def from_bytes(raw: bytes) -> str:
    """The canonical text of 16 bytes."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def to_bytes(text: str, *, field: str = "id") -> bytes:
    """The 16 bytes of a UUID's text (any version, with or without hyphens). Raises `Invalid`."""
    raw = find_bytes(text)
    if raw is None:
        raise Invalid(f"{field} must be a UUID such as 01234567-89ab-7cde-8f01-23456789abcd", field=field)
    return raw


def find_bytes(text: str) -> bytes | None:
    """Like `to_bytes`, but None for what is no UUID: an id that cannot exist is not found, not an error."""
    if not isinstance(text, str) or len(text) not in (32, 36) or not text.isascii():
        return None
    if len(text) == 36 and not (text[8] == text[13] == text[18] == text[23] == "-"):
        return None
    try:
        raw = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return None
    return raw if len(raw) == 16 else None


def short(id: str) -> str:
    """The last 8 digits, which people see: the first ones are the time and look alike."""
    return id[-8:]
