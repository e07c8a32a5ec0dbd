"""One client's current session: which it is, how it changes, who is told."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from palaver.chat import modes
from palaver.chat.branches import is_answering
from palaver.chat.listening import Listeners
from palaver.chat.numbering import TurnCounter
from palaver.errors import Busy, Conflict, Invalid, NotFound, PalaverError
from palaver.ids import short
from palaver.model import Change, Event, NewMessage, Session, Text, Time, note
from palaver.settings import NO_MODE, ModeSettings
from palaver.store import HEAD, Head, Store

MODEL_CHANGED = "model_changed"
EventName = Literal["session_start", "session_saved", "session_end"]
SessionListener = Callable[[str, str | None, str], object]

_log = logging.getLogger(__name__)


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`turn_number` counts the questions of the branch, `message_count` the session's messages."""

    name: EventName
    session_id: str
    model: str | None
    provider: str | None
    turn_number: int
    message_count: int
    timestamp: Time


class SessionManager:
    """Holds the current session of one client. Safe from any thread.

    At first it is the store's most recent session, with the model it has; where there is none, a fresh one with `model`.
    `context_size` is the configured window of sessions that are created, in tokens; `modes` are the configured ones;
    `stay` says that another model goes on in the same session. Listeners are called after the change, on the thread that
    made it (for `session_saved` one of the store); one that raises is logged and no more.
    """

    def __init__(
        self,
        store: Store,
        model: str | None = None,
        *,
        provider: str | None = None,
        context_size: int | None = None,
        modes: Sequence[ModeSettings] = (),
        stay: bool = False,
    ) -> None:
        self._store = store
        self._context_size = context_size
        self._modes = {mode.name: mode for mode in modes}
        self._stay = stay
        self._pending_size: int | None = None
        self._lock = threading.RLock()
        self._changed: Listeners[[str, str | None, str]] = Listeners()
        self._events: dict[EventName, Listeners[[SessionEvent]]] = {
            "session_start": Listeners(),
            "session_saved": Listeners(),
            "session_end": Listeners(),
        }
        self._turns = TurnCounter(store)
        session = store.ensure_session(model=model, provider=provider)
        self._id = session.id
        self._model = session.model or model
        self._held = {session.id}
        self._unlisten = store.listen(self._on_changes)

    @property
    def current_session(self) -> Session:
        """The session as it is stored now."""
        return self._store.get_session(self._id)

    @property
    def current_model(self) -> str | None:
        return self._model

    def session_path(self, session_id: str | None = None) -> str:
        """Where the session is: its mirrored file, or the store's location (without secrets) and the id."""
        id = session_id or self._id
        mirrored = self._store.mirror_path(id)
        return str(mirrored) if mirrored is not None else f"{self._store.location}#{id}"

    def create_session(self, model: str | None = None, *, provider: str | None = None) -> Session:
        """Start a session linked to the current one and make it current.

        Another model makes the relation `model_swap`, the same one (or None) `new`. It stays in the project and keeps the
        system prompt and settings. Its window is the pending size, else with the same model that of the session before,
        else the configured one. A note with id, place and model is its first message.
        """
        with self._lock:
            before = _find(self._store, self._id)
            same = model is None or model == self._model
            kept = before if same else None
            size = self._pending_size or (kept.context_size if kept else None) or self._context_size
            session = self._store.create_session(
                project_id=before.project_id if before else None,
                model=model or self._model,
                provider=provider or (kept.provider if kept else None),
                context_size=size,
                system_prompt=before.system_prompt if before else None,
                settings=before.settings if before else None,
                parent_id=before.id if before else None,
                relation=("new" if same else "model_swap") if before else None,
            )
            self.take_pending_context_size()
            self._mark_start(session)
            self._become(session)
        self._tell_change(before, session)
        return self._store.get_session(session.id)

    def change_model(self, model: str, *, provider: str | None = None) -> Session:
        """Go on with another model: in a linked session that becomes the current one, or in this one where it stays.

        Where it stays, a note says so, and the window is the pending size or what the model has. Raises `Busy` while an
        answer is being written there.
        """
        if not self._stay:
            return self.create_session(model, provider=provider)
        with self._lock:
            before = self.current_session
            if is_answering(self._store, before.id):
                raise Busy(
                    f"An answer is being written in session {before.id}: change the model when it is there"
                )
            self._store.update_session(
                before.id,
                model=model,
                provider=provider,
                context_size=self._pending_size or self._context_size,
            )
            self.take_pending_context_size()
            self._model = model
            self._note_change(before, model, provider)
        self._changed.call(before.id, model, self.session_path(before.id))
        return self.current_session

    def set_mode(
        self, mode: str | ModeSettings | None, trigger: str = "manual", confidence: float = 1.0
    ) -> Session:
        """Put a mode in force in the current session, by name or as it is; "default" or None for none.

        The session's own system prompt and settings come back with "default". Where something was said already, a
        snapshot comes first; a note tells the change. Raises `Invalid` for a mode there is not, `Busy` while an answer is
        being written.
        """
        session = self.current_session
        return modes.change_mode(
            self._store, session, self._find_mode(mode), trigger=trigger, confidence=confidence
        )

    def mode_history(self, session_id: str | None = None) -> list[modes.Change]:
        """The last 100 changes of mode on the branch that is shown, oldest first."""
        return modes.list_changes(self._store, session_id or self._id)

    def switch(self, id: str) -> Session:
        """Make an existing session current. Raises `NotFound` or `Conflict` (trash), and then nothing has changed."""
        with self._lock:
            session = self._store.get_session(id)
            if session.trashed_at is not None:
                raise Conflict(f"Session {short(id)} is in the trash: bring it back before you go on with it")
            if session.id == self._id:
                return session
            before_id = self._id
            self._become(session)
        self._tell_change(_find(self._store, before_id), session)
        return session

    def set_pending_context_size(self, size: int) -> None:
        """The window, in tokens, of the next session that is created; it overrides the configured one."""
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise Invalid(f"a context size is a number of tokens from 1, not {size!r}", field="context_size")
        with self._lock:
            self._pending_size = size

    def take_pending_context_size(self) -> int | None:
        """The pending size, once: it is gone afterwards."""
        with self._lock:
            size, self._pending_size = self._pending_size, None
            return size

    def on_session_change(self, callback: SessionListener) -> Callable[[], None]:
        """Call back with (session id, model, path) after each change; returns what ends it."""
        return self._changed.add(callback)

    def on(self, event: EventName, callback: Callable[[SessionEvent], object]) -> Callable[[], None]:
        """Call back when the event happens; returns what ends it. Raises `Invalid` for an event there is not."""
        if event not in self._events:
            raise Invalid(f"there is no event {event!r}; there are: {', '.join(self._events)}", field="event")
        return self._events[event].add(callback)

    def close(self) -> None:
        """Tell `session_end` and stop listening. The store stays open."""
        self._unlisten()
        self._tell("session_end", _find(self._store, self._id))

    def _find_mode(self, mode: str | ModeSettings | None) -> ModeSettings | None:
        if mode is None or isinstance(mode, ModeSettings):
            return mode
        if mode == NO_MODE:
            return None
        if mode not in self._modes:
            names = ", ".join([NO_MODE, *self._modes])
            raise Invalid(f"there is no mode {mode!r}; there are: {names}", field="mode")
        return self._modes[mode]

    def _note_change(self, before: Session, model: str, provider: str | None) -> None:
        text = f"{model} answers from here on; before it was {before.model or 'no model'}."
        change = {"from": before.model, "to": model, "fromProvider": before.provider, "toProvider": provider}
        note = NewMessage(role="note", parts=(Text(text), Event(MODEL_CHANGED, change)))
        try:
            self._store.append(before.id, note)
        except PalaverError as exc:
            _log.warning("The change of model in session %s could not be noted: %s", before.id, exc.message)

    def _become(self, session: Session) -> None:
        self._id = session.id
        self._model = session.model
        self._held.add(session.id)

    def _mark_start(self, session: Session) -> None:
        text = f"Session {session.id} started with {session.model or 'no model'} in {self.session_path(session.id)}"
        try:
            self._store.append(session.id, note(text, metadata={"event": "session_start"}))
        except PalaverError as exc:
            _log.warning("The start of session %s could not be noted: %s", session.id, exc.message)

    def _tell_change(self, before: Session | None, session: Session) -> None:
        self._tell("session_end", before)
        self._changed.call(session.id, session.model, self.session_path(session.id))
        self._tell("session_start", session)

    def _tell(self, name: EventName, session: Session | None, leaf_id: str | Head = HEAD) -> None:
        listeners = self._events[name]
        if session is None or not listeners:
            return
        try:
            now = self._store.get_session(session.id)
            turn_number = self._turns.count(session.id, leaf_id)
        except PalaverError as exc:
            _log.warning("%s of session %s could not be told: %s", name, session.id, exc.message)
            return
        listeners.call(
            SessionEvent(
                name=name,
                session_id=now.id,
                model=now.model,
                provider=now.provider,
                turn_number=turn_number,
                message_count=now.message_count,
                timestamp=Time.current(),
            )
        )

    def _on_changes(self, changes: Sequence[Change]) -> None:
        """After each answer that was saved in a session this client has or had."""
        for change in changes:
            if change.kind == "message.added" and change.session_id in self._held and change.message_id:
                self._tell_saved(change.message_id)

    def _tell_saved(self, message_id: str) -> None:
        if not self._events["session_saved"]:
            return
        try:
            message = self._store.get_message(message_id)
        except NotFound:
            return  # purged meanwhile
        if message.role == "assistant" and message.status != "streaming":
            self._tell("session_saved", _find(self._store, message.session_id), message.id)


def _find(store: Store, session_id: str) -> Session | None:
    try:
        return store.get_session(session_id)
    except PalaverError:
        return None
