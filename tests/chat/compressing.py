"""One person's sight of a session that is kept inside its window."""

import threading
from collections.abc import Iterable
from typing import TypeVar

from palaver import Message, NewMessage, Session, Store, assistant, user
from palaver.chat.backlog import Backlog
from palaver.chat.compression import Compression
from palaver.chat.events import InputRequired, TurnEvent
from palaver.chat.prompting import Prompter
from palaver.chat.scope import Scope
from palaver.chat.summarising import Summariser
from palaver.context.prompt import Prompt
from palaver.model import Event
from palaver.providers.base import Provider
from palaver.store import HEAD, Head

E = TypeVar("E", bound=TurnEvent)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Person:
    """Somebody who sends questions, answers them for the model, and is told what happens to the session."""

    def __init__(
        self,
        store: Store,
        session: Session,
        provider: Provider,
        *,
        chooses: str | None = None,
        summariser: Summariser | None = None,
    ) -> None:
        self.store = store
        self.id = session.id
        self.provider = provider
        self.chooses = chooses
        self.events: list[TurnEvent] = []
        self.stopped = threading.Event()
        self.prompter = Prompter(store, Backlog())
        self.compression = Compression(store, self.prompter, summariser=summariser)

    def scope(self, leaf_id: str | Head = HEAD) -> Scope:
        return Scope(
            session_id=self.id,
            leaf_id=leaf_id,
            provider=self.provider,
            model="scripted",
            next_id=lambda: f"{self.id}:0.{len(self.events)}",
            tell=self.events.append,
            ask=self._choose,
            note=self._note,
            stopped=self.stopped,
        )

    def asks(self, tokens: int = 50) -> Prompt:
        """Send a question of so many tokens; the prompt that goes out."""
        say(self.store, self.id, tokens)
        return self.compression.before_sending(self.scope())

    def is_answered(self, tokens: int = 50, **fields: object) -> Message:
        answer = assistant("", parts=text("a", tokens).parts, **fields)
        [stored] = self.store.append(self.id, answer)
        self.compression.after_answer(self.scope(stored.id))
        return stored

    def sees(self) -> Prompt:
        """What would be sent now."""
        return self.prompter.build(self.store.get_session(self.id), HEAD, self.provider, "scripted")

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def _note(self, message: NewMessage) -> None:
        self.store.append(self.id, message)

    def _choose(self, required: InputRequired) -> str:
        self.events.append(required)
        return self.chooses or required.default


def text(letter: str, tokens: int) -> NewMessage:
    return user((f"{letter}. " + "word " * tokens)[: 4 * tokens])


def say(store: Store, session_id: str, *tokens: int) -> list[Message]:
    """Questions and answers by turns, of so many tokens each, the first a question."""
    made = [
        text("q", size) if at % 2 == 0 else assistant(text("a", size).text) for at, size in enumerate(tokens)
    ]
    return store.append(session_id, *made)


def notes(store: Store, session_id: str, name: str) -> list[dict[str, object]]:
    """The data of the events of this name on the branch."""
    return [part.data for part in _events(store.messages(session_id)) if part.name == name]


def _events(messages: Iterable[Message]) -> list[Event]:
    return [part for message in messages for part in message.parts if isinstance(part, Event)]
