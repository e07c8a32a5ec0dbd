"""The OpenAI protocol: `/v1/chat/completions` and `/v1/models`, as many servers speak it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from palaver.ids import new_id
from palaver.model import ToolCall, Usage
from palaver.providers import listing
from palaver.providers.base import ConnectionLost, Delta, Heard, ModelInfo, Request
from palaver.providers.fields import arguments, dicts, mapping, text, whole
from palaver.providers.openai_request import PROTOCOL, THOUGHTS, to_body
from palaver.providers.streamed import StreamedAnswer
from palaver.providers.text import mend
from palaver.providers.transport import Events, Server, Timeouts

_DONE = "[DONE]"
_GROWING = ("text", "summary", "data")
_REASONS = {"function_call": "tool_calls", "model_length": "length", "max_tokens": "length", "eos": "stop"}
_BROKEN_OFF = ("error", "abort", "insufficient_system_resource")
"""What OpenRouter, vLLM and DeepSeek call an end that the model did not choose."""


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
        body = to_body(request, self.name, self._server.host)
        return OpenAIAnswer(self._server, self._server.stream("chat/completions", body))

    def relay(self, model: str, body: Mapping[str, Any], heard: Heard) -> "OpenAIAnswer":
        options = {**mapping(body.get("stream_options")), "include_usage": True}
        passed = {**body, "model": model, "stream": True, "stream_options": options}
        return OpenAIAnswer(self._server, self._server.stream("chat/completions", passed), heard)


class OpenAIAnswer(StreamedAnswer):
    """Reads `chat.completion.chunk` events."""

    def __init__(self, server: Server, events: Events, heard: Heard | None = None) -> None:
        super().__init__(server, events)
        self._heard = heard
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
        if self._heard is not None:
            self._heard(chunk)
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
        field = next((name for name in THOUGHTS if delta.get(name)), None)
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
