"""Messages: what was said in a session."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from palaver.errors import Invalid
from palaver.model import Origin, Part, Role, Status, Time, Usage
from palaver.server.call import Call
from palaver.server.examples import SESSION_ID
from palaver.server.operations import Routes
from palaver.server.routes.projects import PurgeQuery
from palaver.server.shapes import (
    Asked,
    ChatMessage,
    Given,
    Id,
    Label,
    Limit,
    PathId,
    Success,
    chat_message,
    chat_messages,
    new_message,
    parts_of,
)
from palaver.server.stretches import read_stretch
from palaver.store import HEAD

routes = Routes("Messages", "What was said in a session.")


class MessagePath(Asked, frozen=True, kw_only=True):
    message_id: PathId


class MessagesQuery(Asked, frozen=True, kw_only=True):
    """The newest; those that come `before` or `after` a message; or those `around` it, itself among them.

    `before` and `after` take the cursors of an answer, or a message's id. `leafId` names another branch than the shown one.
    """

    chat_session_id: Id
    leaf_id: Id | None = None
    before: str | None = None
    after: str | None = None
    around: Id | None = None
    limit: Limit = 50
    include: Literal["siblings"] | None = None


class CreateMessage(Asked, frozen=True, kw_only=True):
    """`content` where a text suffices, else `parts`. Without `parentId` it goes to the head, null begins a new branch."""

    chat_session_id: Id
    role: Role
    content: str | None = None
    parts: tuple[Part, ...] | None = None
    parent_id: Id | None | UnsetType = UNSET
    id: Id | None = None
    status: Status | None = None
    error: str | None = None
    in_context: bool | None = None
    model: Label | None = None
    provider: Label | None = None
    usage: Usage | None = None
    created_at: Time | None = None
    metadata: dict[str, Any] | None = None
    origin: Origin | None = None


class UpdateMessage(Asked, frozen=True, kw_only=True):
    """`inContext` false keeps it out of what is sent to the model."""

    in_context: bool | UnsetType = UNSET


class MessageAnswer(Given, frozen=True, kw_only=True):
    message: ChatMessage


class MessagesAnswer(Given, frozen=True, kw_only=True):
    """Oldest first. `nextCursor` goes back in time, passed as `before`; `newerCursor` forward, passed as `after`.

    `siblings` are those of each message that has any, itself among them, by position.
    """

    messages: list[ChatMessage]
    next_cursor: str | None
    newer_cursor: str | None
    siblings: dict[str, list[str]] | UnsetType = UNSET


class SiblingsAnswer(Given, frozen=True, kw_only=True):
    messages: list[ChatMessage]


_FIELDS = tuple(
    field.name
    for field in msgspec.structs.fields(CreateMessage)
    if field.name not in ("id", "chat_session_id", "content", "parts", "parent_id")
)


@routes.operation("GET", "/api/chat-messages", role="viewer", etag=True)
async def list_messages(call: Call, query: MessagesQuery) -> MessagesAnswer:
    """A part of a branch, oldest first."""
    found = await read_stretch(
        call.store,
        query.chat_session_id,
        HEAD if query.leaf_id is None else query.leaf_id,
        before=query.before,
        after=query.after,
        around=query.around,
        limit=query.limit,
    )
    siblings: dict[str, list[str]] | UnsetType = UNSET
    if query.include == "siblings":
        ids = [message.id for message in found.messages]
        siblings = await call.store.list_sibling_ids(query.chat_session_id, ids)
    return MessagesAnswer(
        messages=chat_messages(found.messages),
        next_cursor=found.older,
        newer_cursor=found.newer,
        siblings=siblings,
    )


@routes.operation(
    "POST",
    "/api/chat-messages",
    role="editor",
    status=201,
    errors=("conflict", "busy"),
    example={
        "chatSessionId": SESSION_ID,
        "role": "user",
        "content": "What is worth seeing in Lisbon?",
    },
    location="/api/chat-messages/{0.message.id}",
    gives={"messageId": "/message/id"},
)
async def create_message(call: Call, body: CreateMessage) -> MessageAnswer:
    """Record a message. It is on the disk when this answers; with an `id` it may be repeated after a doubt."""
    parts = parts_of(body.content, body.parts)
    if not any(getattr(part, "text", True) for part in parts):
        raise Invalid("a message needs content or parts", field="content")
    message = new_message(
        parts=parts, id=body.id or call.made_id, **{name: getattr(body, name) for name in _FIELDS}
    )
    parent = HEAD if body.parent_id is UNSET else body.parent_id
    stored = await call.store.append(body.chat_session_id, message, parent_id=parent)
    return MessageAnswer(message=chat_message(stored[0]))


@routes.operation("GET", "/api/chat-messages/{messageId}", role="viewer")
async def get_message(call: Call, path: MessagePath) -> MessageAnswer:
    """One message; of an answer that still streams what has come so far."""
    return MessageAnswer(message=chat_message(await call.store.get_message(path.message_id)))


@routes.operation(
    "PATCH",
    "/api/chat-messages/{messageId}",
    role="editor",
    errors=("conflict",),
    example={"inContext": False},
)
async def update_message(call: Call, path: MessagePath, body: UpdateMessage) -> MessageAnswer:
    """Exclude it from what is sent to the model, or take it in again."""
    if body.in_context is UNSET:
        return await get_message(call, path)
    changed = await call.store.set_in_context(path.message_id, body.in_context)
    return MessageAnswer(message=chat_message(changed))


@routes.operation("DELETE", "/api/chat-messages/{messageId}", role="editor", errors=("conflict",))
async def delete_message(call: Call, path: MessagePath, query: PurgeQuery) -> Success:
    """Put it into the trash, or remove its content for good, which needs the role owner."""
    if query.purge:
        await call.store.purge_message(path.message_id)
    else:
        await call.store.trash_message(path.message_id)
    return Success()


@routes.operation("POST", "/api/chat-messages/{messageId}/untrash", role="editor", errors=("conflict",))
async def untrash_message(call: Call, path: MessagePath) -> MessageAnswer:
    """Bring it back from the trash."""
    return MessageAnswer(message=chat_message(await call.store.untrash_message(path.message_id)))


@routes.operation("GET", "/api/chat-messages/{messageId}/siblings", role="viewer")
async def list_siblings(call: Call, path: MessagePath) -> SiblingsAnswer:
    """The message and those beside it below the same parent: other wordings of a question, other answers."""
    return SiblingsAnswer(messages=chat_messages(await call.store.list_siblings(path.message_id)))
