"""The words that are offered while a slash command is typed."""

from collections.abc import Iterator, Mapping
from typing import Any

from palaver.chat.commands import COMMANDS
from palaver.cli.prompter import SlashCompleter, Words
from palaver.cli.talk import Talk
from palaver.cli.terms import one_line
from palaver.errors import ProviderError
from palaver.ids import short
from palaver.settings import NO_MODE
from palaver.store import Filter

_SESSIONS = 50


class Offers:
    """What there is to choose from in a chat, looked up when it is asked for."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._known_models: list[tuple[str, str]] | None = None

    def completer(self) -> SlashCompleter:
        verbs = {
            f"/{call.name}": [(verb.name, verb.help) for verb in call.verbs]
            for call in COMMANDS
            if call.verbs
        }
        names = [(f"/{call.name}", call.help) for call in COMMANDS]
        return SlashCompleter(names, verbs, self._words(), files=frozenset({"/attach"}))

    def _words(self) -> Mapping[str, Words]:
        return {
            "/switch": self._sessions,
            "/model": self._models,
            "/mode": self._modes,
            "/help": lambda: [(call.name, call.help) for call in COMMANDS],
            "/tools forget": self._tools,
            **{f"/snapshot {verb}": self._snapshots for verb in ("show", "restore", "delete")},
            **{f"/checkpoint {verb}": self._checkpoints for verb in ("show", "revert")},
        }

    def _sessions(self) -> Iterator[tuple[str, str]]:
        for session in self._talk.store.list_sessions(filter=Filter(), limit=_SESSIONS).items:
            yield short(session.id), one_line(session.title)

    def _models(self) -> list[tuple[str, str]]:
        if self._known_models is None:
            self._known_models = [pair for provider in self._talk.providers for pair in _models_of(provider)]
        return self._known_models

    def _modes(self) -> Iterator[tuple[str, str]]:
        yield NO_MODE, "no mode"
        for mode in self._talk.context.modes:
            yield mode.name, one_line(mode.description)

    def _tools(self) -> Iterator[tuple[str, str]]:
        yield "all", "every one"
        for name in self._talk.store.list_preferences("tools/"):
            yield name.rpartition("/")[2], name.removeprefix("tools/")

    def _snapshots(self) -> Iterator[tuple[str, str]]:
        for snapshot in self._talk.store.list_snapshots(self._talk.session.id):
            yield short(snapshot.id), one_line(snapshot.name)

    def _checkpoints(self) -> Iterator[tuple[str, str]]:
        for checkpoint in self._talk.store.list_checkpoints(self._talk.session.id, active=False):
            yield str(checkpoint.number), one_line(checkpoint.summary)


def _models_of(provider: Any) -> list[tuple[str, str]]:
    try:
        return [(model.id, provider.name) for model in provider.list_models()]
    except ProviderError:
        return []
