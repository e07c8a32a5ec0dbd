"""Asks the model and records what it answers. Two threads: one waits for the model, the other writes and watches."""

import logging
import threading
import time
from typing import Any

import msgspec

from palaver.chat.events import END, TurnFailed, TurnFinished
from palaver.chat.recording import Outcome, Recording
from palaver.chat.turn import Turn
from palaver.errors import PalaverError, ProviderError
from palaver.model import Message, Reasoning, Status, Text, ToolCall, Usage
from palaver.providers.base import Answer, ConnectionLost, Delta, Finish

_log = logging.getLogger(__name__)


class Pace(msgspec.Struct, frozen=True):
    """How often an answer is written: after so many seconds or characters. An idle draft is renewed now and then."""

    seconds: float = 0.2
    characters: int = 2048
    renew_seconds: float = 5.0


class Answering:
    """One answer, from the request to the closed draft. `run` blocks; the rest may be called from any thread."""

    def __init__(self, session_id: str, question_id: str, recording: Recording, pace: Pace) -> None:
        self.turn = Turn(session_id, question_id, recording.answer_id, self.stop)
        self._recording = recording
        self._pace = pace
        self._lock = threading.Lock()
        self._sealed = False
        self._wake = threading.Event()
        self._look = threading.Event()
        self._stop = threading.Event()
        self._done = threading.Event()
        self._usage: Usage | None = None
        self._reason: str | None = None
        self._error: PalaverError | None = None

    def stop(self) -> None:
        """End it soon; what came is kept, what comes from now on is not."""
        with self._lock:
            self._sealed = True
        self._stop.set()
        self._wake.set()

    def look(self) -> None:
        """Somebody has changed the draft: look whether it is to stop."""
        self._look.set()
        self._wake.set()

    def run(self, answer: Answer) -> TurnFinished | TurnFailed:
        """Ask and record until the answer ends, fails or is stopped; then close it and say how it ended."""
        threading.Thread(target=self._ask, args=(answer,), name="palaver-ask", daemon=True).start()
        self._watch()
        with self._lock:
            self._sealed = True
        answer.close()
        return self._close()

    def fail(self, error: PalaverError) -> TurnFinished | TurnFailed:
        """Close the answer with an error that came before or beside the asking."""
        with self._lock:
            self._sealed = True
            self._error = error
        return self._close()

    def _ask(self, answer: Answer) -> None:
        try:
            for piece in answer:
                self._take(piece)
        except PalaverError as exc:
            self._note(exc)
        except Exception as exc:  # noqa: BLE001  (whatever a provider does wrong, the turn must end and say so)
            _log.exception("A provider failed in an unknown way")
            self._note(ProviderError(f"the provider failed in an unknown way: {type(exc).__name__}"))
        finally:
            self._done.set()
            self._wake.set()

    def _take(self, piece: Delta) -> None:
        with self._lock:
            if self._sealed:
                return
            match piece:
                case Text() | Reasoning() | ToolCall():
                    if self._recording.add(piece) >= self._pace.characters:
                        self._wake.set()
                    self.turn.tell_part(piece)
                case Usage():
                    self._usage = piece
                case Finish(reason=reason):
                    self._reason = reason

    def _note(self, error: PalaverError) -> None:
        with self._lock:
            if not self._sealed:
                self._error = error

    def _watch(self) -> None:
        written = time.monotonic()
        while not (self._done.is_set() or self._stop.is_set()):
            self._wake.wait(self._pace.seconds)
            self._wake.clear()
            idle = time.monotonic() - written >= self._pace.renew_seconds
            if self._recording.waiting or idle or self._look.is_set():
                self._look.clear()
                if self._recording.flush():
                    self._stop.set()
                written = time.monotonic()

    def _close(self) -> TurnFinished | TurnFailed:
        message = self._recording.close(self._outcome())
        return ended(message, self.turn.id_at(END), unsaved=self._recording.failure)

    def _outcome(self) -> Outcome:
        error = self._error
        if error is None:
            complete = self._reason is not None
            metadata = {"finishReason": self._reason} if complete else {}
            return Outcome(
                status="complete" if complete else "cancelled", usage=self._usage, metadata=metadata
            )
        status: Status = "interrupted" if isinstance(error, ConnectionLost) else "error"
        return Outcome(status=status, error=error.message, usage=self._usage, metadata=_describe(error))


def ended(message: Message, id: str, *, unsaved: str | None = None) -> TurnFinished | TurnFailed:
    """The last event of a turn, as its answer tells it."""
    told = message.metadata
    if message.status in ("complete", "cancelled"):
        return TurnFinished(id=id, message=message, finish_reason=told.get("finishReason"), unsaved=unsaved)
    return TurnFailed(
        id=id,
        message=message,
        code=told.get("errorCode", PalaverError.code),
        error=message.error or "The answer was interrupted before its end.",
        retryable=told.get("retryable", True),
        retry_after=told.get("retryAfter"),
        unsaved=unsaved,
    )


def _describe(error: PalaverError) -> dict[str, Any]:
    told: dict[str, Any] = {"errorCode": error.code, "retryable": False}
    if isinstance(error, ProviderError):
        told["retryable"] = error.retryable
        if error.retry_after is not None:
            told["retryAfter"] = error.retry_after
    return told
