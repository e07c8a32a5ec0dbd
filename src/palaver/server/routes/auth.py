"""Signing in and out."""

from typing import Annotated

from msgspec import Meta

from palaver.accounts import MAX_EMAIL, MAX_PASSWORD, MIN_PASSWORD, Account, SignedIn
from palaver.server.call import Answer, Call
from palaver.server.door import Mode
from palaver.server.operations import Routes
from palaver.server.shapes import Asked, Given, Name, Success
from palaver.server.team import cookie_of, no_cookie, origin_of, secret_of

routes = Routes("Signing in", "How one comes in, and leaves.")

Email = Annotated[
    str, Meta(min_length=3, max_length=MAX_EMAIL, pattern=r"^[^@\s\u0000-\u001f]+@[^@\s\u0000-\u001f]+$")
]
Password = Annotated[str, Meta(max_length=MAX_PASSWORD)]
NewPassword = Annotated[str, Meta(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]
Code = Annotated[str, Meta(min_length=1, max_length=200)]


class OpenIdProvider(Given, frozen=True, kw_only=True):
    """Begin at `/api/auth/sso/{name}`."""

    name: str
    title: str


class Entrance(Given, frozen=True, kw_only=True):
    """`setup` says that there is no account yet."""

    mode: Mode
    setup: bool
    providers: list[OpenIdProvider]


class SignInBody(Asked, frozen=True, kw_only=True):
    email: Annotated[str, Meta(max_length=MAX_EMAIL)]
    password: Password


class SetUpBody(Asked, frozen=True, kw_only=True):
    """`code` is that of the link in the server's log."""

    code: Code
    name: Name
    email: Email
    password: NewPassword


class AccountAnswer(Given, frozen=True, kw_only=True):
    account: Account


@routes.operation("GET", "/api/auth", who="anyone")
async def get_entrance(call: Call) -> Entrance:
    """How one may sign in here."""
    people = call.services.people
    mode = call.services.door.mode
    if people is None:
        return Entrance(mode=mode, setup=False, providers=[])
    sso = call.services.sso
    providers = (
        [OpenIdProvider(name=one.name, title=one.title or one.name) for one in sso.list()] if sso else []
    )
    return Entrance(mode=mode, setup=not await people.ask(people.accounts.has_accounts), providers=providers)


@routes.operation(
    "POST",
    "/api/auth/login",
    who="anyone",
    errors=("unauthenticated", "not_found"),
    example={"email": "ada@example.org", "password": "correct horse battery staple"},
)
async def sign_in(call: Call, body: SignInBody) -> Answer[AccountAnswer]:
    """Sign in with a password; the answer sets the cookie."""
    people = call.people
    address, agent = origin_of(call.request)
    signed_in = await people.ask_slowly(
        people.accounts.sign_in, body.email, body.password, address=address, user_agent=agent
    )
    return answer_signed_in(call, signed_in)


@routes.operation("POST", "/api/auth/logout", who="anyone")
async def sign_out(call: Call) -> Answer[Success]:
    """Sign this browser out."""
    people = call.services.people
    secret = secret_of(call.request)
    if people is not None and secret is not None:
        await people.ask(people.accounts.sign_out, secret)
    return Answer(Success(), no_cookie(call.request))


@routes.operation(
    "POST",
    "/api/auth/setup",
    who="anyone",
    status=201,
    errors=("not_found",),
    example={
        "code": "the code of the link",
        "name": "Ada Lovelace",
        "email": "ada@example.org",
        "password": "correct horse battery staple",
    },
)
async def set_up(call: Call, body: SetUpBody) -> Answer[AccountAnswer]:
    """Make the first account, an administrator, with the link that a new server writes into its log."""
    people = call.people
    address, agent = origin_of(call.request)
    signed_in = await people.ask_slowly(
        people.accounts.set_up,
        body.code,
        name=body.name,
        email=body.email,
        password=body.password,
        address=address,
        user_agent=agent,
    )
    return answer_signed_in(call, signed_in)


def answer_signed_in(call: Call, signed_in: SignedIn) -> Answer[AccountAnswer]:
    """The account, and the cookie."""
    return Answer(AccountAnswer(account=signed_in.account), cookie_of(call.request, signed_in))
