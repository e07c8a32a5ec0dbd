"""Text of servers, made fit to be stored and to be shown."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_QUOTE = 300


def mend(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs that stand alone."""
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def quote(text: str, limit: int = MAX_QUOTE) -> str:
    """Text of a server for a person: one short printable line."""
    held = text[: limit * 4]
    line = " ".join("".join(c if c.isprintable() else " " for c in mend(held)).split())
    return line if len(line) <= limit and len(held) == len(text) else line[: limit - 1] + "…"
