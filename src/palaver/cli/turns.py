"""A turn as it is shown: its events one after the other, its questions to the person, its end."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NamedTuple, Protocol

from palaver.chat import events
from palaver.chat.compacting import Compacting
from palaver.chat.turn import Turn
from palaver.cli.answer import Answer
from palaver.cli.choices import say_done
from palaver.cli.terms import number, one_line
from palaver.cli.transcript import describe
from palaver.errors import NotFound
from palaver.ids import short
from palaver.model import Checkpoint, Message, ToolCall, ToolResult

LOOK_FIRST = "history"
"""The choice that decides nothing yet: the person is shown what was said, and asked again."""


class Outcome(NamedTuple):
    """How a turn ended. `code` is the error's, None where there was none; `title` is new, None where it is the old one.

    `new_session_id`: the question was not sent, the person wants to ask it there.
    """

    message: Message
    code: str | None = None
    title: str | None = None
    new_session_id: str | None = None


def show_turn(turn: Turn, answer: Answer, look: Callable[[], object], *, commands: bool) -> Outcome:
    """Show a turn to its end. Ctrl+C stops it and keeps what came; a second one stops waiting for that.

    `look` shows what was said before, for whoever wants to see it before a choice. `commands`: slash commands can be
    typed afterwards.
    """
    showing = _Showing(answer, turn, look, commands=commands)
    with stopping(turn):
        for event in turn.events():
            match event:
                case events.TurnFinished() | events.TurnFailed():
                    return showing.end(event)
                case _:
                    showing.show(event)
    return Outcome(turn.wait(), title=showing.title)


def show_compacting(compacting: Compacting, answer: Answer) -> None:
    """Show the making of a checkpoint to its end. Ctrl+C gives it up."""
    showing = _Showing(answer, commands=True)
    with stopping(compacting):
        for event in compacting.events():
            showing.show(event)


class _Showing:
    """What was shown of a turn so far, as far as what follows depends on it."""

    def __init__(
        self,
        answer: Answer,
        turn: Turn | None = None,
        look: Callable[[], object] = lambda: None,
        *,
        commands: bool,
    ) -> None:
        self.title: str | None = None
        self._turn = turn
        self._answer = answer
        self._look = look
        self._commands = commands
        self._calls: dict[str, ToolCall] = {}
        self._refused: set[str] = set()
        self._since = time.monotonic()

    def show(self, event: events.TurnEvent) -> None:
        answer = self._answer
        match event:
            case events.TextDelta(text=text):
                answer.write(text)
            case events.ReasoningDelta(text=text):
                answer.think(text)
            case events.TitleChanged(title=title):
                self.title = title
            case events.TurnStarted(unsaved=str() as reason):
                answer.say(f"Your message is not saved yet, it will be tried again: {reason}")
            case events.ContextWarning(text=text):
                answer.say(text)
            case events.ToolCalled(call=call):
                self._begin(call)
            case events.ToolReturned(result=result):
                self._return(result)
            case events.InputRequired():
                self._ask(event)
            case _:
                self._show_compression(event)

    def end(self, event: events.TurnFinished | events.TurnFailed) -> Outcome:
        answer = self._answer
        if event.unsaved:
            answer.say(f"The answer is not saved yet, it will be tried again: {event.unsaved}")
        if isinstance(event, events.TurnFailed):
            word = "Interrupted" if event.message.status == "interrupted" else "Failed"
            answer.say(f"{word}: {event.error}")
            return Outcome(event.message, event.code, self.title)
        if event.new_session_id is not None:
            return Outcome(event.message, title=self.title, new_session_id=event.new_session_id)
        if event.message.status == "cancelled":
            answer.say("Stopped; what came is kept.")
        elif event.finish_reason == "length":
            answer.say("The answer ends here because it reached the model's limit.")
        elif not event.message.text.strip():
            answer.say("The model answered nothing.")
        return Outcome(event.message, title=self.title)

    def _begin(self, call: ToolCall) -> None:
        self._calls[call.id] = call
        self._since = time.monotonic()
        self._answer.progress(one_line(describe(call)))

    def _return(self, result: ToolResult) -> None:
        call = self._calls.pop(result.call_id, None)
        seconds, self._since = time.monotonic() - self._since, time.monotonic()
        mark = "✗" if result.is_error else "✓"
        what = one_line(describe(call)).removeprefix("calls ") if call else result.name
        if result.call_id in self._refused:
            line = f"{mark} {shorten(what)} · not allowed"
        else:
            line = f"{mark} {shorten(what)} · {seconds:.1f} s"
            if result.is_error:
                line += f": {shorten(one_line(describe(result)).partition(': ')[2])}"
        self._answer.tell(line)
        self._answer.progress(one_line(describe(next(iter(self._calls.values())))) if self._calls else None)

    def _ask(self, event: events.InputRequired) -> None:
        turn = self._turn
        if turn is None:
            return
        choice = self._answer.ask(event, lambda: turn.asked is not event)
        while choice == LOOK_FIRST:
            self._answer.aside(self._look)
            choice = self._answer.ask(event, lambda: turn.asked is not event)
        self._since = time.monotonic()
        if choice is None:
            return
        if event.call is not None and choice == event.default:
            self._refused.add(event.call.id)
        with suppress(NotFound):  # the turn was stopped in the meantime
            turn.answer(event.request_id, choice)
        if (done := say_done(choice)) is not None:
            self._answer.tell(done)

    def _show_compression(self, event: events.TurnEvent) -> None:
        answer = self._answer
        match event:
            case events.CheckpointStarted(messages=count, tokens=tokens):
                answer.progress(f"summarising {number(count, 'older message')}, {number(tokens, 'token')}")
            case events.CheckpointProgress(percent=percent):
                answer.progress(f"summarising older messages, {percent} %")
            case events.CheckpointFinished(checkpoint=Checkpoint(kind="rollover")):
                answer.progress(None)  # the rollover says more of it
            case events.CheckpointFinished():
                answer.progress(None)
                answer.tell(self._say_finished(event))
            case events.Rollover():
                answer.progress(None)
                answer.say(self._say_rollover(event))
            case _:
                pass

    def _say_finished(self, event: events.CheckpointFinished) -> str:
        if event.checkpoint is None:
            return event.text
        said = f"Older messages are summarised, {event.before:,} tokens in {event.after:,}; they stay as they are."
        number = event.checkpoint.number
        how = f" /checkpoint show {number} shows it, /checkpoint revert {number} undoes it."
        return said + how if self._commands else said

    def _say_rollover(self, event: events.Rollover) -> str:
        said = (
            "The window is full: all but the newest messages are sent as one short summary now, "
            f"{event.new_tokens:,} tokens instead of {event.previous_tokens:,}. Nothing is lost"
        )
        return (
            f"{said}; /snapshot restore {short(event.snapshot_id)} goes back."
            if self._commands
            else f"{said}."
        )


def shorten(text: str, most: int = 100) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


class Stoppable(Protocol):
    def stop(self) -> None: ...


@contextmanager
def stopping(running: Stoppable) -> Iterator[None]:
    """While it lasts, the first Ctrl+C stops what runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # On a thread of its own: the handler interrupts whatever holds the turn's lock.
        threading.Thread(target=running.stop, name="palaver-stop", daemon=True).start()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
