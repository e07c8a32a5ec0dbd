"""The one JSON shape of the values: camelCase, RFC 3339 with milliseconds. REST, exports and `--json` use it."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from palaver.errors import Invalid
from palaver.model import Time

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """Any value of `model.py`, or a list or dict of them, as JSON bytes."""
    return _encoder.encode(value)


def to_builtins(value: Any) -> Any:
    """The same as dicts, lists, strings and numbers, for a renderer."""
    return msgspec.to_builtins(value, enc_hook=_encode_time, str_keys=True)


def decode(data: bytes | str, type: type[T]) -> T:
    """JSON as a value of `type`. Raises `Invalid` that names the first bad field."""
    try:
        return msgspec.json.decode(data, type=type, dec_hook=_decode_time)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Invalid(f"not a valid {type.__name__}: {exc}") from exc


def convert(value: Any, type: Any, *, strict: bool = True) -> Any:
    """Builtins as a value of `type`, the opposite of `to_builtins`. Raises `Invalid`.

    Without `strict` numbers and truth values may stand as text, as they do in an address.
    """
    try:
        return msgspec.convert(value, type=type, strict=strict, dec_hook=_decode_time)
    except (msgspec.MsgspecError, RecursionError) as exc:
        raise Invalid(f"not a valid {getattr(type, '__name__', 'value')}: {exc}") from exc


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, such as 2026-01-27T09:00:00.000Z."""
    return str(Time.of(moment))


def parse_time(text: str) -> Time:
    """An ISO 8601 or RFC 3339 instant; without an offset it is taken as UTC. Raises `Invalid`."""
    try:
        return Time.of(datetime.fromisoformat(text))
    except (ValueError, OverflowError, TypeError) as exc:
        raise Invalid(f"not a time such as 2026-01-27T09:00:00.000Z: {text!r}") from exc


def _encode_time(value: Any) -> str:
    if isinstance(value, Time):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON shape")


def _decode_time(type: type, value: Any) -> Any:
    if type is Time:
        return parse_time(value)
    raise NotImplementedError(type.__name__)


_encoder = msgspec.json.Encoder(enc_hook=_encode_time)
