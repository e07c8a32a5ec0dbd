"""What a chat works with: the store, the models found, the engine that runs turns, and the session it is in."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import NamedTuple, Self

from palaver import locations
from palaver.chat import events
from palaver.chat.commands import Context
from palaver.chat.engine import Engine
from palaver.chat.lifecycle import SessionManager
from palaver.chat.turn import Turn
from palaver.cli.answer import Answer
from palaver.cli.app import App
from palaver.cli.output import notice
from palaver.cli.terms import one_line
from palaver.cli.transcript import describe
from palaver.errors import NotFound
from palaver.model import Message, Session, user
from palaver.providers.demo import DemoProvider
from palaver.providers.discover import find_providers
from palaver.store import Filter


class Talk:
    """One person's chat. Ends its turns and the store with it."""

    def __init__(self, app: App, *, model: str | None, session: str | None, resume: bool) -> None:
        self.store = app.store()
        self._settings = app.settings
        self.providers = find_providers(app.settings, os.environ, locations.credentials())
        self.engine = Engine(self.store, self.providers, settings=app.settings)
        found = self._find(session, resume=resume)
        # A model named for a session that is gone on with answers there; it does not make a new session.
        self._model = model if found else None
        self.resumed = found is not None
        chosen = found or self._begin(model or app.settings.model)
        self.manager = SessionManager(self.store, chosen.model, context_size=app.settings.context_size)
        self.manager.switch(chosen.id)
        self.context = Context(self.store, self.engine, self.manager, modes=app.settings.mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.manager.close()
        self.engine.close()
        for message in self.engine.unsaved():
            notice(f"palaver: this could not be saved ({message.role}):\n{message.text}")

    @property
    def only_demo(self) -> bool:
        """Whether nothing but the built-in model was found."""
        return all(isinstance(provider, DemoProvider) for provider in self.providers)

    @property
    def session(self) -> Session:
        return self.manager.current_session

    def ask(self, question: str) -> Turn:
        """Begin a turn in the current session; the attached files go with it, and stay attached where it cannot begin."""
        new = user(question, parts=tuple(self.context.attached))
        turn = self.engine.start_turn(self.session.id, new, model=self._model)
        self.context.attached.clear()
        return turn

    def forget_model(self) -> None:
        """Another session has become current: its own model answers."""
        self._model = None

    def newest(self) -> Session | None:
        """The session something was said in last."""
        return next(iter(self.store.list_sessions(filter=Filter(), limit=1).items), None)

    def last_message(self, session: Session) -> Message | None:
        return next(iter(self.store.list_messages(session.id, limit=1).items), None)

    def _find(self, named: str | None, *, resume: bool) -> Session | None:
        if named is None:
            return self.newest() if resume else None
        session = self.store.find_session(named)
        if session is None:
            raise NotFound("session", named)
        return session

    def _begin(self, model: str | None) -> Session:
        provider, name = self.engine.choose(model)
        return self.store.create_session(
            model=name,
            provider=provider,
            context_size=self._settings.context_size,
            system_prompt=self._settings.system_prompt,
        )


class Outcome(NamedTuple):
    """How a turn ended; `code` is the error's, None where there was none."""

    message: Message
    code: str | None = None
    title: str | None = None


def show_turn(turn: Turn, answer: Answer) -> Outcome:
    """Show a turn to its end. Ctrl+C stops the answer and keeps what came; a second one stops waiting for that."""
    title: str | None = None
    with stopping(turn):
        for event in turn.events():
            match event:
                case events.TextDelta(text=text):
                    answer.write(text)
                case events.ReasoningDelta(text=text):
                    answer.think(text)
                case events.TitleChanged(title=title):
                    pass
                case events.TurnFinished() | events.TurnFailed():
                    return _end(event, answer, title)
                case _:
                    _say(event, answer)
    return Outcome(turn.wait(), title=title)


def _say(event: events.TurnEvent, answer: Answer) -> None:
    match event:
        case events.TurnStarted(unsaved=str() as reason):
            answer.say(f"Your message is not saved yet, it will be tried again: {reason}")
        case events.ContextWarning(text=text):
            answer.say(text)
        case events.ToolCalled(call=part):
            answer.say(one_line(describe(part)))
        case events.ToolReturned(result=part):
            answer.say(one_line(describe(part)))
        case _:
            pass


def _end(event: events.TurnFinished | events.TurnFailed, answer: Answer, title: str | None) -> Outcome:
    if event.unsaved:
        answer.say(f"The answer is not saved yet, it will be tried again: {event.unsaved}")
    if isinstance(event, events.TurnFailed):
        answer.say(f"{'Interrupted' if event.message.status == 'interrupted' else 'Failed'}: {event.error}")
        return Outcome(event.message, event.code, title)
    if event.message.status == "cancelled":
        answer.say("Stopped; what came is kept.")
    if event.finish_reason == "length":
        answer.say("The answer ends here because it reached the model's limit.")
    return Outcome(event.message, title=title)


@contextmanager
def stopping(turn: Turn) -> Iterator[None]:
    """While it lasts, the first Ctrl+C stops the turn."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # On a thread of its own: the handler interrupts whatever holds the turn's lock.
        threading.Thread(target=turn.stop, name="palaver-stop", daemon=True).start()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
