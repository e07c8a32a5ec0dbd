"""One line in the log for every request, and the one place where a defect ends.

Neither holds what people write, nor what gives access: a request is named by the template of its path, a defect by its kind
and where it happened, without its text, which may quote a message.
"""

import json
import logging
import re
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from palaver import wire
from palaver.errors import Corrupt
from palaver.ids import new_id
from palaver.model import Time
from palaver.server.problems import HttpError, answer_problem

logger = logging.getLogger("palaver.server")

HEADER = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_GONE = 499
_KEY = "palaver.trace"


@dataclass(slots=True)
class Trace:
    """What is noted of a request. `status` 0: no answer was begun."""

    id: str
    route: str | None = None
    actor: str | None = None
    status: int = 0


def trace_of(scope: Scope) -> Trace:
    """The trace of the request under way; of one that nobody follows, a new one."""
    found = scope.get(_KEY)
    return found if isinstance(found, Trace) else Trace(id="")


class Tracing:
    """Gives each request an id, or takes that of a proxy in front, and logs it when it has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = scope[_KEY] = Trace(id=_id_of(scope))

        async def send_traced(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                MutableHeaders(scope=message)[HEADER] = trace.id
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_traced)
        except ClientDisconnect:
            trace.status = _GONE
        except Exception as exc:  # noqa: BLE001 (the last place: nothing of a defect leaves the server)
            log_defect(exc, trace)
            if not trace.status:
                response = answer_problem(HttpError("defect", ""), request_id=trace.id)
                await response(scope, receive, send_traced)
        finally:
            _log_request(scope, trace, time.perf_counter() - started)


def log_defect(exc: BaseException, trace: Trace) -> None:
    """Its kind and where it happened; of damage what is damaged."""
    detail = exc.message if isinstance(exc, Corrupt) else None
    logger.error("defect", extra={"request": trace.id, "errors": list(_chain(exc)), "detail": detail})


def _chain(exc: BaseException | None) -> Iterator[dict[str, Any]]:
    while exc is not None:
        frames = traceback.extract_tb(exc.__traceback__)
        yield {
            "type": f"{type(exc).__module__}.{type(exc).__qualname__}",
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        exc = exc.__cause__ or exc.__context__


def _log_request(scope: Scope, trace: Trace, seconds: float) -> None:
    level = logging.DEBUG if (trace.route or "").startswith("/health/") else logging.INFO
    logger.log(
        level,
        "request",
        extra={
            "request": trace.id,
            "method": scope["method"],
            "route": trace.route or "-",
            "status": trace.status,
            "ms": round(seconds * 1000, 1),
            "actor": trace.actor,
        },
    )


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _GIVEN.fullmatch(given) else new_id()


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, what happened, and what was said beside it."""

    _SAID = ("request", "method", "route", "status", "ms", "actor", "errors", "detail")

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": str(Time.from_ms(int(record.created * 1000))),
            "level": record.levelname.lower(),
            "from": record.name,
            "what": record.getMessage(),
        }
        line |= {
            name: getattr(record, name) for name in self._SAID if getattr(record, name, None) is not None
        }
        if record.exc_info and record.exc_info[1]:
            line["errors"] = list(_chain(record.exc_info[1]))
        return json.dumps(line, default=wire.to_builtins)


def log_to_stderr(*, requests: bool) -> None:
    """Write what the server logs to stderr, each request too where `requests` says so."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO if requests else logging.WARNING)
