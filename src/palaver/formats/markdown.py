"""Markdown that people read and that comes back: comments mark where a session, a message and a part begin.

Text stands as it is. Only a line of it that looks like such a comment gets a backslash before it, so that what a person
wrote is never taken for structure. Markdown without these marks is not read.
"""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from palaver.errors import Invalid
from palaver.formats.base import Context, Format, Item, Mended, Skipped
from palaver.formats.decoding import Unusable, mend
from palaver.formats.selection import Selection
from palaver.formats.slices import MAX_VALUE, Source, lines
from palaver.model import (
    Event,
    File,
    Message,
    Part,
    Reasoning,
    Role,
    Session,
    Text,
    ToolCall,
    ToolResult,
)
from palaver.store import SessionEnd, Store
from palaver.wire import convert, encode, format_time, to_builtins

_MARK = re.compile(r"<!-- palaver:(session|message|part|end)(?: (\{.*\}))? -->")
_BEGINNING = re.compile(rb"^<!-- palaver:session \{", re.MULTILINE)
_LIKE_A_MARK = re.compile(r"^(\\*<!-- palaver:)", re.MULTILINE)
_ESCAPED = re.compile(r"^\\(\\*<!-- palaver:)", re.MULTILINE)
_FENCE = re.compile(r"`{3,}")
_REASONING = ("<details><summary>Reasoning</summary>\n\n", "\n\n</details>")
_HEADINGS: dict[Role, str] = {
    "user": "You",
    "assistant": "Assistant",
    "system": "System",
    "tool": "Tool",
    "note": "Note",
}
_SESSION_LEFT_OUT = ("projectId", "headId", "messageCount", "tokenCount", "revision", "trashedAt")
_MESSAGE_LEFT_OUT = (
    "sessionId",
    "parentId",
    "position",
    "parts",
    "digest",
    "matchKey",
    "trashedAt",
    "purgedAt",
)


def is_ours(beginning: bytes) -> bool:
    """Whether these bytes begin a file that this module wrote."""
    return _BEGINNING.search(beginning) is not None


def write(selection: Selection, out: BinaryIO) -> None:
    """The branch that is shown of each session, one after the other; the first one's facts stand at the top."""
    for number, session in enumerate(selection.sessions()):
        if number == 0:
            out.write(_front_matter(session).encode())
        _write_session(selection.store, session, out)


def _front_matter(session: Session) -> str:
    facts = {
        "title": session.title,
        "id": session.id,
        "model": session.model,
        "provider": session.provider,
        "created": format_time(session.created_at),
        "updated": format_time(session.updated_at),
    }
    # A JSON string is a YAML string.
    return "---\n" + "".join(f"{k}: {encode(v).decode()}\n" for k, v in facts.items() if v) + "---\n\n"


def _write_session(store: Store, session: Session, out: BinaryIO) -> None:
    out.write(_mark("session", _facts(session, _SESSION_LEFT_OUT)).encode())
    out.write(f"# {session.title}\n\n".encode())
    if session.system_prompt:
        quoted = session.system_prompt.replace("\n", "\n> ")
        out.write(f"> {quoted}\n\n".encode())
    for message in store.messages(session.id, leaf_id=session.head_id):
        if message.status != "streaming":
            out.write(_message(message).encode())
    out.write(_mark("end").encode())


def _message(message: Message) -> str:
    who = _HEADINGS[message.role] + (f" ({message.model})" if message.model else "")
    heading = f"## {' '.join(who.split())} · {message.created_at:%Y-%m-%d %H:%M} UTC\n\n"
    pieces = [_mark("message", _facts(message, _MESSAGE_LEFT_OUT)), heading]
    for number, part in enumerate(message.parts):
        known, shown = _part(part)
        if number or not isinstance(part, Text):
            pieces.append(_mark("part", known))
        pieces.append(_LIKE_A_MARK.sub(r"\\\1", shown) + "\n\n")
    return "".join(pieces)


def _part(part: Part) -> tuple[dict[str, Any], str]:
    """What of a part stands in its mark, and what below it, for people and to be read again."""
    known: dict[str, Any] = to_builtins(part)
    match part:
        case Text(text=text):
            known, shown = {"type": "text"}, text
        case Reasoning(text=text):
            known, shown = {"type": "reasoning"}, _REASONING[0] + text + _REASONING[1]
        case ToolCall():
            shown = f"Calls `{_plain(part.name)}`"
        case ToolResult(llm_content=str() as content):
            del known["llmContent"]
            shown = _fenced(content)
        case ToolResult():
            shown = f"Result of `{_plain(part.name)}`"
        case File():
            shown = f"Attached: `{_plain(part.name)}` ({_plain(part.mime)}, {part.size:,} bytes)"
        case Event():
            shown = f"*{_plain(part.name)}*"
        case _:
            shown = ""
    return known, shown


def _fenced(text: str) -> str:
    fence = "`" * max((len(run) + 1 for run in _FENCE.findall(text)), default=3)
    return f"{fence}\n{text}\n{fence}"


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def _facts(value: Session | Message, left_out: tuple[str, ...]) -> dict[str, Any]:
    """The fields that are not as they are anyway."""
    facts: dict[str, Any] = to_builtins(value)
    usual = {
        field.encode_name
        for field in msgspec.structs.fields(value)
        if getattr(value, field.name) in (field.default, None, {})
    }
    return {key: fact for key, fact in facts.items() if key not in left_out and key not in usual}


def _mark(kind: str, facts: dict[str, Any] | None = None) -> str:
    if facts is None:
        return f"<!-- palaver:{kind} -->\n"
    # Within JSON text these two only stand in strings, and there they would end the comment.
    text = encode(facts).decode().replace("--", "-\\u002d").replace(">", "\\u003e")
    return f"<!-- palaver:{kind} {text} -->\n"


def read(source: Source, context: Context) -> Iterator[Item]:
    """The sessions of a file that `write` made."""
    return _Reader(source, context).run()


class _Reader:
    def __init__(self, source: Source, context: Context) -> None:
        self.source = source
        self.context = context
        self.session: Session | None = None
        self.head_id: str | None = None
        self.position = 0
        self.message: dict[str, Any] | None = None
        self.parts: list[Part] = []
        self.part: dict[str, Any] | None = None
        self.lines: list[str] = []
        self.size = 0
        self.where = ""
        self.windows = False

    def run(self) -> Iterator[Item]:
        for number, raw, _ in lines(self.source):
            where = f"line {number}"
            if raw is None:
                yield Skipped(where, f"longer than {MAX_VALUE:,} bytes")
                continue
            line = self._text(raw)
            match = _MARK.fullmatch(line.removesuffix("\r"))
            if match is None:
                yield from self._keep(line, where)
                continue
            self.windows = line.endswith("\r")
            try:
                yield from self._mark(match[1], match[2], where)
            except (Unusable, Invalid) as exc:
                yield Skipped(where, exc.message)
        if self.session is not None:
            yield Mended("the end", "the file ends without its last mark: what came after this was cut off")
        yield from self._close_session()

    def _keep(self, line: str, where: str) -> Iterator[Item]:
        """Lines of a part gather until its end; what stands outside of messages is for people alone."""
        if self.part is None:
            return
        self.lines.append(line)
        self.size += len(line)
        if self.size > MAX_VALUE:
            self.message = self.part = None
            yield Skipped(where, f"a message of more than {MAX_VALUE:,} characters")

    def _text(self, raw: bytes) -> str:
        text, replaced = mend(raw.decode("utf-8", "surrogateescape"))
        self.context.replaced += replaced
        self.context.weight += len(raw)
        return str(text)

    def _mark(self, kind: str, json: str | None, where: str) -> Iterator[Item]:
        if kind in ("message", "session", "end"):
            yield from self._close_message()
        else:
            self._close_part()
        self.lines, self.size = [], 0
        facts = self.context.decode(json.encode()) if json else {}
        if kind in ("session", "end"):
            yield from self._close_session()
        if kind == "session":
            yield self._open_session(facts)
        elif kind == "message":
            self.message, self.parts, self.where = facts, [], where
            self.part = {"type": "text", "heading": True}
        elif kind == "part":
            self.part = facts

    def _open_session(self, facts: dict[str, Any]) -> Session:
        self.head_id, self.position = None, 0
        self.session = convert({**facts, "projectId": self.context.project_id}, Session)
        return self.session

    def _close_session(self) -> Iterator[Item]:
        yield from self._close_message()
        if self.session is not None:
            facts = {**to_builtins(self.session), "headId": self.head_id}
            yield SessionEnd(convert(facts, Session))
        self.session = None

    def _close_message(self) -> Iterator[Item]:
        self._close_part()
        facts, self.message = self.message, None
        if facts is None:
            return
        if self.session is None:
            yield Skipped(self.where, "no session stands before it that could be read")
            return
        facts["sessionId"], facts["parentId"] = self.session.id, self.head_id
        facts["position"], facts["parts"] = self.position + 1, to_builtins(self.parts)
        try:
            message: Message = convert(facts, Message)
        except Invalid as exc:
            yield Skipped(self.where, exc.message)
            return
        self.head_id, self.position = message.id, message.position
        yield message

    def _close_part(self) -> None:
        facts, self.part = self.part, None
        if facts is None:
            return
        heading = facts.pop("heading", False)
        text = self._content(self.lines[2:] if heading else self.lines)
        if not heading or text is not None:
            self.parts.append(_read_part(facts, text or ""))

    def _content(self, found: list[str]) -> str | None:
        """The text of the lines, as it was before it was written; None where there is none at all."""
        if not found:
            return None
        whole = "\n".join(line.removesuffix("\r") for line in found) if self.windows else "\n".join(found)
        return _ESCAPED.sub(r"\1", whole.removesuffix("\n"))


def _read_part(facts: dict[str, Any], text: str) -> Part:
    kind = facts.get("type")
    if kind == "text":
        return Text(text)
    if kind == "reasoning":
        return Reasoning(text.removeprefix(_REASONING[0]).removesuffix(_REASONING[1]))
    if kind == "tool_result" and "llmContent" not in facts:
        facts = {**facts, "llmContent": "\n".join(text.split("\n")[1:-1])}
    part: Part = convert(facts, Part)
    return part


FORMAT = Format(read, write)
