"""The web page: files that were built into the package, and `index.html` for every address that the page itself knows."""

from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from palaver.server.door import Door
from palaver.server.problems import HttpError, answer_problem

STATIC = Path(__file__).parent / "static"
_HASHED = "assets"
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
        self._folder = folder
        # Looked up, never joined from what was asked for: so no address leads out of the folder.
        self._files: Mapping[str, Path] = {
            f"/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = self._respond(request)
        await response(scope, receive, send)

    def _respond(self, request: Request) -> Response:
        path = request.url.path
        if path.startswith(("/api/", "/v1/", "/health/")):
            return answer_problem(HttpError("not_found", f"There is nothing at {path[:200]}"))
        if request.method not in ("GET", "HEAD"):
            allowed = {"Allow": "GET, HEAD"}
            return answer_problem(
                HttpError("method_not_allowed", "A page can only be read.", headers=allowed)
            )
        return self._door.welcome(request) or self._file(path, request.headers)

    def _file(self, path: str, asked: Headers) -> Response:
        found = self._files.get(path)
        if found is None and path.startswith(f"/{_HASHED}/"):
            return answer_problem(HttpError("not_found", "This file is of another version of the page."))
        found = found or self._files.get("/index.html")
        if found is None:
            return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-store"})
        caching = _FOREVER if path.startswith(f"/{_HASHED}/") else "no-cache"
        response = FileResponse(found, headers={"Cache-Control": caching}, stat_result=found.stat())
        if response.headers["etag"] in asked.get("if-none-match", ""):
            return Response(
                status_code=304, headers={"Cache-Control": caching, "ETag": response.headers["etag"]}
            )
        return response
