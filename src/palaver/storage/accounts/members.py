"""Verbs on the members of a project."""

from palaver.accounts import Member
from palaver.errors import Conflict, Forbidden, Invalid, NotFound
from palaver.ids import from_bytes
from palaver.model import MEMBER_ROLES, MemberRole, Project, Time
from palaver.storage.accounts import people
from palaver.storage.accounts.rows import WIDTHS, MemberRow, guard_of
from palaver.storage.rows import OWNER, ProjectRow, project_guard
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs import lookup
from palaver.storage.verbs.kinds import PROJECT_CHANGED

_WIDTH = WIDTHS[MemberRow]


def check_role(role: object) -> int:
    """The number of a role a member may be given. Raises `Invalid`."""
    if role not in MEMBER_ROLES[:OWNER]:
        raise Invalid(
            f'role must be "viewer" or "editor", not {role!r:.40}; a project is handed over', field="role"
        )
    return MEMBER_ROLES.index(role)


def check_shared(project: ProjectRow) -> None:
    if project.personal:
        raise Conflict("A personal project is not shared: make another one for what others may see")


def list_members(tx: Reading, project_id: str) -> list[Member]:
    project = lookup.project_row(tx, project_id)
    id = from_bytes(project.id)
    found = tx.rows("list_members", project=project.key, actor=tx.actor)
    return [_owner(tx, project), *(_value(id, columns) for columns in found)]


def _owner(tx: Reading, project: ProjectRow) -> Member:
    _, created_at, email, name = tx.row("find_owner", project=project.key, actor=tx.actor) or (None,) * 4
    return Member(
        project_id=from_bytes(project.id),
        account_id=project.owner_id,
        email=email or "",
        name=name or project.owner_id,
        role="owner",
        added_at=Time.from_ms(created_at or 0),
    )


def _value(project_id: str, columns: tuple[object, ...]) -> Member:
    email, name = columns[_WIDTH:]
    return MemberRow(*columns[:_WIDTH]).value(project_id, email, name)  # type: ignore[arg-type]


def get_member(tx: Reading, project: ProjectRow, account_id: str) -> Member:
    found = tx.row("find_member", project=project.key, member=account_id, actor=tx.actor)
    if found is None:
        raise NotFound("member", account_id)
    return _value(from_bytes(project.id), found)


def put_member(tx: Writing, project_id: str, account_id: str, role: MemberRole) -> Member:
    project, account_id = check_decides(tx, project_id), people.account_id_of(account_id)
    number = check_role(role)
    if account_id == project.owner_id:
        raise Conflict("The owner's role does not change: hand the project over to somebody else")
    if tx.row("account_exists", id=account_id) is None:
        raise NotFound("account", account_id)
    admit(tx, project.key, account_id, number, least=False)
    return get_member(tx, project, account_id)


def admit(tx: Writing, project_key: int, account_id: str, role: int, *, least: bool = True) -> None:
    """Make an account a member. With `least`, one who has a greater role already keeps it."""
    known = tx.row("find_member", project=project_key, member=account_id, actor=tx.actor)
    owner = tx.row("find_owner", project=project_key, actor=tx.actor)
    if owner is None or owner[0] == account_id:
        return
    row = MemberRow(*known[:_WIDTH]) if known else MemberRow(project_key, account_id, role, tx.now)
    row.role = max(row.role, role) if least else role
    tx.run(
        "put_member",
        project=project_key,
        member=account_id,
        role=row.role,
        added_at=row.added_at,
        guard=guard_of(row),
    )
    tx.mark(PROJECT_CHANGED, -project_key)


def remove_member(tx: Writing, project_id: str, account_id: str) -> None:
    project, account_id = lookup.project_row(tx, project_id), people.account_id_of(account_id)
    if account_id == project.owner_id:
        raise Conflict("The owner cannot be removed: hand the project over first")
    if account_id == tx.actor:
        tx.run("leave_project", project=project.key, actor=tx.actor)
    else:
        project = lookup.project_row(tx, project_id, OWNER)
        get_member(tx, project, account_id)
        tx.run("delete_member", project=project.key, member=account_id)
    tx.mark(PROJECT_CHANGED, -project.key)


def hand_over(tx: Writing, project_id: str, account_id: str) -> Project:
    project, account_id = check_decides(tx, project_id), people.account_id_of(account_id)
    if account_id == project.owner_id:
        return project.value()
    get_member(tx, project, account_id)
    before, project.owner_id = project.owner_id, account_id
    project.updated_at = max(project.updated_at, tx.now)
    project.guard = project_guard(project)
    tx.run("delete_member", project=project.key, member=account_id)
    row = MemberRow(project.key, before, MEMBER_ROLES.index("editor"), tx.now)
    tx.run(
        "put_member", project=project.key, member=before, role=row.role, added_at=tx.now, guard=guard_of(row)
    )
    tx.run(
        "set_project_owner",
        project=project.key,
        owner=account_id,
        updated_at=project.updated_at,
        guard=project.guard,
    )
    tx.mark(PROJECT_CHANGED, -project.key)
    return project.value()


def find_addressee(tx: Reading, email: str) -> str | None:
    """The id of the account of this address. Raises `Forbidden` for one that is disabled."""
    found = tx.row("find_addressee", email_key=people.fold(people.check_email(email)))
    if found is None:
        return None
    if found[1] is not None:
        raise Forbidden(f"The account of {email} is disabled")
    return str(found[0])


def check_decides(tx: Reading, project_id: str) -> ProjectRow:
    """A project whose members the actor decides on. Raises `NotFound`, `Forbidden`, `Conflict`."""
    project = lookup.project_row(tx, project_id, OWNER)
    check_shared(project)
    return project
