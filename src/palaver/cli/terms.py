"""How values are put into words and into the width of a terminal."""

from datetime import UTC, datetime

from rich.cells import cell_len, set_cell_size

from palaver.ids import short
from palaver.model import Message, Session

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_UNITS = ("B", "kB", "MB", "GB", "TB")
# Control characters of stored text must not steer the terminal: each is shown as its picture instead.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_PICTURES |= {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), 0xFFFD)
# Overrides of the writing direction, which would turn around what stands behind a cut title as well.
_DIRECTIONS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))


def visible(text: str) -> str:
    """The text with control characters other than newline and tab made visible."""
    return text.replace("\r\n", "\n").translate(_PICTURES)


def one_line(text: str) -> str:
    """The text with every run of white space as one space, control characters made visible, directions left out."""
    return visible(" ".join(text.split())).translate(_DIRECTIONS)


def fit(text: str, width: int) -> str:
    """The text in exactly `width` cells: padded, or cut with a final "…"."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)


def age(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in at most 10 characters: now, 5m, 3h, 6d, then the date."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < _MINUTE:
        return "now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)}m"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)}h"
    if seconds < 7 * _DAY:
        return f"{int(seconds // _DAY)}d"
    return moment.astimezone().strftime("%Y-%m-%d")


def clock(moment: datetime) -> str:
    """The person's local date and time to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def size(count: int) -> str:
    """Bytes as people say them."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def number(count: int, noun: str) -> str:
    """A count with its noun: 1 message, 2,000 messages."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def title(session: Session) -> str:
    """The title on one line, with what sets the session apart."""
    marks = "* " if session.pinned else ""
    tags = "".join(f" #{tag}" for tag in session.tags)
    return one_line(f"{marks}{session.title}{tags}")


def states(session: Session) -> list[str]:
    """What a person should know beside the title."""
    found = {
        "pinned": session.pinned,
        "archived": session.archived_at is not None,
        "in the trash": session.trashed_at is not None,
    }
    return [name for name, holds in found.items() if holds]


def named(session: Session) -> str:
    """A session as it is called in a sentence."""
    return f"{short(session.id)} “{one_line(session.title)}”"


def speaker(message: Message) -> str:
    """Who says it: the role, for an answer with its model."""
    return f"{message.role} ({message.model})" if message.model else message.role


def outcome(message: Message) -> str:
    """What became of a message that is not simply complete; empty for the others."""
    if message.purged_at is not None:
        return "purged"
    if message.trashed_at is not None:
        return "in the trash"
    words = {
        "streaming": "being written",
        "interrupted": "interrupted",
        "cancelled": "stopped",
        "error": f"failed: {one_line(message.error or 'no reason given')}",
    }
    return words.get(message.status, "" if message.in_context else "not sent to the model")
