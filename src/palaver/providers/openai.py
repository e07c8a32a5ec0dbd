"""The OpenAI protocol: `/v1/chat/completions` and `/v1/models`, as many servers speak it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import msgspec

from palaver.context.prompt import Sent
from palaver.errors import ProviderError
from palaver.ids import new_id
from palaver.model import Reasoning, Text, ToolCall, ToolResult, Usage, text_of
from palaver.providers.base import ConnectionLost, Delta, Finish, ModelInfo, Request, Tool
from palaver.providers.text import Mender, mend
from palaver.providers.transport import Events, Server, Timeouts

_SETTINGS = ("temperature", "top_p", "stop", "seed", "reasoning_effort")
_WINDOW_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")
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
        return [
            ModelInfo(id=entry["id"], provider=self.name, window=_window_in(entry))
            for entry in self._entries()
        ]

    def find_window(self, model: str) -> int | None:
        """What the list of models says; llama.cpp's server says in `/props` what it was started with."""
        entry = next((entry for entry in self._entries() if entry["id"] == model), None)
        if entry is None or entry.get("owned_by") != "llamacpp":
            return _window_in(entry or {})
        root = self.address.removesuffix("/v1")
        props = self._server.get_json(f"{root}/props")
        settings = props.get("default_generation_settings") if isinstance(props, dict) else None
        return _positive(settings.get("n_ctx")) if isinstance(settings, dict) else None

    def stream(self, request: Request) -> "OpenAIAnswer":
        return OpenAIAnswer(self._server, self._server.stream("chat/completions", self._body(request)))

    def _entries(self) -> list[dict[str, Any]]:
        listing = self._server.get_json("models")
        data = listing.get("data") if isinstance(listing, dict) else None
        if not isinstance(data, list):
            raise ProviderError(f"{self.name} did not answer with a list of models")
        return [entry for entry in data if isinstance(entry, dict) and isinstance(entry.get("id"), str)]

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
            body["tools"] = [_tool(tool) for tool in request.tools]
        return body | dict(request.extra)


class OpenAIAnswer:
    """Reads `chat.completion.chunk` events."""

    def __init__(self, server: Server, events: Events) -> None:
        self._server = server
        self._events = events
        self._closed = False
        self._text = Mender()
        self._reasoning = Mender()
        self._calls: list[_Call] = []
        self._reason: str | None = None

    def __iter__(self) -> Iterator[Delta]:
        done = False
        with closing(iter(self._events)) as events:
            for data in events:
                done = data.strip() == _DONE
                if done:
                    break
                yield from self._read(self._server.parse(data))
        if self._closed:
            return
        if not done and self._reason is None:
            raise ConnectionLost(f"{self._server.name} ended in the middle of an answer", retryable=True)
        yield from self._end()

    def close(self) -> None:
        self._closed = True
        self._events.close()

    def _read(self, chunk: Any) -> Iterator[Delta]:
        if not isinstance(chunk, dict):
            raise ProviderError(
                f"{self._server.name} sent an event of an unknown shape: {self._server.quote(repr(chunk))}"
            )
        if chunk.get("error"):
            raise self._server.failure(chunk["error"])
        usage = _usage(chunk.get("usage"))
        if usage is not None:
            yield usage
        for choice in _dicts(chunk.get("choices"))[:1]:
            delta = choice.get("delta")
            yield from self._read_delta(delta if isinstance(delta, dict) else {})
            if isinstance(choice.get("finish_reason"), str):
                self._reason = choice["finish_reason"]

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        reasoning = self._reasoning.feed(_text(delta.get("reasoning_content") or delta.get("reasoning")))
        if reasoning:
            yield Reasoning(reasoning)
        text = self._text.feed(_text(delta.get("content")) + _text(delta.get("refusal")))
        if text:
            yield Text(text)
        for piece in _dicts(delta.get("tool_calls")):
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

    def _end(self) -> Iterator[Delta]:
        if reasoning := self._reasoning.flush():
            yield Reasoning(reasoning)
        if text := self._text.flush():
            yield Text(text)
        for call in self._calls:
            yield call.whole()
        yield Finish(self._reason or "stop")


class _Call(msgspec.Struct):
    """A tool call that comes in pieces."""

    index: Any = None
    id: str = ""
    name: str = ""
    arguments: list[str] = []

    def add(self, piece: Mapping[str, Any]) -> None:
        self.id = self.id or _text(piece.get("id"))
        function = piece.get("function")
        if isinstance(function, dict):
            self.name = self.name or _text(function.get("name"))
            given = function.get("arguments")
            self.arguments.append(json.dumps(given) if isinstance(given, dict) else _text(given))

    def whole(self) -> ToolCall:
        arguments = "".join(self.arguments)
        return ToolCall(mend(self.id) or f"call_{new_id()}", mend(self.name), _arguments(arguments))


def base_address(address: str) -> str:
    """`http://localhost:8080` is `http://localhost:8080/v1`; an address with a path stays."""
    address = address.rstrip("/").removesuffix("/chat/completions")
    return address + "/v1" if address.count("/") == 2 else address


def to_wire(messages: Iterable[Sent]) -> list[dict[str, Any]]:
    """Messages as the protocol has them. The system messages at the front become one, and questions that follow each
    other become one: the templates of many models take nothing else."""
    wire: list[dict[str, Any]] = []
    for sent in messages:
        for message in _messages(sent):
            before = wire[-1] if wire else {}
            joins = message["role"] == "user" or (message["role"] == "system" and len(wire) == 1)
            if joins and before.get("role") == message["role"]:
                before["content"] += "\n\n" + message["content"]
            else:
                wire.append(message)
    return wire


def _messages(sent: Sent) -> Iterator[dict[str, Any]]:
    match sent.role:
        case "tool":
            for part in sent.parts:
                if isinstance(part, ToolResult):
                    content = (
                        part.llm_content if isinstance(part.llm_content, str) else _json(part.llm_content)
                    )
                    yield {"role": "tool", "tool_call_id": part.call_id, "content": content}
        case "assistant":
            calls = [_call(part) for part in sent.parts if isinstance(part, ToolCall)]
            text = text_of(sent.parts)
            yield (
                {"role": "assistant", "content": text or None, "tool_calls": calls}
                if calls
                else {
                    "role": "assistant",
                    "content": text,
                }
            )
        case role:
            yield {"role": role, "content": text_of(sent.parts)}


def _call(call: ToolCall) -> dict[str, Any]:
    # Servers refuse a whole conversation for arguments that are no JSON object.
    args = call.args if isinstance(call.args, dict) else {"value": call.args}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _json(args)}}


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _arguments(text: str) -> Any:
    if not text.strip():
        return {}
    try:
        return _mended(json.loads(text))
    except (ValueError, RecursionError):
        return mend(text)


def _mended(value: Any) -> Any:
    match value:
        case str():
            return mend(value)
        case dict():
            return {mend(key): _mended(item) for key, item in value.items()}
        case list():
            return [_mended(item) for item in value]
        case _:
            return value


def _usage(raw: Any) -> Usage | None:
    if not isinstance(raw, dict):
        return None
    prompt, completion = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    return Usage(
        input_tokens=_whole(raw.get("prompt_tokens")),
        output_tokens=_whole(raw.get("completion_tokens")),
        cached_tokens=_whole(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None,
        reasoning_tokens=_whole(completion.get("reasoning_tokens")) if isinstance(completion, dict) else None,
    )


def _window_in(entry: Mapping[str, Any]) -> int | None:
    return next((size for field in _WINDOW_FIELDS if (size := _positive(entry.get(field)))), None)


def _positive(value: Any) -> int | None:
    return _whole(value) or None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str:
    """A string as it is, the text of content that comes in parts, else nothing."""
    if isinstance(value, list):
        return "".join(_text(item.get("text")) for item in _dicts(value))
    return value if isinstance(value, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
