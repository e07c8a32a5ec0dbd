"""The shapes that only HTTP has: values of `model.py` with what a page needs beside them, and what is asked of them."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from palaver.model import MemberRole, Message, NewMessage, Part, Project, Session, Text
from palaver.server.faults import SAYS
from palaver.store import MAX_NAME, MAX_PAGE, MAX_TAG, MAX_TAGS, MAX_TITLE

_PLAIN = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_IS_PLAIN = {SAYS: "must be one line, without control characters"}
_IS_UUID = {SAYS: "must be a UUID such as 01234567-89ab-7cde-8f01-23456789abcd"}

PathId = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
"""In a path: what is no id there is not found, as what does not exist."""
Id = Annotated[str, Meta(pattern=_UUID, extra_json_schema={"format": "uuid"}, extra=_IS_UUID)]
Cursor = Annotated[str, Meta(description="`nextCursor` of the page before.")]
Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE)]
Title = Annotated[str, Meta(max_length=MAX_TITLE, pattern=_PLAIN, extra=_IS_PLAIN)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=_PLAIN, extra=_IS_PLAIN)]
Label = Annotated[str, Meta(min_length=1, max_length=MAX_NAME, pattern=_PLAIN, extra=_IS_PLAIN)]
"""The name of a model or a provider."""
Tag = Annotated[str, Meta(min_length=1, max_length=MAX_TAG, pattern=_PLAIN, extra=_IS_PLAIN)]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=MAX_TAGS)]


class Asked(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What comes in: a name that is not known is an error, not passed over, so that a slip is noticed."""


class Given(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What goes out."""


class Success(Given, frozen=True, kw_only=True):
    success: bool = True


class PageQuery(Asked, frozen=True, kw_only=True):
    cursor: Cursor | None = None
    limit: Limit = 50


class ChatProject(Project, frozen=True, kw_only=True):
    """A project and what the one who asks may do in it."""

    role: MemberRole


class ChatMessage(Message, frozen=True, kw_only=True):
    """A message; `content` is the text of its parts in one."""

    content: str


class ChatSession(Session, frozen=True, kw_only=True):
    """A session, in lists with the beginning of its last message, or with its messages where they were asked for."""

    last_message: str | None | UnsetType = UNSET
    messages: list[ChatMessage] | UnsetType = UNSET


class MessageFields(Asked, frozen=True, kw_only=True):
    """What a message says: `content` where a text suffices, else `parts`."""

    content: str | None = None
    parts: tuple[Part, ...] | None = None


def chat_message(message: Message) -> ChatMessage:
    return ChatMessage(**asdict(message), content=message.text)


def chat_messages(messages: Sequence[Message]) -> list[ChatMessage]:
    return [chat_message(message) for message in messages]


def chat_session(session: Session, **more: Any) -> ChatSession:
    return ChatSession(**asdict(session), **more)


def chat_project(project: Project, role: MemberRole) -> ChatProject:
    return ChatProject(**asdict(project), role=role)


def parts_of(content: str | None, parts: Sequence[Part] | None) -> tuple[Part, ...]:
    """The parts of a message that came as one or the other."""
    if content is not None:
        return (Text(content), *(parts or ()))
    return tuple(parts or ())


def new_message(**fields: Any) -> NewMessage:
    """A new message of the fields that are given."""
    return NewMessage(**{name: value for name, value in fields.items() if value is not None})
