"""Text as it comes from outside, made fit to be stored."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


class Mender:
    """Joins surrogate pairs that a server cut in two, and puts U+FFFD for halves that stay alone."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """The next piece; half a pair at its end is held back for the piece that follows."""
        text = self._held + text
        self._held = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        return _joined(text[: len(text) - len(self._held)])

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        held, self._held = self._held, ""
        return _joined(held)


def mend(text: str) -> str:
    """A whole text, without lone surrogates."""
    return _joined(text)


def _joined(text: str) -> str:
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
