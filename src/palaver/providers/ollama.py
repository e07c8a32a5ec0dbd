"""Ollama's own protocol: `/api/chat`, `/api/tags` and `/api/show`. Here the window is asked for with each request."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from palaver.context.prompt import Sent
from palaver.errors import ProviderError
from palaver.ids import new_id
from palaver.model import ToolCall, ToolResult, Usage
from palaver.providers.base import Delta, ModelInfo, Request
from palaver.providers.fields import arguments, dicts, mapping, mended, positive, text, whole
from palaver.providers.outgoing import (
    arguments_of,
    base64_of,
    content_of,
    function_of,
    images_of,
    joined,
    spoken,
    thoughts_of,
)
from palaver.providers.streamed import StreamedAnswer
from palaver.providers.text import mend
from palaver.providers.transport import Events, Server, Timeouts

PORT = 11434
PROTOCOL = "ollama"
LARGEST_UNASKED = 8192
"""Tokens of window taken of a large model where nobody has said how many: Ollama sets aside memory for all of them."""

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "max_tokens": "num_predict",
}
_THINK: Mapping[str, bool | str] = {"none": False, "minimal": "low", "xhigh": "high", "max": "high"}


class OllamaProvider:
    """One server. `address` is where it listens; an ending `/v1` or `/api` is passed over."""

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
        return f"OllamaProvider({self.name!r}, {self.address!r})"

    @property
    def address(self) -> str:
        return self._server.address

    def list_models(self) -> list[ModelInfo]:
        """Raises `ProviderError`. The list tells names alone; `describe` asks for the rest."""
        listing = self._server.get_json("api/tags")
        models = listing.get("models") if isinstance(listing, dict) else None
        if not isinstance(models, list):
            raise ProviderError(f"{self.name} did not answer with a list of models")
        names = [text(model.get("model") or model.get("name")) for model in dicts(models)]
        return [ModelInfo(id=name, provider=self.name) for name in names if name]

    def describe(self, model: str) -> ModelInfo:
        """What `/api/show` tells. Raises `ProviderError`.

        The window is the model's `num_ctx` where its maker set one, else what it was trained for, at most
        `LARGEST_UNASKED`.
        """
        try:
            shown = mapping(self._server.post_json("api/show", {"model": model}))
        except ProviderError as exc:
            if exc.status == 404:
                return ModelInfo(id=model, provider=self.name)
            raise
        can = shown.get("capabilities")
        able = can if isinstance(can, list) else None
        return ModelInfo(
            id=model,
            provider=self.name,
            window=_window(shown),
            images=None if able is None else "vision" in able,
            tools=None if able is None else "tools" in able,
        )

    def stream(self, request: Request) -> "OllamaAnswer":
        return OllamaAnswer(self._server, self._server.stream_lines("api/chat", self._body(request)))

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.model,
            "messages": to_wire(request.messages, self.name),
            "stream": True,
        }
        effort = request.settings.get("reasoning_effort")
        if effort is not None:
            body["think"] = _THINK.get(effort, effort)
        if request.tools:
            body["tools"] = [function_of(tool) for tool in request.tools]
        options = _options(request) | dict(mapping(request.extra.get("options")))
        return body | ({"options": options} if options else {}) | _without_options(request.extra)


class OllamaAnswer(StreamedAnswer):
    """Reads lines of JSON, each with a piece of the message; the last says `done`."""

    def __init__(self, server: Server, events: Events) -> None:
        super().__init__(server, events)
        self._calls: list[ToolCall] = []
        self._thought = False

    def read(self, data: str) -> Iterator[Delta]:
        chunk = self.parse(data)
        if chunk.get("error"):
            # It has begun to answer: what breaks then is the model's process, and that is started anew.
            raise self.server.failure(chunk["error"], whole(chunk.get("status_code")), retryable=True)
        message = mapping(chunk.get("message"))
        thinking = text(message.get("thinking"))
        self._thought = self._thought or bool(thinking)
        yield from self.think(thinking)
        yield from self.say(text(message.get("content")))
        self._calls += map(_read_call, dicts(message.get("tool_calls")))
        if chunk.get("done") is True:
            yield _usage(chunk)
            self.reason = text(chunk.get("done_reason")) or "stop"
            self.done = True

    def calls(self) -> Iterator[ToolCall]:
        return iter(self._calls)

    def thoughts(self) -> dict[str, Any]:
        return {"protocol": PROTOCOL, "provider": self.server.name} if self._thought else {}


def base_address(address: str) -> str:
    """`http://localhost:11434`, also where the address of another of its protocols was given."""
    return re.sub(r"/(v1|api)(/chat(/completions)?)?$", "", address.rstrip("/"))


def address_of_host(host: str) -> str:
    """What `OLLAMA_HOST` means: a host, a port or an address, in which every interface stands for this computer."""
    scheme, marked, rest = host.strip().rpartition("://")
    place, slash, path = rest.partition("/")
    name, _, port = place.rpartition(":") if re.search(r":\d*$", place) else (place, "", "")
    if name in ("", "0.0.0.0"):  # noqa: S104 (where a server listens; nothing is opened here)
        name = "127.0.0.1"
    if name == "[::]":
        name = "[::1]"
    usual = {"http": "80", "https": "443"}.get(scheme, "") if marked else str(PORT)
    return f"{scheme or 'http'}://{name}:{port or usual}{slash}{path}"


def _window(shown: Mapping[str, Any]) -> int | None:
    set_by_maker = re.search(r"^num_ctx\s+(\d+)", text(shown.get("parameters")), re.MULTILINE)
    if set_by_maker:
        return int(set_by_maker[1]) or None
    told = mapping(shown.get("model_info"))
    trained = positive(told.get(f"{told.get('general.architecture')}.context_length"))
    return min(trained, LARGEST_UNASKED) if trained else None


def to_wire(messages: Iterable[Sent], provider: str = "") -> list[dict[str, Any]]:
    """Messages as the protocol has them; thoughts go back to the provider that had them."""
    return joined(message for sent in messages for message in _messages(sent, provider))


def _messages(sent: Sent, provider: str) -> Iterator[dict[str, Any]]:
    match sent.role:
        case "tool":
            for part in sent.parts:
                if isinstance(part, ToolResult):
                    yield {
                        "role": "tool",
                        "tool_name": part.name,
                        "tool_call_id": part.call_id,
                        "content": content_of(part),
                    }
        case role:
            said = spoken(sent)
            calls = [_call(part) for part in sent.parts if isinstance(part, ToolCall)]
            images = [base64_of(image) for image in images_of(sent)]
            content = {"content": said} if said or not calls else {}
            _, thinking = thoughts_of(sent, PROTOCOL, provider)
            beside = {"thinking": thinking, "tool_calls": calls, "images": images}
            yield {"role": role, **content, **{name: some for name, some in beside.items() if some}}


def _options(request: Request) -> dict[str, Any]:
    given = {_OPTIONS[name]: value for name, value in request.settings.items() if name in _OPTIONS}
    options = {name: value for name, value in given.items() if value is not None}
    if isinstance(options.get("stop"), str):
        options["stop"] = [options["stop"]]
    return options | ({"num_ctx": request.window} if request.window else {})


def _without_options(extra: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != "options"}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments_of(call)}}


def _read_call(raw: Mapping[str, Any]) -> ToolCall:
    function = mapping(raw.get("function"))
    given = function.get("arguments")
    args = arguments(given) if isinstance(given, str) else mended(given if given is not None else {})
    return ToolCall(mend(text(raw.get("id"))) or f"call_{new_id()}", mend(text(function.get("name"))), args)


def _usage(chunk: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=whole(chunk.get("prompt_eval_count")),
        output_tokens=whole(chunk.get("eval_count")),
        cached_tokens=whole(chunk.get("prompt_eval_cached_count")),
    )
