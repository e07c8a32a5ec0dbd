"""Verbs on invitations."""

from typing import NamedTuple

from palaver.accounts import MAX_INVITATION_DAYS, Account, Invitation, Invited, NotWelcome
from palaver.errors import Conflict, Forbidden, Invalid, NotFound
from palaver.ids import find_bytes, new_bytes
from palaver.model import MemberRole
from palaver.storage.accounts import members, people
from palaver.storage.accounts.door import DAY_MS
from palaver.storage.accounts.rows import WIDTHS, AccountRow, InvitationRow, guard_of, invitation_of
from palaver.storage.accounts.secrets import digest_of, new_secret
from palaver.storage.rows import OWNER, ProjectRow
from palaver.storage.transaction import Reading, Row, Writing
from palaver.storage.verbs import lookup


class Wanted(NamedTuple):
    """What an invitation is for."""

    email: str | None = None
    administrator: bool = False
    project_id: str | None = None
    role: MemberRole | None = None
    account_id: str | None = None
    setup: bool = False


def create_invitation(tx: Writing, wanted: Wanted, days: int) -> Invited:
    if not isinstance(days, int) or not 1 <= days <= MAX_INVITATION_DAYS:
        raise Invalid(
            f"days must be a whole number from 1 to {MAX_INVITATION_DAYS}, not {days!r}", field="days"
        )
    secret = new_secret()
    project = None if wanted.project_id is None else lookup.project_row(tx, wanted.project_id, OWNER)
    row = _row(tx, wanted, project, digest_of(secret), days)
    columns = {name: getattr(row, name) for name in InvitationRow.__struct_fields__}
    columns |= {"project": row.project_key, "actor": tx.actor, "guard": guard_of(row)}
    tx.run("insert_invitation", **columns)
    inviter = tx.row("find_account", id=tx.actor, actor=tx.actor)
    name = AccountRow(*inviter).name if inviter else None
    shown = row.value(project.id if project else None, project.name if project else None, name)
    return Invited(shown, secret)


def _row(tx: Writing, wanted: Wanted, project: ProjectRow | None, digest: bytes, days: int) -> InvitationRow:
    """The columns. Raises `Forbidden` where the actor may not open what is wanted."""
    email = None if wanted.email is None else people.check_email(wanted.email)
    if project is None or wanted.administrator or wanted.account_id is not None:
        people.check_administrator(tx)
    if wanted.account_id is not None:
        email = people.account_row(tx, wanted.account_id).email
    elif email is not None and project is None and people.is_taken(tx, email):
        raise Conflict(f"There is an account with the address {email} already")
    return InvitationRow(
        new_bytes(), digest, int(wanted.setup), email, None if email is None else people.fold(email),
        int(wanted.administrator), project.key if project else None, _check_role(wanted, project),
        wanted.account_id, tx.actor, tx.now, tx.now + days * DAY_MS,
    )  # fmt: skip


def _check_role(wanted: Wanted, project: ProjectRow | None) -> int | None:
    """The role's number where there is a project. Raises `Invalid` for what does not go together."""
    if project is None:
        if wanted.role is not None:
            raise Invalid("role is that in a project: say which (project_id)", field="project_id")
        return None
    if wanted.account_id is not None:
        raise Invalid("a link for a new password opens no project", field="account_id")
    members.check_shared(project)
    return members.check_role(wanted.role)


def find_invitation(
    tx: Reading, code: str, now: int, *, setup: bool = False
) -> tuple[InvitationRow, Invitation]:
    """Raises `NotFound` for a code that does not hold (any more), without showing it."""
    found = tx.row("door_find_invitation", digest=digest_of(code), now=now)
    row = InvitationRow(*found[: WIDTHS[InvitationRow]]) if found else None
    if found is None or row is None or bool(row.setup) != setup:
        raise NotFound("invitation", "it was used or revoked, or has expired: ask for a new one")
    return row, invitation_of(found)


def find_for(tx: Reading, email: str, now: int) -> InvitationRow | None:
    """The newest open one to this address."""
    found = tx.row("door_find_invitation_of", email_key=people.fold(email), now=now)
    return InvitationRow(*found) if found else None


def check_address(row: InvitationRow, email: str) -> None:
    if row.email_key is not None and row.email_key != people.fold(email):
        raise Forbidden(f"This invitation is for {row.email}")


def use(tx: Writing, row: InvitationRow, account: AccountRow) -> None:
    """Give the account what the invitation opens, once."""
    if row.administrator and not account.administrator:
        account.administrator = 1
        people.save(tx, account)
    if row.project_key is not None and row.role is not None:
        members.admit(tx, row.project_key, account.id, row.role)
    tx.run("door_delete_invitation", id=row.id)


def accept(tx: Writing, row: InvitationRow, email: str, name: str, password: str) -> AccountRow:
    """The account it makes, or the one that gets a new password; `password` is a hash. At the door."""
    if row.account_id is None:
        account = people.insert(tx, email=email, name=name, administrator=False, password=password)
    else:
        account = people.account_row(tx, row.account_id)
        account.password = password
        people.save(tx, account)
        people.end_sign_ins(tx, account.id)
    use(tx, row, account)
    return account


def welcome(tx: Writing, email: str, name: str, code: str | None, *, allow_new: bool) -> AccountRow:
    """The account of somebody whom a provider vouches for. Raises `NotWelcome`."""
    address = people.check_email(email)
    row = find_invitation(tx, code, tx.now)[0] if code else find_for(tx, address, tx.now)
    if row is not None and row.account_id is None:
        check_address(row, address)
    else:
        row = None
    account = people.find_by_email(tx, address)
    if account is None:
        if row is None and not allow_new:
            raise NotWelcome(
                f"There is no account for {address}, and nobody has invited it", reason="uninvited"
            )
        account = people.insert(
            tx, email=address, name=name or address.partition("@")[0], administrator=False, password=None
        )
    if row is not None:
        use(tx, row, account)
    return account


def list_invitations(tx: Reading, project_id: str | None, now: int) -> list[Invitation]:
    found: list[Row]
    if project_id is None:
        found = tx.rows("list_invitations", actor=tx.actor, now=now)
    else:
        project = lookup.project_row(tx, project_id, OWNER)
        found = tx.rows("list_project_invitations", project=project.key, actor=tx.actor, now=now)
    return [invitation_of(columns) for columns in found]


def revoke_invitation(tx: Writing, invitation_id: str) -> None:
    raw = find_bytes(invitation_id)
    if raw is None or tx.row("delete_invitation", id=raw, actor=tx.actor) is None:
        raise NotFound("invitation", invitation_id)


def join(tx: Writing, account_id: str, code: str) -> Account:
    """As `system`, on behalf of the account."""
    row, _ = find_invitation(tx, code, tx.now)
    account = people.account_row(tx, account_id)
    if row.account_id is not None:
        raise Forbidden("This link is not for an account that is signed in: open it in a browser that is not")
    check_address(row, account.email)
    use(tx, row, account)
    return account.value()
