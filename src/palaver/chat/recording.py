"""An answer on its way into the store, with what came back from the tools it called."""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from palaver.chat.backlog import CANNOT_RECORD, REFUSED, Backlog
from palaver.chat.claim import Claim
from palaver.errors import Busy, Conflict, PalaverError
from palaver.ids import new_id
from palaver.model import (
    Message,
    NewMessage,
    Part,
    Status,
    Text,
    Time,
    ToolResult,
    TurnState,
    Usage,
    join_parts,
    part_length,
)
from palaver.store import Head, Store

_log = logging.getLogger(__name__)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer ended."""

    status: Status
    error: str | None = None
    usage: Usage | None = None
    metadata: Mapping[str, Any] = {}


class Recording:
    """Writes an answer into a draft as it comes; while the store cannot be written, the answer is held here.

    `drafted`: its draft is open already. Safe from any thread.
    """

    def __init__(
        self,
        store: Store,
        backlog: Backlog,
        *,
        session_id: str,
        parent_id: str,
        answer_id: str,
        model: str,
        provider: str,
        claim: Claim,
        drafted: bool = False,
    ) -> None:
        self._failure: str | None = None
        self._shown = False
        self.claim = claim
        self._store = store
        self._backlog = backlog
        self._session_id = session_id
        self._answer = NewMessage(id=answer_id, role="assistant", parts=(), model=model, provider=provider)
        self._parent_id = parent_id
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._below: list[NewMessage] = []
        self._closed = False
        self._pending: list[Part] = []
        self._pending_length = 0
        self._taken: list[Part] = []
        self._batch: Sequence[Part] = ()
        self._offset = 0
        self._drafted = drafted
        self._next_id: str | None = None
        self._spare_id: str | None = None

    @property
    def answer_id(self) -> str:
        return self._answer.id

    @property
    def last_id(self) -> str:
        """The last of what is stored together: the answer, or what was put below it."""
        return self._below[-1].id if self._below else self._answer.id

    @property
    def failure(self) -> str | None:
        """Why not all of the answer is written; None where it is."""
        return self._failure

    def begin(
        self, question: NewMessage | None, parent_id: str | None | Head, turn_id: str | None = None
    ) -> TurnState:
        """Begin the turn in the store: its question, this answer's draft. Raises what the store raises."""
        begun = self.claim.take(
            lambda: self._store.begin_turn(
                self._session_id,
                question,
                parent_id=parent_id,
                turn_id=turn_id,
                answer_id=self._answer.id,
                model=self._answer.model,
                provider=self._answer.provider,
            )
        )
        self._drafted = True
        return begun

    def open(self) -> None:
        """Open the draft where it is not open already.

        A store that cannot be written is noted in `failure`; the answer is then saved at its end. Raises
        `Busy` where another answer is being written in the session.
        """
        if self._drafted:
            return
        try:
            self._store.open_draft(
                self._session_id,
                parent_id=self._parent_id,
                id=self._answer.id,
                model=self._answer.model,
                provider=self._answer.provider,
            )
            self._drafted = True
        except CANNOT_RECORD as exc:
            if isinstance(exc, Busy) and exc.session_id is not None:
                raise
            self._failure = exc.message

    def show_at_end(self) -> None:
        """Its branch is shown when it is saved: it could not be at the beginning."""
        self._shown = True

    @property
    def waiting(self) -> int:
        """How many characters and events wait to be written."""
        with self._lock:
            written = self._pending_length + sum(map(part_length, self._batch))
        return written + len(self.claim.waiting)

    def add(self, part: Part) -> int:
        """Take a part; returns how many characters wait to be written."""
        with self._lock:
            self._pending.append(part)
            self._pending_length += part_length(part)
            return self._pending_length

    def put_below(self, message: NewMessage) -> None:
        """Store this below the answer when it is closed. Until then the draft itself holds the results among it."""
        for part in message.parts:
            if isinstance(part, ToolResult):
                self.add(part)
        with self._lock:
            self._below.append(message)

    def flush(self) -> bool:
        """Write what waits and renew the lease. True where somebody asked for the answer to stop."""
        with self._writing:
            if self._closed or not self._drafted:
                return False
            try:
                stop = self._extend()
                self._failure = None
                return stop
            except CANNOT_RECORD as exc:
                self._failure = exc.message
            except REFUSED as exc:
                self._lose_draft(exc)
            return False

    def close(self, outcome: Outcome, next_id: str | None = None) -> Message:
        """The answer as a message; where it is not saved yet, `position` is 0 and it is tried again.

        With `next_id` the next answer's draft is opened in the same step, where it can be.
        """
        with self._writing:
            self._closed = True
            return self._close(outcome, next_id)

    def following(self) -> "Recording":
        """For the answer below this one, and below what was put there."""
        return Recording(
            self._store,
            self._backlog,
            session_id=self._session_id,
            parent_id=self.last_id,
            answer_id=self._next_id or new_id(),
            model=self._answer.model or "",
            provider=self._answer.provider or "",
            claim=self.claim,
            drafted=self._next_id is not None,
        )

    def _close(self, outcome: Outcome, next_id: str | None) -> Message:
        ended = msgspec.structs.replace(
            self._answer,
            parts=self._all(),
            status=outcome.status,
            error=outcome.error,
            usage=outcome.usage,
            metadata=dict(outcome.metadata),
            created_at=Time.current(),
        )
        # Saved later, it has nothing to do with what is written by then.
        now = [next_id] if self._backlog.failure(self._session_id) is None else []

        def save() -> Message:
            return self._save(ended, now.pop() if now else None)

        try:
            saved = self._backlog.put(
                self._session_id, [ended, *self._below], save, parent_id=self._parent_id
            )
        except Exception as exc:  # noqa: BLE001  (whatever the store does, the turn has to end with its answer)
            _log.exception("An answer in session %s cannot be saved", self._session_id)
            self._failure, saved = str(exc), None
        else:
            self._failure = None if saved else self._backlog.failure(self._session_id)
        return saved or _unsaved(ended, self._session_id, self._parent_id)

    def _extend(self) -> bool:
        """A batch that failed is repeated as it was: only so is it recognised where it had been stored."""
        repeated = self._batch
        stop = self._send(repeated or self._take())
        return self._send(self._take()) if repeated else stop

    def _send(self, batch: Sequence[Part]) -> bool:
        self._batch = batch
        beside = self.claim.waiting
        state = self._store.extend_draft(self._answer.id, *batch, offset=self._offset, events=beside)
        self.claim.kept(beside)
        self._offset += sum(map(part_length, batch))
        self._batch = ()
        return state.stop_requested

    def _take(self) -> Sequence[Part]:
        with self._lock:
            taken = join_parts(self._pending)
            self._pending.clear()
            self._pending_length = 0
        self._taken += taken
        return taken

    def _all(self) -> tuple[Part, ...]:
        """The answer without the results that stand below it."""
        with self._lock:
            come = [*self._taken, *self._pending]
        return join_parts(tuple(part for part in come if not isinstance(part, ToolResult))) or (Text(""),)

    def _save(self, ended: NewMessage, next_id: str | None) -> Message:
        saved = self._save_answer(ended, next_id)
        if self._shown:
            self._store.set_head(self._session_id, self._below[-1].id if self._below else saved.id)
        return saved

    def _save_answer(self, ended: NewMessage, next_id: str | None) -> Message:
        if self._drafted:
            try:
                return self._close_draft(ended, next_id)
            except REFUSED as exc:
                self._lose_draft(exc)
        try:
            return self._append(ended)
        except Conflict as exc:
            # A draft was opened although the store said that it was not.
            if self._spare_id is not None:
                raise
            self._lose_draft(exc)
            return self._append(ended)

    def _append(self, ended: NewMessage) -> Message:
        message = msgspec.structs.replace(ended, id=self._spare_id or ended.id)
        saved = self._store.append(self._session_id, message, *self._below, parent_id=self._parent_id)
        if self._spare_id and self._store.get_session(self._session_id).head_id == ended.id:
            self._store.set_head(self._session_id, saved[-1].id)
        return saved[0]

    def _close_draft(self, ended: NewMessage, next_id: str | None) -> Message:
        self._extend()
        closed = self._store.close_draft(
            ended.id,
            status=ended.status,
            parts=None if self._offset and not self._below else ended.parts,
            usage=ended.usage,
            error=ended.error,
            metadata=ended.metadata,
            results=self._below,
            next_id=next_id,
        )
        self._next_id = next_id
        return closed

    def _lose_draft(self, exc: PalaverError) -> None:
        """Somebody else has closed or removed it: the whole answer will stand beside it, under an id of its own."""
        _log.warning("The draft of an answer in session %s is lost: %s", self._session_id, exc.message)
        self._failure = exc.message
        self._drafted = False
        self._spare_id = new_id()


def _unsaved(message: NewMessage, session_id: str, parent_id: str) -> Message:
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    created_at = fields.pop("created_at") or Time.current()
    return Message(**fields, session_id=session_id, parent_id=parent_id, position=0, created_at=created_at)
