"""Finding, counting and measuring what is stored, and what each person keeps for their own page."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from palaver.model import Hit, Role, SessionSize, Stats, Time
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.shapes import Asked, Cursor, Given, Id, Limit
from palaver.store import MAX_PREFERENCE_NAME, Filter, State

routes = Routes("Finding", "Finding, counting and measuring what is stored.")
preferences = Routes("Preferences", "What one keeps for oneself: JSON values by name.")


class SearchQuery(Asked, frozen=True, kw_only=True):
    """Words are joined by "and", "quotes" make a phrase; the filters may also stand among the words."""

    q: Annotated[str, Meta(max_length=10_000)] = ""
    project_id: Id | None = None
    session_id: Id | None = None
    role: Role | None = None
    model: str | None = None
    provider: str | None = None
    tag: tuple[str, ...] = ()
    before: Time | None = None
    after: Time | None = None
    has: tuple[Literal["tool", "file"], ...] = ()
    state: State | None = None
    branch: Literal["all", "shown"] = "all"
    cursor: Cursor | None = None
    limit: Limit = 20


class LimitQuery(Asked, frozen=True, kw_only=True):
    limit: Limit = 50


class PrefixQuery(Asked, frozen=True, kw_only=True):
    prefix: Annotated[str, Meta(max_length=MAX_PREFERENCE_NAME)] = ""


class PreferencePath(Asked, frozen=True, kw_only=True):
    name: str


class PutPreference(Asked, frozen=True, kw_only=True):
    """Any JSON; null removes it."""

    value: Any


class SearchAnswer(Given, frozen=True, kw_only=True):
    """Best first. `cut` says that a deadline ended the search early."""

    hits: list[Hit]
    next_cursor: str | None
    cut: bool


class StatsAnswer(Given, frozen=True, kw_only=True):
    stats: Stats


class SizesAnswer(Given, frozen=True, kw_only=True):
    sessions: list[SessionSize]


class PreferencesAnswer(Given, frozen=True, kw_only=True):
    preferences: dict[str, Any]


class PreferenceAnswer(Given, frozen=True, kw_only=True):
    name: str
    value: Any


@routes.operation("GET", "/api/search", errors=("not_found",))
async def search(call: Call, query: SearchQuery) -> SearchAnswer:
    """Full text over titles, messages, reasoning and tools."""
    narrowed = Filter(
        project_id=query.project_id,
        session_id=query.session_id,
        role=query.role,
        model=query.model,
        provider=query.provider,
        tags=query.tag,
        before=query.before,
        after=query.after,
        has=query.has,
        state=query.state,
        branch=query.branch,
    )
    page = await call.store.search(query.q, filter=narrowed, after=query.cursor, limit=query.limit)
    return SearchAnswer(hits=page.items, next_cursor=page.next_cursor, cut=page.cut)


@routes.operation("GET", "/api/stats")
async def get_stats(call: Call) -> StatsAnswer:
    """Counts and sizes of what one can see; where the database lies, administrators alone are told."""
    found = await call.store.stats()
    return StatsAnswer(
        stats=found if call.caller.administrator else msgspec.structs.replace(found, location="")
    )


@routes.operation("GET", "/api/stats/sessions")
async def list_largest_sessions(call: Call, query: LimitQuery) -> SizesAnswer:
    """What takes how much, largest first."""
    return SizesAnswer(sessions=await call.store.list_largest_sessions(limit=query.limit))


@preferences.operation("GET", "/api/preferences")
async def list_preferences(call: Call, query: PrefixQuery) -> PreferencesAnswer:
    """One's values whose names begin so."""
    return PreferencesAnswer(preferences=await call.store.list_preferences(query.prefix))


@preferences.operation("PUT", "/api/preferences/{name:path}", example={"value": {"theme": "dark"}})
async def put_preference(call: Call, path: PreferencePath, body: PutPreference) -> PreferenceAnswer:
    """Keep a value under this name, in place of the one before."""
    await call.store.put_preference(path.name, body.value)
    return PreferenceAnswer(name=path.name, value=body.value)
