"""What is sent, as far as several protocols write it alike."""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.context.thoughts import is_thought
from palaver.context.tools import Tool
from palaver.model import Opaque, Reasoning, Text, ToolCall, ToolResult


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """An object always: servers refuse a whole conversation for arguments that are none."""
    return call.args if isinstance(call.args, dict) else {"value": call.args}


def content_of(result: ToolResult) -> str:
    """What a tool gave back, as a text for the model."""
    return result.llm_content if isinstance(result.llm_content, str) else to_json(result.llm_content)


def function_of(tool: Tool) -> dict[str, Any]:
    """A tool as the OpenAI protocol, and Ollama's after it, describe it."""
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def joined(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages of the wire in which the system messages at the front are one, and questions that follow each other
    are one: the templates of many models take nothing else."""
    wire: list[dict[str, Any]] = []
    for message in messages:
        before = wire[-1] if wire else {}
        joins = message["role"] == "user" or (message["role"] == "system" and len(wire) == 1)
        if joins and before.get("role") == message["role"]:
            wire[-1] = _both(before, message)
        else:
            wire.append(message)
    return wire


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two messages of one role as one: texts with an empty line between, lists of parts one behind the other."""
    if isinstance(one["content"], str) and isinstance(other["content"], str):
        content: Any = "\n\n".join(filter(None, (one["content"], other["content"])))
    else:
        content = [*_as_list(one["content"]), *_as_list(other["content"])]
    images = [*one.get("images", ()), *other.get("images", ())]
    return {**one, "content": content, **({"images": images} if images else {})}


def _as_list(content: Any) -> list[dict[str, Any]]:
    return text_blocks(content) if isinstance(content, str) else content


def text_blocks(said: str) -> list[dict[str, Any]]:
    """A text as content in parts; servers refuse an empty one there."""
    return [{"type": "text", "text": said}] if said.strip() else []


def spoken(sent: Sent) -> str:
    """The text of a message; images are named, except the user's: those are sent."""
    return "".join(map(_spoken if sent.role != "user" else _text, sent.parts))


def _spoken(part: object) -> str:
    return f"\n[image: {part.name}]" if isinstance(part, Image) else _text(part)


def _text(part: object) -> str:
    return part.text if isinstance(part, Text) else ""


def images_of(sent: Sent) -> list[Image]:
    """The images that are sent: the user's. No protocol takes them everywhere."""
    return [part for part in sent.parts if isinstance(part, Image)] if sent.role == "user" else []


def thoughts_of(sent: Sent, protocol: str, provider: str) -> tuple[dict[str, Any], str]:
    """What this provider wants back with the calls of an answer it gave, and the reasoning; of other answers nothing."""
    for part in sent.parts:
        if isinstance(part, Opaque) and is_thought(part) and part.data.get("protocol") == protocol:
            reasoning = "".join(part.text for part in sent.parts if isinstance(part, Reasoning))
            return (part.data, reasoning) if part.data.get("provider") == provider else ({}, "")
    return {}, ""


def base64_of(image: Image) -> str:
    return b64encode(image.data).decode()


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
