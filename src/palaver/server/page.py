"""The web page: files that were built into the package, and `index.html` for every address that the page itself knows."""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from palaver.server.caching import is_known
from palaver.server.door import Door
from palaver.server.problems import HttpError, answer_problem

STATIC = Path(__file__).parent / "static"
DOCS = Path(__file__).parent / "docs"
SAFE = ("GET", "HEAD")
PROGRAMS = ("/api", "/v1", "/health")
"""What no page lies below."""

_HASHED = "/assets/"
"""Where the build puts files whose names change with their content."""
_FOREVER = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Palaver</title>
<h1>The page is not built</h1>
<p>This is a bare checkout. <code>pip install .</code> builds the page into the package; CONTRIBUTING.md says how to
build it in place. The REST API works: <a href="/api/docs">/api/docs</a>.</p>
"""


class Page:
    """Answers what no operation does."""

    def __init__(self, door: Door, folder: Path = STATIC) -> None:
        self._door = door
        # Looked up, never joined from what was asked for: so no address leads out of the folders.
        self._files = _addresses(folder, "")
        self._docs = {"/api/docs": DOCS / "index.html", **_addresses(DOCS, "/api/docs")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        await self._respond(request)(scope, receive, send)

    def _respond(self, request: Request) -> Response:
        path = request.url.path
        found = self._docs.get(path)
        if found is None and _is_below(path, PROGRAMS):
            return answer_problem(HttpError("not_found", f"There is nothing at {path[:200]}"))
        if request.method not in SAFE:
            allowed = {"Allow": ", ".join(SAFE)}
            return answer_problem(
                HttpError("method_not_allowed", "A page can only be read.", headers=allowed)
            )
        if found is not None:
            return _send(request, found, "no-cache")
        return self._door.welcome(request) or self._find(request, path)

    def _find(self, request: Request, path: str) -> Response:
        if path in self._files:
            return _send(request, self._files[path], _FOREVER if path.startswith(_HASHED) else "no-cache")
        if path.startswith(_HASHED):
            return answer_problem(HttpError("not_found", "This file is of another version of the page."))
        if "/index.html" in self._files:
            return _send(request, self._files["/index.html"], "no-cache")
        return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})


def _send(request: Request, path: Path, caching: str) -> Response:
    response = FileResponse(path, headers={"Cache-Control": caching}, stat_result=path.stat())
    tag = response.headers["etag"]
    if is_known(request, tag):
        return Response(status_code=304, headers={"Cache-Control": caching, "ETag": tag})
    return response


def _addresses(folder: Path, prefix: str) -> Mapping[str, Path]:
    """The files of a folder by the path they are asked for with."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {f"{prefix}/{path.relative_to(folder).as_posix()}": path for path in found}


def _is_below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)
