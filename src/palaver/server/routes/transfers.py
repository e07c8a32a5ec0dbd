"""Conversations brought in and taken out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import BinaryIO, Literal

from starlette.responses import Response

from palaver import wire
from palaver.errors import PalaverError
from palaver.formats import ImportReport, bring_in, take_out
from palaver.model import Time
from palaver.server.call import Call
from palaver.server.downloads import answer_written
from palaver.server.operations import Routes, Stream
from palaver.server.problems import problem_of
from palaver.server.shapes import Asked, Given, Id
from palaver.server.streams import MEDIA_TYPE, answer_events, event
from palaver.server.trace import trace_of
from palaver.server.uploads import received

routes = Routes("Moving", "Conversations brought in from other programs, and taken out again.")

Readable = Literal["palaver", "ollm", "ollm-snapshot", "enteract", "openai", "markdown"]
Writable = Literal["palaver", "ollm", "enteract", "openai", "markdown", "html"]
_KINDS = {
    "palaver": ("jsonl", "application/x-ndjson"),
    "openai": ("jsonl", "application/x-ndjson"),
    "markdown": ("md", "text/markdown"),
    "html": ("html", "text/html"),
}


_WRITTEN = ("application/x-ndjson", "application/json", "text/markdown", "text/html")


class ImportQuery(Asked, frozen=True, kw_only=True):
    """Without `format` the file is looked into. `dryRun` says what would come in and changes nothing."""

    format: Readable | None = None
    project_id: Id | None = None
    dry_run: bool = False


class ExportQuery(Asked, frozen=True, kw_only=True):
    """The sessions named, else those of the project, else all one can see; `trash`: with what is in the trash or not."""

    format: Writable = "palaver"
    chat_session_id: tuple[Id, ...] = ()
    project_id: Id | None = None
    trash: bool | None = None


class ImportAnswer(Given, frozen=True, kw_only=True):
    report: ImportReport


class ImportProgress(Given, frozen=True, kw_only=True):
    """Bytes read so far, of how many."""

    read: int
    size: int | None


@routes.operation(
    "POST",
    "/api/import",
    accepts=("application/octet-stream", "application/json", "text/*"),
    answers=(MEDIA_TYPE,),
    errors=("not_found", "conflict", "forbidden"),
)
async def import_conversations(call: Call, query: ImportQuery, body: Stream) -> ImportAnswer | Response:  # noqa: ARG001
    """Bring in a file of conversations: the body is the file. Importing it again changes nothing.

    With `Accept: text/event-stream` events tell of it: `progress` with the bytes read so far, then `report`, or `problem`.
    """
    limit = call.services.settings.server_import_limit
    async with AsyncExitStack() as open:
        file = await open.enter_async_context(received(call.request, limit))
        importing = _Importing(call, query, file)
        if MEDIA_TYPE not in call.request.headers.get("accept", ""):
            return ImportAnswer(report=await importing.run())
        return answer_events(importing.tell(open.pop_all()))


class _Importing:
    """One import: its reading on a thread, its progress on the loop."""

    def __init__(self, call: Call, query: ImportQuery, file: BinaryIO) -> None:
        self._store = call.services.plain_store.as_actor(call.caller.actor)
        self._request_id = trace_of(call.request.scope).id
        self._query = query
        self._file = file
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[ImportProgress] = asyncio.Queue()

    async def run(self) -> ImportReport:
        return await asyncio.to_thread(self._bring_in)

    def _bring_in(self) -> ImportReport:
        return bring_in(
            self._store,
            self._file,
            format=self._query.format,
            project_id=self._query.project_id,
            dry_run=self._query.dry_run,
            progress=self._note,
        )

    def _note(self, read: int, size: int | None) -> None:
        self._loop.call_soon_threadsafe(self._told.put_nowait, ImportProgress(read=read, size=size))

    async def tell(self, open: AsyncExitStack) -> AsyncIterator[bytes]:
        """What happens, as events. It goes on to its end where the reader goes away."""
        working = asyncio.create_task(self._work(open))
        while not working.done() or self._told.qsize():
            waiting = asyncio.create_task(self._told.get())
            await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done():
                yield event("progress", wire.encode(waiting.result()))
            else:
                waiting.cancel()
        yield working.result()

    async def _work(self, open: AsyncExitStack) -> bytes:
        async with open:
            try:
                return event("report", wire.encode(await self.run()))
            except PalaverError as exc:
                return event("problem", wire.encode(problem_of(exc, request_id=self._request_id)))


@routes.operation("GET", "/api/export", answers=_WRITTEN, errors=("not_found",))
async def export_conversations(call: Call, query: ExportQuery) -> Response:
    """Take conversations out as a file, sent while it is written. The format "palaver" loses nothing."""
    store = call.services.plain_store.as_actor(call.caller.actor)
    ending, mime = _KINDS.get(query.format, ("json", "application/json"))

    def write(out: BinaryIO) -> None:
        take_out(
            store,
            out,
            format=query.format,
            session_ids=query.chat_session_id or None,
            project_id=query.project_id,
            trash=query.trash,
        )

    today = str(Time.current())[:10]
    return await answer_written(write, name=f"palaver-{today}.{ending}", mime=mime)
