"""Short ways to look at a turn."""

import time
from collections.abc import Callable, Iterable

from palaver.chat.events import ReasoningDelta, TextDelta, TurnEvent, TurnFailed, TurnFinished
from palaver.errors import PalaverError


def tags(events: Iterable[TurnEvent]) -> list[str]:
    """The names of events, a run of the same one named once."""
    names = [event.__struct_config__.tag for event in events]
    return [str(name) for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def text_of(events: Iterable[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reasoning_of(events: Iterable[TurnEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))


def finished(events: Iterable[TurnEvent]) -> TurnFinished:
    return next(event for event in events if isinstance(event, TurnFinished))


def failed(events: Iterable[TurnEvent]) -> TurnFailed:
    return next(event for event in events if isinstance(event, TurnFailed))


def until(holds: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is true of the outside world; it takes what it takes, and fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not _try(holds):
        assert time.monotonic() < deadline, f"not true after {seconds} seconds"
        time.sleep(0.01)


def _try(holds: Callable[[], object]) -> bool:
    try:
        return bool(holds())
    except PalaverError:
        return False
