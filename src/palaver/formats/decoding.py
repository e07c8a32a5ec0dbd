"""One JSON value from its bytes, taking what people's programs really write."""

import json
import math
import re
from typing import Any, NamedTuple

import msgspec

from palaver.errors import PalaverError

MAX_DIGITS = 300

_LONE = re.compile("[\ud800-\udfff]")


class Unusable(PalaverError):
    """One value cannot be taken; the cursor stands behind it and may go on."""


class Decoded(NamedTuple):
    """A value, and how many characters of it had to become U+FFFD."""

    value: Any
    replaced: int


def decode(raw: bytes) -> Decoded:
    """One JSON value. Lone surrogates and bytes that are no UTF-8 become U+FFFD and are counted. Raises `Unusable`.

    Numbers that no double holds, and NaN, are kept as the text they stand as.
    """
    try:
        return Decoded(msgspec.json.decode(raw), 0)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(raw)


def _decode_leniently(raw: bytes) -> Decoded:
    try:
        # A byte that is no UTF-8 becomes a lone surrogate, so that one walk finds both kinds.
        value = _lenient.decode(raw.decode("utf-8", "surrogateescape").strip())
    except RecursionError:
        raise Unusable("nested too deeply") from None
    except ValueError as exc:
        raise Unusable(f"no JSON value: {exc}") from None
    return mend(value)


def _float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _int(text: str) -> int | str:
    return int(text) if len(text) <= MAX_DIGITS else text


_lenient = json.JSONDecoder(strict=False, parse_float=_float, parse_int=_int, parse_constant=str)


def mend(value: Any) -> Decoded:
    """The same value with U+FFFD for each lone surrogate."""
    count = 0

    def walk(value: Any) -> Any:
        nonlocal count
        if isinstance(value, str):
            mended, found = _LONE.subn("\ufffd", value)
            count += found
            return mended
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {walk(key): walk(item) for key, item in value.items()}
        return value

    return Decoded(walk(value), count)
