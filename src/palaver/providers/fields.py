"""Fields of what servers send, taken as what they should be; and values as servers want them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from palaver.context.tools import Tool
from palaver.model import ToolCall, ToolResult
from palaver.providers.text import mend


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
        return mended(json.loads(text))
    except (ValueError, RecursionError):
        return mend(text)


def mended(value: Any) -> Any:
    """The same JSON value without lone surrogates."""
    match value:
        case str():
            return mend(value)
        case dict():
            return {mend(key): mended(item) for key, item in value.items()}
        case list():
            return [mended(item) for item in value]
        case _:
            return value


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
            before["content"] += "\n\n" + message["content"]
        else:
            wire.append(message)
    return wire


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
