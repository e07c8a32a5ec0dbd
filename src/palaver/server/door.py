"""Who asks, and the door they come in by."""

from collections.abc import Collection
from typing import Literal, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from palaver.accounts import Scope

Mode = Literal["local", "team"]
COOKIE = "palaver_session"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `id` is that of their sign-in or token.

    `by_cookie` says that a browser showed it by itself, so that a page of another site may be who really asks.
    """

    actor: str
    scope: Scope = "write"
    administrator: bool = False
    by_cookie: bool = False
    id: str | None = None


class Door(Protocol):
    """How somebody is recognised. `hosts` are the only names this server answers to; None is any."""

    mode: Mode
    cookie: str
    hosts: Collection[str] | None

    async def identify(self, request: Request) -> Caller | None:
        """Who asks, None for nobody. Raises `Unauthenticated` for a token that does not open it."""
        ...

    def welcome(self, request: Request) -> Response | None:
        """The answer to an address that signs a browser in by itself, None for any other."""
        ...


def bearer_of(request: Request) -> str | None:
    """The token of the header `Authorization`, None where there is none of this kind."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None
