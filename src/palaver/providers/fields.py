"""Fields of what servers send, taken as what they should be."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from palaver.providers.text import mend

DEEPEST = 100


def text(value: Any) -> str:
    """A string as it is, the text of content that comes in parts, else nothing."""
    if isinstance(value, list):
        return "".join(text(item.get("text")) for item in dicts(value))
    return value if isinstance(value, str) else ""


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing where there is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, empty where there is none."""
    return value if isinstance(value, dict) else {}


def whole(value: Any) -> int | None:
    """A count."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def positive(value: Any) -> int | None:
    return whole(value) or None


def arguments(text: str) -> Any:
    """What a call is given: the JSON of a text, or the text itself where a model wrote none."""
    if not text.strip():
        return {}
    try:
        return mended(json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return mend(text)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def mended(value: Any, depth: int = 0) -> Any:
    """The same value as JSON has it and a store takes it.

    No lone surrogates; numbers that are none, and what is nested deeper than `DEEPEST`, as text.
    """
    match value:
        case str():
            return mend(value)
        case float():
            return value if isfinite(value) else str(value)
        case dict() | list() if depth > DEEPEST:
            return mend(json.dumps(value))
        case dict():
            return {mend(key): mended(item, depth + 1) for key, item in value.items()}
        case list():
            return [mended(item, depth + 1) for item in value]
        case _:
            return value
