"""The line a person types in: history, completion, several lines. Needs a terminal."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.styles import Style

from palaver.cli.meter import Meter

_STYLE = Style.from_dict({"bottom-toolbar": "noreverse fg:ansibrightblack", "filled": "fg:ansiyellow"})
Words = Callable[[], Iterable[tuple[str, str]]]
"""Gives words with what is said about each."""


class SlashCompleter(Completer):
    """Completes `/commands`, their verbs, and the word behind those in `offers`; behind `files`, paths."""

    def __init__(
        self,
        commands: Iterable[tuple[str, str]],
        verbs: Mapping[str, Iterable[tuple[str, str]]],
        offers: Mapping[str, Words],
        *,
        files: frozenset[str] = frozenset(),
    ) -> None:
        self._commands = list(commands)
        self._verbs = {name: list(words) for name, words in verbs.items()}
        self._offers = offers
        self._files = files
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        call, space, word = text.rpartition(" ")
        if not space:
            yield from _matching(self._commands, text)
            return
        call = " ".join(call.split())
        yield from _matching(self._verbs.get(call, ()), word)
        yield from _matching(self._offers[call]() if call in self._offers else (), word)
        if call.partition(" ")[0] in self._files:
            yield from self._paths.get_completions(Document(word), complete_event)


class Prompter:
    """Reads one message after the other, with the meter below.

    `history` is a file, None where nothing typed may stay on the disk.
    """

    def __init__(self, completer: Completer, history: Path | None, meter: Meter) -> None:
        self._meter = meter
        self._session: PromptSession[str] = PromptSession(
            message=FormattedText([("bold ansicyan", "› ")]),
            prompt_continuation="  ",
            history=_open_history(history),
            completer=completer,
            complete_while_typing=Condition(_types_command),
            key_bindings=_bindings(),
            multiline=True,
            bottom_toolbar=self._toolbar,
            style=_STYLE,
        )

    def read(self, default: str = "") -> str:
        """What was typed, `default` being there to begin with.

        Raises `EOFError` for Ctrl+D and `KeyboardInterrupt` for Ctrl+C, both on an empty line.
        """
        self._meter.refresh(self._session.app.invalidate)
        return self._session.prompt(default=default)

    def _toolbar(self) -> FormattedText | None:
        """Drawn with every key: no more than a look at what is known."""
        if not self._meter.text:
            return None
        return FormattedText([("class:filled" if self._meter.filled else "", self._meter.text)])


def _types_command() -> bool:
    return get_app().current_buffer.text.startswith("/")


def _matching(words: Iterable[tuple[str, str]], typed: str) -> Iterator[Completion]:
    for word, about in words:
        if word.casefold().startswith(typed.casefold()):
            yield Completion(word, start_position=-len(typed), display_meta=about)


def _open_history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
    except OSError:
        return InMemoryHistory()  # a chat without arrow keys is better than no chat
    return FileHistory(path)


def _bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def _discard(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return keys
