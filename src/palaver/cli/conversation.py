"""A conversation on a terminal, line by line."""

from rich.text import Text

from palaver import locations
from palaver.chat.commands import (
    Compressing,
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
from palaver.cli.keys import Keys
from palaver.cli.meter import Meter
from palaver.cli.offers import Offers
from palaver.cli.output import out
from palaver.cli.progress import patience
from palaver.cli.prompter import Prompter
from palaver.cli.replies import show_reply
from palaver.cli.talk import Talk, recall
from palaver.cli.terms import named, one_line
from palaver.cli.turns import show_compacting, show_turn
from palaver.errors import PalaverError
from palaver.ids import short
from palaver.model import Message, Session
from palaver.providers.demo import HOW_TO_ADD

_RECALLED = 4
_MOVED = 2
"""Messages that are shown again: of a session that is gone on with, of another branch."""


class Conversation:
    """Reads what is typed, shows what is answered. With `remember` typed lines are kept in a file for the arrow keys."""

    def __init__(self, talk: Talk, *, remember: bool) -> None:
        self._talk = talk
        self._console = out()
        self._typed = ""
        self._meter = Meter(talk.context)
        history = locations.chat_history() if remember else None
        self._prompter = Prompter(Offers(talk).completer(), history, self._meter)

    def run(self) -> int:
        """Until the person leaves. Returns the exit code."""
        self._greet()
        while True:
            try:
                line = self._prompter.read(self._take_typed()).strip()
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
            self._hint("Stopped.")
        return True

    def _obey(self, line: str) -> bool:
        with Keys(self._console), patience(self._console):
            reply = run_command(self._talk.context, line)
        if isinstance(reply, Ended):
            return False
        self._follow(reply)
        return True

    def _follow(self, reply: Reply) -> None:
        match reply:
            case Started(turn=turn):
                self._show(turn)
            case Compressing(compacting=compacting):
                with Keys(self._console) as keys, LiveAnswer(self._console, keys) as answer:
                    show_compacting(compacting, answer)
            case Editing(message=message):
                self._edit(message)
            case Switched():
                self._talk.forget_model()
                show_reply(self._console, reply)
                self._recall(_RECALLED)
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
        with Keys(self._console) as keys, LiveAnswer(self._console, keys) as answer:
            outcome = show_turn(turn, answer, self._look_back, commands=True)
        self._typed += keys.take_typed()
        hints = []
        if outcome.code:
            hints.append("/retry asks again.")
        if outcome.title:
            hints.append(f"This session is now called “{one_line(outcome.title)}”")
        if hints:
            self._console.print()
            self._hint("\n".join(hints))
        if outcome.new_session_id:
            show_reply(self._console, self._talk.go_to(outcome.new_session_id))
            self._show(self._talk.ask_there(turn))

    def _look_back(self) -> None:
        recall(self._console, self._talk)
        self._hint(f"`palaver show {short(self._talk.session.id)}` shows all of it.")

    def _take_typed(self) -> str:
        typed, self._typed = self._typed, ""
        return typed

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
        """Show the newest messages again; where nothing was said yet, nothing."""
        if self._talk.last_message(self._talk.session) is None:
            return
        messages = recall(self._console, self._talk, count)
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
