"""The rounds of a turn: an answer, what came back from the tools it called, the next answer, until the model is done."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from palaver.chat.answering import Answering, Pace
from palaver.chat.backlog import Backlog
from palaver.chat.calling import Calling
from palaver.chat.compression import Compression, NewSessionWanted
from palaver.chat.counting import Counters
from palaver.chat.endings import describe, ended
from palaver.chat.events import (
    END,
    CheckpointFinished,
    CheckpointStarted,
    ContextWarning,
    InputAnswered,
    InputRequired,
    Rollover,
    TitleChanged,
    TurnEvent,
    TurnFailed,
    TurnFinished,
)
from palaver.chat.models import Chosen
from palaver.chat.offering import Offering
from palaver.chat.permissions import CHOICES, REFUSAL
from palaver.chat.places import ANSWERING, COMPACTING, Places
from palaver.chat.recording import Outcome, Recording
from palaver.chat.scope import Scope
from palaver.chat.titling import Titling
from palaver.chat.turn import Turn
from palaver.context.prompt import Prompt
from palaver.context.tools import Tool
from palaver.errors import Busy, NotFound, PalaverError
from palaver.ids import new_id
from palaver.model import Message, NewMessage, Session, ToolCall
from palaver.providers.base import Request
from palaver.store import Head, Store
from palaver.tools.base import Offer

MAX_ROUNDS = 25

_log = logging.getLogger(__name__)


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What every turn of an engine works with."""

    store: Store
    backlog: Backlog
    places: Places
    compression: Compression
    calling: Calling | None = None
    offering: Offering | None = None
    titling: Titling | None = None
    counters: Counters
    pace: Pace


class Rounds:
    """One turn. `leaf_id` is what the first answer stands below: the question, unless a store cannot be read."""

    def __init__(
        self,
        means: Means,
        session: Session,
        chosen: Chosen,
        turn: Turn,
        recording: Recording,
        *,
        leaf_id: str | None | Head,
    ) -> None:
        self._means = means
        self._session = session
        self._provider, self._model = chosen
        self._turn = turn
        self._recording = recording
        self._claim = recording.claim
        self._leaf_id = leaf_id
        self._number = 0
        self._called = False
        self._answering: Answering | None = None
        self._closed: Message | None = None
        self._prompt: Prompt | None = None
        self._tools: Sequence[Tool] = ()

    def look(self) -> None:
        """Another process may have asked for a stop, or have an answer to what the person was asked."""
        state = self._claim.find()
        if state is None:
            if self._answering is not None:
                self._answering.look()
            return
        if state.stop_requested:
            self._turn.stop()
        for event in state.events:
            if event.request_id is not None and event.choice is not None:
                with suppress(NotFound):
                    self._turn.answer(event.request_id, event.choice)

    def run(self) -> None:
        """The whole turn, to the telling of its end."""
        try:
            message = self._answer()
            while self._called and message.status == "complete":
                self._begin_next()
                message = self._answer()
            self._look_after(message)
        except Exception as exc:  # noqa: BLE001  (the end of a thread: whoever waits for the answer must hear of it)
            message = self._fail(exc)
        finally:
            # Before the end is told: who hears of it may ask the next question at once.
            self._claim.end()
            self._means.places.leave(self._session.id)
        self._turn.end(self._ended(message))

    def _answer(self) -> Message:
        """One answer, closed, with the results of what it called below it."""
        self._number += 1
        self._called = False
        self._prompt = None
        self._answering = Answering(self._turn, self._recording, self._means.pace)
        self._closed = self._answering.run(self._work, next_id=lambda: new_id() if self._called else None)
        if self._prompt is not None:
            self._means.counters.learn(self._provider.name, self._model, self._prompt, self._closed)
        return self._closed

    def _begin_next(self) -> None:
        self._leaf_id = self._recording.last_id
        self._closed = None
        self._recording = self._recording.following()
        if self._means.backlog.failure(self._session.id) is None:
            with suppress(Busy):  # another process was faster: this answer is saved beside what it began
                self._recording.open()
        self._turn.begin(self._recording.answer_id)

    def _work(self, answering: Answering) -> None:
        """On a thread of its own: ask the model, then call what it calls."""
        if self._turn.stopping.wanted:
            return
        self._tell_first_title()
        scope = self._scope(answering.put_below)
        self._tools = self._offered()
        try:
            prompt = self._means.compression.before_sending(scope, tools=self._tools)
        except NewSessionWanted:
            answering.end_early(finishReason="new_session", newSessionId=self._make_session().id)
            return
        self._prompt = prompt
        self._tell_news(prompt)
        answering.listen(self._provider.stream(self._request(prompt)))
        if answering.calls and self._means.calling is not None:
            self._call(answering, self._means.calling)

    def _request(self, prompt: Prompt) -> Request:
        return Request(
            model=self._model,
            messages=prompt.messages,
            settings=self._session.settings,
            tools=self._tools,
            window=prompt.window,
        )

    def _call(self, answering: Answering, calling: Calling) -> None:
        if self._number >= MAX_ROUNDS:
            raise PalaverError(
                f"The model has called tools {MAX_ROUNDS} times and is not done: ask it to go on, or in another way"
            )
        ask = self._ask_for_call if self._turn.desk.asks else None
        for call in answering.calls:
            answering.save()
            if self._turn.stopping.wanted:
                return
            result = calling.call(self._session.id, call, ask=ask, stopping=self._turn.stopping)
            if self._turn.stopping.wanted:
                return
            answering.put_below(result)
        self._called = True

    def _ask_for_call(self, call: ToolCall, offer: Offer) -> str:
        return self._ask(
            InputRequired(
                id=self._turn.next_id(),
                request_id=new_id(),
                kind="tool",
                text=f"{self._model} wants to call {offer.name} of {offer.server}.",
                choices=CHOICES,
                default=REFUSAL,
                call=call,
            )
        )

    def _ask(self, required: InputRequired) -> str:
        told: list[InputRequired] = []

        def tell(event: InputRequired) -> None:
            self._claim.note(event)
            if self._answering is not None:
                self._answering.save()  # before anybody hears of it: an answer may come by the store
            self._turn.tell(event)
            told.append(event)

        choice = self._turn.desk.ask(required, tell)
        if told:
            self._tell(InputAnswered(id=self._turn.next_id(), request_id=required.request_id, choice=choice))
        return choice

    def _scope(self, note: Callable[[NewMessage], None]) -> Scope:
        return Scope(
            session_id=self._session.id,
            leaf_id=self._leaf_id,
            provider=self._provider,
            model=self._model,
            next_id=self._turn.next_id,
            tell=self._tell,
            ask=self._ask,
            note=note,
            stopped=self._turn.stopping.event,
        )

    def _tell(self, event: TurnEvent) -> None:
        """Who comes while older messages are summarised hears why the session is taken."""
        if isinstance(event, CheckpointStarted | CheckpointFinished | Rollover):
            started = isinstance(event, CheckpointStarted)
            self._means.places.say(self._session.id, COMPACTING if started else ANSWERING)
        self._claim.note(event)
        self._turn.tell(event)
        if self._closed is not None:
            self._claim.flush()

    def _tell_first_title(self) -> None:
        """The title that the store made of the first question."""
        if self._number > 1 or self._session.title_source != "default":
            return
        title = self._means.store.get_session(self._session.id).title
        if title != self._session.title:
            self._tell(TitleChanged(id=self._turn.next_id(), session_id=self._session.id, title=title))

    def _offered(self) -> Sequence[Tool]:
        offering = self._means.offering
        if offering is None:
            return ()
        return offering.list_tools(self._session, (self._provider, self._model), self._turn.stopping)

    def _tell_news(self, prompt: Prompt) -> None:
        if self._means.offering is None:
            return
        for text in self._means.offering.list_news((self._provider, self._model)):
            self._tell(
                ContextWarning(
                    id=self._turn.next_id(),
                    text=text,
                    tokens=prompt.tokens,
                    limit=prompt.limit,
                    window=prompt.window,
                )
            )

    def _make_session(self) -> Session:
        """Where the person wants to go on: all as here, and empty."""
        here = self._means.store.get_session(self._session.id)
        return self._means.store.create_session(
            project_id=here.project_id,
            model=here.model,
            provider=here.provider,
            context_size=here.context_size,
            system_prompt=here.system_prompt,
            settings=here.settings,
            parent_id=here.id,
            relation="rollover",
        )

    def _look_after(self, message: Message) -> None:
        """What is done for the session when the last answer is there, and stored."""
        if self._recording.failure is not None:
            return
        self._leaf_id = self._recording.last_id
        if message.status == "complete" and self._prompt is not None and self._means.titling is not None:
            self._tell_title(self._means.titling, self._prompt)
        self._means.compression.after_answer(self._scope(self._append_note), tools=self._tools)

    def _tell_title(self, titling: Titling, prompt: Prompt) -> None:
        session_id, chosen = self._session.id, (self._provider, self._model)
        title = titling.give(session_id, self._recording.last_id, chosen, prompt.window, self._turn.stopping)
        if title is not None:
            self._tell(TitleChanged(id=self._turn.next_id(), session_id=session_id, title=title))

    def _append_note(self, note: NewMessage) -> None:
        session_id = self._session.id
        self._means.backlog.put(session_id, [note], lambda: self._means.store.append(session_id, note)[0])

    def _fail(self, exc: Exception) -> Message:
        """What came beside an answer: where that is still open, it is closed with the error."""
        if not isinstance(exc, PalaverError) or self._closed is not None:
            _log.error("A turn in session %s failed", self._session.id, exc_info=exc)
        if self._closed is not None:
            return self._closed
        if not isinstance(exc, PalaverError):
            exc = PalaverError(f"the turn failed in an unknown way: {type(exc).__name__}")
        return self._recording.close(Outcome(status="error", error=exc.message, metadata=describe(exc)))

    def _ended(self, message: Message) -> TurnFinished | TurnFailed:
        return ended(message, self._turn.id_at(END), unsaved=self._recording.failure)
