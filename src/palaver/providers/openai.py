"""The OpenAI protocol: `/v1/chat/completions` and `/v1/models`, as many servers speak it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.ids import new_id
from palaver.model import Text, ToolCall, ToolResult, Usage
from palaver.providers import listing
from palaver.providers.base import ConnectionLost, Delta, ModelInfo, Request
from palaver.providers.fields import arguments, dicts, mapping, text, whole
from palaver.providers.outgoing import (
    arguments_of,
    base64_of,
    content_of,
    function_of,
    images_of,
    joined,
    spoken,
    text_blocks,
    thoughts_of,
    to_json,
)
from palaver.providers.streamed import StreamedAnswer
from palaver.providers.text import mend
from palaver.providers.transport import Events, Server, Timeouts

_SETTINGS = ("temperature", "top_p", "stop", "seed", "reasoning_effort")
_DONE = "[DONE]"
PROTOCOL = "openai"
_THOUGHTS = ("reasoning_content", "reasoning")
_GROWING = ("text", "summary", "data")
_REASONS = {"function_call": "tool_calls", "model_length": "length", "max_tokens": "length", "eos": "stop"}
_BROKEN_OFF = ("error", "abort", "insufficient_system_resource")
"""What OpenRouter, vLLM and DeepSeek call an end that the model did not choose."""
_NO_THOUGHT_WITH_TOOLS = re.compile(r"gpt-(5\.[4-9]|[6-9])(?!.*(pro|astra))")
"""Models that OpenAI serves here with tools only where they do not think beside."""


class OpenAIProvider:
    """One server. `address` ends before `/chat/completions`; without a path `/v1` is meant."""

    def __init__(
        self,
        name: str,
        address: str,
        *,
        key: str | None = None,
        default_model: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.name = name
        self.default_model = default_model
        self._server = Server(name, base_address(address), key=key, timeouts=timeouts)

    def __repr__(self) -> str:
        return f"OpenAIProvider({self.name!r}, {self.address!r})"

    @property
    def address(self) -> str:
        return self._server.address

    def list_models(self) -> list[ModelInfo]:
        """Raises `ProviderError`."""
        return listing.list_models(self._server)

    def describe(self, model: str) -> ModelInfo:
        """What the server tells, else what is known of a hosted model. Raises `ProviderError`."""
        return listing.describe(self._server, model)

    def stream(self, request: Request) -> "OpenAIAnswer":
        return OpenAIAnswer(self._server, self._server.stream("chat/completions", self._body(request)))

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "messages": self._messages(request.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        body |= {name: request.settings[name] for name in _SETTINGS if request.settings.get(name) is not None}
        if request.tools and self._is_openai and _NO_THOUGHT_WITH_TOOLS.match(request.model):
            body.setdefault("reasoning_effort", "none")
        if request.settings.get("max_tokens") is not None:
            # The newer models of OpenAI itself refuse the old name, other servers do not know the new one.
            body["max_completion_tokens" if self._is_openai else "max_tokens"] = request.settings[
                "max_tokens"
            ]
        if request.tools:
            body["tools"] = [function_of(tool) for tool in request.tools]
        return body | dict(request.extra)

    def _messages(self, messages: Iterable[Sent]) -> list[dict[str, Any]]:
        wire = to_wire(messages, self.name)
        if self._server.host.endswith("deepseek.com"):
            for message in wire:
                if message.get("tool_calls"):
                    message.setdefault(
                        "reasoning_content", ""
                    )  # it refuses calls without, also those of other models
        return wire

    @property
    def _is_openai(self) -> bool:
        return self._server.host.endswith("openai.com")


class OpenAIAnswer(StreamedAnswer):
    """Reads `chat.completion.chunk` events."""

    def __init__(self, server: Server, events: Events) -> None:
        super().__init__(server, events)
        self._calls: list[_Call] = []
        self._thought_in: str | None = None
        self._details: list[dict[str, Any]] = []

    def read(self, data: str) -> Iterator[Delta]:
        if data.strip() == _DONE:
            self.done = True
            return
        chunk = self.parse(data)
        if chunk.get("error"):
            raise self.server.failure(chunk["error"])
        for choice in dicts(chunk.get("choices"))[:1]:
            yield from self._read_delta(mapping(choice.get("delta")))
            yield from _usage(choice.get("usage"))
            self._note_reason(text(choice.get("finish_reason")))
        yield from _usage(chunk.get("usage"))

    def calls(self) -> Iterator[ToolCall]:
        return (call.whole() for call in self._calls)

    def thoughts(self) -> dict[str, Any]:
        told = {
            "field": self._thought_in,
            "details": self._details,
            "calls": {call.id: call.extra for call in self._calls if call.extra},
        }
        kept = {name: value for name, value in told.items() if value}
        return {"protocol": PROTOCOL, "provider": self.server.name, **kept} if kept else {}

    def _note_reason(self, reason: str) -> None:
        if reason in _BROKEN_OFF:
            raise ConnectionLost(f"{self.server.name} broke off its answer: {reason}", retryable=True)
        self.reason = _REASONS.get(reason, reason) or self.reason

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        field = next((name for name in _THOUGHTS if delta.get(name)), None)
        if field is not None:
            self._thought_in = field
            yield from self.think(text(delta[field]))
        for detail in dicts(delta.get("reasoning_details")):
            self._add_detail(detail)
        yield from self.say(text(delta.get("content")) + text(delta.get("refusal")))
        for piece in dicts(delta.get("tool_calls")):
            self._call_of(piece).add(piece)

    def _add_detail(self, detail: dict[str, Any]) -> None:
        """A piece that goes on with the last one is added to it."""
        last = self._details[-1] if self._details else {}
        if any(last.get(name) != detail.get(name) for name in ("type", "index")) or not last:
            self._details.append(dict(detail))
            return
        for name, value in detail.items():
            if name in _GROWING and isinstance(last.get(name), str):
                last[name] += text(value)
            elif value is not None:
                last[name] = value

    def _call_of(self, piece: Mapping[str, Any]) -> "_Call":
        """The call a piece belongs to: by its index; where a server sends none, a new id begins a new call."""
        index = piece.get("index")
        for call in self._calls:
            if index is not None and call.index == index:
                return call
        if index is None and self._calls and piece.get("id") in (None, "", self._calls[-1].id):
            return self._calls[-1]
        self._calls.append(_Call(index=index))
        return self._calls[-1]


class _Call(msgspec.Struct):
    """A tool call that comes in pieces."""

    index: Any = None
    id: str = ""
    name: str = ""
    arguments: list[str] = []
    extra: Any = None
    """What Gemini signs its thoughts with; it refuses the call's result without."""

    def add(self, piece: Mapping[str, Any]) -> None:
        self.id = self.id or text(piece.get("id"))
        function = mapping(piece.get("function"))
        self.name = self.name or text(function.get("name"))
        self.extra = piece.get("extra_content") or self.extra
        given = function.get("arguments")
        self.arguments.append(json.dumps(given) if isinstance(given, dict) else text(given))

    def whole(self) -> ToolCall:
        self.id = mend(self.id) or f"call_{new_id()}"
        return ToolCall(self.id, mend(self.name), arguments("".join(self.arguments)))


def base_address(address: str) -> str:
    """`http://localhost:8080` is `http://localhost:8080/v1`; an address with a path stays."""
    address = address.rstrip("/").removesuffix("/chat/completions")
    return address + "/v1" if address.count("/") == 2 else address


def to_wire(messages: Iterable[Sent], provider: str = "") -> list[dict[str, Any]]:
    """Messages as the protocol has them; thoughts go back to the provider that had them."""
    return joined(message for sent in messages for message in _messages(sent, provider))


def _messages(sent: Sent, provider: str) -> Iterator[dict[str, Any]]:
    match sent.role:
        case "tool":
            for part in sent.parts:
                if isinstance(part, ToolResult):
                    yield {"role": "tool", "tool_call_id": part.call_id, "content": content_of(part)}
        case "assistant":
            yield _answer(sent, provider)
        case role:
            yield {"role": role, "content": list(_content(sent)) if images_of(sent) else spoken(sent)}


def _answer(sent: Sent, provider: str) -> dict[str, Any]:
    said = spoken(sent)
    back, reasoning = thoughts_of(sent, PROTOCOL, provider)
    extras = mapping(back.get("calls"))
    calls = [_call(part, extras.get(part.id)) for part in sent.parts if isinstance(part, ToolCall)]
    if not calls:
        return {"role": "assistant", "content": said}
    message = {"role": "assistant", "content": said or None, "tool_calls": calls}
    if back.get("details"):
        message["reasoning_details"] = back["details"]
    elif back.get("field") in _THOUGHTS:
        message[back["field"]] = reasoning
    return message


def _content(sent: Sent) -> Iterator[dict[str, Any]]:
    """Texts and images, in their order."""
    for part in sent.parts:
        match part:
            case Image():
                # "high" bounds what an image takes of the window; "auto" means more than that to the newest models.
                url = f"data:{part.mime};base64,{base64_of(part)}"
                yield {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
            case Text(text=said):
                yield from text_blocks(said)
            case _:
                continue


def _call(call: ToolCall, extra: Any) -> dict[str, Any]:
    function = {"name": call.name, "arguments": to_json(arguments_of(call))}
    made = {"id": call.id, "type": "function", "function": function}
    return made | ({"extra_content": extra} if extra else {})


def _usage(raw: Any) -> Iterator[Usage]:
    """The tokens where some are told; those from the cache also as DeepSeek and Moonshot name them."""
    if not isinstance(raw, dict):
        return
    told = (
        mapping(raw.get("prompt_tokens_details")).get("cached_tokens"),
        raw.get("prompt_cache_hit_tokens"),
        raw.get("cached_tokens"),
    )
    yield Usage(
        input_tokens=whole(raw.get("prompt_tokens")),
        output_tokens=whole(raw.get("completion_tokens")),
        cached_tokens=next((tokens for value in told if (tokens := whole(value)) is not None), None),
        reasoning_tokens=whole(mapping(raw.get("completion_tokens_details")).get("reasoning_tokens")),
    )
