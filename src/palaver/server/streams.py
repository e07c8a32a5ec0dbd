"""Server-sent events."""

from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

MEDIA_TYPE = "text/event-stream"


def event(name: str, data: bytes, *, id: str | None = None) -> bytes:
    """One event; `data` is JSON on one line."""
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {name}\ndata: ".encode() + data + b"\n\n"


def answer_events(events: AsyncIterator[bytes]) -> StreamingResponse:
    """A stream that no proxy keeps or gathers."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, 200, headers, MEDIA_TYPE)
