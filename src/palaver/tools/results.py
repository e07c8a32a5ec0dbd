"""What a server's tool gave back, as a model and a person are told it."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from palaver.tools.base import Returned
from palaver.tools.text import mend, quote

if TYPE_CHECKING:  # a second of imports, which whoever connects pays
    from mcp.types import BlobResourceContents, CallToolResult, ContentBlock, TextResourceContents

MAX_CHARACTERS = 60_000
"""What a model is told of one result, about 15,000 tokens."""


def translate(result: "CallToolResult", *, limit: int = MAX_CHARACTERS) -> Returned:
    """Texts joined by line breaks, or structured content where it says as much; of anything else its name."""
    told = list(_told(result.content))
    texts = [block.text for block in result.content if block.type == "text"]
    content = _joined("\n".join(told), texts if texts == told else [], result.structured_content)
    return Returned(shorten(content, limit), is_error=result.is_error)


def _joined(text: str, texts: list[str], structured: Any) -> Any:
    if structured is None:
        return text
    if not text or [structured] == [_parsed(one) for one in texts]:
        return structured
    return text if _says(texts, structured) else f"{text}\n{_json(structured)}"


def shorten(content: Any, limit: int) -> Any:
    """Content of at most about `limit` characters: its beginning and its end, with the number of those left out between."""
    text = content if isinstance(content, str) else _json(content)
    if len(text) <= limit:
        return mend(content) if isinstance(content, str) else json.loads(mend(text))
    tail = limit // 4
    head = limit - tail
    cut = f"\n[… {len(text) - limit} of {len(text)} characters left out: the result is too long …]\n"
    return mend(text[:head] + cut + text[len(text) - tail :])


def _told(blocks: Sequence["ContentBlock"]) -> Iterator[str]:
    for block in blocks:
        match block.type:
            case "text":
                yield block.text
            case "image" | "audio":
                yield f"[{block.type}, {quote(block.mime_type)}, {_size(block.data)}: not shown]"
            case "resource":
                yield _resource(block.resource)
            case "resource_link":
                yield f"[resource {quote(block.name)}: {quote(str(block.uri))}]"


def _resource(resource: "TextResourceContents | BlobResourceContents") -> str:
    text = getattr(resource, "text", None)
    if isinstance(text, str):
        return text
    blob = getattr(resource, "blob", "")
    mime = quote(resource.mime_type or "application/octet-stream")
    return f"[resource {quote(str(resource.uri))}, {mime}, {_size(blob)}: not shown]"


def _size(base64: str) -> str:
    return f"{len(base64.rstrip('=')) * 3 // 4} bytes"


def _says(texts: list[str], structured: Any) -> bool:
    """Whether the texts say the same: one for each item, or as servers wrap what is no object."""
    value = (
        structured["result"] if isinstance(structured, dict) and set(structured) == {"result"} else structured
    )
    return any(reading in (value, [value]) for reading in (texts, [_parsed(text) for text in texts]))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _json(value: Any) -> str:
    """JSON of any value that came as JSON; what JSON itself has no word for (NaN) is null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and value - value != 0 else value
