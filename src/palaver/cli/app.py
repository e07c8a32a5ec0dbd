"""What a command works with: the settings in force and the store, opened with the right key."""

import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import click

from palaver import locations, settings, storage
from palaver.cli.options import Flags, shared_options
from palaver.cli.output import notice
from palaver.errors import Invalid, NotFound, Unavailable
from palaver.model import Session
from palaver.settings import Settings
from palaver.store import Store

P = ParamSpec("P")
R = TypeVar("R")

_ATTEMPTS = 3


class App:
    """One run of one command. Closes the store it opened."""

    def __init__(self, flags: Flags, environment: Mapping[str, str]) -> None:
        self.flags = flags
        self.environment = environment
        self._store: Store | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def as_json(self) -> bool:
        return self.flags.as_json

    @functools.cached_property
    def config_path(self) -> Path:
        named = self.flags.config or self.environment.get("PALAVER_CONFIG")
        return Path(named).expanduser() if named else locations.config()

    @functools.cached_property
    def settings(self) -> Settings:
        return settings.load(
            flags=self.spoken_settings, environment=self.environment, config=self.config_path
        )

    @property
    def spoken_settings(self) -> dict[str, str | None]:
        """The settings that came as flags."""
        return {"store": self.flags.store, "actor": self.flags.actor}

    @functools.cached_property
    def database(self) -> Path:
        """The file of the database."""
        return storage.find_path(self.settings.store)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def store(self) -> Store:
        """The store, its file made where there is none."""
        if self._store is None:
            self._store = self._open()
        return self._store

    def existing_store(self) -> Store:
        """The store of a command that needs something in it. Raises `Unavailable` where there is no file."""
        store = self.find_store()
        if store is None:
            hint = "`palaver chat` or `palaver new` makes one."
            raise Unavailable(f"There is no database at {self.database} yet; {hint}")
        return store

    def find_store(self) -> Store | None:
        """The store, or None where its file does not exist: a mistyped path must not leave an empty database behind."""
        there = storage.is_postgres(self.settings.store) or self.database.exists()
        return self.store() if there else None

    def session(self, text: str) -> Session:
        """The session somebody named by its id or a part of it."""
        session = self.existing_store().find_session(text)
        if session is None:
            raise NotFound("session", text)
        return session

    def sessions(self, texts: tuple[str, ...]) -> list[Session]:
        """Several, all found before anything happens to one of them."""
        return [self.session(text) for text in texts]

    @property
    def locked(self) -> bool:
        """Whether the database is encrypted and no key file opens it."""
        return self.settings.key_file is None and self.encrypted

    @property
    def encrypted(self) -> bool:
        """Whether the database is a file that needs a passphrase."""
        return not storage.is_postgres(self.settings.store) and storage.is_encrypted(self.database)

    def confirm(self, question: str, *, yes: bool) -> bool:
        """Whether to do what cannot be undone."""
        if yes:
            return True
        if not self.interactive:
            raise click.UsageError("This cannot be undone: say --yes where nobody can be asked.")
        return click.confirm(question, err=True)

    def passphrase(self) -> str | None:
        """The passphrase in the key file, None where none is named."""
        if self.settings.key_file is None:
            return None
        path = Path(self.settings.key_file).expanduser()
        try:
            text = path.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            raise Unavailable(f"The key file {path} cannot be read: {exc}") from exc
        if not text:
            raise Invalid(f"The key file {path} is empty", field="key_file")
        return text

    def _open(self) -> Store:
        if not self.locked:
            return self._open_with(self.passphrase())
        if not self.interactive:
            raise Invalid(
                f"{self.database} is encrypted: put its passphrase into a file and name that in PALAVER_KEY_FILE",
                field="key_file",
            )
        return self._ask_and_open()

    def _ask_and_open(self) -> Store:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._open_with(click.prompt("Passphrase", hide_input=True, err=True))
            except Invalid as exc:
                if attempt == _ATTEMPTS:
                    raise
                notice(f"palaver: {exc}")
        raise AssertionError

    def _open_with(self, key: str | None) -> Store:
        chosen = self.settings
        return storage.open_store(
            chosen.store,
            actor=chosen.actor,
            key=key,
            mirror=chosen.mirror,
            max_sessions=chosen.max_sessions,
            auto_title=chosen.auto_title,
        )


def pass_app(function: Callable[Concatenate[App, P], R]) -> Callable[P, R]:
    """Call a command with its `App` first, and close that afterwards."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with App(Flags.of(click.get_current_context()), os.environ) as app:
            return function(app, *args, **kwargs)

    return run


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with the shared options whose function gets an `App` first."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        made = click.command(name, cls=click.Command, **attributes)(pass_app(function))
        made.params += shared_options()
        return made

    return decorate
