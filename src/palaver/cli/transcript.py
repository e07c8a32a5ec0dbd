"""Messages as people read them: rendered on a terminal, plain in a pipe."""

from collections.abc import Iterator

import msgspec
from rich.console import Console, RenderableType
from rich.text import Text

from palaver.cli.markdown import Prose
from palaver.cli.terms import clock, fit, number, one_line, outcome, size, speaker, states, visible
from palaver.ids import short
from palaver.model import (
    Event,
    File,
    Message,
    Opaque,
    Part,
    Reasoning,
    Role,
    Session,
    ToolCall,
    ToolResult,
)
from palaver.model import Text as TextPart

COLOURS: dict[Role, str] = {
    "system": "magenta",
    "user": "bold cyan",
    "assistant": "bold green",
    "tool": "yellow",
    "note": "dim",
}


def about(session: Session) -> str:
    """What there is to say about a session beside its title, on one line."""
    facts = [
        short(session.id),
        session.model or "no model",
        number(session.message_count, "message"),
        *states(session),
        *(f"#{tag}" for tag in session.tags),
    ]
    return " · ".join(facts)


class Reader:
    """Shows messages on a terminal. `full` shows reasoning, tool calls and results whole; `at` is the message to mark."""

    def __init__(self, console: Console, *, full: bool = False, at: str | None = None) -> None:
        self._console = console
        self._full = full
        self._at = at

    def show_session(self, session: Session) -> None:
        self._console.print(Text(one_line(session.title), style="bold"))
        self._console.print(Text(one_line(about(session)), style="dim"))
        self._console.print()

    def show(self, message: Message) -> None:
        self._console.print(self._heading(message))
        for part in message.parts:
            if self._full or not _is_told(part, message):
                self._console.print(self._part(message.role, part))
        self._console.print()

    def _heading(self, message: Message) -> Text:
        mark = "▶ " if message.id == self._at else ""
        state = outcome(message)
        return Text.assemble(
            (mark, "bold yellow"),
            (one_line(speaker(message)), COLOURS[message.role]),
            (f"  {clock(message.created_at)}  {short(message.id)}", "dim"),
            (f"  {state}" if state else "", "bold yellow"),
        )

    def _part(self, role: Role, part: Part) -> RenderableType:
        if isinstance(part, TextPart):
            return Prose(part.text) if role == "assistant" else Text(visible(part.text), style=_style(role))
        text = visible(describe(part))
        return Text(text if self._full else self._brief(text), style="dim")

    def _brief(self, text: str) -> str:
        return fit(one_line(text), self._console.width).rstrip()


class Plain:
    """The same for a pipe: the text exactly as it is stored."""

    def __init__(self, *, full: bool = False) -> None:
        self._full = full

    def lines(self, message: Message) -> Iterator[str]:
        state = outcome(message)
        yield f"{speaker(message)}  {message.created_at}  {short(message.id)}" + (
            f"  {state}" if state else ""
        )
        for part in message.parts:
            if isinstance(part, TextPart):
                yield part.text
            elif self._full or not isinstance(part, Reasoning):
                yield describe(part)
        yield ""


def describe(part: Part) -> str:  # noqa: PLR0911 (one line for each kind of part)
    """A part that is no text, in words."""
    match part:
        case TextPart(text=text):
            return text
        case Reasoning(text=text):
            return f"reasoning: {text}"
        case ToolCall(name=name, args=args):
            return f"calls {name} {_compact(args)}"
        case ToolResult(name=name, return_display=display, llm_content=content, is_error=failed):
            return f"{name} {'failed' if failed else 'returned'}: {display or _compact(content)}"
        case File(name=name, mime=mime, size=length):
            return f"file {name} ({mime}, {size(length)})"
        case Event(name=name, data=data):
            return f"event {name} {_compact(data)}"
        case Opaque(source=source):
            return f"a part of {source} that has no counterpart here"


def _is_told(part: Part, message: Message) -> bool:
    """Whether the text beside an event says to people what the event says to programs."""
    return isinstance(part, Event) and any(isinstance(other, TextPart) for other in message.parts)


def _compact(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _style(role: Role) -> str:
    return "dim italic" if role == "note" else ""
