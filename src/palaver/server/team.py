"""The door of a team's server: a browser that has signed in, or a program with a token."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from palaver.accounts import Identity, SignedIn
from palaver.errors import Unauthenticated
from palaver.model import Time
from palaver.server.door import COOKIE, Caller, Mode, bearer_of
from palaver.server.people import People

_SECURE = f"__Host-{COOKIE}"


class TeamDoor:
    """Behind TLS the cookie has a name that no other host and no plain connection can set.

    `address` is where it is reached from outside; where that is known, no other name is answered.
    """

    mode: Mode = "team"
    cookie = COOKIE

    def __init__(self, people: People, *, address: str | None = None) -> None:
        self._people = people
        self.hosts: Collection[str] | None = (urlsplit(address).netloc,) if address else None

    async def identify(self, request: Request) -> Caller | None:
        token = bearer_of(request)
        if token is not None:
            found = await self._people.ask(self._people.accounts.identify_token, token)
            return _caller(found, by_cookie=False)
        secret = secret_of(request)
        if secret is None:
            return None
        try:
            found = await self._people.ask(self._people.accounts.identify_sign_in, secret)
        except Unauthenticated:  # it has ended: as good as none
            return None
        return _caller(found, by_cookie=True)

    def welcome(self, request: Request) -> Response | None:  # noqa: ARG002 (no address signs anybody in here)
        return None


def _caller(found: Identity, *, by_cookie: bool) -> Caller:
    return Caller(
        actor=found.actor,
        scope=found.scope,
        administrator=found.administrator,
        by_cookie=by_cookie,
        id=found.id,
    )


def cookie_name(request: Request) -> str:
    """What the cookie is called on this connection."""
    return _SECURE if request.url.scheme == "https" else COOKIE


def secret_of(request: Request) -> str | None:
    """What the browser's cookie holds."""
    return request.cookies.get(cookie_name(request))


def cookie_of(request: Request, signed_in: SignedIn) -> dict[str, str]:
    """The header that signs a browser in."""
    response = Response()
    left = signed_in.sign_in.expires_at - Time.current()
    response.set_cookie(
        cookie_name(request),
        signed_in.secret,
        max_age=max(0, int(left.total_seconds())),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return {"Set-Cookie": response.headers["set-cookie"]}


def no_cookie(request: Request) -> dict[str, str]:
    """The header that signs it out."""
    response = Response()
    response.delete_cookie(
        cookie_name(request), secure=request.url.scheme == "https", httponly=True, samesite="lax"
    )
    return {"Set-Cookie": response.headers["set-cookie"]}


def origin_of(request: Request) -> tuple[str, str]:
    """The network address and the browser that a sign-in is remembered by."""
    return (request.client.host if request.client else "", request.headers.get("user-agent", "")[:500])
