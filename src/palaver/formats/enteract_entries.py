"""One entry of Enteract's history, made from a stored message and made into parts."""

import base64
import binascii
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from palaver.formats.foreign import canonical, clean_name, ordered
from palaver.model import (
    Event,
    File,
    Message,
    Opaque,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from palaver.store import FileContent
from palaver.wire import encode, format_time

NAME = "enteract"
FIELDS = (
    "id",
    "text",
    "sender",
    "timestamp",
    "is_interim",
    "confidence",
    "source",
    "attachments",
    "thinking",
    "messageType",
    "metadata",
)
_THINKING = ("isVisible", "content", "isStreaming", "steps")
_ATTACHMENT = ("id", "type", "name", "size", "mimeType", "url", "base64Data", "thumbnail", "extractedText")
INLINE = 16 << 20

Contents = Callable[[str], bytes | None]
"""The content of a file by its digest, None where there is none."""

_ROLES: dict[Any, Role] = {
    "user": "user",
    "transcription": "user",
    "assistant": "assistant",
    "system": "system",
}
_NUMBER = re.compile(r"(-?\d+)(#\d+)?")


def entry_of(message: Message, contents: Contents) -> dict[str, Any]:
    """A message in Enteract's shape; `id` is None where the message did not come from there with a number."""
    opaque = _opaque(message)
    return {
        "id": _number(message),
        "text": _text(message),
        "sender": _sender(message),
        "timestamp": format_time(message.created_at),
        "is_interim": None,
        "confidence": None,
        "source": None,
        "attachments": _attachments(message, opaque, contents),
        "thinking": _thinking(message, opaque),
        "messageType": "text",
        "metadata": _details(message),
    }


def _number(message: Message) -> int | None:
    if message.origin is None or message.origin.source != NAME:
        return None
    match = _NUMBER.fullmatch(message.origin.id)
    return int(match[1]) if match else None


def _sender(message: Message) -> str:
    if message.role == "user":
        return "transcription" if message.metadata.get("source") == "transcription" else "user"
    return "assistant" if message.role == "assistant" else "system"


def _text(message: Message) -> str:
    lines = [message.text] if any(isinstance(part, Text) for part in message.parts) else []
    lines.extend(line for part in message.parts if (line := _line(part)))
    return "\n\n".join(lines)


def _line(part: Part) -> str:
    """What Enteract has no shape for, as text."""
    match part:
        case ToolCall(name=name, args=args):
            return f"→ {name} {canonical(args).decode()}"
        case ToolResult(return_display=str() as shown):
            return shown
        case ToolResult(llm_content=content):
            return content if isinstance(content, str) else canonical(content).decode()
        case Event(name=name):
            return name
        case _:
            return ""


def _details(message: Message) -> dict[str, Any] | None:
    tokens = message.usage.output_tokens if message.usage else None
    details = {"model": message.model, "tokens": tokens}
    return {key: value for key, value in details.items() if value is not None} or None


def _opaque(message: Message) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in message.parts:
        if isinstance(part, Opaque) and part.source == NAME and isinstance(part.data, dict):
            merged |= part.data
    return merged


def _thinking(message: Message, opaque: dict[str, Any]) -> Any:
    text = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if not text and "thinking" not in opaque:
        return None
    rest: dict[str, Any] = opaque.get("thinking", {"isVisible": False, "isStreaming": False, "steps": []})
    return ordered(rest | {"content": text} if text else rest, _THINKING)


def _attachments(message: Message, opaque: dict[str, Any], contents: Contents) -> list[Any] | None:
    if "attachments" in opaque:
        return [ordered(_with_content(each, contents), _ATTACHMENT) for each in opaque["attachments"]]
    files = [part for part in message.parts if isinstance(part, File)]
    return [_attachment(file, contents) for file in files] or None


def _with_content(attachment: Any, contents: Contents) -> Any:
    held = attachment.get("base64Data") if isinstance(attachment, dict) else None
    if not isinstance(held, dict) or "file" not in held:
        return attachment
    content = contents(held["file"])
    data = held["prefix"] + base64.b64encode(content).decode() if content is not None else None
    return attachment | {"base64Data": data}


def _attachment(file: File, contents: Contents) -> dict[str, Any]:
    content = contents(file.digest) if file.size <= INLINE else None
    return {
        "id": file.digest[:16],
        "type": "image" if file.mime.startswith("image/") else "document",
        "name": file.name,
        "size": file.size,
        "mimeType": file.mime,
        "base64Data": base64.b64encode(content).decode() if content is not None else None,
    }


def role_of(entry: dict[str, Any]) -> Role:
    """The role of an entry's sender; an unknown one becomes a note, which is shown and never sent."""
    sender = entry["sender"]
    return _ROLES.get(sender, "note") if isinstance(sender, str) else "note"


def foreign_message_id(entry: dict[str, Any], seen: dict[str, int]) -> str:
    """The entry's id as text, numbered where an earlier entry of the session has the same."""
    own = entry["id"]
    name = str(own) if type(own) is int else f"?{encode(own).decode()[:100]}"
    seen[name] = number = seen.get(name, 0) + 1
    return name if number == 1 else f"{name}#{number}"


def parts_of(entry: dict[str, Any]) -> tuple[tuple[Part, ...], list[FileContent]]:
    """An entry's parts and the files they refer to; what has no part of its own is kept as it is."""
    text = entry["text"]
    parts: list[Part] = [Text(text if isinstance(text, str) else "")]
    files: list[FileContent] = []
    opaque: dict[str, Any] = {}
    if isinstance(entry["thinking"], dict):
        parts.extend(_reasoning(entry["thinking"], opaque))
    if isinstance(entry["attachments"], list):
        parts.extend(_files(entry["attachments"], opaque, files))
    if opaque:
        parts.append(Opaque(NAME, opaque))
    return tuple(parts), files


def _reasoning(thinking: dict[str, Any], opaque: dict[str, Any]) -> list[Part]:
    content = thinking.get("content")
    if not isinstance(content, str) or not content:
        opaque["thinking"] = thinking
        return []
    opaque["thinking"] = {key: value for key, value in thinking.items() if key != "content"}
    return [Reasoning(content)]


def _files(attachments: list[Any], opaque: dict[str, Any], files: list[FileContent]) -> list[Part]:
    parts: list[Part] = []
    kept = []
    for each in attachments:
        found = _content(each)
        if found is None:
            kept.append(each)
            continue
        prefix, content = found
        digest = sha256(content).hexdigest()
        name, mime = clean_name(each.get("name")), clean_name(each.get("mimeType"))
        parts.append(File(digest, name or "attachment", mime or "application/octet-stream", len(content)))
        files.append(FileContent(digest, content))
        kept.append(each | {"base64Data": {"file": digest, "prefix": prefix}})
    opaque["attachments"] = kept
    return parts


def _content(attachment: Any) -> tuple[str, bytes] | None:
    """What an attachment holds, after what of a data URL stands before it; None where it would not come back the same."""
    data = attachment.get("base64Data") if isinstance(attachment, dict) else None
    if not isinstance(data, str) or not data:
        return None
    start = data.find(",") + 1 if data.startswith("data:") else 0
    try:
        content = base64.b64decode(data[start:], validate=True)
    except (binascii.Error, ValueError):
        return None
    return (data[:start], content) if base64.b64encode(content).decode() == data[start:] else None
