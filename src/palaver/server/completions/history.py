"""The messages of a request as those of a conversation."""

import base64
import binascii
from collections.abc import Callable, Sequence
from mimetypes import guess_extension
from typing import Any, NamedTuple

from palaver.errors import Invalid
from palaver.formats.openai_messages import parts_of, role_of
from palaver.model import File, NewMessage, Part, Reasoning, Text, join_parts
from palaver.providers.text import mend

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

Put = Callable[[bytes, str, str], File]
"""Stores a file's content by its name and its type."""


class History(NamedTuple):
    """`system_prompt` is what stands before all else; `messages` what follows it."""

    system_prompt: str | None
    messages: list[NewMessage]


def read_history(messages: Sequence[dict[str, Any]], put: Put) -> History:
    """Images and files that came along are stored. Raises `Invalid` for a role there is not."""
    names: dict[str, str] = {}
    made = [_message(at, message, names, put) for at, message in enumerate(messages)]
    # Where nothing else is asked, the instructions are the question.
    first = next((at for at, message in enumerate(made) if message.role != "system"), 0)
    prompt = "\n\n".join(message.text for message in made[:first])
    return History(prompt or None, made[first:])


def _message(at: int, message: dict[str, Any], names: dict[str, str], put: Put) -> NewMessage:
    if message["role"] not in ROLES:
        raise Invalid(
            f"messages[{at}] has the role {message['role'][:40]!r}; there are: {', '.join(ROLES)}",
            field="messages",
        )
    role = role_of(message)
    if role == "tool":
        return NewMessage(role=role, parts=_sound(parts_of(message, names)))
    content = message.get("content")
    if not isinstance(content, str | list | None):
        raise Invalid(f"the content of messages[{at}] must be text or a list", field="messages")
    pieces = content if isinstance(content, list) else []
    files = {number: file for number, piece in enumerate(pieces) if (file := _file(piece, put)) is not None}
    parts = list(parts_of({**message, "content": content}, names))
    if files:
        begin = isinstance(parts[0], Reasoning)
        for number, file in files.items():
            parts[begin + number] = file
    return NewMessage(role=role, parts=_sound(tuple(parts)))


def _sound(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Without lone surrogates, which no store takes."""
    return join_parts([Text(mend(part.text)) if isinstance(part, Text) else part for part in parts])


def _file(piece: Any, put: Put) -> File | None:
    """The file in a piece of content that carries one; what is only an address stays an address."""
    if not isinstance(piece, dict):
        return None
    match piece.get("type"):
        case "image_url":
            value = piece.get("image_url")
            url = value.get("url") if isinstance(value, dict) else value
            return _stored(url, "image", put)
        case "file":
            value = piece.get("file")
            if isinstance(value, dict):
                return _stored(value.get("file_data"), value.get("filename") or "file", put)
        case _:
            return None
    return None


def _stored(url: Any, name: str, put: Put) -> File | None:
    if not isinstance(url, str) or not url.startswith("data:"):
        return None
    head, _, data = url[5:].partition(",")
    mime = head.partition(";")[0] or "application/octet-stream"
    if not head.endswith(";base64"):
        return None
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise Invalid(f"the data of {name} is no base64: {exc}", field="messages") from exc
    named = name if "." in name else name + (guess_extension(mime) or "")
    return put(content, named, mime)
