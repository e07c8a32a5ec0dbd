"""Verbs on projects."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from palaver.errors import Conflict, Invalid
from palaver.ids import find_bytes, from_bytes, new_bytes, to_bytes
from palaver.model import MEMBER_ROLES, PERSONAL_PROJECT, MemberRole, Page, Project
from palaver.storage.rows import EDITOR, OWNER, ProjectRow, check_text, project_guard
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs import lookup, sessions
from palaver.storage.verbs.cursors import decode_cursor, encode_cursor
from palaver.storage.verbs.kinds import PROJECT_ADDED, PROJECT_CHANGED, PROJECT_PURGED
from palaver.storage.verbs.purging import purge_session_rows, purged_detail
from palaver.storage.verbs.titles import check_name

MAX_DESCRIPTION = 100_000


def create_project(tx: Writing, name: str, description: str, id: str | None) -> Project:
    return _insert(tx, check_name(name), _check_description(description), personal=0, id=id).value()


def personal_project_row(tx: Writing) -> ProjectRow:
    """The actor's personal project; made where it is not there, taken out of the trash where it is."""
    row = find_personal_project(tx)
    if row is None:
        return _insert(tx, PERSONAL_PROJECT, "", personal=1, id=None)
    if row.trashed_at is not None:
        _untrash(tx, row)
    return row


def find_personal_project(tx: Reading) -> ProjectRow | None:
    found = tx.row("find_personal_project", actor=tx.actor)
    if found is None:
        return None
    row = ProjectRow(*found)
    tx.admit_project(row.key, OWNER)
    return row


def home_of(tx: Writing, project_id: str | None) -> tuple[int, bytes]:
    """Key and id of the project a new session goes to. Raises `Conflict` for one in the trash."""
    row = personal_project_row(tx) if project_id is None else lookup.project_row(tx, project_id, EDITOR)
    if row.trashed_at is not None:
        raise Conflict(f"Project {project_id} is in the trash: take it out first (untrash_project)")
    return row.key, row.id


def ids_by_key(tx: Reading, project_id: str | None) -> dict[int, str]:
    """The project of this id, or all the actor sees."""
    if project_id is not None:
        row = lookup.project_row(tx, project_id)
        return {row.key: from_bytes(row.id)}
    return {key: from_bytes(id) for key, id, _ in _visible(tx)}


def keys_to_tidy(tx: Reading, project_id: str | None) -> list[int]:
    """The project of this id, which may be another's to whom the actor is an editor; or all of the actor's own."""
    if project_id is not None:
        return [lookup.project_row(tx, project_id, EDITOR).key]
    return [key for key, _, role in _visible(tx) if role >= OWNER]


def _visible(tx: Reading) -> list[Row]:
    """Key, id and the actor's role of each project the actor sees."""
    found = tx.rows("list_visible_projects", actor=tx.actor)
    for key, _, role in found:
        tx.admit_project(key, role)
    return found


def roles(tx: Reading, project_ids: Sequence[str]) -> dict[str, MemberRole]:
    found = (
        (id, tx.row("find_project_role", id=find_bytes(id) or b"", actor=tx.actor)) for id in project_ids
    )
    return {id: MEMBER_ROLES[row[0]] for id, row in found if row is not None}


def get_project(tx: Reading, project_id: str) -> Project:
    return lookup.project_row(tx, project_id).value()


def list_projects(tx: Reading, trashed: bool, after: str | None, limit: int) -> Page[Project]:
    name, id = decode_cursor(after, "p", str, str) if after else ("", "")
    found: list[Row] = tx.rows(
        "list_projects",
        actor=tx.actor,
        trashed=bool(trashed),
        name=name,
        id=to_bytes(id) if id else b"",
        limit=limit + 1,
    )
    items = [ProjectRow(*columns).value() for columns in found[:limit]]
    more = len(found) > limit
    return Page(items, encode_cursor("p", items[-1].name, items[-1].id) if more else None)


def update_project(
    tx: Writing, project_id: str, name: str | UnsetType, description: str | UnsetType
) -> Project:
    row = lookup.project_row(tx, project_id, OWNER)
    if name is not UNSET:
        row.name = check_name(name)
    if description is not UNSET:
        row.description = _check_description(description)
    _save(tx, row)
    return row.value()


def trash_project(tx: Writing, project_id: str) -> Project:
    row = lookup.project_row(tx, project_id, OWNER)
    if row.trashed_at is None:
        for (id,) in tx.rows("list_sessions_not_trashed", project=row.key):
            sessions.trash_session(tx, from_bytes(id), with_project=True)
        row.trashed_at = tx.now
        _save(tx, row)
    return row.value()


def untrash_project(tx: Writing, project_id: str) -> Project:
    row = lookup.project_row(tx, project_id, OWNER)
    if row.trashed_at is not None:
        _untrash(tx, row)
    return row.value()


def purge_project(tx: Writing, project_id: str) -> None:
    row = lookup.project_row(tx, project_id, OWNER)
    for (id,) in tx.rows("list_project_sessions", project=row.key):
        found, _ = sessions.idle_session_row(tx, from_bytes(id))
        purge_session_rows(tx, found)
    detail = purged_detail(tx, row, None, None)
    tx.run("delete_project", project=row.key)
    tx.mark(PROJECT_PURGED, -row.key, detail)
    tx.scrub()


def _untrash(tx: Writing, row: ProjectRow) -> None:
    row.trashed_at = None
    _save(tx, row)
    for (id,) in tx.rows("list_sessions_trashed_with_project", project=row.key):
        sessions.untrash_session(tx, from_bytes(id))


def _insert(tx: Writing, name: str, description: str, *, personal: int, id: str | None) -> ProjectRow:
    raw = to_bytes(id) if id is not None else new_bytes()
    row = ProjectRow(0, raw, name, description, tx.actor, personal, tx.now, tx.now, None)
    return insert_row(tx, row)


def insert_row(tx: Writing, row: ProjectRow) -> ProjectRow:
    """Store a new project's columns and give them their key. Raises `Conflict` for an id in use."""
    found = tx.row("insert_project", actor=tx.actor, **_columns(row))
    if found is None:
        raise Conflict(f"A project with the id {from_bytes(row.id)} is there already")
    row.key = found[0]
    tx.admit_project(row.key, OWNER)
    row.guard = project_guard(row)
    tx.run("update_project", project=row.key, **_columns(row))
    tx.mark(PROJECT_ADDED, -row.key)
    return row


def _save(tx: Writing, row: ProjectRow) -> None:
    row.updated_at = max(row.updated_at, tx.now)
    row.guard = project_guard(row)
    tx.run("update_project", project=row.key, **_columns(row))
    tx.mark(PROJECT_CHANGED, -row.key)


def _columns(row: ProjectRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in ProjectRow.__struct_fields__}


def _check_description(description: object) -> str:
    checked = check_text(description, "description")
    if len(checked) > MAX_DESCRIPTION:
        raise Invalid(
            f"description may have {MAX_DESCRIPTION} characters, not {len(checked)}", field="description"
        )
    return checked
