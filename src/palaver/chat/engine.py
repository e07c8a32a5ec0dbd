"""Runs turns: records the question, asks the model, records its answers and what the tools gave back."""

import threading
import time
from collections.abc import Iterator, Sequence

import msgspec

from palaver.chat.answering import Pace
from palaver.chat.asking import LOOK_FIRST
from palaver.chat.attachments import HELD, Attachments
from palaver.chat.backlog import CANNOT_RECORD, Backlog
from palaver.chat.calling import Calling
from palaver.chat.claim import Claim
from palaver.chat.compacting import Compacting
from palaver.chat.compression import Compression
from palaver.chat.counting import Counters
from palaver.chat.events import START, TurnEvent, TurnStarted
from palaver.chat.following import follow
from palaver.chat.models import Chosen, Models, Providers
from palaver.chat.offering import Offering
from palaver.chat.permissions import Permissions
from palaver.chat.places import COMPACTING, Places, Running
from palaver.chat.prompting import Prompter, View
from palaver.chat.questions import Questions
from palaver.chat.recording import Recording
from palaver.chat.relaying import Ask, Relaying, as_sent
from palaver.chat.rounds import Means, Rounds
from palaver.chat.stopping import Stopping
from palaver.chat.stream import Stream
from palaver.chat.titling import Titling
from palaver.chat.turn import Turn
from palaver.chat.vocabularies import Vocabularies
from palaver.context.prompt import Prompt, Sent
from palaver.context.tools import Tool
from palaver.errors import Invalid, NotFound
from palaver.ids import new_id
from palaver.model import Change, File, NewMessage, Session, user
from palaver.providers.base import ModelInfo
from palaver.settings import Settings
from palaver.store import HEAD, Head, Store
from palaver.tools.base import Toolbox

_TOLD = ("turn.changed", "message.changed")


class _Common(msgspec.Struct, frozen=True, kw_only=True):
    """What the turns of all actors share."""

    settings: Settings
    models: Models
    places: Places
    backlog: Backlog
    vocabularies: Vocabularies
    toolbox: Toolbox | None
    pace: Pace
    asks: bool


class Engine:
    """Turns in the sessions of one store. One turn runs per session; many sessions may have one at the same time.

    `toolbox` has the tools that models may call; it is closed by whoever made it. `asks` says that a person is there who
    can be asked: `InputRequired` then waits for `answer`, else its default is taken at once. With a store of the actor
    "system" it hears of every stop and answer, for the actors of `as_actor`.
    """

    def __init__(
        self,
        store: Store,
        providers: Providers,
        *,
        settings: Settings | None = None,
        pace: Pace | None = None,
        retry_seconds: float = 1.0,
        toolbox: Toolbox | None = None,
        asks: bool = False,
    ) -> None:
        settings = settings or Settings()
        common = _Common(
            settings=settings,
            models=Models(providers, settings.model),
            places=Places(),
            backlog=Backlog(retry_seconds=retry_seconds),
            vocabularies=Vocabularies(settings.tokenizer),
            toolbox=toolbox,
            pace=pace or Pace(),
            asks=asks,
        )
        self._enter(store, common, HELD)
        self._unlisten = store.listen(self._on_changes)

    def as_actor(self, id: str) -> "Engine":
        """The same engine for another actor: turns begun with it run in that actor's store, and whatever runs in a
        session is theirs to follow, stop and answer as the store permits them. Closing either closes both."""
        other = object.__new__(Engine)
        other._unlisten = self._unlisten
        other._enter(self._store.as_actor(id), self._common, HELD // 16)
        return other

    def _enter(self, store: Store, common: _Common, held: int) -> None:
        self._store = store
        self._common = common
        self._asks = common.asks
        self._backlog = common.backlog
        self._models = common.models
        self._places = common.places
        self._questions = Questions(store, common.backlog)
        self._attachments = Attachments(store, held=held)
        counters = Counters(store, common.vocabularies)
        self._prompter = Prompter(
            store,
            common.backlog,
            counters=counters,
            attachments=self._attachments,
            descriptions=common.models.descriptions,
        )
        self.permissions = Permissions(store)
        self._compression = Compression(store, self._prompter)
        toolbox = common.toolbox
        self._means = Means(
            store=store,
            backlog=common.backlog,
            places=common.places,
            compression=self._compression,
            counters=counters,
            pace=common.pace,
            calling=Calling(toolbox, self.permissions) if toolbox is not None else None,
            offering=Offering(toolbox, common.models) if toolbox is not None else None,
            titling=Titling(store) if common.asks and common.settings.model_title else None,
        )

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
        session = self._store.get_session(session_id)
        with self._places.take(session.id):
            chosen = self._models.choose_for(session, model)
            self._check_files(new, chosen)
            recording = self._recording(session, new.id, chosen)
            self._questions.record(session.id, new, parent_id, lambda: recording.begin(new, parent_id))
            return self._start(session, new.id, new.id, chosen, recording)

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
        session = self._store.get_session(session_id)
        with self._places.take(session_id):
            chosen = self._models.choose_for(session, model)
            turn_id = self._questions.find_turn(leaf_id)
            recording = self._recording(session, leaf_id, chosen)
            if not self._questions.show(session_id, lambda: recording.begin(None, leaf_id, turn_id)):
                recording.show_at_end()
            return self._start(session, turn_id, leaf_id, chosen, recording)

    def relay(
        self,
        session_id: str,
        question: NewMessage | None,
        ask: Ask,
        chosen: Chosen,
        *,
        parent_id: str | None,
    ) -> Turn:
        """Have `question`, or what stands at `parent_id`, answered by what `ask` asks, and record the answer: nothing is
        built, summarised or called. Raises as `start_turn` does.
        """
        session = self._store.get_session(session_id)
        with self._places.take(session.id):
            leaf_id = question.id if question is not None else str(parent_id)
            recording = self._recording(session, leaf_id, chosen)
            if question is None or question.role != "user":
                turn_id = self._questions.find_turn(str(parent_id)) if parent_id is not None else leaf_id
            else:
                turn_id = question.id
            recording.begin(question, parent_id, turn_id)
            turn = self._make_turn(session, turn_id, chosen, recording)
            relaying = Relaying(turn, recording, self._places, self._common.pace)
            thread = threading.Thread(target=relaying.run, args=(ask,), name="palaver-turn", daemon=True)
            self._places.begin(Running(turn, thread, relaying.look, self._store.actor))
            return turn

    def as_sent(self, messages: Sequence[NewMessage], chosen: Chosen) -> list[Sent]:
        """Messages as this model is sent them, each with its tokens. Raises what the store raises."""
        provider, model = chosen
        load = self._attachments.load_for(self._models.describe(chosen))
        return as_sent(messages, load, self._prompter.counters.of(provider.name, model))

    def compact(self, session_id: str) -> Compacting:
        """Summarise older messages now. Its events end with a `CheckpointFinished` that says what came of it.

        Raises `Busy` while a turn runs in the session, `NotFound`, and what choosing the model raises.
        """
        session = self._store.get_session(session_id)
        with self._places.take(session.id, COMPACTING):
            chosen = self._models.choose_for(session, None)
            claim = Claim(self._store, self._backlog, session.id)
            compacting = Compacting(session.id, claim)
            claim.take(lambda: self._store.begin_turn(session.id, kind="summary", turn_id=compacting.id))

            def run() -> None:
                finished = compacting.make(
                    self._store,
                    self._compression,
                    chosen,
                    lambda: self._list_tools(session, chosen, compacting.stopping),
                )
                compacting.leave(finished)
                self._places.leave(session.id)
                compacting.end(finished)

            thread = threading.Thread(target=run, name="palaver-compact", daemon=True)
            self._places.begin(Running(compacting, thread, compacting.look, self._store.actor))
            return compacting

    def follow(self, session_id: str, turn_id: str, after: str | None = None) -> Iterator[TurnEvent]:
        """The events of a turn, running or ended, in this process or another, behind the event `after`.

        Raises `NotFound` for a turn there is not, `Invalid` for an `after` that is no event's id.
        """
        work = self._work(session_id)
        if work is not None and work.id == turn_id:
            return work.events(after)
        return follow(self._store, session_id, turn_id, after)

    def find_stream(self, session_id: str, turn_id: str) -> Stream | None:
        """The events of a turn that this process runs. No database is asked: who may see it, the caller knows."""
        running = self._places.find(session_id)
        return running.work if running is not None and running.work.id == turn_id else None

    def running(self, session_id: str) -> Turn | None:
        """The turn this process runs in the session."""
        work = self._work(session_id)
        return work if isinstance(work, Turn) else None

    def answer(self, session_id: str, request_id: str, choice: str) -> None:
        """What the person chose where an `InputRequired` waits in the session, in whichever process. See `Turn.answer`.

        Raises `NotFound` for a request that does not wait, `Invalid` for a choice it does not offer.
        """
        turn = self.running(session_id)
        if choice == LOOK_FIRST:
            return self._look_first(session_id, request_id)
        try:
            self._store.answer_turn(session_id, request_id, choice)
        except (NotFound, *CANNOT_RECORD):
            # What cannot be kept is known to its own process alone.
            if turn is None or turn.begun is not None:
                raise
        if turn is not None:
            turn.answer(request_id, choice)
        return None

    def _look_first(self, session_id: str, request_id: str) -> None:
        """Nothing is decided: the question must be there, and goes on waiting."""
        asked = (turn.asked for turn in self._store.list_turns(session_id))
        if not any(one is not None and one.request_id == request_id for one in asked):
            raise NotFound("request", request_id)

    def stop(self, session_id: str, turn_id: str | None = None) -> bool:
        """Stop what runs in the session, whichever process runs it; what came is kept. False where nothing does.

        With a `turn_id` nothing but that turn is stopped.
        """
        running = self._places.find(session_id)
        if running is not None and turn_id not in (None, running.work.id):
            running = None
        if running is not None and running.actor == self._store.actor:
            running.work.stop()
            return True
        wished = self._store.stop_turn(session_id, turn_id)
        if running is not None:
            running.work.stop()
        return wished or running is not None

    def list_models(self) -> list[ModelInfo]:
        """The models of every provider that answers now."""
        return self._models.list()

    def find_model(self, model: str | None) -> tuple[Chosen, ModelInfo | None]:
        """The provider and the model that "name" or "provider/name" means, and what is known of it.

        None is the configured one. Raises `Invalid` and `ProviderError`.
        """
        chosen = self._models.choose_default(model)
        return chosen, self._models.describe(chosen)

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

    def check_session(self, message_id: str, session_id: str) -> None:
        """Raises `NotFound` unless the message, saved or not, is in the session and the actor may see it."""
        self._store.get_session(session_id)
        if self._questions.find(message_id)[0] != session_id:
            raise NotFound("message", message_id)

    def unsaved(self, session_id: str | None = None) -> list[NewMessage]:
        """Messages that could not be recorded yet, of whomever, oldest first. They are tried again until they are saved."""
        return self._backlog.messages(session_id)

    def close(self, *, patience: float = 0, interrupt: bool = False) -> None:
        """Stop everything, keep what came, and try once more to save what is unsaved. Store and toolbox stay open.

        What runs has `patience` seconds to end by itself. With `interrupt` what came is kept as interrupted, for it was
        no person who stopped it.
        """
        running = self._places.all()
        deadline = time.monotonic() + patience
        for one in running:
            one.thread.join(max(deadline - time.monotonic(), 0))
        for one in running:
            one.work.stopping.stop(interrupt=interrupt)
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

    def _work(self, session_id: str) -> Turn | Compacting | None:
        """What this process runs in the session. Raises `NotFound` where the actor may not see it."""
        running = self._places.find(session_id)
        if running is None:
            return None
        if running.actor != self._store.actor:
            self._store.get_session(session_id)
        return running.work

    def _recording(self, session: Session, leaf_id: str, chosen: Chosen) -> Recording:
        provider, model = chosen
        return Recording(
            self._store,
            self._backlog,
            session_id=session.id,
            parent_id=leaf_id,
            answer_id=new_id(),
            model=model,
            provider=provider.name,
            claim=Claim(self._store, self._backlog, session.id),
        )

    def _start(
        self,
        session: Session,
        turn_id: str,
        leaf_id: str,
        chosen: Chosen,
        recording: Recording,
    ) -> Turn:
        turn = self._make_turn(session, turn_id, chosen, recording)
        rounds = Rounds(self._means, session, chosen, turn, recording, leaf_id=leaf_id)
        thread = threading.Thread(target=rounds.run, name="palaver-turn", daemon=True)
        self._places.begin(Running(turn, thread, rounds.look, self._store.actor))
        return turn

    def _make_turn(self, session: Session, turn_id: str, chosen: Chosen, recording: Recording) -> Turn:
        provider, model = chosen
        turn = Turn(
            session.id, turn_id, recording.answer_id, asks=self._asks, begun=lambda: recording.claim.begun
        )
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
        return turn

    def _on_changes(self, changes: Sequence[Change]) -> None:
        """Another process may have asked for what runs here to stop, or have an answer for it."""
        changed = {change.session_id for change in changes if change.kind in _TOLD}
        for running in self._places.all():
            if running.work.session_id in changed:
                running.look()
