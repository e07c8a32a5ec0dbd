"""What a model is asked, written as the Anthropic protocol has it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.context.thoughts import is_thought
from palaver.context.tools import Tool
from palaver.model import Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult, text_of
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
_UNTOLD = (99, 0)
_BY_EFFORT = (4, 6)
"""From this version on Claude thinks as much as an effort says; before it, by a number of tokens."""
_BY_ITSELF = (5, 0)
"""From this version on Claude thinks unasked, and shows its thoughts only where that is asked."""
_NO_SAMPLING = (4, 7)
"""From this version on Claude takes no temperature."""
_BOUND = {"fable": (5, 1), "mythos": (5, 1), "opus": (5, 5), "sonnet": (5, 5), "haiku": (5, 5)}
"""From these versions on a thought is good only behind the very messages it was had behind."""
_UNBOUND = {"block_binding": {"prefix_mismatch_behavior": "drop_block"}}
_BETA = {"anthropic-beta": "thinking-binding-controls-2026-08-01"}
PROTOCOL = "anthropic"


def to_body(request: Request, provider: str = "") -> dict[str, Any]:
    """The body of a request. `provider` is the name thoughts are kept under."""
    system, messages = to_wire(request.messages, provider)
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
    tools = [_tool(tool) for tool in request.tools]
    if tools:
        body["tools"] = tools
    elif called := _called(messages):
        body |= {"tools": called, "tool_choice": {"type": "none"}}
    return _unbound(_thinking(body, request, provider)) | dict(request.extra)


def headers_for(body: Mapping[str, Any]) -> dict[str, str]:
    """What a request of this body needs beside it."""
    thinking = body.get("thinking")
    return _BETA if isinstance(thinking, dict) and "block_binding" in thinking else {}


def thought(provider: str, **data: str) -> dict[str, Any]:
    """How a thought is kept: its `signature`, behind the reasoning it signs, or the `data` of one nobody may read."""
    return {"protocol": PROTOCOL, "provider": provider, **data}


def _called(messages: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tools that were called and are there no more: the protocol wants each one described, as long as calls stand in
    the conversation."""
    blocks = (block for message in messages for block in message["content"])
    names = dict.fromkeys(block["name"] for block in blocks if block["type"] == "tool_use")
    return [_tool(Tool(name, "No longer available.", {"type": "object"})) for name in names]


def to_wire(messages: Iterable[Sent], provider: str = "") -> tuple[str, list[dict[str, Any]]]:
    """The system messages at the front as one text, and the rest as messages in which user and assistant alternate.

    Results of tools stand in a user's message. Of system messages further on, the protocol knows none: they are told
    as the user's. Blocks without text are left out. Thoughts go back to the provider that had them, with the calls
    that the newest question led to.
    """
    sents = list(messages)
    asked = _question_in(sents)
    system: list[str] = []
    wire: list[dict[str, Any]] = []
    ids = _Ids()
    for at, sent in enumerate(sents):
        if sent.role == "system" and not wire:
            system.append(text_of(sent.parts))
            continue
        role = "assistant" if sent.role == "assistant" else "user"
        blocks = list(_blocks(_with_thoughts(sent, provider) if at > asked else sent.parts, ids, sent.role))
        if blocks and wire and wire[-1]["role"] == role:
            wire[-1]["content"] += blocks
        elif blocks:
            wire.append({"role": role, "content": blocks})
    if wire and wire[0]["role"] == "assistant":
        wire.insert(0, {"role": "user", "content": [{"type": "text", "text": BEGINNING}]})
    return "\n\n".join(filter(None, system)), wire


def _question_in(messages: Sequence[Sent]) -> int:
    """Where the user's newest message stands, -1 where there is none."""
    return max((at for at, sent in enumerate(messages) if sent.role == "user"), default=-1)


def _with_thoughts(sent: Sent, provider: str) -> Iterator[Part | Image | dict[str, Any]]:
    """The parts of an answer, with its thoughts as blocks of the protocol."""
    reasoning = ""
    for part in sent.parts:
        if isinstance(part, Reasoning):
            reasoning += part.text
        elif isinstance(part, Opaque) and _is_own(part, provider):
            yield _thought_block(part.data, reasoning)
            reasoning = ""
        else:
            yield part


def _is_own(part: Opaque, provider: str) -> bool:
    return is_thought(part) and thought(provider).items() <= part.data.items()


def _thought_block(data: Mapping[str, Any], reasoning: str) -> dict[str, Any]:
    if "data" in data:
        return {"type": "redacted_thinking", "data": data["data"]}
    return {"type": "thinking", "thinking": reasoning, "signature": data.get("signature", "")}


def _blocks(
    parts: Iterable[Part | Image | dict[str, Any]], ids: "_Ids", role: Role
) -> Iterator[dict[str, Any]]:
    for part in parts:
        match part:
            case dict():
                yield part
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
            case Image() if role == "user":
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


def _thinking(body: dict[str, Any], request: Request, provider: str) -> dict[str, Any]:
    """The request with thinking where an effort is set, or the model thinks unasked."""
    effort = request.settings.get("reasoning_effort")
    version = _version(request.model)
    if effort not in _BUDGETS:
        by_itself = _BY_ITSELF <= version < _UNTOLD
        return _adaptive(body, "low" if effort == "none" else None) if by_itself else body
    if version >= _BY_EFFORT:
        return _adaptive(body, effort)
    if _began_without_thought(request.messages, provider):
        return body  # it thinks from the first call on or not at all
    return _with_room(body, effort) | {"thinking": {"type": "enabled", "budget_tokens": _BUDGETS[effort]}}


def _adaptive(body: dict[str, Any], effort: str | None) -> dict[str, Any]:
    """As much as an effort says, "high" where none is said; not all models can be kept from thinking."""
    asked: dict[str, Any] = {"thinking": {"type": "adaptive", "display": "summarized"}}
    if effort is not None:
        asked["output_config"] = {"effort": "low" if effort == "minimal" else effort}
    return _with_room(body, effort or "high") | asked


def _with_room(body: dict[str, Any], effort: str) -> dict[str, Any]:
    """What is thought counts as part of the answer. A model that thinks takes no temperature."""
    return _without_sampling(body) | {"max_tokens": _BUDGETS[effort] + body["max_tokens"]}


def _began_without_thought(messages: Sequence[Sent], provider: str) -> bool:
    answers = (sent for sent in messages[_question_in(messages) + 1 :] if sent.role == "assistant")
    first = next(answers, None)
    return first is not None and not any(
        isinstance(part, Opaque) and _is_own(part, provider) for part in first.parts
    )


def _unbound(body: dict[str, Any]) -> dict[str, Any]:
    """A request whose thoughts are dropped, and not refused, where older messages were left out since."""
    thoughts = any(
        block["type"] in ("thinking", "redacted_thinking")
        for message in body["messages"]
        for block in message["content"]
    )
    if not thoughts or not _is_bound(body["model"]):
        return body
    return body | {"thinking": {"type": "adaptive", **body.get("thinking", {}), **_UNBOUND}}


def _is_bound(model: str) -> bool:
    family = next((name for name in _BOUND if f"claude-{name}-" in model), None)
    return family is not None and _version(model) >= _BOUND[family]


def _without_sampling(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in ("temperature", "top_p")}


def _version(model: str) -> tuple[int, int]:
    """Of a Claude: a high one where its name tells none. Of other models: none."""
    name = model.rpartition("/")[2]
    told = _VERSION.match(name)
    if told is None:
        return _UNTOLD if name.startswith("claude-") else (0, 0)
    return int(told[1]), int(told[2] or 0)


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
