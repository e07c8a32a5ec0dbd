"""The OpenAI protocol: `/v1/chat/completions` and `/v1/models`, as many servers speak it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from palaver.context.attachments import Image
from palaver.context.prompt import Sent
from palaver.ids import new_id
from palaver.model import Text, ToolCall, ToolResult, Usage
from palaver.providers import listing
from palaver.providers.base import Delta, ModelInfo, Request
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
    to_json,
)
from palaver.providers.streamed import StreamedAnswer
from palaver.providers.text import mend
from palaver.providers.transport import Events, Server, Timeouts

_SETTINGS = ("temperature", "top_p", "stop", "seed", "reasoning_effort")
_DONE = "[DONE]"


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
            "messages": to_wire(request.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        body |= {name: request.settings[name] for name in _SETTINGS if request.settings.get(name) is not None}
        if request.settings.get("max_tokens") is not None:
            # The newer models of OpenAI itself refuse the old name, other servers do not know the new one.
            new = self._server.host.endswith("openai.com")
            body["max_completion_tokens" if new else "max_tokens"] = request.settings["max_tokens"]
        if request.tools:
            body["tools"] = [function_of(tool) for tool in request.tools]
        return body | dict(request.extra)


class OpenAIAnswer(StreamedAnswer):
    """Reads `chat.completion.chunk` events."""

    def __init__(self, server: Server, events: Events) -> None:
        super().__init__(server, events)
        self._calls: list[_Call] = []

    def read(self, data: str) -> Iterator[Delta]:
        if data.strip() == _DONE:
            self.done = True
            return
        chunk = self.parse(data)
        if chunk.get("error"):
            raise self.server.failure(chunk["error"])
        usage = _usage(chunk.get("usage"))
        if usage is not None:
            yield usage
        for choice in dicts(chunk.get("choices"))[:1]:
            yield from self._read_delta(mapping(choice.get("delta")))
            if isinstance(choice.get("finish_reason"), str):
                self.reason = choice["finish_reason"]

    def calls(self) -> Iterator[ToolCall]:
        return (call.whole() for call in self._calls)

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        yield from self.think(text(delta.get("reasoning_content") or delta.get("reasoning")))
        yield from self.say(text(delta.get("content")) + text(delta.get("refusal")))
        for piece in dicts(delta.get("tool_calls")):
            self._call_of(piece).add(piece)

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

    def add(self, piece: Mapping[str, Any]) -> None:
        self.id = self.id or text(piece.get("id"))
        function = mapping(piece.get("function"))
        self.name = self.name or text(function.get("name"))
        given = function.get("arguments")
        self.arguments.append(json.dumps(given) if isinstance(given, dict) else text(given))

    def whole(self) -> ToolCall:
        given = arguments("".join(self.arguments))
        return ToolCall(mend(self.id) or f"call_{new_id()}", mend(self.name), given)


def base_address(address: str) -> str:
    """`http://localhost:8080` is `http://localhost:8080/v1`; an address with a path stays."""
    address = address.rstrip("/").removesuffix("/chat/completions")
    return address + "/v1" if address.count("/") == 2 else address


def to_wire(messages: Iterable[Sent]) -> list[dict[str, Any]]:
    """Messages as the protocol has them."""
    return joined(message for sent in messages for message in _messages(sent))


def _messages(sent: Sent) -> Iterator[dict[str, Any]]:
    match sent.role:
        case "tool":
            for part in sent.parts:
                if isinstance(part, ToolResult):
                    yield {"role": "tool", "tool_call_id": part.call_id, "content": content_of(part)}
        case "assistant":
            calls = [_call(part) for part in sent.parts if isinstance(part, ToolCall)]
            said = spoken(sent)
            if calls:
                yield {"role": "assistant", "content": said or None, "tool_calls": calls}
            else:
                yield {"role": "assistant", "content": said}
        case role:
            yield {"role": role, "content": list(_content(sent)) if images_of(sent) else spoken(sent)}


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


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": to_json(arguments_of(call))}
    return {"id": call.id, "type": "function", "function": function}


def _usage(raw: Any) -> Usage | None:
    if not isinstance(raw, dict):
        return None
    return Usage(
        input_tokens=whole(raw.get("prompt_tokens")),
        output_tokens=whole(raw.get("completion_tokens")),
        cached_tokens=whole(mapping(raw.get("prompt_tokens_details")).get("cached_tokens")),
        reasoning_tokens=whole(mapping(raw.get("completion_tokens_details")).get("reasoning_tokens")),
    )
