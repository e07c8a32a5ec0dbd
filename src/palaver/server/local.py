"""The door of one person's own server: whoever shows the token that this start was given is that person."""

import hmac
from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from palaver.errors import Unauthenticated
from palaver.server.door import COOKIE, Caller, Mode, bearer_of

NAMES = ("127.0.0.1", "localhost", "[::1]")


class LocalDoor:
    """`token` opens it, in the header of a program or in the cookie of the browser that was opened with it.

    The cookie is named after the port: servers on one machine share the browser's cookies, whatever their ports. Any
    name but the machine's own for itself is that of a page that had its own name point here (DNS rebinding).
    """

    mode: Mode = "local"

    def __init__(self, *, actor: str, token: str, port: int) -> None:
        self._program = Caller(actor=actor, administrator=True)
        self._browser = Caller(actor=actor, administrator=True, by_cookie=True)
        self._token = token
        self.cookie = f"{COOKIE}_{port}"
        self.hosts: Collection[str] | None = frozenset(f"{name}:{port}" for name in NAMES)

    async def identify(self, request: Request) -> Caller | None:
        token = bearer_of(request)
        if token is not None:
            if self._opens(token):
                return self._program
            raise Unauthenticated(
                "This token is not that of the server as it runs now: read its token file again."
            )
        cookie = request.cookies.get(self.cookie)
        return self._browser if cookie is not None and self._opens(cookie) else None

    def welcome(self, request: Request) -> Response | None:
        token = request.query_params.get("token")
        if token is None:
            return None
        response = RedirectResponse("/", 303)
        if self._opens(token):
            response.set_cookie(self.cookie, self._token, httponly=True, samesite="lax")
        return response

    def _opens(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode())
