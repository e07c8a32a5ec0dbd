"""The accounts of a team's server, and invitations to it."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from palaver.accounts import INVITATION_DAYS, MAX_INVITATION_DAYS, Account, Invitation, Invited
from palaver.errors import Unauthenticated
from palaver.model import MemberRole
from palaver.server.call import Answer, Call
from palaver.server.operations import Routes
from palaver.server.routes.auth import AccountAnswer, Code, Email, NewPassword, answer_signed_in
from palaver.server.shapes import Asked, Given, Id, Name, PageQuery, PathId, Success
from palaver.server.team import origin_of

routes = Routes("Accounts", "Who may sign in on a team's server, and invitations to it.")

Days = Annotated[int, Meta(ge=1, le=MAX_INVITATION_DAYS)]


class AccountPath(Asked, frozen=True, kw_only=True):
    account_id: PathId


class InvitationPath(Asked, frozen=True, kw_only=True):
    invitation_id: PathId


class InvitationsQuery(Asked, frozen=True, kw_only=True):
    project_id: Id | None = None


class UpdateAccount(Asked, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    administrator: bool | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET


class CreateInvitation(Asked, frozen=True, kw_only=True):
    """To the server, or with `projectId` and `role` to a project; with `accountId` to set a new password."""

    email: Email | None = None
    administrator: bool = False
    project_id: Id | None = None
    role: MemberRole | None = None
    account_id: Id | None = None
    expires_in_days: Days = INVITATION_DAYS


class LookUpInvitation(Asked, frozen=True, kw_only=True):
    code: Code


class AcceptInvitation(Asked, frozen=True, kw_only=True):
    """Who is signed in needs the `code` alone; who has no account yet, a password."""

    code: Code
    name: Name | None = None
    email: Email | None = None
    password: NewPassword | None = None


class AccountsAnswer(Given, frozen=True, kw_only=True):
    accounts: list[Account]
    next_cursor: str | None


class InvitationAnswer(Given, frozen=True, kw_only=True):
    invitation: Invitation


class InvitationsAnswer(Given, frozen=True, kw_only=True):
    invitations: list[Invitation]


class InvitedAnswer(Given, frozen=True, kw_only=True):
    """`link` is shown here and never again. Its code stands behind the #, where no server and no log sees it."""

    invitation: Invitation
    link: str


@routes.operation("GET", "/api/accounts", who="administrator", errors=("not_found",))
async def list_accounts(call: Call, query: PageQuery) -> AccountsAnswer:
    """All accounts, by e-mail address."""
    page = await call.people.ask(call.accounts.list_accounts, after=query.cursor, limit=query.limit)
    return AccountsAnswer(accounts=page.items, next_cursor=page.next_cursor)


@routes.operation(
    "PATCH",
    "/api/accounts/{accountId}",
    who="administrator",
    errors=("conflict",),
    example={"disabled": True},
)
async def update_account(call: Call, path: AccountPath, body: UpdateAccount) -> AccountAnswer:
    """Change somebody's account; a disabled one is signed out at once and its tokens end."""
    changed = await call.people.ask(
        call.accounts.update_account,
        path.account_id,
        name=body.name,
        email=body.email,
        administrator=body.administrator,
        disabled=body.disabled,
    )
    return AccountAnswer(account=changed)


@routes.operation("GET", "/api/invitations", errors=("not_found", "forbidden"))
async def list_invitations(call: Call, query: InvitationsQuery) -> InvitationsAnswer:
    """Open invitations, newest first: a project's for its owner, else one's own, and all for administrators."""
    found = await call.people.ask(call.accounts.list_invitations, project_id=query.project_id)
    return InvitationsAnswer(invitations=found)


@routes.operation(
    "POST",
    "/api/invitations",
    status=201,
    errors=("not_found", "conflict"),
    example={"email": "grace@example.org"},
    secret=True,
    gives={"invitationId": "/invitation/id"},
)
async def create_invitation(call: Call, body: CreateInvitation) -> InvitedAnswer:
    """Invite somebody to the server (administrators) or to a project (its owner)."""
    invited = await call.people.ask(
        call.accounts.create_invitation,
        email=body.email,
        administrator=body.administrator,
        project_id=body.project_id,
        role=body.role,
        account_id=body.account_id,
        days=body.expires_in_days,
    )
    return InvitedAnswer(invitation=invited.invitation, link=link_of(call, invited))


@routes.operation("DELETE", "/api/invitations/{invitationId}")
async def revoke_invitation(call: Call, path: InvitationPath) -> Success:
    """Revoke an invitation; its link opens nothing any more."""
    await call.people.ask(call.accounts.revoke_invitation, path.invitation_id)
    return Success()


@routes.operation(
    "POST",
    "/api/invitations/lookup",
    who="anyone",
    errors=("not_found",),
    example={"code": "the code of the link"},
)
async def find_invitation(call: Call, body: LookUpInvitation) -> InvitationAnswer:
    """What a link is for."""
    return InvitationAnswer(invitation=await call.people.ask(call.people.accounts.find_invitation, body.code))


@routes.operation(
    "POST",
    "/api/invitations/accept",
    who="anyone",
    status=201,
    errors=("not_found", "conflict", "unauthenticated"),
    example={
        "code": "the code of the link",
        "name": "Grace Hopper",
        "email": "grace@example.org",
        "password": "correct horse battery staple",
    },
)
async def accept_invitation(call: Call, body: AcceptInvitation) -> Answer[AccountAnswer]:
    """Make the account the link is for and sign in; or take it up with the account one has."""
    people = call.people
    if body.password is None:
        if call.found is None:
            raise Unauthenticated(
                "Choose a password for a new account, or sign in to accept with the one you have."
            )
        return Answer(AccountAnswer(account=await people.ask(call.accounts.join, body.code)))
    address, agent = origin_of(call.request)
    signed_in = await people.ask_slowly(
        people.accounts.accept_invitation,
        body.code,
        name=body.name,
        email=body.email,
        password=body.password,
        address=address,
        user_agent=agent,
    )
    return answer_signed_in(call, signed_in)


def link_of(call: Call, invited: Invited) -> str:
    """Where the one who is invited goes."""
    base = call.services.settings.server_address or str(call.request.base_url)
    return f"{base.rstrip('/')}/invitation#code={invited.secret!s}"
