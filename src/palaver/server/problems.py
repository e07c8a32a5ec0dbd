"""Errors as problem documents (RFC 9457). The one table from error codes to HTTP status stands here."""

import math
from collections.abc import Mapping, Sequence

import msgspec
from starlette.responses import Response

from palaver import wire
from palaver.errors import Busy, Invalid, PalaverError, TooFast, Unavailable
from palaver.server.faults import Fault

MEDIA_TYPE = "application/problem+json"
AWAY_SECONDS = 5
"""When to ask again after the store was away."""

STATUS: Mapping[str, int] = {
    "invalid": 400,
    "unauthenticated": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "busy": 409,
    "conflict": 409,
    "key_reused": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "wrong_host": 421,
    "context_overflow": 422,
    "too_fast": 429,
    "defect": 500,
    "corrupt": 500,
    "provider_error": 502,
    "unavailable": 503,
}

DEFECTS = ("defect", "corrupt")
"""Of these an answer tells nothing but where to look: what is wrong is the server's own."""

TITLES: Mapping[str, str] = {
    "invalid": "What was sent cannot be taken",
    "unauthenticated": "Nobody is signed in",
    "forbidden": "This is not permitted",
    "not_found": "There is no such thing",
    "method_not_allowed": "This cannot be done here",
    "busy": "Something is running that must end first",
    "conflict": "The state is another one",
    "too_large": "The body is too large",
    "unsupported_media_type": "The body is of a kind that is not taken here",
    "range_not_satisfiable": "The content has no such part",
    "wrong_host": "The request is for another host",
    "context_overflow": "More than the model's window holds",
    "key_reused": "The idempotency key belongs to another request",
    "too_fast": "Too many requests",
    "defect": "A defect of the server",
    "corrupt": "Stored data is damaged",
    "provider_error": "The model's server failed",
    "unavailable": "The store cannot be used now",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What went wrong. `code` is stable, `detail` for people; `errors` names every bad field, `retryAfter` is seconds."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[Fault, ...] = ()
    retry_after: int | None = None
    request_id: str | None = None


class HttpError(PalaverError):
    """An error that only HTTP knows, by its code."""

    def __init__(self, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers = headers or {}


class BadFields(Invalid):
    """Several fields cannot be taken."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(f"{first.field or 'the body'} {first.detail}{more}", field=first.field or None)
        self.faults = tuple(faults)


def code_of(error: PalaverError) -> str:
    """The code an error is answered with; one that is not known here is a defect."""
    return error.code if error.code in STATUS else "defect"


def problem_of(error: PalaverError, *, request_id: str | None = None) -> Problem:
    """The document that tells of an error. Of a defect it tells nothing but where to look."""
    code = code_of(error)
    return Problem(
        type=f"/api/docs#{code}",
        title=TITLES[code],
        status=STATUS[code],
        detail=f"The server's log says more under {request_id}." if code in DEFECTS else error.message,
        code=code,
        errors=_faults_of(error),
        retry_after=_retry_after(error),
        request_id=request_id if STATUS[code] >= 500 else None,
    )


def answer_problem(error: PalaverError, *, request_id: str | None = None) -> Response:
    """The response for an error."""
    problem = problem_of(error, request_id=request_id)
    headers = {"Cache-Control": "no-store", **getattr(error, "headers", {})}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="palaver"'
    return Response(wire.encode(problem), problem.status, headers, MEDIA_TYPE)


def _faults_of(error: PalaverError) -> tuple[Fault, ...]:
    if isinstance(error, BadFields):
        return error.faults
    if isinstance(error, Invalid) and error.field:
        return (Fault(_camel(error.field), error.message),)
    return ()


def _retry_after(error: PalaverError) -> int | None:
    if isinstance(error, TooFast):
        return max(1, math.ceil(error.retry_after))
    if isinstance(error, Unavailable):
        return AWAY_SECONDS
    return 1 if isinstance(error, Busy) else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
