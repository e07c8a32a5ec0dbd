"""`Accounts` over any database. Passwords are hashed and compared outside every transaction."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from msgspec import UNSET, UnsetType

from palaver.accounts import (
    INVITATION_DAYS,
    Account,
    Accounts,
    ApiToken,
    Identity,
    Invitation,
    Invited,
    Issued,
    Member,
    NotWelcome,
    Scope,
    Secret,
    SignedIn,
    SignIn,
)
from palaver.errors import Conflict, Invalid, Unauthenticated
from palaver.ids import find_bytes
from palaver.model import MemberRole, Page, Project
from palaver.storage.accounts import attempts, credentials, door, invitations, members, people
from palaver.storage.accounts.invitations import Wanted
from palaver.storage.accounts.passwords import Passwords, check_password
from palaver.storage.accounts.rows import AccountRow, InvitationRow
from palaver.storage.store import Database, check_actor
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs.cursors import check_limit
from palaver.store import SYSTEM_ACTOR

P = ParamSpec("P")
T = TypeVar("T")

_SETUP_DAYS = 1
_WRONG = "This e-mail address and this password do not belong together"


class DatabaseAccounts(Accounts):
    """One actor's view of the accounts in an open database."""

    def __init__(self, database: Database, actor: str, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords
        self.actor = actor

    def as_actor(self, id: str) -> "DatabaseAccounts":
        return DatabaseAccounts(self._database, check_actor(id), self._passwords)

    # At the door

    def bootstrap(self) -> Secret | None:
        def make(tx: Writing) -> Secret | None:
            if door.count_accounts(tx):
                return None
            return invitations.create_invitation(
                tx, Wanted(administrator=True, setup=True), _SETUP_DAYS
            ).secret

        return self._system_write(make)

    def set_up(
        self, code: str, *, name: str, email: str, password: str, address: str = "", user_agent: str = ""
    ) -> SignedIn:
        self._find_invitation(code, setup=True)
        hashed = self._hash(password, email=people.check_email(email), name=name)

        def make(tx: Writing) -> SignedIn:
            invitations.find_invitation(tx, code, tx.now, setup=True)
            account = people.insert(tx, email=email, name=name, administrator=True, password=hashed)
            tx.run("door_delete_setup_codes")
            return door.start_sign_in(tx, account, address, user_agent)

        return self._system_write(make)

    def find_invitation(self, code: str) -> Invitation:
        return self._find_invitation(code)[1]

    def accept_invitation(
        self,
        code: str,
        *,
        name: str | None = None,
        email: str | None = None,
        password: str,
        address: str = "",
        user_agent: str = "",
    ) -> SignedIn:
        row, _ = self._find_invitation(code)
        person = self._person(row, name, email)
        hashed = self._hash(password, email=person[0], name=person[1])

        def accept(tx: Writing) -> SignedIn:
            row, _ = invitations.find_invitation(tx, code, tx.now)
            account = invitations.accept(tx, row, *person, hashed)
            return door.start_sign_in(tx, account, address, user_agent)

        return self._system_write(accept)

    def sign_in(self, email: str, password: str, *, address: str = "", user_agent: str = "") -> SignedIn:
        key = people.fold(email) if isinstance(email, str) else ""
        counted = self._count(key, address)
        account = self._system_read(people.find_by_email, key)
        right = self._passwords.verify(account.password if account else None, password)
        if account is None or not right or account.disabled_at is not None:
            raise Unauthenticated(_WRONG)
        renewed = self._renew(account, password)

        def enter(tx: Writing) -> SignedIn:
            attempts.succeed(tx, counted)
            found = door.find_account(tx, account.id)
            if found is None or found.disabled_at is not None or found.password != account.password:
                raise Unauthenticated(_WRONG)
            if renewed is not None:
                found.password = renewed
                people.save(tx, found)
            return door.start_sign_in(tx, found, address, user_agent)

        return self._system_write(enter)

    def sign_in_external(
        self,
        issuer: str,
        subject: str,
        *,
        email: str,
        email_verified: bool,
        name: str = "",
        code: str | None = None,
        allow_new: bool = False,
        address: str = "",
        user_agent: str = "",
    ) -> SignedIn:
        def enter(tx: Writing) -> SignedIn:
            account = door.find_external(tx, issuer, subject)
            if account is None:
                if not email_verified:
                    raise NotWelcome(
                        "The provider has not verified this e-mail address: verify it there first",
                        reason="unverified",
                    )
                account = invitations.welcome(tx, email, name, code, allow_new=allow_new)
                door.remember_external(tx, issuer, subject, account.id)
            if account.disabled_at is not None:
                raise NotWelcome("This account is disabled: ask an administrator", reason="disabled")
            return door.start_sign_in(tx, account, address, user_agent)

        return self._system_write(enter)

    def identify_sign_in(self, secret: str) -> Identity:
        return self._identify(door.find_sign_in, secret)

    def identify_token(self, secret: str) -> Identity:
        return self._identify(door.find_token, secret)

    def sign_out(self, secret: str) -> None:
        self._system_write(door.sign_out, secret)

    # Accounts

    def get_account(self, account_id: str | None = None) -> Account:
        return self._read(people.get_account, account_id)

    def list_accounts(self, *, after: str | None = None, limit: int = 50) -> Page[Account]:
        return self._read(people.list_accounts, after, check_limit(limit))

    def create_account(
        self, *, email: str, name: str, password: str | None = None, administrator: bool = False
    ) -> Account:
        self._read(people.check_administrator)
        hashed = (
            None if password is None else self._hash(password, email=people.check_email(email), name=name)
        )
        make = partial(people.insert, email=email, name=name, administrator=administrator, password=hashed)
        return self._system_write(make).value()

    def update_account(
        self,
        account_id: str | None = None,
        *,
        name: str | UnsetType = UNSET,
        email: str | UnsetType = UNSET,
        administrator: bool | UnsetType = UNSET,
        disabled: bool | UnsetType = UNSET,
    ) -> Account:
        return self._write(
            people.update_account,
            account_id,
            name=name,
            email=email,
            administrator=administrator,
            disabled=disabled,
        )

    def change_password(self, old: str | None, new: str, *, keep: str | None = None) -> None:
        account = self._read(people.account_row, self.actor)
        counted = self._count(account.email_key, "")
        if account.password is not None and not self._passwords.verify(account.password, old or ""):
            raise Invalid("old is not the password", field="old")
        hashed = self._hash(new, email=account.email, name=account.name, field="new")

        def change(tx: Writing) -> None:
            found = people.account_row(tx, tx.actor)
            if found.password != account.password:
                raise Conflict("The password was changed meanwhile")
            found.password = hashed
            people.save(tx, found)
            people.end_sign_ins(tx, found.id, find_bytes(keep) if keep else None)

        self._write(change)
        self._system_write(attempts.succeed, counted)

    # Invitations

    def create_invitation(
        self,
        *,
        email: str | None = None,
        administrator: bool = False,
        project_id: str | None = None,
        role: MemberRole | None = None,
        account_id: str | None = None,
        days: int = INVITATION_DAYS,
    ) -> Invited:
        wanted = Wanted(email, administrator, project_id, role, account_id)
        return self._write(invitations.create_invitation, wanted, days)

    def list_invitations(self, *, project_id: str | None = None) -> list[Invitation]:
        return self._read(invitations.list_invitations, project_id, _now())

    def revoke_invitation(self, invitation_id: str) -> None:
        self._write(invitations.revoke_invitation, invitation_id)

    def join(self, code: str) -> Account:
        return self._system_write(invitations.join, self.actor, code)

    # Sign-ins and tokens

    def list_sign_ins(self) -> list[SignIn]:
        return self._read(credentials.list_sign_ins, _now())

    def revoke_sign_in(self, sign_in_id: str) -> None:
        self._write(credentials.revoke_sign_in, sign_in_id)

    def create_token(
        self, name: str, *, scope: Scope = "write", expires_at: datetime | None = None
    ) -> Issued:
        return self._write(credentials.create_token, name, scope, expires_at)

    def list_tokens(self) -> list[ApiToken]:
        return self._read(credentials.list_tokens)

    def revoke_token(self, token_id: str) -> None:
        self._write(credentials.revoke_token, token_id)

    # Members

    def list_members(self, project_id: str) -> list[Member]:
        return self._read(members.list_members, project_id)

    def invite_member(
        self, project_id: str, *, email: str, role: MemberRole, days: int = INVITATION_DAYS
    ) -> Member | Invited:
        def invite(tx: Writing) -> Member | Invited:
            members.check_decides(tx, project_id)
            known = members.find_addressee(tx, email)
            if known is not None:
                return members.put_member(tx, project_id, known, role)
            wanted = Wanted(email, project_id=project_id, role=role)
            return invitations.create_invitation(tx, wanted, days)

        return self._write(invite)

    def put_member(self, project_id: str, account_id: str, role: MemberRole) -> Member:
        return self._write(members.put_member, project_id, account_id, role)

    def remove_member(self, project_id: str, account_id: str) -> None:
        self._write(members.remove_member, project_id, account_id)

    def hand_over(self, project_id: str, account_id: str) -> Project:
        return self._write(members.hand_over, project_id, account_id)

    # How

    def _find_invitation(self, code: str, *, setup: bool = False) -> tuple[InvitationRow, Invitation]:
        return self._system_read(invitations.find_invitation, code, _now(), setup=setup)

    def _person(self, row: InvitationRow, name: str | None, email: str | None) -> tuple[str, str]:
        """Address and name of who accepts. Raises before a password is hashed for nothing."""
        if row.account_id is not None:
            account = self._system_read(people.account_row, row.account_id)
            return account.email, account.name
        address = people.check_email(email or row.email or "")
        invitations.check_address(row, address)
        if self._system_read(people.is_taken, address):
            raise Conflict(
                f"There is an account with the address {address} already: sign in, then open the link again"
            )
        return address, name or address.partition("@")[0]

    def _hash(self, password: str, *, email: str, name: str, field: str = "password") -> str:
        return self._passwords.hash(check_password(password, email=email, name=name, field=field))

    def _renew(self, account: AccountRow, password: str) -> str | None:
        """The password hashed anew where it was with other parameters than those of today."""
        stored = account.password
        return self._passwords.hash(password) if stored and self._passwords.is_outdated(stored) else None

    def _count(self, email_key: str, address: str) -> tuple[attempts.Subject, ...]:
        def begin(tx: Writing) -> tuple[attempts.Subject, ...]:
            found = attempts.subjects(tx, email_key, door.clean(address, door.MAX_ADDRESS))
            attempts.count(tx, found)
            return found

        return self._system_write(begin)

    def _identify(self, find: Callable[[Reading, str, int], door.Found], secret: str) -> Identity:
        now = _now()
        identity, row = self._system_read(find, secret, now)
        if door.is_due(row, now):
            self._system_write(door.note_use, row)
        return identity

    def _write(self, verb: Callable[Concatenate[Writing, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        return self._database.write(self.actor, lambda tx: verb(tx, *arguments, **named))

    def _read(self, verb: Callable[Concatenate[Reading, P], T], *arguments: P.args, **named: P.kwargs) -> T:
        with self._database.read(self.actor) as tx:
            return verb(tx, *arguments, **named)

    def _system_write(
        self, verb: Callable[Concatenate[Writing, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        return self._database.write(SYSTEM_ACTOR, lambda tx: verb(tx, *arguments, **named))

    def _system_read(
        self, verb: Callable[Concatenate[Reading, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        with self._database.read(SYSTEM_ACTOR) as tx:
            return verb(tx, *arguments, **named)


def _now() -> int:
    return time.time_ns() // 1_000_000
