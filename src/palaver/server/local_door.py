"""The door of one person's own server: whoever shows the token that this start was given is that person."""

import hmac

from starlette.requests import Request

from palaver.errors import Unauthenticated
from palaver.server.identity import COOKIE, Identity, Mode, bearer_of


class LocalDoor:
    """`token` opens it, in the header of a program or in the cookie of the browser that was opened with it.

    The cookie is named after the port: servers on one machine share the browser's cookies, whatever their ports.
    """

    mode: Mode = "local"

    def __init__(self, *, actor: str, token: str, port: int) -> None:
        self._identity = Identity(actor=actor, administrator=True)
        self._in_browser = Identity(actor=actor, administrator=True, by_cookie=True)
        self._token = token.encode()
        self.cookie = f"{COOKIE}_{port}"

    async def identify(self, request: Request) -> Identity | None:
        token = bearer_of(request)
        if token is not None:
            if self.opens(token):
                return self._identity
            raise Unauthenticated("This token is not that of the server as it runs now: read its token file again.")
        cookie = request.cookies.get(self.cookie)
        return self._in_browser if cookie is not None and self.opens(cookie) else None

    def opens(self, token: str) -> bool:
        """Whether it is this start's token."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token)
