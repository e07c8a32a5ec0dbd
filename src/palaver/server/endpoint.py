"""The one way every request goes: who asks, whether they may, what they send, what is done, what they get."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from palaver import wire
from palaver.errors import Forbidden, PalaverError, Unauthenticated
from palaver.server.caching import answer_cached
from palaver.server.call import Answer, Call
from palaver.server.decoding import JSON, decode_call, read_body
from palaver.server.door import Caller
from palaver.server.once import Once, digest_of, do_once, key_of
from palaver.server.operations import Operation
from palaver.server.problems import DEFECTS, HttpError, answer_problem, code_of
from palaver.server.services import Services
from palaver.server.trace import log_defect, trace_of

logger = logging.getLogger(__name__)

SAFE = ("GET", "HEAD")
WATCHED = "/health/"
"""What is asked every few seconds by whoever watches over the server: it counts for nobody."""


class Endpoint:
    """All operations of one path."""

    def __init__(self, operations: Sequence[Operation], services: Services) -> None:
        self._services = services
        self._operations: Mapping[str, Operation] = {one.method: one for one in operations}
        if "GET" in self._operations:
            self._operations = {**self._operations, "HEAD": self._operations["GET"]}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except PalaverError as exc:
            if code_of(exc) in DEFECTS:
                log_defect(exc, trace_of(request.scope))
            return answer_problem(exc, request_id=trace_of(request.scope).id)

    async def _answer(self, request: Request) -> Response:
        trace = trace_of(request.scope)
        operation = self._operation(request.method)
        trace.route = operation.plain_path
        caller = await self._identify(operation, request)
        trace.actor = caller.actor if caller else None
        if not operation.path.startswith(WATCHED):
            self._services.rates.count(caller, request)
        self._admit(operation, caller, request)
        body = b""
        if operation.takes_json:
            body = await read_body(request, self._services.settings.server_body_limit)
        taken = decode_call(operation, request, body)

        async def work(made_id: str | None) -> Response:
            call = Call(request, self._services, caller, made_id)
            return encode_answer(operation, request, await operation.run(call, **taken))

        key = key_of(operation, request)
        if key is None or caller is None or operation.streams:
            return await work(None)
        once = Once(operation, caller.actor, key, digest_of(request, body))
        return await do_once(self._services.requests, once, work)

    def _operation(self, method: str) -> Operation:
        found = self._operations.get(method)
        if found is None:
            allowed = ", ".join(sorted(self._operations))
            raise HttpError(
                "method_not_allowed",
                f"{method} is not possible here: {allowed} are",
                headers={"Allow": allowed},
            )
        return found

    async def _identify(self, operation: Operation, request: Request) -> Caller | None:
        try:
            return await self._services.door.identify(request)
        except Unauthenticated:
            if operation.who == "anyone":
                return None
            raise

    def _admit(self, operation: Operation, found: Caller | None, request: Request) -> None:
        """Raises `Unauthenticated` and `Forbidden`."""
        if request.method not in SAFE and (found is None or found.by_cookie):
            check_same_site(request, certain=found is not None)
        if operation.who == "anyone":
            return
        if found is None:
            raise Unauthenticated(
                "Nobody is signed in: sign in, or send a token in the header Authorization."
            )
        if operation.writes and found.scope == "read":
            raise Forbidden("This token may only read.")
        if operation.who == "administrator" and not found.administrator:
            raise Forbidden("Only an administrator may do this.")


def check_same_site(request: Request, *, certain: bool) -> None:
    """Refuse what a page of another site makes a browser send. With a cookie it must be `certain` that it was our page."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        own = site in ("same-origin", "none")
    elif origin is not None:
        own = urlsplit(origin).netloc == request.headers.get("host")
    else:
        own = not certain
    if not own:
        raise Forbidden(
            "This request comes from a page of another site; programs send a token instead of the cookie."
        )


def encode_answer(operation: Operation, request: Request, answer: Any) -> Response:
    """The response for what an operation returned."""
    if isinstance(answer, Response):
        return answer
    value, headers = (answer.value, dict(answer.headers)) if isinstance(answer, Answer) else (answer, {})
    if operation.etag:
        return answer_cached(request, wire.encode(value), JSON)
    headers.setdefault("Cache-Control", "no-store")
    if operation.location is not None:
        headers["Location"] = operation.location.format(value)
    return Response(wire.encode(value), operation.status, headers, JSON)
