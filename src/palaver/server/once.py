"""A POST with an idempotency key is done once: a repeat gets the answer of the first."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from palaver.errors import Conflict, Invalid, PalaverError
from palaver.server.operations import Operation
from palaver.server.problems import HttpError
from palaver.storage.requests import Done, KeyReused, Requests

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r"[!-~]{1,255}")
_KEPT = ("content-type", "location")
_LARGEST = 1 << 20
"""Bytes of an answer that is kept. What makes more is done again with the same id, which makes nothing new."""

Work = Callable[[str | None], Awaitable[Response]]
"""Does it; what it makes gets the id, where there is one."""


def key_of(operation: Operation, request: Request) -> str | None:
    """The key that was sent, None where there is none or none is needed. Raises `Invalid`."""
    key = request.headers.get(HEADER)
    if key is None or operation.method != "POST":
        return None
    if not _KEY.fullmatch(key):
        raise Invalid("an idempotency key has 1 to 255 visible ASCII characters", field=HEADER)
    return key


def digest_of(request: Request, body: bytes) -> bytes:
    """What tells one request from another."""
    address = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return blake2b(address + body, digest_size=16).digest()


class Once(NamedTuple):
    """What is to be done once: whose key it is, and what was asked with it."""

    operation: Operation
    actor: str
    key: str
    digest: bytes


async def do_once(requests: Requests, once: Once, work: Work) -> Response:
    """Do it, or answer what was answered before. What was refused may be tried again with the same key."""
    actor, key = once.actor, once.key
    try:
        begun = await asyncio.to_thread(requests.begin, actor, key, once.digest)
    except KeyReused as exc:
        raise HttpError("key_reused", exc.message) from exc
    if isinstance(begun, Done):
        return _again(begun)
    try:
        response = await work(begun.made_id)
    except PalaverError:
        await asyncio.to_thread(requests.forget, actor, key)
        raise
    except BaseException:
        requests.release(actor, key)
        raise
    if len(response.body) > _LARGEST:
        await asyncio.to_thread(requests.release, actor, key)
    else:
        await asyncio.to_thread(requests.finish, actor, key, _done(once.operation, response))
    return response


def _done(operation: Operation, response: Response) -> Done:
    headers = {name: response.headers[name] for name in _KEPT if name in response.headers}
    return Done(response.status_code, headers, None if operation.secret else bytes(response.body))


def _again(done: Done) -> Response:
    if done.body is None:
        raise Conflict("This was done already, and what it answered is shown only once.")
    headers = {**done.headers, "Cache-Control": "no-store", REPLAYED: "true"}
    return Response(done.body, done.status, headers)
