"""The columns of the accounts' tables, their check values, and the values made of them."""

import msgspec
from msgspec.structs import asdict, astuple

from palaver.accounts import SCOPES, Account, ApiToken, Invitation, Member, SignIn
from palaver.ids import from_bytes
from palaver.model import MEMBER_ROLES, Time
from palaver.storage.rows import guard_over, readable, shown_id, time_of
from palaver.storage.transaction import Row as Columns

SERVER = "the server"
"""Who invites where nobody does."""


class Row(msgspec.Struct):
    """Columns of a table in the order of its query fragment; the last is the guard."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"  # some columns are what passwords and secrets are checked against


class AccountRow(Row):
    id: str
    email: str
    email_key: str
    name: str
    administrator: int
    disabled_at: int | None
    password: str | None
    created_at: int
    updated_at: int
    guard: bytes = b""

    def value(self) -> Account:
        with readable(f"account {self.id}"):
            return Account(
                id=self.id,
                email=self.email,
                name=self.name,
                administrator=bool(self.administrator),
                has_password=self.password is not None,
                disabled_at=time_of(self.disabled_at),
                created_at=Time.from_ms(self.created_at),
                updated_at=Time.from_ms(self.updated_at),
            )


class InvitationRow(Row):
    id: bytes
    digest: bytes
    setup: int
    email: str | None
    email_key: str | None
    administrator: int
    project_key: int | None
    role: int | None
    account_id: str | None
    inviter: str
    created_at: int
    expires_at: int
    guard: bytes = b""

    def value(self, project_id: bytes | None, project_name: str | None, invited_by: str | None) -> Invitation:
        with readable(f"invitation {shown_id(self.id)}"):
            return Invitation(
                id=from_bytes(self.id),
                email=self.email,
                administrator=bool(self.administrator),
                project_id=from_bytes(project_id) if project_id else None,
                project_name=project_name,
                role=None if self.role is None else MEMBER_ROLES[self.role],
                account_id=self.account_id,
                invited_by=invited_by or SERVER,
                created_at=Time.from_ms(self.created_at),
                expires_at=Time.from_ms(self.expires_at),
            )


class SignInRow(Row):
    id: bytes
    account_id: str
    digest: bytes
    address: str
    user_agent: str
    created_at: int
    expires_at: int
    used_at: int
    guard: bytes = b""

    def value(self) -> SignIn:
        with readable(f"sign-in {shown_id(self.id)}"):
            return SignIn(
                id=from_bytes(self.id),
                address=self.address,
                user_agent=self.user_agent,
                created_at=Time.from_ms(self.created_at),
                expires_at=Time.from_ms(self.expires_at),
                last_used_at=Time.from_ms(self.used_at),
            )


class TokenRow(Row):
    id: bytes
    account_id: str
    digest: bytes
    name: str
    scope: int
    hint: str
    created_at: int
    expires_at: int | None
    used_at: int | None
    guard: bytes = b""

    def value(self) -> ApiToken:
        with readable(f"token {shown_id(self.id)}"):
            return ApiToken(
                id=from_bytes(self.id),
                name=self.name,
                scope=SCOPES[self.scope],
                hint=self.hint,
                created_at=Time.from_ms(self.created_at),
                expires_at=time_of(self.expires_at),
                last_used_at=time_of(self.used_at),
            )


class MemberRow(Row):
    project_key: int
    actor: str
    role: int
    added_at: int
    guard: bytes = b""

    def value(self, project_id: str, email: str | None, name: str | None) -> Member:
        with readable(f"member {self.actor} of project {project_id}"):
            return Member(
                project_id=project_id,
                account_id=self.actor,
                email=email or "",
                name=name or self.actor,
                role=MEMBER_ROLES[self.role],
                added_at=Time.from_ms(self.added_at),
            )


class IdentityRow(Row):
    issuer: str
    subject: str
    account_id: str
    created_at: int
    guard: bytes = b""


def guard_of(row: Row) -> bytes:
    """Over every column but the guard."""
    return guard_over(astuple(row)[:-1])


def sealed(row: Row) -> dict[str, object]:
    """All columns by name, for the query that writes them, with the guard as it should be."""
    return {**asdict(row), "guard": guard_of(row)}


WIDTHS = {
    kind: len(kind.__struct_fields__) for kind in (AccountRow, InvitationRow, SignInRow, TokenRow, MemberRow)
}


def invitation_of(columns: Columns) -> Invitation:
    """Of the invitation's columns, then its project's id and name and the inviter's name."""
    width = WIDTHS[InvitationRow]
    return InvitationRow(*columns[:width]).value(*columns[width:])
