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
    "history": "history",
}
_INDENT = "  "
_ALSO = {"y": "once"}
_LEAVES = ("\r", "\x1b")
"""Enter, and Esc: the default."""
_DONE: Mapping[str, str] = {
    "session": "allowed in this session",
    "always": "always allowed from now on",
    "continue": "going on here",
    "new": "going on in a new session",
    "larger": "going on with a larger window",
}


def explain(event: InputRequired, width: int) -> Text:
    """The question in full: a call with everything it would be given, on one line where that has room."""
    text = Text(visible(event.text), style="bold yellow")
    if event.call is not None:
        data = msgspec.json.encode(event.call.args)
        shown = visible(data.decode())
        if cell_len(shown) > width - len(_INDENT):
            shown = visible(msgspec.json.format(data, indent=2).decode())
        text.append("".join(f"\n{_INDENT}{line}" for line in shown.split("\n")), style="not bold default")
    return text


def offer(event: InputRequired, width: int) -> Text:
    """The choices, each with its key: on one line where that has room, else one below the other."""
    choices = []
    for key, choice in keys_of(event).items():
        words = _WORDS.get(choice, choice) + (" (Enter)" if choice == event.default else "")
        choices.append(Text.assemble((f"[{key}]", "bold cyan"), f" {words}"))
    line = Text("  ").join(choices)
    return line if line.cell_len <= width else Text("\n").join(choices)


def keys_of(event: InputRequired) -> dict[str, str]:
    """Key -> choice: the first letter that is free, else a digit."""
    keys: dict[str, str] = {}
    for number, choice in enumerate(event.choices, 1):
        free = (letter for letter in choice.lower() if letter.isalpha() and letter not in keys)
        keys[next(free, str(number))] = choice
    return keys


def choose(event: InputRequired, key: str) -> str | None:
    """The choice that a key makes; None for a key that makes none."""
    if key in _LEAVES:
        return event.default
    chosen = keys_of(event).get(key.lower())
    also = _ALSO.get(key.lower())
    return chosen or (also if also in event.choices else None)


def say_done(choice: str) -> str | None:
    """What a choice means from now on; None where that is seen at once."""
    return _DONE.get(choice)
