"""A conversation on a terminal, line by line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.text import Text

from palaver import locations
from palaver.chat.commands import (
    COMMANDS,
    Editing,
    Ended,
    Moved,
    Reply,
    Started,
    Switched,
    is_command,
    run_command,
)
from palaver.chat.turn import Turn
from palaver.cli.answer import LiveAnswer
from palaver.cli.output import out
from palaver.cli.prompter import Prompter, SlashCompleter
from palaver.cli.replies import show_reply
from palaver.cli.show import newest_messages
from palaver.cli.talk import Talk, show_turn
from palaver.cli.terms import named, one_line
from palaver.cli.transcript import Reader
from palaver.errors import PalaverError, ProviderError
from palaver.ids import short
from palaver.model import Message, Session
from palaver.providers.demo import HOW_TO_ADD
from palaver.settings import NO_MODE
from palaver.store import Filter

_RECALLED = 4
_MOVED = 2
_OFFERED = 50


class Conversation:
    """Reads what is typed, shows what is answered. With `remember` typed lines are kept in a file for the arrow keys."""

    def __init__(self, talk: Talk, *, remember: bool) -> None:
        self._talk = talk
        self._console = out()
        self._models: list[tuple[str, str]] | None = None
        history = locations.chat_history() if remember else None
        self._prompter = Prompter(self._completer(), history)

    def run(self) -> int:
        """Until the person leaves. Returns the exit code."""
        self._greet()
        while True:
            try:
                line = self._prompter.read().strip()
            except EOFError:
                return 0
            except KeyboardInterrupt:
                self._hint("Ctrl+D or /quit leaves, /help lists the commands.")
                continue
            if line and not self._handle(line):
                return 0
            self._console.print()

    def _handle(self, line: str) -> bool:
        """False where the person wants to leave."""
        try:
            if is_command(line):
                return self._obey(line)
            self._show(self._talk.ask(line))
        except PalaverError as exc:
            self._console.print(Text(one_line(str(exc)), style="red"))
        except KeyboardInterrupt:
            self._hint("The answer is still being stopped.")
        return True

    def _obey(self, line: str) -> bool:
        reply = run_command(self._talk.context, line)
        if isinstance(reply, Ended):
            return False
        self._follow(reply)
        return True

    def _follow(self, reply: Reply) -> None:
        match reply:
            case Started(turn=turn):
                self._show(turn)
            case Editing(message=message):
                self._edit(message)
            case Switched():
                self._talk.forget_model()
                show_reply(self._console, reply)
            case Moved():
                self._recall(_MOVED)
                show_reply(self._console, reply)
            case _:
                show_reply(self._console, reply)

    def _edit(self, question: Message) -> None:
        self._hint("Change your question and send it; an empty line leaves it as it is.")
        try:
            text = self._prompter.read(question.text).strip()
        except (EOFError, KeyboardInterrupt):
            text = ""
        if text:
            self._follow(run_command(self._talk.context, f"/edit {text}"))
        else:
            self._hint("Nothing was changed.")

    def _show(self, turn: Turn) -> None:
        self._console.print()
        with _quiet_keys(), LiveAnswer(self._console) as answer:
            outcome = show_turn(turn, answer)
        if outcome.code:
            self._hint("/retry asks again.")
        if outcome.title:
            self._hint(f"This session is now called “{one_line(outcome.title)}”.")

    def _greet(self) -> None:
        session = self._talk.session
        facts = [short(session.id), session.model or "no model", session.provider or "any provider"]
        self._console.print(
            Text.assemble((one_line(session.title), "bold"), (f" · {' · '.join(facts)}", "dim"))
        )
        if self._talk.resumed:
            self._recall(_RECALLED)
        else:
            self._point_to_interrupted()
        if self._talk.only_demo:
            self._console.print(Text(f"{self._who_answers(session)} {HOW_TO_ADD}", style="yellow"))
        self._hint(
            "/help lists the commands, Alt+Enter makes a new line, Ctrl+C stops an answer, Ctrl+D leaves."
        )
        self._console.print()

    def _who_answers(self, session: Session) -> str:
        if session.provider in (None, *(provider.name for provider in self._talk.providers)):
            return "No model was found, so the built-in demo answers."
        return f"{session.model} of {session.provider} is not there now; /model demo goes on without it."

    def _recall(self, count: int) -> None:
        session = self._talk.session
        messages = newest_messages(self._talk.store, session, count)
        self._console.print()
        reader = Reader(self._console)
        for message in messages:
            reader.show(message)
        if messages and messages[-1].status == "interrupted":
            self._hint("The last answer was interrupted; /retry asks again.")

    def _point_to_interrupted(self) -> None:
        newest = self._talk.newest()
        last = self._talk.last_message(newest) if newest else None
        if newest and last and last.status == "interrupted":
            self._hint(
                f"The last answer in {named(newest)} was interrupted: /switch {short(newest.id)} shows it."
            )

    def _hint(self, text: str) -> None:
        self._console.print(Text(text, style="dim"))

    def _completer(self) -> SlashCompleter:
        names = [(f"/{call.name}", call.help) for call in COMMANDS]
        verbs = {
            f"/{call.name}": [(verb.name, verb.help) for verb in call.verbs]
            for call in COMMANDS
            if call.verbs
        }
        offers = {
            "/switch": self._offer_sessions,
            "/model": self._offer_models,
            "/mode": self._offer_modes,
            "/help": lambda: [(call.name, call.help) for call in COMMANDS],
            "/snapshot restore": self._offer_snapshots,
            "/snapshot show": self._offer_snapshots,
            "/snapshot delete": self._offer_snapshots,
            "/checkpoint show": self._offer_checkpoints,
            "/checkpoint revert": self._offer_checkpoints,
        }
        return SlashCompleter(names, verbs, offers, files=frozenset({"/attach"}))

    def _offer_modes(self) -> Iterator[tuple[str, str]]:
        yield NO_MODE, "no mode"
        for mode in self._talk.context.modes:
            yield mode.name, one_line(mode.description)

    def _offer_snapshots(self) -> Iterator[tuple[str, str]]:
        for snapshot in self._talk.store.list_snapshots(self._talk.session.id):
            yield short(snapshot.id), one_line(snapshot.name)

    def _offer_checkpoints(self) -> Iterator[tuple[str, str]]:
        for checkpoint in self._talk.store.list_checkpoints(self._talk.session.id, active=False):
            yield str(checkpoint.number), one_line(checkpoint.summary)[:60]

    def _offer_sessions(self) -> Iterator[tuple[str, str]]:
        for session in self._talk.store.list_sessions(filter=Filter(), limit=_OFFERED).items:
            yield short(session.id), one_line(session.title)

    def _offer_models(self) -> list[tuple[str, str]]:
        if self._models is None:
            self._models = [pair for provider in self._talk.providers for pair in _models_of(provider)]
        return self._models


def _models_of(provider: Any) -> list[tuple[str, str]]:
    try:
        return [(model.id, provider.name) for model in provider.list_models()]
    except ProviderError:
        return []


@contextmanager
def _quiet_keys() -> Iterator[None]:
    """Keys pressed while an answer is drawn are kept for the next prompt and not written into the answer."""
    try:
        import termios  # noqa: PLC0415 (not on Windows)
    except ImportError:
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    quiet = termios.tcgetattr(descriptor)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
