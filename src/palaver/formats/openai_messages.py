"""One message in OpenAI's shape, made from a stored one and made into parts."""

from collections.abc import Iterator
from typing import Any

import msgspec

from palaver.formats.foreign import canonical, give_back
from palaver.model import Message, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult

NAME = "openai"
_ROLES: dict[Any, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def messages_of(message: Message) -> Iterator[dict[str, Any]]:
    """What a model is sent of a stored message; a note is not sent unless it came from this format."""
    kept = message.metadata.get(NAME)
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    if message.role == "tool" and results:
        for result in results:
            yield give_back(_tool_message(result), kept)
    elif message.role != "note" or kept:
        ours = _plain_message(message)
        if kept or ours["content"] is not None or "tool_calls" in ours:
            yield give_back(ours, kept)


def as_written(message: Message) -> dict[str, Any]:
    """The one message that was read into this one, as it would be written."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    return _tool_message(results[0]) if message.role == "tool" and results else _plain_message(message)


def _tool_message(result: ToolResult) -> dict[str, Any]:
    content = result.llm_content
    whole = content if isinstance(content, str) else canonical(content).decode()
    return {"role": "tool", "tool_call_id": result.call_id, "content": whole}


def _plain_message(message: Message) -> dict[str, Any]:
    ours: dict[str, Any] = {"role": message.role, "content": _content(message.parts)}
    calls = [_call(part) for part in message.parts if isinstance(part, ToolCall)]
    return ours | {"tool_calls": calls} if calls else ours


def _content(parts: tuple[Part, ...]) -> Any:
    """Text as it is; several pieces, or pieces of other kinds, as a list."""
    pieces = [piece for part in parts if (piece := _piece(part)) is not None]
    if all(piece["type"] == "text" for piece in pieces):
        return "".join(piece["text"] for piece in pieces) if pieces else None
    return pieces


def _piece(part: Part) -> Any:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Opaque) and part.source == NAME and isinstance(part.data, dict):
        return part.data if isinstance(part.data.get("type"), str) else None
    return None


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.args if isinstance(call.args, str) else canonical(call.args).decode()
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def role_of(value: dict[str, Any]) -> Role:
    """The role of a message; an unknown one becomes a note."""
    role = value.get("role")
    return _ROLES.get(role, "note") if isinstance(role, str) else "note"


def parts_of(value: dict[str, Any], names: dict[str, str]) -> tuple[Part, ...]:
    """The parts of a message. `names` holds the names of the calls seen so far by their ids; results take them away."""
    if role_of(value) == "tool":
        id = _text(value.get("tool_call_id"))
        name = _text(value.get("name")) or names.pop(id, "")
        return (ToolResult(id, name, value.get("content")),)
    parts: list[Part] = []
    thought = value.get("reasoning_content", value.get("reasoning"))
    if isinstance(thought, str) and thought:
        parts.append(Reasoning(thought))
    parts.extend(_content_parts(value.get("content")))
    parts.extend(_calls(value, names))
    return tuple(parts) or (Text(""),)


def _content_parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    return [_content_part(piece) for piece in content] if isinstance(content, list) else []


def _content_part(piece: Any) -> Part:
    if isinstance(piece, dict) and piece.get("type") == "text" and isinstance(piece.get("text"), str):
        return Text(piece["text"])
    return Opaque(NAME, piece)


def _calls(value: dict[str, Any], names: dict[str, str]) -> Iterator[Part]:
    calls = value.get("tool_calls")
    found = [each for each in calls if isinstance(each, dict)] if isinstance(calls, list) else []
    if isinstance(value.get("function_call"), dict):
        found.append({"function": value["function_call"]})
    for each in found:
        function = each.get("function")
        named = function if isinstance(function, dict) else {}
        call = ToolCall(_text(each.get("id")), _text(named.get("name")), _arguments(named.get("arguments")))
        names[call.id] = call.name
        yield call


def _arguments(text: Any) -> Any:
    """The arguments' value; where the text is no JSON object, the text itself."""
    if not isinstance(text, str):
        return text
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
