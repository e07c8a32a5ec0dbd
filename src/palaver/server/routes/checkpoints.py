"""Checkpoints and snapshots of a session, and what of it would be sent to its model."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from anyio import to_thread
from msgspec import Meta

from palaver.chat.weighing import Line, Weighed
from palaver.errors import NotFound
from palaver.model import Checkpoint, CheckpointKind, Purpose, Snapshot
from palaver.server.call import Call
from palaver.server.examples import MESSAGE_ID, QUESTION_ID
from palaver.server.operations import Routes
from palaver.server.routes.sessions import SessionAnswer, SessionPath
from palaver.server.shapes import (
    Asked,
    Cursor,
    Given,
    Id,
    Label,
    Name,
    PathId,
    Success,
    chat_session,
)
from palaver.store import HEAD, MAX_PAGE

routes = Routes(
    "Context", "What of a session is sent to its model: checkpoints, snapshots, and the whole in tokens."
)


class CheckpointPath(Asked, frozen=True, kw_only=True):
    session_id: PathId
    checkpoint_id: PathId


class SnapshotPath(Asked, frozen=True, kw_only=True):
    session_id: PathId
    snapshot_id: PathId


class CheckpointsQuery(Asked, frozen=True, kw_only=True):
    """Those in use on the branch that is shown, or that ends in `leafId`; with `active=false` all of the session."""

    active: bool = True
    leaf_id: Id | None = None


class AddCheckpoint(Asked, frozen=True, kw_only=True):
    """A summary that stands for the messages `fromId` to `throughId` of one branch."""

    from_id: Id
    through_id: Id
    summary: Annotated[str, Meta(min_length=1)]
    kind: CheckpointKind = "summary"
    level: Annotated[int, Meta(ge=1, le=3)] = 3
    token_count: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    model: Label | None = None
    replaces: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()
    id: Id | None = None


class TakeSnapshot(Asked, frozen=True, kw_only=True):
    name: Name | None = None
    purpose: Purpose = "manual"


class CheckpointAnswer(Given, frozen=True, kw_only=True):
    checkpoint: Checkpoint


class CheckpointsAnswer(Given, frozen=True, kw_only=True):
    checkpoints: list[Checkpoint]


class SnapshotAnswer(Given, frozen=True, kw_only=True):
    snapshot: Snapshot


class SnapshotsAnswer(Given, frozen=True, kw_only=True):
    snapshots: list[Snapshot]


class ContextQuery(Asked, frozen=True, kw_only=True):
    """Lines of the newest `limit` messages, or of those above the page that gave the cursor; with 0 the numbers alone."""

    limit: Annotated[int, Meta(ge=0, le=MAX_PAGE)] = 100
    before: Cursor | None = None


class ContextAnswer(Given, frozen=True, kw_only=True):
    """`context` in numbers, all of them tokens but the counts; `lines` in order, with the reason for what is not sent."""

    context: Weighed
    lines: list[Line]
    next_cursor: str | None


@routes.operation("GET", "/api/chat-sessions/{sessionId}/checkpoints", role="viewer")
async def list_checkpoints(call: Call, path: SessionPath, query: CheckpointsQuery) -> CheckpointsAnswer:
    """By number."""
    leaf = HEAD if query.leaf_id is None else query.leaf_id
    found = await call.store.list_checkpoints(path.session_id, active=query.active, leaf_id=leaf)
    return CheckpointsAnswer(checkpoints=found)


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/checkpoints",
    role="editor",
    status=201,
    errors=("conflict", "busy"),
    example={
        "fromId": QUESTION_ID,
        "throughId": MESSAGE_ID,
        "summary": "They plan a trip to Lisbon in May.",
    },
    gives={"checkpointId": "/checkpoint/id"},
)
async def add_checkpoint(call: Call, path: SessionPath, body: AddCheckpoint) -> CheckpointAnswer:
    """Let a summary stand for a stretch of a branch in what is sent; the messages stay."""
    made = await call.store.add_checkpoint(
        path.session_id,
        from_id=body.from_id,
        through_id=body.through_id,
        summary=body.summary,
        kind=body.kind,
        level=body.level,
        token_count=body.token_count,
        model=body.model,
        replaces=body.replaces,
        id=body.id or call.made_id,
    )
    return CheckpointAnswer(checkpoint=made)


@routes.operation(
    "DELETE",
    "/api/chat-sessions/{sessionId}/checkpoints/{checkpointId}",
    role="editor",
    errors=("conflict", "busy"),
)
async def revert_checkpoint(call: Call, path: CheckpointPath) -> CheckpointAnswer:
    """Take a checkpoint out of use; what it replaced is in use again."""
    known = await call.store.list_checkpoints(path.session_id, active=False)
    _check_there("checkpoint", path.checkpoint_id, known)
    return CheckpointAnswer(checkpoint=await call.store.revert_checkpoint(path.checkpoint_id))


@routes.operation("GET", "/api/chat-sessions/{sessionId}/snapshots", role="viewer")
async def list_snapshots(call: Call, path: SessionPath) -> SnapshotsAnswer:
    """Newest first."""
    return SnapshotsAnswer(snapshots=await call.store.list_snapshots(path.session_id))


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/snapshots",
    role="editor",
    status=201,
    errors=("conflict",),
    example={"name": "Before the other plan"},
    gives={"snapshotId": "/snapshot/id"},
)
async def take_snapshot(call: Call, path: SessionPath, body: TakeSnapshot) -> SnapshotAnswer:
    """Keep the shown branch, the checkpoints in use and the settings as they are now."""
    made = await call.store.take_snapshot(path.session_id, name=body.name, purpose=body.purpose)
    return SnapshotAnswer(snapshot=made)


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/snapshots/{snapshotId}/restore",
    role="editor",
    errors=("conflict", "busy"),
)
async def restore_snapshot(call: Call, path: SnapshotPath) -> SessionAnswer:
    """Go back to it; nothing that came later is deleted."""
    await _check_snapshot(call, path)
    restored = await call.store.restore_snapshot(path.snapshot_id)
    return SessionAnswer(chat_session=chat_session(restored))


@routes.operation(
    "DELETE", "/api/chat-sessions/{sessionId}/snapshots/{snapshotId}", role="editor", errors=("conflict",)
)
async def delete_snapshot(call: Call, path: SnapshotPath) -> Success:
    """Delete the snapshot; the messages stay."""
    await _check_snapshot(call, path)
    await call.store.delete_snapshot(path.snapshot_id)
    return Success()


async def _check_snapshot(call: Call, path: SnapshotPath) -> None:
    _check_there("snapshot", path.snapshot_id, await call.store.list_snapshots(path.session_id))


def _check_there(kind: str, id: str, known: Sequence[Checkpoint | Snapshot]) -> None:
    if id not in {one.id for one in known}:
        raise NotFound(kind, id)


@routes.operation(
    "GET", "/api/chat-sessions/{sessionId}/context", role="viewer", errors=("context_overflow",)
)
async def get_context(call: Call, path: SessionPath, query: ContextQuery) -> ContextAnswer:
    """What would be sent to the session's model, token by message, and what is left out.

    The lines of the first page begin with what is sent before the messages.
    """
    session = await call.store.get_session(path.session_id)
    store = call.services.plain_store.as_actor(call.caller.actor)
    work = partial(call.services.servers.weigh, store, session, limit=query.limit, before=query.before)
    weighed, page = await to_thread.run_sync(work)
    return ContextAnswer(context=weighed, lines=page.items, next_cursor=page.next_cursor)
