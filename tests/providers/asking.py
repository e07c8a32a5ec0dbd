"""Short ways to ask a provider."""

from typing import Any

from palaver.context.prompt import Sent
from palaver.model import Reasoning, Role, Text, ToolCall, Usage
from palaver.providers.base import Delta, Finish, Provider, Request


def sent(text: str, role: Role = "user") -> Sent:
    return Sent(role, (Text(text),), 1)


def a_request(question: str = "hello", *, model: str = "tiny", **fields: Any) -> Request:
    return Request(model=model, messages=fields.pop("messages", [sent(question)]), **fields)


def ask(provider: Provider, request: Request | None = None) -> list[Delta]:
    """The whole answer."""
    return list(provider.stream(request or a_request()))


def text_in(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Text))


def reasoning_in(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, Reasoning))


def calls_in(deltas: list[Delta]) -> list[ToolCall]:
    return [delta for delta in deltas if isinstance(delta, ToolCall)]


def reason_in(deltas: list[Delta]) -> str | None:
    return next((delta.reason for delta in deltas if isinstance(delta, Finish)), None)


def usage_in(deltas: list[Delta]) -> Usage | None:
    """What counts at the end: some servers tell it more than once."""
    return next((delta for delta in reversed(deltas) if isinstance(delta, Usage)), None)
