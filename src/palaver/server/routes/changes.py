"""Changes: what was committed, told to every open window."""

from functools import partial

from starlette.responses import Response

from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.routes.turns import may_still_read
from palaver.server.shapes import Asked
from palaver.server.streams import MEDIA_TYPE, answer_events

routes = Routes("Changes", "What was committed, told to every open window.")


class ChangesQuery(Asked, frozen=True, kw_only=True):
    """`after` is a mark, the id of an event that was seen; the header `Last-Event-ID` goes before it."""

    after: str | None = None


@routes.operation("GET", "/api/changes", answers=(MEDIA_TYPE,), errors=("invalid",))
async def follow_changes(call: Call, query: ChangesQuery) -> Response:
    """What is committed by anybody, as server-sent events `change`, from now on or behind a mark; none is missed.

    The first event has no data: its id is the mark to come back with. Every 15 seconds without a change such a one comes
    again. The event `closing` says that this server ends.
    """
    after = call.request.headers.get("last-event-id") or query.after
    frames = await call.services.feeds.follow(call.caller.actor, after, partial(may_still_read, call))
    return answer_events(frames)
