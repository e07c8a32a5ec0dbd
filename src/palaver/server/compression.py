"""Answers made smaller on their way, where that is worth it and possible."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_LEAST = 1_024
_LEVEL = 5


class Compression:
    """gzip for all but files: a part of one is named by bytes of what is stored, and most are compressed already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressed = GZipMiddleware(app, minimum_size=_LEAST, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plain = scope["type"] != "http" or scope["path"].startswith("/api/files/")
        await (self._app if plain else self._compressed)(scope, receive, send)
