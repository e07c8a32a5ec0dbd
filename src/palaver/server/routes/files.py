"""Files that messages refer to."""

from mimetypes import guess_type
from typing import Annotated

from msgspec import Meta
from starlette.responses import Response

from palaver.model import File
from palaver.server.call import Call
from palaver.server.downloads import answer_file
from palaver.server.operations import Routes, Stream
from palaver.server.shapes import Asked, Given, Name
from palaver.server.uploads import received

routes = Routes("Files", "What messages refer to: stored once, by the SHA-256 of its content.")

ANYTHING = "application/octet-stream"


class FilePath(Asked, frozen=True, kw_only=True):
    digest: Annotated[str, Meta(extra_json_schema={"pattern": "^[0-9a-f]{64}$"})]


class PutFileQuery(Asked, frozen=True, kw_only=True):
    name: Name


class FileQuery(Asked, frozen=True, kw_only=True):
    """`name` is what it is saved as, and what its kind is told by."""

    name: Name = "file"


class FileAnswer(Given, frozen=True, kw_only=True):
    """The part that a message refers to it with."""

    file: File


@routes.operation(
    "POST",
    "/api/files",
    status=201,
    accepts=(ANYTHING, "image/*", "text/*"),
    location="/api/files/{0.file.digest}",
    gives={"digest": "/file/digest"},
)
async def put_file(call: Call, query: PutFileQuery, body: Stream) -> FileAnswer:  # noqa: ARG001 (it is read as it comes)
    """Store a file. The body is its content, the header Content-Type its kind. It is kept once a message refers to it."""
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    mime = kind if kind and kind != ANYTHING else None
    async with received(call.request, call.services.settings.server_file_limit) as content:
        return FileAnswer(file=await call.store.put_file(content, name=query.name, mime=mime))


@routes.operation(
    "GET",
    "/api/files/{digest}",
    role="viewer",
    answers=(ANYTHING,),
    errors=("invalid", "range_not_satisfiable"),
)
async def get_file(call: Call, path: FilePath, query: FileQuery) -> Response:
    """A file's content, or with `Range` a part of it. It never changes, so that a browser may keep it."""
    file = await call.store.open_file(path.digest)
    mime = guess_type(query.name)[0] or ANYTHING
    return answer_file(call.request, file, tag=path.digest, mime=mime, name=query.name)
