"""The Anthropic protocol: `/v1/messages` and `/v1/models`, as Anthropic and servers of its shape speak it."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from palaver.errors import ProviderError
from palaver.ids import new_id
from palaver.model import ToolCall, Usage
from palaver.providers import listing
from palaver.providers.anthropic_request import headers_for, thought, to_body
from palaver.providers.base import Delta, ModelInfo, Request
from palaver.providers.fields import arguments, mapping, mended, text, whole
from palaver.providers.streamed import StreamedAnswer
from palaver.providers.text import mend
from palaver.providers.transport import Events, Server, Timeouts

VERSION = "2023-06-01"
"""What servers beside Anthropic's speak too. The next version, 2026-10-21, has no temperature for any model."""
_MODELS = "models?limit=1000"
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""What the errors inside a stream would have been as answers of their own."""


class AnthropicProvider:
    """One server. `address` ends before `/messages`; its `/v1` may be left out."""

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
        self._server = Server(
            name,
            base_address(address),
            key=key,
            key_header="x-api-key",
            headers={"anthropic-version": VERSION},
            timeouts=timeouts,
        )

    def __repr__(self) -> str:
        return f"AnthropicProvider({self.name!r}, {self.address!r})"

    @property
    def address(self) -> str:
        return self._server.address

    def list_models(self) -> list[ModelInfo]:
        """Only the configured one where the server has no list. Raises `ProviderError`."""
        try:
            return listing.list_models(self._server, _MODELS)
        except ProviderError as exc:
            if exc.status not in listing.NO_LIST or self.default_model is None:
                raise
            return [ModelInfo(id=self.default_model, provider=self.name)]

    def describe(self, model: str) -> ModelInfo:
        """What the server tells, else what is known of the model. Raises `ProviderError`."""
        return listing.describe(self._server, model, _MODELS)

    def stream(self, request: Request) -> "AnthropicAnswer":
        body = to_body(request, self.name)
        events = self._server.stream("messages", body, headers_for(body))
        return AnthropicAnswer(self._server, events, keeps=bool(request.tools))


class AnthropicAnswer(StreamedAnswer):
    """Reads events that begin, extend and end the blocks of a message. `keeps`: its thoughts are wanted back."""

    def __init__(self, server: Server, events: Events, *, keeps: bool = False) -> None:
        super().__init__(server, events)
        self._keeps = keeps
        self._signature = ""
        self._calls: dict[Any, _Call] = {}
        self._told: dict[str, Any] = {}

    def read(self, data: str) -> Iterator[Delta]:
        event = self.parse(data)
        match event.get("type"):
            case "error":
                error = mapping(event.get("error"))
                raise self.server.failure(error or event, _STATUSES.get(text(error.get("type"))))
            case "message_start":
                yield from self._count(mapping(event.get("message")))
            case "content_block_start":
                yield from self._begin(event.get("index"), mapping(event.get("content_block")))
            case "content_block_delta":
                yield from self._extend(event.get("index"), mapping(event.get("delta")))
            case "content_block_stop":
                yield from self._sign()
            case "message_delta":
                reason = text(mapping(event.get("delta")).get("stop_reason"))
                self.reason = _REASONS.get(reason, reason) or self.reason
                yield from self._count(event)
            case "message_stop":
                self.done = True
            case str():
                return  # `ping`, and what later versions add
            case _:
                raise ProviderError(
                    f"{self.server.name} sent an event of an unknown shape: {self.server.quote(data)}"
                )

    def calls(self) -> Iterator[ToolCall]:
        return (call.whole() for call in self._calls.values())

    def _begin(self, index: Any, block: Mapping[str, Any]) -> Iterator[Delta]:
        match block.get("type"):
            case "tool_use":
                self._calls[_key(index)] = _Call(
                    text(block.get("id")), text(block.get("name")), block.get("input")
                )
            case "text":
                yield from self.say(text(block.get("text")))
            case "thinking":
                yield from self.think(text(block.get("thinking")))
                self._signature = text(block.get("signature"))
            case "redacted_thinking" if self._keeps:
                yield from self.keep(thought(self.server.name, data=text(block.get("data"))))
            case _:
                return  # what later versions add

    def _extend(self, index: Any, delta: Mapping[str, Any]) -> Iterator[Delta]:
        match delta.get("type"):
            case "text_delta":
                yield from self.say(text(delta.get("text")))
            case "thinking_delta":
                yield from self.think(text(delta.get("thinking")))
            case "signature_delta":
                self._signature += text(delta.get("signature"))
            case "input_json_delta":
                call = self._calls.get(_key(index))
                if call is not None:
                    call.pieces.append(text(delta.get("partial_json")))
            case _:
                return  # citations

    def _sign(self) -> Iterator[Delta]:
        """At the end of a block: a thought goes back as it came, with its signature."""
        if self._signature and self._keeps:
            yield from self.keep(thought(self.server.name, signature=self._signature))
        self._signature = ""

    def _count(self, told: Mapping[str, Any]) -> Iterator[Delta]:
        """The usage so far: a later event replaces what it repeats and leaves out what stays."""
        usage = mapping(told.get("usage"))
        self._told |= {name: value for name, value in usage.items() if value is not None}
        if usage:
            yield _usage(self._told)


class _Call(msgspec.Struct):
    """A tool call whose arguments come in pieces of JSON; `given` is what stood at its beginning."""

    id: str
    name: str
    given: Any = None
    pieces: list[str] = []

    def whole(self) -> ToolCall:
        pieces = "".join(self.pieces)
        args = arguments(pieces) if pieces else mended(self.given if isinstance(self.given, dict) else {})
        return ToolCall(mend(self.id) or f"call_{new_id()}", mend(self.name), args)


def base_address(address: str) -> str:
    """`https://api.anthropic.com` is `https://api.anthropic.com/v1`."""
    address = address.rstrip("/").removesuffix("/messages")
    return address if address.endswith("/v1") else address + "/v1"


def _usage(raw: Mapping[str, Any]) -> Usage:
    """What was read from and written to the cache counts as input, as with every other protocol."""
    new = whole(raw.get("input_tokens"))
    cached = whole(raw.get("cache_read_input_tokens"))
    written = whole(raw.get("cache_creation_input_tokens"))
    details = mapping(raw.get("output_tokens_details"))
    return Usage(
        input_tokens=None if new is None else new + (cached or 0) + (written or 0),
        output_tokens=whole(raw.get("output_tokens")),
        cached_tokens=cached,
        reasoning_tokens=whole(details.get("thinking_tokens")),
    )


def _key(index: Any) -> Any:
    """An index of a block, or nothing where a server sends something else."""
    return index if isinstance(index, int) else None
