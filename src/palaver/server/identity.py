"""Who asks, and the doors they come in by."""

from typing import Literal, Protocol

import msgspec
from starlette.requests import Request

Scope = Literal["read", "write"]
Mode = Literal["local", "team"]
COOKIE = "palaver_session"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `by_cookie` says that a browser showed it by itself, so that a page of another site may have asked."""

    actor: str
    scope: Scope = "write"
    administrator: bool = False
    by_cookie: bool = False


class Door(Protocol):
    """How somebody is recognised."""

    mode: Mode
    cookie: str

    async def identify(self, request: Request) -> Identity | None:
        """Who asks, None for nobody. Raises `Unauthenticated` for what no longer or never opened this door."""
        ...


def bearer_of(request: Request) -> str | None:
    """The token of the header `Authorization`, None where there is none of this kind."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None
