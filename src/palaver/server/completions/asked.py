"""What a program asks, in the words of the OpenAI protocol."""

from typing import Any

import msgspec
from starlette.datastructures import Headers

from palaver.errors import Invalid
from palaver.ids import find_bytes

SESSION_HEADER = "X-Palaver-Session"
_MOST_NAME = 256


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is the request as it came, but for what is meant for Palaver alone. `session` is an id, or a name of the
    program's own, that was given for the conversation."""

    model: str | None
    messages: list[dict[str, Any]]
    stream: bool
    wants_usage: bool
    session: str | None
    body: dict[str, Any]


def read_asked(data: bytes, headers: Headers) -> Asked:
    """Raises `Invalid` that names the field."""
    try:
        body = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise Invalid(f"the body is no JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    model = body.get("model")
    if not isinstance(model, str | None):
        raise Invalid("model must be text", field="model")
    stream = body.get("stream")
    if not isinstance(stream, bool | None):
        raise Invalid("stream must be true or false", field="stream")
    options = body.get("stream_options")
    return Asked(
        model=model or None,
        messages=_messages(body.get("messages")),
        stream=bool(stream),
        wants_usage=not stream or (isinstance(options, dict) and options.get("include_usage") is True),
        session=_session(body, headers),
        body=_passed_on(body),
    )


def _messages(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise Invalid("messages must be a list with at least one message", field="messages")
    for at, message in enumerate(value):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise Invalid(f"messages[{at}] must be an object with a role", field="messages")
    return value


def _session(body: dict[str, Any], headers: Headers) -> str | None:
    """The header, else `metadata.session`; `user` where it is an id, for many programs send the same for all they ask."""
    metadata = body.get("metadata")
    named = headers.get(SESSION_HEADER) or (metadata.get("session") if isinstance(metadata, dict) else None)
    if named is not None:
        if not isinstance(named, str) or not 0 < len(named) <= _MOST_NAME or not named.isprintable():
            raise Invalid(
                f"a session is named by 1 to {_MOST_NAME} printable characters", field="metadata.session"
            )
        return named
    user = body.get("user")
    return user if isinstance(user, str) and find_bytes(user) else None


def _passed_on(body: dict[str, Any]) -> dict[str, Any]:
    """Without our own word in the metadata: OpenAI refuses metadata of what is not stored there."""
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or "session" not in metadata:
        return body
    rest = {name: value for name, value in metadata.items() if name != "session"}
    passed = {name: value for name, value in body.items() if name != "metadata"}
    return passed | ({"metadata": rest} if rest else {})
