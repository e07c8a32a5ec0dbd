"""Sessions: one conversation each."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from palaver.aio import AsyncStore
from palaver.model import Relation, Session, Time, TitleSource
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.routes.projects import PurgeQuery
from palaver.server.shapes import (
    Asked,
    ChatSession,
    Given,
    Id,
    Label,
    PageQuery,
    PathId,
    Success,
    Tags,
    Title,
    chat_message,
    chat_session,
)
from palaver.store import HEAD, Filter, State

routes = Routes("Sessions", "One conversation each.")

ContextSize = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class SessionPath(Asked, frozen=True, kw_only=True):
    session_id: PathId


class SessionsQuery(PageQuery, frozen=True, kw_only=True):
    """`before` and `after` are exclusive and look at `updatedAt`; `empty` lists sessions without messages as well."""

    project_id: Id | None = None
    state: State | None = None
    tag: tuple[str, ...] = ()
    pinned: bool | None = None
    model: str | None = None
    provider: str | None = None
    before: Time | None = None
    after: Time | None = None
    empty: bool = False
    include: Literal["messages"] | None = None


class SessionQuery(Asked, frozen=True, kw_only=True):
    """`messages=false` leaves them out: they may be many, and `GET /api/chat-messages` gives them in pages."""

    messages: bool = True


class CreateSession(Asked, frozen=True, kw_only=True):
    """`name` is taken for `title`."""

    project_id: Id | None = None
    title: Title | None = None
    name: Title | None = None
    model: Label | None = None
    provider: Label | None = None
    context_size: ContextSize | None = None
    system_prompt: str | None = None
    settings: dict[str, Any] | None = None
    id: Id | None = None
    parent_id: Id | None = None
    relation: Relation | None = None


class EnsureSession(Asked, frozen=True, kw_only=True):
    """`model` and `provider` are for a session that has to be made."""

    project_id: Id | None = None
    model: Label | None = None
    provider: Label | None = None


class UpdateSession(Asked, frozen=True, kw_only=True):
    """What is given is changed. `expectedRevision` makes it a conflict where somebody else was faster."""

    title: Title | UnsetType = UNSET
    name: Title | UnsetType = UNSET
    title_source: TitleSource = "user"
    model: Label | None | UnsetType = UNSET
    provider: Label | None | UnsetType = UNSET
    context_size: ContextSize | None | UnsetType = UNSET
    system_prompt: str | None | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    project_id: Id | UnsetType = UNSET
    expected_revision: int | None = None


class ForkSession(Asked, frozen=True, kw_only=True):
    """Without `leafId` the branch that is shown is copied."""

    leaf_id: Id | UnsetType = UNSET
    title: Title | None = None


class MoveHead(Asked, frozen=True, kw_only=True):
    """null shows nothing: the next message begins a new branch. `toEnd` goes on to the newest message below it."""

    message_id: Id | None
    to_end: bool = False


class SessionAnswer(Given, frozen=True, kw_only=True):
    chat_session: ChatSession


class SessionsAnswer(Given, frozen=True, kw_only=True):
    chat_sessions: list[ChatSession]
    next_cursor: str | None


@routes.operation("GET", "/api/chat-sessions", errors=("not_found",))
async def list_sessions(call: Call, query: SessionsQuery) -> SessionsAnswer:
    """Sessions, newest content first; with `include=messages` each with those of its branch."""
    page = await call.store.list_sessions(
        project_id=query.project_id, filter=_filter(query), after=query.cursor, limit=query.limit
    )
    if query.include == "messages":
        listed = [await _with_messages(call.store, one) for one in page.items]
    else:
        texts = await call.store.list_last_texts([one.id for one in page.items])
        listed = [chat_session(one, last_message=texts.get(one.id)) for one in page.items]
    return SessionsAnswer(chat_sessions=listed, next_cursor=page.next_cursor)


def _filter(query: SessionsQuery) -> Filter:
    return Filter(
        state=query.state,
        tags=query.tag,
        pinned=query.pinned,
        model=query.model,
        provider=query.provider,
        before=query.before,
        after=query.after,
        empty=query.empty,
    )


async def _with_messages(store: AsyncStore, session: Session) -> ChatSession:
    messages = [chat_message(message) async for message in store.messages(session.id)]
    return chat_session(session, messages=messages)


@routes.operation(
    "POST",
    "/api/chat-sessions",
    role="editor",
    status=201,
    errors=("conflict",),
    example={"title": "Trip to Lisbon", "model": "llama3.2"},
    location="/api/chat-sessions/{0.chat_session.id}",
    gives={"sessionId": "/chatSession/id"},
)
async def create_session(call: Call, body: CreateSession) -> SessionAnswer:
    """Begin a session, in one's personal project where none is named."""
    made = await call.store.create_session(
        project_id=body.project_id,
        title=body.title if body.title is not None else body.name,
        model=body.model,
        provider=body.provider,
        context_size=body.context_size,
        system_prompt=body.system_prompt,
        settings=body.settings,
        id=body.id or call.made_id,
        parent_id=body.parent_id,
        relation=body.relation,
    )
    return SessionAnswer(chat_session=chat_session(made, messages=[]))


@routes.operation("POST", "/api/chat-sessions/ensure", role="editor", errors=("conflict",), example={})
async def ensure_session(call: Call, body: EnsureSession) -> SessionAnswer:
    """The project's most recent session, else a fresh one. Many who ask at once get the same."""
    found = await call.store.ensure_session(
        project_id=body.project_id, model=body.model, provider=body.provider
    )
    return SessionAnswer(chat_session=await _with_messages(call.store, found))


@routes.operation("GET", "/api/chat-sessions/{sessionId}", role="viewer", etag=True)
async def get_session(call: Call, path: SessionPath, query: SessionQuery) -> SessionAnswer:
    """One session with the messages of its branch, oldest first."""
    found = await call.store.get_session(path.session_id)
    if not query.messages:
        return SessionAnswer(chat_session=chat_session(found))
    return SessionAnswer(chat_session=await _with_messages(call.store, found))


@routes.operation(
    "PATCH",
    "/api/chat-sessions/{sessionId}",
    role="editor",
    errors=("conflict",),
    example={"title": "Lisbon in May", "pinned": True},
)
async def update_session(call: Call, path: SessionPath, body: UpdateSession) -> SessionAnswer:
    """Change what is given; a title typed by a person stays."""
    changed = await call.store.update_session(
        path.session_id,
        title=body.title if body.title is not UNSET else body.name,
        title_source=body.title_source,
        model=body.model,
        provider=body.provider,
        context_size=body.context_size,
        system_prompt=body.system_prompt,
        settings=body.settings,
        tags=body.tags,
        pinned=body.pinned,
        archived=body.archived,
        metadata=body.metadata,
        project_id=body.project_id,
        expected_revision=body.expected_revision,
    )
    return SessionAnswer(chat_session=chat_session(changed))


@routes.operation("DELETE", "/api/chat-sessions/{sessionId}", role="editor", errors=("busy",))
async def delete_session(call: Call, path: SessionPath, query: PurgeQuery) -> Success:
    """Put it into the trash, or remove it and its messages for good, which needs the role owner."""
    if query.purge:
        await call.store.purge_session(path.session_id)
    else:
        await call.store.trash_session(path.session_id)
    return Success()


@routes.operation("POST", "/api/chat-sessions/{sessionId}/untrash", role="editor")
async def untrash_session(call: Call, path: SessionPath) -> SessionAnswer:
    """Bring it back from the trash."""
    return SessionAnswer(chat_session=chat_session(await call.store.untrash_session(path.session_id)))


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/fork",
    role="editor",
    status=201,
    location="/api/chat-sessions/{0.chat_session.id}",
    gives={"sessionId": "/chatSession/id"},
    example={"title": "Another way to Lisbon"},
)
async def fork_session(call: Call, path: SessionPath, body: ForkSession) -> SessionAnswer:
    """A new session that begins as a copy of a branch."""
    leaf = HEAD if body.leaf_id is UNSET else body.leaf_id
    made = await call.store.fork_session(path.session_id, leaf_id=leaf, title=body.title)
    return SessionAnswer(chat_session=chat_session(made))


@routes.operation("POST", "/api/chat-sessions/{sessionId}/clear", role="editor", errors=("busy",))
async def clear_session(call: Call, path: SessionPath) -> SessionAnswer:
    """Begin again in the same session: the old branch stays, and a snapshot brings it back."""
    return SessionAnswer(chat_session=chat_session(await call.store.clear_session(path.session_id)))


@routes.operation("POST", "/api/chat-sessions/{sessionId}/head", role="editor", example={"messageId": None})
async def set_head(call: Call, path: SessionPath, body: MoveHead) -> SessionAnswer:
    """Show the branch that ends in this message."""
    return SessionAnswer(
        chat_session=chat_session(
            await call.store.set_head(path.session_id, body.message_id, to_end=body.to_end)
        )
    )
