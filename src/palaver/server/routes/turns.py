"""Turns: a question and everything up to its finished answer, as events."""

from functools import partial
from typing import Any

from anyio import to_thread
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from palaver.chat.compacting import Compacting
from palaver.chat.engine import Engine
from palaver.chat.turn import Turn
from palaver.errors import Busy, Conflict, Invalid, NotFound, PalaverError
from palaver.model import NewMessage, Time, TurnKind, TurnState
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.routes.sessions import SessionPath
from palaver.server.shapes import Asked, Given, Id, MessageFields, PathId, Success, new_message, parts_of
from palaver.server.streams import MEDIA_TYPE, answer_events
from palaver.store import HEAD

routes = Routes("Turns", "A question and everything up to its finished answer, as events.")


class TurnPath(SessionPath, frozen=True, kw_only=True):
    turn_id: PathId


class StartTurn(MessageFields, frozen=True, kw_only=True):
    """A question: `content` where a text suffices, else `parts`; without `parentId` it goes to the head.

    Or `edit` with `content`: a question asked in other words, beside it. Or `retry`: an answer, or a question, asked for
    again. `model` ("name" or "provider/name") is for this turn alone. A question that is sent twice with the same `id` is
    asked once.
    """

    parent_id: Id | None | UnsetType = UNSET
    model: str | None = None
    id: Id | None = None
    edit: Id | None = None
    retry: Id | None = None


class EventsQuery(Asked, frozen=True, kw_only=True):
    """`after` is the id of the last event that was seen; the header `Last-Event-ID` goes before it."""

    after: str | None = None


class AnswerTurn(Asked, frozen=True, kw_only=True):
    request_id: Id
    choice: str


class ChatTurn(Given, frozen=True, kw_only=True):
    """`id` is that of the question; of a summary its own. `asked` is the event `input_required` that waits for a choice."""

    id: str
    chat_session_id: str
    kind: TurnKind
    actor: str
    answer_id: str | None
    begun_at: Time
    ended_at: Time | None
    stop_requested: bool
    asked: dict[str, Any] | None


class TurnAnswer(Given, frozen=True, kw_only=True):
    turn: ChatTurn


class RunningAnswer(Given, frozen=True, kw_only=True):
    turn: ChatTurn | None


EVENTS = "/api/chat-sessions/{sessionId}/turns/{turnId}/events"


def chat_turn(turn: TurnState) -> ChatTurn:
    return ChatTurn(
        id=turn.id,
        chat_session_id=turn.session_id,
        kind=turn.kind,
        actor=turn.actor,
        answer_id=turn.answer_id,
        begun_at=turn.begun_at,
        ended_at=turn.ended_at,
        stop_requested=turn.stop_requested,
        asked=turn.asked.data if turn.asked is not None else None,
    )


@routes.operation("GET", "/api/chat-sessions/{sessionId}/turns", role="viewer")
async def get_running_turn(call: Call, path: SessionPath) -> RunningAnswer:
    """What runs in the session now, in whichever process, and what it asks a person; null where nothing does."""
    turns = await call.store.list_turns(path.session_id)
    running = next((turn for turn in turns if turn.ended_at is None), None)
    return RunningAnswer(turn=chat_turn(running) if running is not None else None)


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/turns",
    role="editor",
    status=201,
    errors=("busy", "conflict", "provider_error", "context_overflow"),
    location="/api/chat-sessions/{0.turn.chat_session_id}/turns/{0.turn.id}/events",
    gives={"turnId": "/turn/id"},
    example={"content": "What is the capital of Portugal?"},
)
async def start_turn(call: Call, path: SessionPath, body: StartTurn) -> TurnAnswer:
    """Ask, and have it answered. The turn goes on whether its events are read or not."""
    engine = call.services.engine_as(call.caller.actor)
    if body.id is not None and (known := await _find_known(call, path.session_id, body.id)) is not None:
        return TurnAnswer(turn=known)
    try:
        turn = await to_thread.run_sync(partial(_start, engine, path.session_id, body))
    except (Busy, Conflict):
        known = await _find_known(call, path.session_id, body.id) if body.id is not None else None
        if known is None:
            raise
        return TurnAnswer(turn=known)
    return TurnAnswer(turn=_just_begun(call, turn))


def _start(engine: Engine, session_id: str, body: StartTurn) -> Turn:
    """On a thread: it waits for the store, and may ask a model's server."""
    _check_one(body)
    if body.edit is not None:
        if body.content is None:
            raise Invalid("content is what the question is asked with now", field="content")
        engine.check_session(body.edit, session_id)
        return engine.edit(body.edit, body.content, model=body.model)
    if body.retry is not None:
        engine.check_session(body.retry, session_id)
        return engine.retry(body.retry, model=body.model)
    parent_id = HEAD if body.parent_id is UNSET else body.parent_id
    return engine.start_turn(session_id, _question(body), parent_id=parent_id, model=body.model)


def _check_one(body: StartTurn) -> None:
    asked = [name for name in ("edit", "retry") if getattr(body, name) is not None]
    if len(asked) > 1:
        raise Invalid("edit and retry exclude each other", field="retry")
    if not asked and body.content is None and not body.parts:
        raise Invalid("a question has content or parts", field="content")


def _question(body: StartTurn) -> NewMessage:
    return new_message(role="user", parts=parts_of(body.content, body.parts), id=body.id)


def _just_begun(call: Call, work: Turn | Compacting) -> ChatTurn:
    """As it was stored a moment ago: who waits for this answer is not to wait for another look."""
    begun = work.begun
    return chat_turn(begun) if begun is not None else _made_of_messages(call, work.session_id, work.id)


def _made_of_messages(call: Call, session_id: str, turn_id: str) -> ChatTurn:
    """A turn that is over, or could not be stored when it began: what is known of it without its row."""
    running = call.services.engine_as(call.caller.actor).running(session_id)
    return ChatTurn(
        id=turn_id,
        chat_session_id=session_id,
        kind="answer",
        actor=call.caller.actor,
        answer_id=running.answer_id if running is not None and running.id == turn_id else None,
        begun_at=Time.current(),
        ended_at=None if running is not None else Time.current(),
        stop_requested=False,
        asked=None,
    )


async def _find_known(call: Call, session_id: str, question_id: str) -> ChatTurn | None:
    """The turn of a question that was sent before; None where it was not, or nobody has begun to answer it."""
    try:
        question = await call.store.get_message(question_id)
    except (NotFound, Invalid):
        return None
    turns = [one for one in await call.store.list_turns(session_id) if one.id == question_id]
    if question.session_id != session_id or question.role != "user":
        return None
    if turns:
        return chat_turn(turns[0])
    below = await call.store.list_messages(session_id)
    answered = any(message.parent_id == question_id for message in below.items)
    return _made_of_messages(call, session_id, question_id) if answered else None


@routes.operation("GET", EVENTS, role="viewer", answers=(MEDIA_TYPE,), errors=("not_found", "invalid"))
async def follow_turn(call: Call, path: TurnPath, query: EventsQuery) -> Response:
    """The events of a turn, running or ended, as server-sent events: `turn_started`, `text_delta`,
    `reasoning_delta`, `tool_call`, `tool_result`, `input_required` and others, at the end `turn_finished` or `turn_failed`.

    The id of each goes into `Last-Event-ID`, or `after`, of the next request, to this or to another server: then those
    come that follow it, none is missed and none repeated. Every 15 seconds without one a comment shows that it goes on.
    The event `closing` says that this server ends.
    """
    await call.store.get_session(path.session_id)
    after = call.request.headers.get("last-event-id") or query.after
    frames = await call.services.live.follow(
        path.session_id, path.turn_id, after, partial(may_still_read, call, path.session_id)
    )
    return answer_events(frames)


async def may_still_read(call: Call, session_id: str | None = None) -> bool:
    """Whether who has opened a stream may go on reading it: still signed in, and the session still theirs to see."""
    try:
        if await call.services.door.identify(call.request) is None:
            return False
        if session_id is not None:
            await call.store.get_session(session_id)
    except NotFound:
        return False
    except PalaverError as exc:
        return exc.code in ("unavailable", "busy")  # a store that is away for a while sends nobody away
    return True


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/turns/{turnId}/answers",
    role="editor",
    example={"requestId": "0190a7c4-0000-7000-8000-000000000000", "choice": "once"},
)
async def answer_turn(call: Call, path: TurnPath, body: AnswerTurn) -> Success:
    """Choose what `input_required` waits for, in whichever process it does."""
    engine = call.services.engine_as(call.caller.actor)
    await to_thread.run_sync(engine.answer, path.session_id, body.request_id, body.choice)
    return Success()


@routes.operation("DELETE", "/api/chat-sessions/{sessionId}/turns/{turnId}", role="editor")
async def stop_turn(call: Call, path: TurnPath) -> Success:
    """Stop it, whichever process runs it; what came is kept. One that has ended stays as it is."""
    engine = call.services.engine_as(call.caller.actor)
    if not await to_thread.run_sync(engine.stop, path.session_id, path.turn_id):
        await _check_turn(call, path)
    return Success()


async def _check_turn(call: Call, path: TurnPath) -> None:
    if any(turn.id == path.turn_id for turn in await call.store.list_turns(path.session_id)):
        return
    question = await call.store.get_message(path.turn_id)
    if question.session_id != path.session_id or question.role != "user":
        raise NotFound("turn", path.turn_id)


@routes.operation(
    "POST",
    "/api/chat-sessions/{sessionId}/compact",
    role="editor",
    status=202,
    errors=("busy", "provider_error", "context_overflow"),
    location="/api/chat-sessions/{0.turn.chat_session_id}/turns/{0.turn.id}/events",
)
async def compact_session(call: Call, path: SessionPath) -> TurnAnswer:
    """Summarise older messages now, so that they take less of the window. Its events are read as those of a turn, and end
    with `checkpoint_finished`."""
    engine = call.services.engine_as(call.caller.actor)
    compacting = await to_thread.run_sync(engine.compact, path.session_id)
    return TurnAnswer(turn=_just_begun(call, compacting))
