"""Runs turns: records the question, asks the model, records the answer as it comes."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from palaver.chat.answering import Answering, Pace
from palaver.chat.backlog import AnswerRuns, Backlog
from palaver.chat.branches import is_answering
from palaver.chat.events import START, TITLE, WARNING, ContextWarning, TitleChanged, TurnEvent, TurnStarted
from palaver.chat.following import follow
from palaver.chat.prompting import Prompter
from palaver.chat.recording import Recording
from palaver.chat.turn import Turn
from palaver.context.prompt import Prompt
from palaver.errors import Busy, Invalid, PalaverError, ProviderError
from palaver.ids import new_id
from palaver.model import Change, Message, NewMessage, Session, user
from palaver.providers.base import ModelInfo, Provider, Request
from palaver.providers.discover import choose
from palaver.settings import Settings
from palaver.store import HEAD, Head, Store

_log = logging.getLogger(__name__)


class Engine:
    """Turns in the sessions of one store. One turn runs per session; many sessions may have one at the same time."""

    def __init__(
        self,
        store: Store,
        providers: Sequence[Provider],
        *,
        settings: Settings | None = None,
        pace: Pace | None = None,
        retry_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._providers = tuple(providers)
        self._settings = settings or Settings()
        self._pace = pace or Pace()
        self._backlog = Backlog(retry_seconds=retry_seconds)
        self._prompter = Prompter(store, self._backlog)
        self._chosen: dict[tuple[str | None, str | None], tuple[Provider, str]] = {}
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._running: dict[str, _Running] = {}
        self._unlisten = store.listen(self._on_changes)

    def start_turn(
        self,
        session_id: str,
        message: str | NewMessage,
        *,
        parent_id: str | None | Head = HEAD,
        model: str | None = None,
    ) -> Turn:
        """Record a question and have it answered. The turn goes on when nobody reads its events.

        With an explicit parent that branch is shown from now on. `model` ("name" or "provider/name") is for this answer
        alone; None is the session's. Raises `Busy` while a turn runs in the session, `NotFound` and `Invalid` as the
        store does, `Invalid` and `ProviderError` where no model can be chosen. Failing to record stops nothing.
        """
        new = user(message) if isinstance(message, str) else message
        with self._place_in(session_id):
            session = self._store.get_session(session_id)
            chosen = self._choose(session, model)
            question = self._record(session, new, parent_id)
            if question is None:
                return self._start(session, new.id, chosen, leaf_id=parent_id, drafted=False)
            return self._start(session, new.id, chosen, leaf_id=new.id)

    def retry(self, message_id: str, *, model: str | None = None) -> Turn:
        """Ask again: a sibling of the answer `message_id`, or a new answer to the question `message_id`."""
        message = self._store.get_message(message_id)
        question_id = message.parent_id if message.role == "assistant" else message.id
        if question_id is None:
            raise Invalid(f"message {message_id} answers no question, so it cannot be asked again")
        with self._place_in(message.session_id):
            if is_answering(self._store, message.session_id):
                raise Busy(f"An answer is being written in session {message.session_id}")
            session = self._store.set_head(message.session_id, question_id)
            return self._start(session, question_id, self._choose(session, model), leaf_id=question_id)

    def follow(self, session_id: str, turn_id: str, after: str | None = None) -> Iterator[TurnEvent]:
        """The events of a turn, running or ended, in this process or another, behind the event `after`."""
        turn = self.running(session_id)
        if turn is not None and turn.id == turn_id:
            return turn.events(after)
        return follow(self._store, session_id, turn_id, after)

    def running(self, session_id: str) -> Turn | None:
        """The turn this process runs in the session."""
        with self._lock:
            running = self._running.get(session_id)
        return running.answering.turn if running is not None else None

    def stop(self, session_id: str) -> bool:
        """Stop the session's turn, whichever process runs it; what came is kept. False where none runs."""
        turn = self.running(session_id)
        if turn is not None:
            turn.stop()
            return True
        head_id = self._store.get_session(session_id).head_id
        return head_id is not None and self._store.request_stop(head_id)

    def list_models(self) -> list[ModelInfo]:
        """The models of every provider that answers now."""
        found: list[ModelInfo] = []
        for provider in self._providers:
            try:
                found += provider.list_models()
            except ProviderError as exc:
                _log.info("%s is left out of the models: %s", provider.name, exc.message)
        return found

    def choose(self, model: str | None) -> tuple[str, str]:
        """The names of the provider and the model that "name" or "provider/name" means. Raises `Invalid`."""
        provider, name = choose(self._providers, model)
        return provider.name, name

    def preview(self, session_id: str) -> Prompt:
        """What would be sent now, without a question. Raises `ContextOverflow`."""
        session = self._store.get_session(session_id)
        return self._prompter.build(session, HEAD, *self._choose(session, None))

    def unsaved(self, session_id: str | None = None) -> list[NewMessage]:
        """Messages that could not be recorded yet, oldest first. They are tried again until they are saved."""
        return self._backlog.messages(session_id)

    def close(self) -> None:
        """Stop every turn, keep what came, and try once more to save what is unsaved. The store stays open."""
        with self._lock:
            running = list(self._running.values())
        for one in running:
            one.answering.turn.stop()
        for one in running:
            one.thread.join()
        self._unlisten()
        self._backlog.close()

    @contextmanager
    def _place_in(self, session_id: str) -> Iterator[None]:
        """Keep other turns of this process out of the session; the turn that starts inside goes on keeping them out."""
        with self._lock:
            if session_id in self._taken:
                raise Busy(f"An answer is being written in session {session_id}: wait for its end or stop it")
            self._taken.add(session_id)
        try:
            yield
        except BaseException:
            self._leave(session_id)
            raise

    def _leave(self, session_id: str) -> None:
        with self._lock:
            self._taken.discard(session_id)
            self._running.pop(session_id, None)

    def _choose(self, session: Session, model: str | None) -> tuple[Provider, str]:
        """The model asked for, else the session's, else the configured one. A choice that was made once stands."""
        named = {provider.name for provider in self._providers}
        own = session.provider if model is None and session.provider in named else None
        asked = (model or session.model or self._settings.model, own)
        if asked not in self._chosen:
            self._chosen[asked] = choose(self._providers, *asked)
        return self._chosen[asked]

    def _record(self, session: Session, new: NewMessage, parent_id: str | None | Head) -> Message | None:
        def save() -> Message:
            try:
                return self._store.append(session.id, new, parent_id=parent_id)[0]
            except Busy as exc:
                if is_answering(self._store, session.id):
                    raise AnswerRuns(exc.message) from exc
                raise

        stored = self._backlog.put(session.id, new, save)
        if stored is not None and parent_id is not HEAD:
            self._store.set_head(session.id, stored.id)
        return stored

    def _start(
        self,
        session: Session,
        question_id: str,
        chosen: tuple[Provider, str],
        *,
        leaf_id: str | None | Head,
        drafted: bool = True,
    ) -> Turn:
        provider, model = chosen
        recording = Recording(
            self._store,
            self._backlog,
            session_id=session.id,
            parent_id=question_id,
            answer_id=new_id(),
            model=model,
            provider=provider.name,
        )
        if drafted:
            recording.open()
        answering = Answering(session.id, question_id, recording, self._pace)
        answering.turn.tell(
            TurnStarted(
                id=answering.turn.id_at(START),
                session_id=session.id,
                turn_id=question_id,
                answer_id=recording.answer_id,
                model=model,
                provider=provider.name,
                unsaved=self._backlog.failure(session.id) or recording.failure,
            )
        )
        thread = threading.Thread(
            target=self._run,
            args=(session, leaf_id, provider, model, answering),
            name="palaver-turn",
            daemon=True,
        )
        with self._lock:
            self._running[session.id] = _Running(answering, thread)
        thread.start()
        return answering.turn

    def _run(
        self,
        session: Session,
        leaf_id: str | None | Head,
        provider: Provider,
        model: str,
        answering: Answering,
    ) -> None:
        try:
            request = self._prepare(session, leaf_id, provider, model, answering.turn)
            end = answering.run(provider.stream(request))
        except PalaverError as exc:
            end = answering.fail(exc)
        except Exception as exc:  # noqa: BLE001  (the end of a thread: whoever waits for the answer must hear of it)
            _log.exception("A turn in session %s failed in an unknown way", session.id)
            end = answering.fail(PalaverError(f"the turn failed in an unknown way: {type(exc).__name__}"))
        finally:
            self._leave(
                session.id
            )  # before the end is told: who hears of it may ask the next question at once
        answering.turn.tell(end)

    def _prepare(
        self, session: Session, leaf_id: str | None | Head, provider: Provider, model: str, turn: Turn
    ) -> Request:
        """What is sent, after the person was told what there is to tell before it."""
        if session.title_source == "default":
            title = self._store.get_session(session.id).title
            if title != session.title:
                turn.tell(TitleChanged(id=turn.id_at(TITLE), session_id=session.id, title=title))
        prompt, warning = self._prompter.build_aloud(session, leaf_id, provider, model)
        if warning is not None:
            turn.tell(
                ContextWarning(
                    id=turn.id_at(WARNING),
                    text=warning,
                    tokens=prompt.tokens,
                    limit=prompt.limit,
                    window=prompt.window,
                    truncated=prompt.truncated,
                )
            )
        return Request(model=model, messages=prompt.messages, settings=session.settings, window=prompt.window)

    def _on_changes(self, changes: Sequence[Change]) -> None:
        """Another process may have asked for a running answer to stop."""
        changed = {change.message_id for change in changes if change.kind == "message.changed"}
        with self._lock:
            running = list(self._running.values())
        for one in running:
            if one.answering.turn.answer_id in changed:
                one.answering.look()


class _Running(msgspec.Struct, frozen=True):
    answering: Answering
    thread: threading.Thread
