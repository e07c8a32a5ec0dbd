"""Which format a file has, by its structure alone: names and endings of files say nothing."""

import re
from typing import BinaryIO

from palaver.errors import Invalid, Unavailable
from palaver.formats import enteract, html, markdown, ollm, ollm_snapshot, openai, palaver
from palaver.formats.base import Format
from palaver.formats.outline import Outline, outline
from palaver.formats.slices import BOM

FORMATS: dict[str, Format] = {
    "palaver": palaver.FORMAT,
    "ollm": ollm.FORMAT,
    "ollm-snapshot": ollm_snapshot.FORMAT,
    "enteract": enteract.FORMAT,
    "openai": openai.FORMAT,
    "markdown": markdown.FORMAT,
    "html": html.FORMAT,
}

LOOKED_AT = 1 << 18
_EMPTY = re.compile(rb"\s*\[\s*\]\s*")

# Each line: a format, and the fields of which all must be seen. The first that fits decides.
_MARKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ChatGPT", ("[].mapping",)),
    ("Claude.ai", ("[].chat_messages",)),
    ("Gemini Takeout", ("[].header", "[].time")),
    ("Open WebUI", ("[].chat.history",)),
    ("LibreChat", ("conversationId",)),
    ("Codex", ("timestamp", "type", "payload")),
    ("Gemini CLI", ("sessionId", "projectHash")),
    ("Claude Code", ("sessionId", "type")),
    ("Claude Code", ("uuid", "parentUuid")),
    ("ShareGPT", ("conversations",)),
    ("ShareGPT", ("[].conversations",)),
    ("Chatbot-UI", ("version", "history", "folders")),
    ("enteract", ("[].history",)),
    ("enteract", ("[].id", "[].title")),
    ("enteract", ("[].id", "[].createdAt")),
    ("enteract", ("chats", "chats[]")),
    ("ollm-snapshot", ("sessionId", "userMessages")),
    ("ollm-snapshot", ("sessionId", "version", "id")),
    ("ollm-snapshot", ("sessionId", "id", "messages[].content")),
    ("ollm", ("sessionId", "startTime")),
    ("ollm", ("sessionId", "lastActivity")),
    ("ollm", ("sessionId", "messages")),
    ("ollm", ("sessionId", "toolCalls")),
    ("ollm", ("messages[].parts",)),
    ("ollm", ("toolCalls[].args",)),
    ("openai", ("messages[].role",)),
    ("openai", ("messages[].content",)),
    ("openai", ("[].messages[].role",)),
    ("openai", ("[].messages[].content",)),
    ("openai", ("[].role", "[].content")),
    ("openai", ("[].role", "[].tool_calls")),
)


def detect(stream: BinaryIO) -> str:
    """The name of the stream's format; the stream stands at its beginning again. Raises `Invalid` for an unknown one."""
    try:
        beginning = b""
        while len(beginning) < LOOKED_AT and (more := stream.read(LOOKED_AT - len(beginning))):
            beginning += more
        stream.seek(0)
    except OSError as exc:
        raise Unavailable(f"the file cannot be read: {exc.strerror or exc}") from exc
    return _name(beginning.removeprefix(BOM))


def _name(beginning: bytes) -> str:
    if not beginning:
        raise Invalid("the file is empty: there is nothing to import")
    if beginning.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid("the file is UTF-16 text: save it as UTF-8 and import that")
    if _EMPTY.fullmatch(beginning):
        return "enteract"
    seen = outline(beginning)
    if seen is not None:
        return _json_name(seen)
    if markdown.is_ours(beginning):
        return "markdown"
    raise Invalid(_unknown())


def _json_name(seen: Outline) -> str:
    if seen.paths.get("type") == "palaver" and "version" in seen.paths:
        return "palaver"
    for name, fields in _MARKS:
        if seen.has(*fields):
            if name not in FORMATS:
                raise Invalid(f"this looks like a file of {name}, which cannot be imported yet")
            return name
    raise Invalid(_unknown())


def _unknown() -> str:
    readable = ", ".join(sorted(name for name, each in FORMATS.items() if each.read))
    return f"not any of the formats known here, by its structure; those are {readable}"
