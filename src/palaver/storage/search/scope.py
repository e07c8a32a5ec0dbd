"""What a search is narrowed to, by the query's own filters and those given beside it, as parameters of its SQL."""

from typing import Any, NamedTuple

import msgspec

from palaver.model import ROLES, to_ms
from palaver.storage.search.query import Query, is_id
from palaver.storage.transaction import Reading
from palaver.store import Filter

MOST_SESSIONS = 512
"""More than that are not named one by one, but found to fit as they come."""

_STATES = {"archived": "search_sessions_archived", "trash": "search_sessions_with_trash"}


class Scope(NamedTuple):
    """`parameters` are those of the query `search_fits` and `sessions`; `size` counts the messages of those sessions."""

    parameters: dict[str, Any]
    sessions: bool
    size: int
    shown_branch: bool


def resolve(tx: Reading, query: Query, filter: Filter) -> Scope | None:
    """None where nothing can fit, because nothing visible has an id, name or tag that was asked for."""
    projects = _projects(tx, query, filter)
    sessions = _sessions(tx, query, filter, projects)
    roles = _roles(query, filter)
    if not all(found is None or found for found in (projects, sessions, roles)):
        return None
    size = 0
    if sessions is not None:
        found = tx.row("search_scope_size", actor=tx.actor, sessions=_json(sorted(sessions)))
        size = sum(found) if found else 0
    parameters = {
        "actor": tx.actor,
        "state": query.state or filter.state,
        "projects": _keys(projects),
        "sessions": _keys(sessions),
        "roles": _keys({ROLES.index(role) for role in roles} if roles is not None else None),
        "model": filter.model,
        "model_part": query.models[-1].lower() if query.models else None,
        "provider": filter.provider,
        "pinned": None if filter.pinned is None else int(filter.pinned),
        "tags": _json(_tags(query, filter)) if _tags(query, filter) else None,
        **_times(query, filter),
        "has_tool": 1 if "tool" in (*query.has, *filter.has) else None,
        "has_file": 1 if "file" in (*query.has, *filter.has) else None,
    }
    shown = "shown" in (query.branch, filter.branch)
    return Scope(parameters, sessions is not None, size, shown)


def narrows(filter: Filter) -> bool:
    """Whether it filters anything in a search."""
    return filter != Filter(empty=filter.empty)


def _projects(tx: Reading, query: Query, filter: Filter) -> set[int] | None:
    wanted = ([filter.project_id] if filter.project_id is not None else []) + query.projects
    return _all_of([_find(tx, "project", value) for value in wanted])


def _sessions(tx: Reading, query: Query, filter: Filter, projects: set[int] | None) -> set[int] | None:
    wanted = ([filter.session_id] if filter.session_id is not None else []) + query.sessions
    known = [_find(tx, "session", value) for value in wanted]
    if projects is not None:
        known += _few(tx, "search_sessions_of_projects", actor=tx.actor, projects=_keys(projects))
    for tag in _tags(query, filter):
        known += _few(tx, "search_sessions_with_tag", actor=tx.actor, tag=tag)
    name = _STATES.get(query.state or filter.state or "")
    if name is not None:
        known += _few(tx, name, actor=tx.actor)
    return _all_of(known)


def _few(tx: Reading, name: str, **parameters: Any) -> list[set[int]]:
    found = tx.rows(name, limit=MOST_SESSIONS + 1, **parameters)
    return [{key for (key,) in found}] if len(found) <= MOST_SESSIONS else []


def _find(tx: Reading, kind: str, value: str) -> set[int]:
    """The keys of what has this id, or an id that begins or ends so; projects also by name."""
    found = []
    if is_id(value):
        digits = value.replace("-", "").lower()
        low, high = bytes.fromhex(digits.ljust(32, "0")), bytes.fromhex(digits.ljust(32, "f"))
        found = tx.rows(
            f"search_{kind}_ids", low=low, high=high, digits=len(digits), ending=digits, actor=tx.actor
        )
    if not found and kind == "project":
        found = tx.rows("search_project_names", name=value, actor=tx.actor)
    return {key for (key,) in found}


def _roles(query: Query, filter: Filter) -> set[str] | None:
    """In the query any of several may be meant; the filter's stands beside it."""
    asked: list[set[str]] = [set(query.roles)] if query.roles else []
    if filter.role is not None:
        asked.append({filter.role})
    return set.intersection(*asked) if asked else None


def _tags(query: Query, filter: Filter) -> list[str]:
    return [*query.tags, *filter.tags]


def _times(query: Query, filter: Filter) -> dict[str, int | None]:
    before = [to_ms(moment) for moment in (query.before, filter.before) if moment is not None]
    after = [to_ms(moment) for moment in (query.after, filter.after) if moment is not None]
    return {"before": min(before, default=None), "after": max(after, default=None)}


def _all_of(known: list[set[int]]) -> set[int] | None:
    return set.intersection(*known) if known else None


def _keys(found: set[int] | None) -> str | None:
    return None if found is None else _json(sorted(found))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
