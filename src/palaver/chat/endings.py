"""How a turn ended, as its last answer tells it."""

from typing import Any

from palaver.chat.events import TurnFailed, TurnFinished
from palaver.errors import PalaverError, ProviderError
from palaver.model import Message

INTERRUPTED = "The answer was interrupted before its end."


def describe(error: PalaverError) -> dict[str, Any]:
    """What an answer's metadata say of the error that ended it."""
    told: dict[str, Any] = {"errorCode": error.code, "retryable": False}
    if isinstance(error, ProviderError):
        told["retryable"] = error.retryable
        if error.retry_after is not None:
            told["retryAfter"] = error.retry_after
    return told


def ended(message: Message, id: str, *, unsaved: str | None = None) -> TurnFinished | TurnFailed:
    """The last event of a turn whose last answer is `message`."""
    told = message.metadata
    if message.status in ("complete", "cancelled"):
        return TurnFinished(
            id=id,
            message=message,
            finish_reason=told.get("finishReason"),
            new_session_id=told.get("newSessionId"),
            unsaved=unsaved,
        )
    return TurnFailed(
        id=id,
        message=message,
        code=told.get("errorCode", PalaverError.code),
        error=message.error or INTERRUPTED,
        retryable=told.get("retryable", True),
        retry_after=told.get("retryAfter"),
        unsaved=unsaved,
    )


def broken_off(message: Message, id: str) -> TurnFailed:
    """The last event of a turn that was to go on behind `message` and did not."""
    return TurnFailed(
        id=id,
        message=message,
        code=PalaverError.code,
        error="The turn was interrupted before its end.",
        retryable=True,
    )
