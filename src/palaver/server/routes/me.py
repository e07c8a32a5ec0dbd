"""Who one is: one's own account, tokens and signed-in browsers."""

from msgspec import UNSET, UnsetType

from palaver.accounts import Account, ApiToken, Scope, SignIn
from palaver.model import Time
from palaver.server.call import Call
from palaver.server.door import Mode
from palaver.server.operations import Routes
from palaver.server.routes.auth import AccountAnswer, Email, NewPassword, Password
from palaver.server.shapes import Asked, Given, Name, PathId, Success

routes = Routes("Oneself", "One's own account, tokens and signed-in browsers.")


class Me(Given, frozen=True, kw_only=True):
    """`account` is null on a server of one person."""

    actor: str
    mode: Mode
    account: Account | None
    scope: Scope
    version: str


class UpdateMe(Asked, frozen=True, kw_only=True):
    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET


class ChangePassword(Asked, frozen=True, kw_only=True):
    """`old` is null where there was none: who signed in with an OpenID provider alone."""

    old: Password | None = None
    new: NewPassword


class TokenPath(Asked, frozen=True, kw_only=True):
    token_id: PathId


class SignInPath(Asked, frozen=True, kw_only=True):
    sign_in_id: PathId


class CreateToken(Asked, frozen=True, kw_only=True):
    """A token with the scope "read" changes nothing. Without `expiresAt` it holds until it is revoked."""

    name: Name
    scope: Scope = "write"
    expires_at: Time | None = None


class TokenAnswer(Given, frozen=True, kw_only=True):
    """`secret` is shown here and never again."""

    token: ApiToken
    secret: str


class TokensAnswer(Given, frozen=True, kw_only=True):
    tokens: list[ApiToken]


class SignInsAnswer(Given, frozen=True, kw_only=True):
    """`current` is the id of the one that asks, null where a token does."""

    sign_ins: list[SignIn]
    current: str | None


@routes.operation("GET", "/api/me")
async def get_me(call: Call) -> Me:
    """Who asks, in which mode the server runs, and its version."""
    people = call.services.people
    account = None
    if people is not None:
        account = await people.ask(call.accounts.get_account)
    return Me(
        actor=call.caller.actor,
        mode=call.services.door.mode,
        account=account,
        scope=call.caller.scope,
        version=call.services.version,
    )


@routes.operation(
    "PATCH", "/api/me", errors=("conflict", "not_found"), example={"name": "Ada, Countess of Lovelace"}
)
async def update_me(call: Call, body: UpdateMe) -> AccountAnswer:
    """Change one's own name or e-mail address."""
    changed = await call.people.ask(call.accounts.update_account, name=body.name, email=body.email)
    return AccountAnswer(account=changed)


@routes.operation(
    "POST",
    "/api/me/password",
    errors=("not_found",),
    example={"old": "correct horse battery staple", "new": "another horse, another battery"},
)
async def change_password(call: Call, body: ChangePassword) -> Success:
    """Change one's password; all other browsers are signed out."""
    keep = call.caller.id if call.caller.by_cookie else None
    await call.people.ask_slowly(call.accounts.change_password, body.old, body.new, keep=keep)
    return Success()


@routes.operation("GET", "/api/tokens", errors=("not_found",))
async def list_tokens(call: Call) -> TokensAnswer:
    """One's tokens, newest first, without their secrets."""
    return TokensAnswer(tokens=await call.people.ask(call.accounts.list_tokens))


@routes.operation(
    "POST",
    "/api/tokens",
    status=201,
    errors=("conflict", "not_found"),
    example={"name": "My script", "scope": "read"},
    gives={"tokenId": "/token/id"},
    secret=True,
)
async def create_token(call: Call, body: CreateToken) -> TokenAnswer:
    """Make a token for a program."""
    issued = await call.people.ask(
        call.accounts.create_token, body.name, scope=body.scope, expires_at=body.expires_at
    )
    return TokenAnswer(token=issued.token, secret=str(issued.secret))


@routes.operation("DELETE", "/api/tokens/{tokenId}")
async def revoke_token(call: Call, path: TokenPath) -> Success:
    """Revoke a token at once."""
    await call.people.ask(call.accounts.revoke_token, path.token_id)
    return Success()


@routes.operation("GET", "/api/sign-ins", errors=("not_found",))
async def list_sign_ins(call: Call) -> SignInsAnswer:
    """The browsers one is signed in with, last used first."""
    current = call.caller.id if call.caller.by_cookie else None
    return SignInsAnswer(sign_ins=await call.people.ask(call.accounts.list_sign_ins), current=current)


@routes.operation("DELETE", "/api/sign-ins/{signInId}")
async def revoke_sign_in(call: Call, path: SignInPath) -> Success:
    """Sign a browser out."""
    await call.people.ask(call.accounts.revoke_sign_in, path.sign_in_id)
    return Success()
