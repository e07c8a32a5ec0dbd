"""Errors in the shape that clients of the OpenAI protocol know."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from palaver import wire
from palaver.errors import ContextOverflow, Invalid, NotFound, PalaverError, ProviderError, TooFast
from palaver.server.problems import AWAY_SECONDS, STATUS, code_of

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_CODES = {
    "unauthenticated": "invalid_api_key",
    "context_overflow": "context_length_exceeded",
    "too_fast": "rate_limit_exceeded",
}
_OUR_KEY = (401, 403)
"""That a model's server refuses our key is no fault of who asks."""


class NoModel(NotFound):
    """The model that was asked for is nowhere."""

    code = "model_not_found"

    def __init__(self, model: str, why: str) -> None:
        super().__init__("model", model)
        self.message = why


def error_of(exc: PalaverError) -> dict[str, Any]:
    """What a client is told."""
    known = exc.code if isinstance(exc, NoModel) else code_of(exc)
    code = _CODES.get(known, known)
    field = exc.field if isinstance(exc, Invalid) else None
    if isinstance(exc, NoModel):
        field = "model"
    elif isinstance(exc, ContextOverflow):
        field = "messages"
    kind = _TYPES.get(http_status(exc), "server_error")
    return {"error": {"message": exc.message, "type": kind, "param": field, "code": code}}


def http_status(exc: PalaverError) -> int:
    """The provider's own where it refuses what was asked; else as everywhere."""
    if isinstance(exc, ContextOverflow):
        return 400
    if isinstance(exc, NoModel):
        return 404
    if isinstance(exc, ProviderError):
        status = exc.status or 502
        return status if 400 <= status < 500 and status not in _OUR_KEY else 502
    return STATUS[code_of(exc)]


def answer_failure(exc: PalaverError) -> Response:
    status = http_status(exc)
    return Response(wire.encode(error_of(exc)), status, _headers(exc, status), "application/json")


def _headers(exc: PalaverError, status: int) -> Mapping[str, str]:
    headers = {"Cache-Control": "no-store", **getattr(exc, "headers", {})}
    wait = exc.retry_after if isinstance(exc, TooFast | ProviderError) else None
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    elif status == 503:
        headers["Retry-After"] = str(AWAY_SECONDS)
    return headers
