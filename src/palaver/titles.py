"""The title a session gets from its first message, wherever that message comes from."""

TITLE_LENGTH = 50
READ = 40
"""A beginning is made of at most so many times its length: what is behind that cannot matter."""
_FEW = 2
"""So many nearly always suffice."""
_NO_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")


def first_message_title(text: str) -> str:
    """The beginning of the text, at most 50 characters."""
    return beginning(text, TITLE_LENGTH)


def beginning(text: str, length: int) -> str:
    """Whitespace folded, at most `length` characters with a final "…" where cut, never inside a grapheme cluster."""
    folded = _folded(text[: length * _FEW])
    if len(folded) <= length and len(text) > length * _FEW:
        folded = _folded(text[: length * READ])
    if len(folded) <= length:
        return folded
    return folded[: _boundary(folded, length - 1)].rstrip() + "…"


def _folded(text: str) -> str:
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """The text with a space in place of each control character."""
    return text.translate(_NO_CONTROLS)


def _boundary(text: str, limit: int) -> int:
    """The greatest end of a grapheme cluster that is at most `limit`; `limit` itself where the first one is longer."""
    if text.isascii():
        return limit
    from wcwidth import iter_graphemes  # noqa: PLC0415  (slow to load, and only such a title needs it)

    end = 0
    for cluster in iter_graphemes(text):
        if end + len(cluster) > limit:
            break
        end += len(cluster)
    return end or limit
