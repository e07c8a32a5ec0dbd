"""What a turn asks of the person: the keys that answer it, and how the question looks."""

from collections.abc import Mapping

import msgspec
from rich.cells import cell_len
from rich.text import Text

from palaver.chat.events import InputRequired
from palaver.cli.terms import visible

_WORDS: Mapping[str, str] = {
    "once": "once",
    "session": "in this session",
    "always": "always",
    "no": "no",
    "continue": "go on here",
    "new": "new session",
    "larger": "larger window",
    "history": "look at what was said",
}
_INDENT = "  "
_ALSO = {"y": "once"}
_DONE: Mapping[str, str] = {
    "once": "allowed once",
    "session": "allowed in this session",
    "always": "always allowed from now on",
    "no": "not allowed",
    "continue": "going on here",
    "new": "going on in a new session",
    "larger": "going on with a larger window",
}


def explain(event: InputRequired, width: int) -> Text:
    """The question in full: a call with everything it would be given, on one line where that has room."""
    text = Text(f"\n{visible(event.text)}", style="bold yellow")
    if event.call is not None:
        data = msgspec.json.encode(event.call.args)
        shown = visible(data.decode())
        if cell_len(shown) > width - len(_INDENT):
            shown = visible(msgspec.json.format(data, indent=2).decode())
        text.append("".join(f"\n{_INDENT}{line}" for line in shown.split("\n")), style="not bold default")
    return text


def offer(event: InputRequired) -> Text:
    """The choices on one line, each with its key."""
    line = Text()
    for key, choice in keys_of(event).items():
        words = _WORDS.get(choice, choice)
        line.append(f"[{key}] ", style="bold cyan")
        line.append(words + (" (Enter)" if choice == event.default else "") + "  ")
    return line


def keys_of(event: InputRequired) -> dict[str, str]:
    """Key -> choice: the first letter that is free, else a digit."""
    keys: dict[str, str] = {}
    for number, choice in enumerate(event.choices, 1):
        free = (letter for letter in choice.lower() if letter.isalpha() and letter not in keys)
        keys[next(free, str(number))] = choice
    return keys


def choose(event: InputRequired, key: str) -> str | None:
    """The choice that a key makes; None for a key that makes none."""
    if key == "\r":
        return event.default
    chosen = keys_of(event).get(key.lower())
    also = _ALSO.get(key.lower())
    return chosen or (also if also in event.choices else None)


def say_done(choice: str) -> str:
    """What a choice means from now on."""
    return _DONE.get(choice, choice)
