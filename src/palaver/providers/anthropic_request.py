"""What a model is asked, written as the Anthropic protocol has it."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.model import Text, ToolCall, ToolResult, text_of
from palaver.providers.base import Request
from palaver.providers.outgoing import arguments_of, base64_of, content_of

MAX_TOKENS = 8192
"""The length of an answer where nobody has said one: the protocol wants it said."""
BEGINNING = "[The conversation begins with the assistant.]"
"""Stands in front of an answer that comes first: the protocol wants a user's word there."""

_SETTINGS = {"temperature": "temperature", "top_p": "top_p", "stop": "stop_sequences"}
_BUDGETS = {  # with `MAX_TOKENS` less than the 15 % of a window of 200,000 that no prompt takes
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 20000,
    "max": 21000,
}
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d\d?))?(?!\d)")
_BY_EFFORT = (4, 6)
"""From this version on Claude thinks as much as an effort says; before it, by a number of tokens."""
_NO_SAMPLING = (4, 7)
"""From this version on Claude takes no temperature."""


def to_body(request: Request) -> dict[str, Any]:
    """The body of a request."""
    system, messages = to_wire(request.messages)
    settings = request.settings
    body: dict[str, Any] = {
        "model": request.model,
        "max_tokens": settings.get("max_tokens") or MAX_TOKENS,
        "messages": messages,
        "stream": True,
    }
    if system:
        body["system"] = system
    body |= {_SETTINGS[name]: settings[name] for name in _SETTINGS if settings.get(name) is not None}
    if _version(request.model) >= _NO_SAMPLING:
        body = _without_sampling(body)
    if isinstance(body.get("stop_sequences"), str):
        body["stop_sequences"] = [body["stop_sequences"]]
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    return _thinking(body, request) | dict(request.extra)


def to_wire(messages: Iterable[Sent]) -> tuple[str, list[dict[str, Any]]]:
    """The system messages at the front as one text, and the rest as messages in which user and assistant alternate.

    Results of tools stand in a user's message. Of system messages further on, the protocol knows none: they are told
    as the user's. Blocks without text are left out.
    """
    system: list[str] = []
    wire: list[dict[str, Any]] = []
    ids = _Ids()
    for sent in messages:
        if sent.role == "system" and not wire:
            system.append(text_of(sent.parts))
            continue
        role = "assistant" if sent.role == "assistant" else "user"
        blocks = list(_blocks(sent, ids))
        if blocks and wire and wire[-1]["role"] == role:
            wire[-1]["content"] += blocks
        elif blocks:
            wire.append({"role": role, "content": blocks})
    if wire and wire[0]["role"] == "assistant":
        wire.insert(0, {"role": "user", "content": [{"type": "text", "text": BEGINNING}]})
    return "\n\n".join(filter(None, system)), wire


def _blocks(sent: Sent, ids: "_Ids") -> Iterator[dict[str, Any]]:
    for part in sent.parts:
        match part:
            case Text(text=said) if said.strip():
                yield {"type": "text", "text": said}
            case ToolCall():
                yield {
                    "type": "tool_use",
                    "id": ids.begin(part.id),
                    "name": part.name,
                    "input": arguments_of(part),
                }
            case ToolResult():
                yield _result(part, ids.find(part.call_id))
            case Image() if sent.role == "user":
                yield _image(part)
            case Image(name=name):
                yield {"type": "text", "text": f"[image: {name}]"}
            case _:
                continue


def _image(image: Image) -> dict[str, Any]:
    source = {"type": "base64", "media_type": image.mime, "data": base64_of(image)}
    return {"type": "image", "source": source}


def _result(result: ToolResult, id: str) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": id, "content": content_of(result)}
    return block | {"is_error": True} if result.is_error else block


class _Ids:
    """Ids of calls as the protocol wants them: of few letters, each once. Other models count theirs anew each time."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._latest: dict[str, str] = {}

    def begin(self, id: str) -> str:
        """For a call."""
        base = re.sub(r"[^a-zA-Z0-9_-]", "_", id) or "call"
        name, number = base, 1
        while name in self._used:
            number += 1
            name = f"{base}_{number}"
        self._used.add(name)
        self._latest[id] = name
        return name

    def find(self, id: str) -> str:
        """For a result: that of the newest call of this id."""
        return self._latest.get(id, id)


def _thinking(body: dict[str, Any], request: Request) -> dict[str, Any]:
    """The request with thinking where an effort is set. A model that thinks takes no temperature."""
    effort = request.settings.get("reasoning_effort")
    if effort not in _BUDGETS:
        return body
    budget = _BUDGETS[effort]
    asked: dict[str, Any] = {"max_tokens": budget + body["max_tokens"]}
    if _version(request.model) >= _BY_EFFORT:
        asked["thinking"] = {"type": "adaptive", "display": "summarized"}
        asked["output_config"] = {"effort": "low" if effort == "minimal" else effort}
    elif request.messages and request.messages[-1].role == "tool":
        return body  # it would have to be sent its signed thoughts about the call, which nobody keeps
    else:
        asked["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return _without_sampling(body) | asked


def _without_sampling(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("temperature", "top_p")}


def _version(model: str) -> tuple[int, int]:
    """Of a Claude: a high one where its name tells none. Of other models: none."""
    name = model.rpartition("/")[2]
    told = _VERSION.match(name)
    if told is None:
        return (99, 0) if name.startswith("claude-") else (0, 0)
    return int(told[1]), int(told[2] or 0)


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
