"""The contract of a provider: what it is asked, what it answers in pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from palaver.context.prompt import Sent
from palaver.context.tools import Tool
from palaver.errors import ProviderError
from palaver.model import Opaque, Reasoning, Text, ToolCall, Usage


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A model a provider has: its context window in tokens, and whether it takes images and tools.

    None wherever nobody says.
    """

    id: str
    provider: str
    window: int | None = None
    images: bool | None = None
    tools: bool | None = None


class Finish(msgspec.Struct, frozen=True):
    """The model has ended: "stop", "length", "tool_calls", "content_filter", or what the provider calls it."""

    reason: str


Delta = Text | Reasoning | Opaque | ToolCall | Usage | Finish
"""A piece of text or reasoning, what of its thoughts the server wants back (`context.thoughts`), a whole tool call, the
tokens used, the end. Text holds no lone surrogates."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked.

    `settings` are a session's (temperature, top_p, max_tokens, stop, seed, reasoning_effort); a provider sends those it
    knows. `extra` goes into the request's body as it is. `window` is the context, in tokens, that the messages were
    chosen for: a server that takes its window from the request is told it.
    """

    model: str
    messages: Sequence[Sent]
    settings: Mapping[str, Any] = {}
    tools: Sequence[Tool] = ()
    extra: Mapping[str, Any] = {}
    window: int | None = None


class ConnectionLost(ProviderError):
    """The answer had begun and broke off: what came is good, the rest is missing."""


class Answer(Protocol):
    """An answer that is coming. Iterate once."""

    def __iter__(self) -> Iterator[Delta]:
        """The pieces, the last one a `Finish`. Raises `ProviderError`; what came before stays good."""

    def close(self) -> None:
        """From any thread: end it now. The iteration ends soon, without an error."""


class Provider(Protocol):
    """A server of models. Safe from any thread. `default_model` is what to use where none is named."""

    @property
    def name(self) -> str: ...

    @property
    def default_model(self) -> str | None: ...

    def list_models(self) -> list[ModelInfo]:
        """Raises `ProviderError`."""

    def describe(self, model: str) -> ModelInfo:
        """What is known of a model, of one that the provider does not have too. Raises `ProviderError`."""

    def stream(self, request: Request) -> Answer:
        """Begin an answer. Nothing is sent before it is iterated."""


Heard = Callable[[dict[str, Any]], None]
"""Is given each event of an answer as it came."""


@runtime_checkable
class Relay(Protocol):
    """A provider that speaks the OpenAI protocol: what a program asks in its words is passed on as it is."""

    def relay(self, model: str, body: Mapping[str, Any], heard: Heard) -> Answer:
        """The answer to a program's own request, but for its model. It is streamed, with usage."""
