"""The contract of accounts: who may come in, and into which projects; beside `Store`, over the same database.

An account's id is the actor for whom `Store` runs. A verb here runs for an actor too: `as_actor(identity.actor)`. The
verbs at the door (`bootstrap` to `sign_out`) ask for a secret in place of an actor. Verbs are synchronous, safe from any
thread and atomic; those that take a password cost a quarter of a second and 64 MiB, so call all of them from a thread pool
(`storage.open_accounts(store)` makes them). They know no HTTP. `get_…` raises `NotFound`, also for what the actor may not
see; `Forbidden` is for what the actor sees.

What gives access (`Secret`) is returned once and kept as a digest alone. It is never in a `repr`, an error or a log.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from palaver.errors import Unauthenticated
from palaver.model import MemberRole, Page, Project, Time
from palaver.store import SYSTEM_ACTOR

Scope = Literal["read", "write"]
How = Literal["sign_in", "token"]
Reason = Literal["unverified", "uninvited", "disabled"]

SCOPES: tuple[Scope, ...] = ("read", "write")

TOKEN_PREFIX: Final = "pal_"  # noqa: S105  (what a token begins with)
MIN_PASSWORD = 10
MAX_PASSWORD = 1_000
MAX_EMAIL = 254
MAX_TOKENS = 100
SIGN_IN_DAYS = 30  # NIST SP 800-63B, assurance level 1: in use or not
INVITATION_DAYS = 7
MAX_INVITATION_DAYS = 90


class Secret(str):
    """What gives access. A text like any other, except that its `repr` does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


class NotWelcome(Unauthenticated):
    """A provider vouches for somebody who has no account here, for this `reason`."""

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message)
        self.reason = reason


class _Value(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Account(_Value, frozen=True, kw_only=True):
    """A person who may sign in. One with `disabled_at` may not; what is theirs stays.

    `has_password` is False where they sign in with an OpenID provider alone.
    """

    id: str
    email: str
    name: str
    administrator: bool
    has_password: bool
    disabled_at: Time | None = None
    created_at: Time
    updated_at: Time


class Member(_Value, frozen=True, kw_only=True):
    """An account's place in a project. Each project has one owner; a personal project has no other member."""

    project_id: str
    account_id: str
    email: str
    name: str
    role: MemberRole
    added_at: Time


class Invitation(_Value, frozen=True, kw_only=True):
    """A link that may be used once, until `expires_at`.

    It makes an account, or for somebody who has one it opens a project (`project_id`, `role`). With `account_id` it does
    neither: who has lost their password sets a new one with it. `email` is the only address it may be used for; None for
    any. `invited_by` is the name of who made it.
    """

    id: str
    email: str | None = None
    administrator: bool = False
    project_id: str | None = None
    project_name: str | None = None
    role: MemberRole | None = None
    account_id: str | None = None
    invited_by: str
    created_at: Time
    expires_at: Time


class ApiToken(_Value, frozen=True, kw_only=True):
    """What a program signs in with. `hint` is how it begins; `last_used_at` is true to the minute."""

    id: str
    name: str
    scope: Scope
    hint: str
    created_at: Time
    expires_at: Time | None = None
    last_used_at: Time | None = None


class SignIn(_Value, frozen=True, kw_only=True):
    """A browser that is signed in. `last_used_at` is true to the minute."""

    id: str
    address: str
    user_agent: str
    created_at: Time
    expires_at: Time
    last_used_at: Time


class Identity(_Value, frozen=True, kw_only=True):
    """Who calls. `id` is that of the sign-in or of the token (`how`). `scope` "read" may change nothing at all."""

    actor: str
    scope: Scope
    administrator: bool
    how: How
    id: str


class SignedIn(msgspec.Struct, frozen=True):
    """`secret` is what the browser's cookie holds from now on, until `sign_in.expires_at`."""

    account: Account
    sign_in: SignIn
    secret: Secret


class Invited(msgspec.Struct, frozen=True):
    """`secret` is the code of the link."""

    invitation: Invitation
    secret: Secret


class Issued(msgspec.Struct, frozen=True):
    """`secret` is the token itself: `pal_` and 43 letters, digits, `-` and `_`."""

    token: ApiToken
    secret: Secret


class Accounts(ABC):
    """One actor's view of the accounts of a database. The actor `system` may do what an administrator and an owner may."""

    actor: str

    @abstractmethod
    def as_actor(self, id: str) -> "Accounts":
        """The same accounts for another actor."""

    # At the door: whoever comes, whatever `actor` is

    def has_accounts(self) -> bool:
        """Whether there is any: until then, whoever has the code of `bootstrap` may `set_up`."""
        return bool(self.as_actor(SYSTEM_ACTOR).list_accounts(limit=1).items)

    @abstractmethod
    def bootstrap(self) -> Secret | None:
        """A new code with which the first administrator can `set_up`, for a day; None once there is an account.

        Every process may ask for one at its start; all of them hold until one is used.
        """

    @abstractmethod
    def set_up(
        self, code: str, *, name: str, email: str, password: str, address: str = "", user_agent: str = ""
    ) -> SignedIn:
        """Make the first account, an administrator. Raises `Invalid`, and `NotFound` for a code that does not hold."""

    @abstractmethod
    def find_invitation(self, code: str) -> Invitation:
        """What a link is for. Raises `NotFound` where it is unknown, used, revoked or expired."""

    @abstractmethod
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
        """Make the account the link is for, or give an account its new password (`Invitation.account_id`).

        `email` None is that of the invitation; `name` None is what stands before the @. Raises `NotFound` as
        `find_invitation` does, `Invalid`, and `Conflict` where the address has an account: sign in and `join`.
        """

    @abstractmethod
    def sign_in(self, email: str, password: str, *, address: str = "", user_agent: str = "") -> SignedIn:
        """Sign in from a browser at this network address.

        Raises `Unauthenticated`, with the same words and after the same time for an unknown address as for a wrong
        password, and `TooFast` after failures, which are counted by e-mail and by network address.
        """

    @abstractmethod
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
        """Sign in somebody whom an OpenID provider has named: `issuer` and `subject` as it said them.

        Who has come before is known by `subject`. Else the account of the e-mail address is taken, or made where the
        address is invited, `code` is that of an invitation, or `allow_new`; the address must be one that the provider
        has verified. Raises `NotWelcome` with what is missing.
        """

    @abstractmethod
    def identify_sign_in(self, secret: str) -> Identity:
        """Who has this cookie. Raises `Unauthenticated`."""

    @abstractmethod
    def identify_token(self, secret: str) -> Identity:
        """Whose API token this is. Raises `Unauthenticated`."""

    @abstractmethod
    def sign_out(self, secret: str) -> None:
        """End the sign-in of this cookie; nothing where it has ended."""

    # Accounts

    @abstractmethod
    def get_account(self, account_id: str | None = None) -> Account:
        """One's own (None); another's for administrators alone. Raises `NotFound`."""

    @abstractmethod
    def list_accounts(self, *, after: str | None = None, limit: int = 50) -> Page[Account]:
        """By e-mail address. Raises `Forbidden` for all but administrators."""

    @abstractmethod
    def create_account(
        self, *, email: str, name: str, password: str | None = None, administrator: bool = False
    ) -> Account:
        """For administrators: an account without an invitation. Raises `Forbidden`, `Conflict`, `Invalid`."""

    @abstractmethod
    def update_account(
        self,
        account_id: str | None = None,
        *,
        name: str | UnsetType = UNSET,
        email: str | UnsetType = UNSET,
        administrator: bool | UnsetType = UNSET,
        disabled: bool | UnsetType = UNSET,
    ) -> Account:
        """Anybody their own name and address; administrators all of it, of everybody.

        Disabling ends the account's sign-ins and tokens. Raises `NotFound`, `Forbidden`, `Invalid`, and `Conflict` for an
        address in use and for the last administrator.
        """

    @abstractmethod
    def change_password(self, old: str | None, new: str, *, keep: str | None = None) -> None:
        """One's own; ends every sign-in but `keep` (`Identity.id`). `old` is None where there was none yet.

        Raises `Invalid` (field "old" or "new") and, after failures, `TooFast`.
        """

    # Invitations

    @abstractmethod
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
        """To the server, for administrators; with `project_id` and `role`, for that project's owner.

        `account_id`, for administrators: a link to set a new password with. Raises `NotFound`, `Forbidden`, `Invalid`.
        """

    @abstractmethod
    def list_invitations(self, *, project_id: str | None = None) -> list[Invitation]:
        """The open ones, newest first: a project's for its owner; without, one's own, and all for administrators."""

    @abstractmethod
    def revoke_invitation(self, invitation_id: str) -> None:
        """By who made it, an administrator, or the project's owner. Raises `NotFound`."""

    @abstractmethod
    def join(self, code: str) -> Account:
        """Use an invitation with the account one has. Raises `NotFound`, `Forbidden` where it is for another address."""

    # Sign-ins and tokens: one's own

    @abstractmethod
    def list_sign_ins(self) -> list[SignIn]:
        """Last used first."""

    @abstractmethod
    def revoke_sign_in(self, sign_in_id: str) -> None:
        """Raises `NotFound`."""

    @abstractmethod
    def create_token(
        self, name: str, *, scope: Scope = "write", expires_at: datetime | None = None
    ) -> Issued:
        """Raises `Invalid`, and `Conflict` beyond 100 of them."""

    @abstractmethod
    def list_tokens(self) -> list[ApiToken]:
        """Newest first, expired ones too."""

    @abstractmethod
    def revoke_token(self, token_id: str) -> None:
        """Raises `NotFound`."""

    # Members of a project; who may do what with it, `Store.roles` says

    @abstractmethod
    def list_members(self, project_id: str) -> list[Member]:
        """The owner first, then by name; for every member. Raises `NotFound`."""

    @abstractmethod
    def invite_member(
        self, project_id: str, *, email: str, role: MemberRole, days: int = INVITATION_DAYS
    ) -> Member | Invited:
        """Make the account of this address a member, or where there is none invite it. See `put_member`."""

    @abstractmethod
    def put_member(self, project_id: str, account_id: str, role: MemberRole) -> Member:
        """Add a member, or change their role. For the owner.

        Raises `NotFound`, `Forbidden`, `Invalid` for the role "owner" (`hand_over`), `Conflict` for the owner themself
        and for a personal project.
        """

    @abstractmethod
    def remove_member(self, project_id: str, account_id: str) -> None:
        """By the owner, or by the member who leaves. Raises `NotFound`, `Forbidden`, and `Conflict` for the owner."""

    @abstractmethod
    def hand_over(self, project_id: str, account_id: str) -> Project:
        """Make a member the owner; who was it stays as editor. Raises as `put_member`."""
