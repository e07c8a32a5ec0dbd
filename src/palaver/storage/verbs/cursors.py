"""Cursors: opaque to who passes them on, checked when they come back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec

from palaver.errors import Invalid
from palaver.store import MAX_PAGE


def encode_cursor(kind: str, *values: Any) -> str:
    return urlsafe_b64encode(msgspec.json.encode((kind, *values))).decode().rstrip("=")


def decode_cursor(cursor: str, kind: str, *types: type) -> Any:
    """The values of a cursor of this kind. Raises `Invalid` for anything else."""
    try:
        raw = msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, msgspec.MsgspecError) as exc:
        raise _bad() from exc
    if not isinstance(raw, list) or len(raw) != len(types) + 1 or raw[0] != kind:
        raise _bad()
    if not all(type(value) is type_ for value, type_ in zip(raw[1:], types, strict=True)):
        raise _bad()
    return raw[1:]


def check_limit(limit: int, most: int = MAX_PAGE) -> int:
    """A page's size, cut to what one page may hold. Raises `Invalid` below 1."""
    if not isinstance(limit, int) or limit < 1:
        raise Invalid(f"limit must be a whole number of at least 1, not {limit!r}", field="limit")
    return min(limit, most)


def _bad() -> Invalid:
    return Invalid("this cursor does not belong to this list: start again without one", field="cursor")
