"""Who else works in a project."""

from msgspec import UNSET, UnsetType

from palaver.accounts import INVITATION_DAYS, Invitation, Invited, Member
from palaver.model import MemberRole
from palaver.server.call import Call
from palaver.server.operations import Routes
from palaver.server.routes.accounts import Days, link_of
from palaver.server.routes.auth import Email
from palaver.server.routes.projects import ProjectPath
from palaver.server.shapes import Asked, Given, PathId, Success

routes = Routes("Members", "Who else works in a project: viewers read, editors write, the owner decides.")


class MemberPath(Asked, frozen=True, kw_only=True):
    project_id: PathId
    account_id: PathId


class AddMember(Asked, frozen=True, kw_only=True):
    email: Email
    role: MemberRole
    expires_in_days: Days = INVITATION_DAYS


class ChangeMember(Asked, frozen=True, kw_only=True):
    """The role "owner" hands the project over; who had it stays as editor."""

    role: MemberRole


class MemberAnswer(Given, frozen=True, kw_only=True):
    member: Member


class MembersAnswer(Given, frozen=True, kw_only=True):
    members: list[Member]


class AddedAnswer(Given, frozen=True, kw_only=True):
    """`member` where the address has an account, else `invitation` with its `link`."""

    member: Member | UnsetType = UNSET
    invitation: Invitation | UnsetType = UNSET
    link: str | UnsetType = UNSET


@routes.operation("GET", "/api/projects/{projectId}/members", role="viewer")
async def list_members(call: Call, path: ProjectPath) -> MembersAnswer:
    """The owner first, then by name."""
    return MembersAnswer(members=await call.people.ask(call.accounts.list_members, path.project_id))


@routes.operation(
    "POST",
    "/api/projects/{projectId}/members",
    role="owner",
    status=201,
    errors=("conflict",),
    example={"email": "grace@example.org", "role": "editor"},
    secret=True,
)
async def add_member(call: Call, path: ProjectPath, body: AddMember) -> AddedAnswer:
    """Make somebody a member, or invite them where their address has no account yet."""
    added = await call.people.ask(
        call.accounts.invite_member,
        path.project_id,
        email=body.email,
        role=body.role,
        days=body.expires_in_days,
    )
    if isinstance(added, Invited):
        return AddedAnswer(invitation=added.invitation, link=link_of(call, added))
    return AddedAnswer(member=added)


@routes.operation(
    "PATCH",
    "/api/projects/{projectId}/members/{accountId}",
    role="owner",
    errors=("conflict",),
    example={"role": "viewer"},
)
async def change_member(call: Call, path: MemberPath, body: ChangeMember) -> MemberAnswer:
    """Change a member's role."""
    if body.role == "owner":
        await call.people.ask(call.accounts.hand_over, path.project_id, path.account_id)
        members = await call.people.ask(call.accounts.list_members, path.project_id)
        return MemberAnswer(member=members[0])
    changed = await call.people.ask(call.accounts.put_member, path.project_id, path.account_id, body.role)
    return MemberAnswer(member=changed)


@routes.operation(
    "DELETE", "/api/projects/{projectId}/members/{accountId}", role="owner", errors=("conflict",)
)
async def remove_member(call: Call, path: MemberPath) -> Success:
    """Take somebody out of the project, or leave it oneself."""
    await call.people.ask(call.accounts.remove_member, path.project_id, path.account_id)
    return Success()
