"""Runs turns: records the question, asks the model, records its answers and what the tools gave back."""

import threading
import time
from collections.abc import Iterator, Sequence

from palaver.chat.answering import Pace
from palaver.chat.attachments import Attachments
from palaver.chat.backlog import Backlog
from palaver.chat.branches import is_answering
from palaver.chat.calling import Calling
from palaver.chat.compacting import Compacting
from palaver.chat.compression import Compression
from palaver.chat.counting import Counters
from palaver.chat.events import START, TurnEvent, TurnStarted
from palaver.chat.following import follow
from palaver.chat.models import Chosen, Models
from palaver.chat.offering import Offering
from palaver.chat.permissions import Permissions
from palaver.chat.places import COMPACTING, Places, Running
from palaver.chat.prompting import Prompter, View
from palaver.chat.questions import Questions
from palaver.chat.recording import Recording
from palaver.chat.rounds import Means, Rounds
from palaver.chat.stopping import Stopping
from palaver.chat.titling import Titling
from palaver.chat.turn import Turn
from palaver.chat.vocabularies import Vocabularies
from palaver.context.prompt import Prompt
from palaver.context.tools import Tool
from palaver.errors import Busy, Invalid, NotFound
from palaver.ids import new_id
from palaver.model import Change, File, NewMessage, Session, user
from palaver.providers.base import ModelInfo, Provider
from palaver.settings import Settings
from palaver.store import HEAD, Head, Store
from palaver.tools.base import Toolbox

_BETWEEN_TRIES, _BETWEEN_SECONDS = 10, 0.05


class Engine:
    """Turns in the sessions of one store. One turn runs per session; many sessions may have one at the same time.

    `toolbox` has the tools that models may call; it is closed by whoever made it. `asks` says that a person is there who
    can be asked: `InputRequired` then waits for `answer`, else its default is taken at once.
    """

    def __init__(
        self,
        store: Store,
        providers: Sequence[Provider],
        *,
        settings: Settings | None = None,
        pace: Pace | None = None,
        retry_seconds: float = 1.0,
        toolbox: Toolbox | None = None,
        asks: bool = False,
    ) -> None:
        settings = settings or Settings()
        self._store = store
        self._asks = asks
        self._backlog = Backlog(retry_seconds=retry_seconds)
        self._questions = Questions(store, self._backlog)
        self._models = Models(providers, settings.model)
        self._attachments = Attachments(store)
        counters = Counters(store, Vocabularies(settings.tokenizer))
        self._prompter = Prompter(
            store,
            self._backlog,
            counters=counters,
            attachments=self._attachments,
            descriptions=self._models.descriptions,
        )
        self.permissions = Permissions(store)
        self._places = Places()
        self._compression = Compression(store, self._prompter)
        self._means = Means(
            store=store,
            backlog=self._backlog,
            places=self._places,
            compression=self._compression,
            counters=counters,
            pace=pace or Pace(),
            calling=Calling(toolbox, self.permissions) if toolbox is not None else None,
            offering=Offering(toolbox, self._models) if toolbox is not None else None,
            titling=Titling(store) if asks and settings.model_title else None,
        )
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

        With an explicit parent that branch is shown from now on. `model` ("name" or "provider/name") is for this turn
        alone; None is the session's. Raises `Busy` while a turn runs in the session, `NotFound` and `Invalid` as the
        store does, `Invalid` and `ProviderError` where no model can be chosen, `Invalid` for a file that the model cannot
        be sent. Failing to record stops nothing.
        """
        new = user(message) if isinstance(message, str) else message
        with self._places.take(session_id):
            session = self._store.get_session(session_id)
            chosen = self._models.choose_for(session, model)
            self._check_files(new, chosen)
            stored = self._questions.record(session.id, new, parent_id)
            return self._start(session, new.id, new.id, chosen, drafted=stored)

    def edit(self, message_id: str, text: str, *, model: str | None = None) -> Turn:
        """Ask a question in other words: a sibling of it with the same files, shown and answered. Raises as `start_turn`
        does, and `Invalid` where the message is no question."""
        session_id, question, parent_id = self._questions.find(message_id)
        if question.role != "user":
            raise Invalid(f"message {message_id} is no question, so it cannot be asked in other words")
        files = tuple(part for part in question.parts if isinstance(part, File))
        return self.start_turn(session_id, user(text, parts=files), parent_id=parent_id, model=model)

    def retry(self, message_id: str, *, model: str | None = None) -> Turn:
        """Ask again: a sibling of the answer `message_id`, or a new answer below the question or result `message_id`.

        The answers before it in its turn are kept, and what their calls gave back. Where the store cannot be written the
        answer is shown, and saved later.
        """
        session_id, message, parent_id = self._questions.find(message_id)
        leaf_id = parent_id if message.role == "assistant" else message.id
        if not isinstance(leaf_id, str):
            raise Invalid(f"message {message_id} answers no question, so it cannot be asked again")
        with self._places.take(session_id):
            if is_answering(self._store, session_id):
                raise Busy(f"An answer is being written in session {session_id}")
            session = self._store.get_session(session_id)
            chosen = self._models.choose_for(session, model)
            turn_id = self._questions.find_turn(leaf_id)
            shown = self._questions.show(session_id, leaf_id)
            return self._start(session, turn_id, leaf_id, chosen, drafted=shown, show=not shown)

    def compact(self, session_id: str) -> Compacting:
        """Summarise older messages now. Its events end with a `CheckpointFinished` that says what came of it.

        Raises `Busy` while a turn runs in the session, `NotFound`, and what choosing the model raises.
        """
        with self._places.take(session_id, COMPACTING):
            if is_answering(self._store, session_id):
                raise Busy(f"An answer is being written in session {session_id}")
            session = self._store.get_session(session_id)
            chosen = self._models.choose_for(session, None)
            compacting = Compacting(session_id)

            def run() -> None:
                tools = self._list_tools(session, chosen, compacting.stopping)
                finished = compacting.make(self._store, self._compression, chosen, tools)
                self._places.leave(session_id)
                compacting.end(finished)

            thread = threading.Thread(target=run, name="palaver-compact", daemon=True)
            self._places.begin(Running(compacting, thread, look=lambda: None))
            return compacting

    def follow(self, session_id: str, turn_id: str, after: str | None = None) -> Iterator[TurnEvent]:
        """The events of a turn, running or ended, in this process or another, behind the event `after`."""
        turn = self.running(session_id)
        if turn is not None and turn.id == turn_id:
            return turn.events(after)
        return follow(self._store, session_id, turn_id, after)

    def running(self, session_id: str) -> Turn | None:
        """The turn this process runs in the session."""
        running = self._places.find(session_id)
        return running.work if running is not None and isinstance(running.work, Turn) else None

    def answer(self, session_id: str, request_id: str, choice: str) -> None:
        """What the person chose where an `InputRequired` waits in the session. See `Turn.answer`."""
        turn = self.running(session_id)
        if turn is None:
            raise NotFound("request", request_id)
        turn.answer(request_id, choice)

    def stop(self, session_id: str) -> bool:
        """Stop what runs in the session, whichever process runs it; what came is kept. False where nothing does."""
        running = self._places.find(session_id)
        if running is not None:
            running.work.stop()
            return True
        for _ in range(_BETWEEN_TRIES):
            head_id = self._store.get_session(session_id).head_id
            if head_id is None or self._store.request_stop(head_id):
                return head_id is not None
            if self._store.get_message(head_id).role != "tool":
                return False
            time.sleep(_BETWEEN_SECONDS)  # between two answers of a turn there is no draft for a moment
        return False

    def list_models(self) -> list[ModelInfo]:
        """The models of every provider that answers now."""
        return self._models.list()

    def choose(self, model: str | None) -> tuple[str, str]:
        """The names of the provider and the model that "name" or "provider/name" means. Raises `Invalid`."""
        provider, name = self._models.choose(model)
        return provider.name, name

    def preview(self, session_id: str) -> Prompt:
        """What would be sent now, without a question. Raises `ContextOverflow`."""
        return self.look(session_id).prompt()

    def look(self, session_id: str) -> View:
        """The session as its model would see it now, with the tools it is offered."""
        session = self._store.get_session(session_id)
        chosen = self._models.choose_for(session, None)
        tools = self._list_tools(session, chosen, Stopping())
        return self._prompter.look(session, HEAD, *chosen, tools=tools)

    def unsaved(self, session_id: str | None = None) -> list[NewMessage]:
        """Messages that could not be recorded yet, oldest first. They are tried again until they are saved."""
        return self._backlog.messages(session_id)

    def close(self) -> None:
        """Stop everything, keep what came, and try once more to save what is unsaved. Store and toolbox stay open."""
        running = self._places.all()
        for one in running:
            one.work.stop()
        for one in running:
            one.thread.join()
        self._unlisten()
        self._backlog.close()

    def _list_tools(self, session: Session, chosen: Chosen, stopping: Stopping) -> Sequence[Tool]:
        offering = self._means.offering
        return offering.list_tools(session, chosen, stopping) if offering is not None else ()

    def _check_files(self, new: NewMessage, chosen: Chosen) -> None:
        if any(isinstance(part, File) for part in new.parts):
            self._attachments.check(new, self._models.describe(chosen))

    def _start(
        self,
        session: Session,
        turn_id: str,
        leaf_id: str,
        chosen: Chosen,
        *,
        drafted: bool,
        show: bool = False,
    ) -> Turn:
        provider, model = chosen
        recording = Recording(
            self._store,
            self._backlog,
            session_id=session.id,
            parent_id=leaf_id,
            answer_id=new_id(),
            model=model,
            provider=provider.name,
            shown=show,
        )
        if drafted:
            recording.open()
        turn = Turn(session.id, turn_id, recording.answer_id, asks=self._asks)
        turn.tell(
            TurnStarted(
                id=turn.id_at(START),
                session_id=session.id,
                turn_id=turn_id,
                answer_id=recording.answer_id,
                model=model,
                provider=provider.name,
                unsaved=self._backlog.failure(session.id) or recording.failure,
            )
        )
        rounds = Rounds(self._means, session, chosen, turn, recording, leaf_id=leaf_id)
        thread = threading.Thread(target=rounds.run, name="palaver-turn", daemon=True)
        self._places.begin(Running(turn, thread, rounds.look))
        return turn

    def _on_changes(self, changes: Sequence[Change]) -> None:
        """Another process may have asked for a running answer to stop."""
        changed = {change.message_id for change in changes if change.kind == "message.changed"}
        for running in self._places.all():
            if running.work.answer_id in changed:
                running.look()
