"""One answer on its way. Two threads: one asks the model and calls its tools, the other writes and watches."""

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from palaver.chat.endings import describe
from palaver.chat.recording import Outcome, Recording
from palaver.chat.turn import Turn
from palaver.errors import PalaverError, ProviderError
from palaver.model import Message, NewMessage, Opaque, Reasoning, Status, Text, ToolCall, ToolResult, Usage
from palaver.providers.base import Answer, ConnectionLost, Delta, Finish

_log = logging.getLogger(__name__)

_PREPARING_SECONDS = 10.0
"""How long a stop waits for what is done before the asking: it may be writing a checkpoint."""


class Pace(msgspec.Struct, frozen=True):
    """How often an answer is written: after so many seconds or characters. An idle draft is renewed now and then."""

    seconds: float = 0.2
    characters: int = 2048
    renew_seconds: float = 5.0


class Answering:
    """One answer, from the first preparation to the closed draft. `run` blocks; the rest is for the work in it."""

    def __init__(self, turn: Turn, recording: Recording, pace: Pace) -> None:
        self._turn = turn
        self._recording = recording
        self._pace = pace
        self._lock = threading.Lock()
        self._sealed = False
        self._wake = threading.Event()
        self._look = threading.Event()
        self._prepared = threading.Event()
        self._done = threading.Event()
        self._answer: Answer | None = None
        self._calls: list[ToolCall] = []
        self._results = 0
        self._usage: Usage | None = None
        self._reason: str | None = None
        self._early: dict[str, str] = {}
        self._error: PalaverError | None = None

    @property
    def calls(self) -> list[ToolCall]:
        """What the model has called so far."""
        return list(self._calls)

    def run(
        self, work: Callable[["Answering"], None], *, next_id: Callable[[], str | None] = lambda: None
    ) -> Message:
        """Do `work` and record what comes of it until it ends, fails or is stopped; then close the answer.

        `next_id` is asked at the end of a complete one, for the answer that follows.
        """
        self._turn.stopping.on_stop(self._stop)
        threading.Thread(target=self._work, args=(work,), name="palaver-ask", daemon=True).start()
        self._watch()
        with self._lock:
            self._sealed = True
            answer = self._answer
        if answer is not None:
            answer.close()
        else:
            self._prepared.wait(_PREPARING_SECONDS)
        outcome = self._outcome()
        return self._recording.close(outcome, next_id() if outcome.status == "complete" else None)

    def look(self) -> None:
        """Somebody has changed the draft: look whether it is to stop."""
        self._look.set()
        self._wake.set()

    def listen(self, answer: Answer) -> None:
        """Take what the model says, to its end. Raises what the provider raises."""
        self._prepared.set()
        with self._lock:
            if self._sealed:
                return
            self._answer = answer
        for piece in answer:
            self._take(piece)

    def save(self) -> None:
        """Have on the disk what came so far, if it can be."""
        if self._recording.flush():
            self._turn.stop()

    def put_below(self, message: NewMessage) -> None:
        """Keep a result or a note that belongs below the answer."""
        with self._lock:
            if self._sealed:
                return
            self._recording.put_below(message)
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._results += 1
                    self._turn.tell_part(part)
        self._wake.set()

    def end_early(self, **metadata: str) -> None:
        """Nothing is asked: the answer stays empty and keeps what is said of it here."""
        with self._lock:
            self._early = metadata

    def _work(self, work: Callable[["Answering"], None]) -> None:
        try:
            work(self)
        except PalaverError as exc:
            self._note(exc)
        except Exception as exc:  # noqa: BLE001  (whatever goes wrong, the turn must end and say so)
            _log.exception("An answer in session %s failed in an unknown way", self._turn.session_id)
            asking = self._answer is not None and self._reason is None
            what = "the provider" if asking else "the turn"
            self._note(ProviderError(f"{what} failed in an unknown way: {type(exc).__name__}"))
        finally:
            self._prepared.set()
            self._done.set()
            self._wake.set()

    def _stop(self) -> None:
        """What came is kept, what comes from now on is not."""
        with self._lock:
            self._sealed = True
        self._wake.set()

    def _take(self, piece: Delta) -> None:
        with self._lock:
            if self._sealed:
                return
            match piece:
                case Text() | Reasoning() | ToolCall() | Opaque():
                    if isinstance(piece, ToolCall):
                        self._calls.append(piece)
                    if self._recording.add(piece) >= self._pace.characters:
                        self._wake.set()
                    self._turn.tell_part(piece)
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
        while not (self._done.is_set() or self._turn.stopping.wanted):
            self._wake.wait(self._pace.seconds)
            self._wake.clear()
            idle = time.monotonic() - written >= self._pace.renew_seconds
            if self._recording.waiting or idle or self._look.is_set():
                self._look.clear()
                self.save()
                written = time.monotonic()

    def _outcome(self) -> Outcome:
        error = self._error
        if error is not None:
            status: Status = "interrupted" if isinstance(error, ConnectionLost) else "error"
            return Outcome(status=status, error=error.message, usage=self._usage, metadata=describe(error))
        stopped: Status = "interrupted" if self._turn.stopping.interrupted else "cancelled"
        if self._reason is None:
            return Outcome(status=stopped, usage=self._usage, metadata=self._early)
        # Stopped while its tools run, an answer is not complete although the model had ended.
        over = self._results >= len(self._calls) or not self._turn.stopping.wanted
        metadata = {"finishReason": self._reason}
        return Outcome(status="complete" if over else stopped, usage=self._usage, metadata=metadata)
