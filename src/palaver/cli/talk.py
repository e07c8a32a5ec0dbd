"""What a chat works with: the store, the models found, the engine that runs turns, and the session it is in."""

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from palaver import locations
from palaver.chat.commands import Context, Switched, attach_file
from palaver.chat.engine import Engine
from palaver.chat.lifecycle import SessionManager
from palaver.chat.turn import Turn
from palaver.cli.app import App
from palaver.cli.output import notice
from palaver.cli.show import newest_messages
from palaver.cli.toolboxes import find_tools
from palaver.cli.transcript import Reader
from palaver.errors import NotFound
from palaver.model import Message, NewMessage, Session, user
from palaver.providers.demo import DemoProvider
from palaver.providers.discover import find_providers
from palaver.store import Filter

LOOKED_AT = 12
"""Messages that are shown again before a choice."""


class Talk:
    """One person's chat. Ends its turns and its tools with it. `asks` says that the person can be asked."""

    def __init__(
        self, app: App, *, model: str | None, session: str | None, resume: bool, asks: bool = False
    ) -> None:
        self.store = app.store()
        self._settings = app.settings
        self.providers = find_providers(app.settings, os.environ, locations.credentials())
        toolbox = find_tools(app, asks=asks)
        self.engine = Engine(self.store, self.providers, settings=app.settings, toolbox=toolbox, asks=asks)
        found = self._find(session, resume=resume)
        # A model named for a session that is gone on with answers there; it does not make a new session.
        self._model = model if found else None
        self.resumed = found is not None
        chosen = found or self._begin(model or app.settings.model)
        self.manager = SessionManager(
            self.store,
            chosen.model,
            context_size=app.settings.context_size,
            modes=app.settings.mode,
            stay=app.settings.stay_on_model_change,
        )
        self.manager.switch(chosen.id)
        self.context = Context(
            self.store, self.engine, self.manager, modes=app.settings.mode, toolbox=toolbox
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.manager.close()
        self.engine.close()
        if self.context.toolbox is not None:
            self.context.toolbox.close()
        for message in self.engine.unsaved():
            notice(f"palaver: this could not be saved ({message.role}):\n{message.text}")

    @property
    def only_demo(self) -> bool:
        """Whether nothing but the built-in model was found."""
        return all(isinstance(provider, DemoProvider) for provider in self.providers)

    @property
    def session(self) -> Session:
        return self.manager.current_session

    def attach(self, paths: Iterable[Path]) -> None:
        """Send these files with the next question. Raises `OSError` and what the store raises."""
        self.context.attached.extend(attach_file(self.context, path) for path in paths)

    def ask(self, question: str) -> Turn:
        """Begin a turn in the current session; the attached files go with it, and stay attached where it cannot begin."""
        new = user(question, parts=tuple(self.context.attached))
        turn = self.engine.start_turn(self.session.id, new, model=self._model)
        self.context.attached.clear()
        return turn

    def go_to(self, session_id: str) -> Switched:
        """Make another session the current one."""
        self.forget_model()
        return Switched(self.manager.switch(session_id), self.manager.session_path())

    def ask_there(self, turn: Turn) -> Turn:
        """Ask a turn's question in the session that is current now."""
        question = self.store.get_message(turn.id)
        return self.engine.start_turn(self.session.id, NewMessage(role="user", parts=question.parts))

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


def recall(console: Console, talk: Talk, count: int = LOOKED_AT) -> list[Message]:
    """Show the newest messages of the session again, and give them."""
    messages = newest_messages(talk.store, talk.session, count)
    console.print()
    reader = Reader(console)
    for message in messages:
        reader.show(message)
    return messages
