"""Titles and names: how they are made, cut and checked."""

from palaver.errors import Invalid
from palaver.storage.rows import check_text
from palaver.store import MAX_NAME, MAX_TAG, MAX_TAGS, MAX_TITLE

TITLE_LENGTH = 50


def first_message_title(text: str) -> str:
    """Whitespace folded, at most 50 characters with a final "…" where cut, never inside a grapheme cluster."""
    # What is cut off cannot matter, and a message may be 100 MB.
    folded = " ".join(_printable(text[: TITLE_LENGTH * 40]).split())
    if len(folded) <= TITLE_LENGTH:
        return folded
    return folded[: _boundary(folded, TITLE_LENGTH - 1)].rstrip() + "…"


def check_title(title: str) -> str:
    """A title a person typed, whitespace folded. Raises `Invalid`."""
    return _check_name(title, "title", MAX_TITLE)


def check_name(name: str) -> str:
    """A project's or snapshot's name. Raises `Invalid`."""
    return _check_name(name, "name", MAX_NAME)


def check_tags(tags: object) -> tuple[str, ...]:
    """Tags without repeats, in the order given. Raises `Invalid`."""
    if isinstance(tags, str) or not hasattr(tags, "__iter__"):
        raise Invalid("tags must be a list of words", field="tags")
    checked = tuple(dict.fromkeys(_check_name(tag, "tags", MAX_TAG) for tag in tags))
    if len(checked) > MAX_TAGS:
        raise Invalid(f"a session has at most {MAX_TAGS} tags, not {len(checked)}", field="tags")
    return checked


def check_optional_name(name: str | None, field: str) -> str | None:
    """The name of a model or provider, or None. Raises `Invalid`."""
    return None if name is None else _check_name(name, field, MAX_NAME)


def _check_name(name: object, field: str, limit: int) -> str:
    if not isinstance(name, str):
        raise Invalid(f"{field} must be text, not {type(name).__name__}", field=field)
    if len(name) > limit:
        raise Invalid(f"{field} may have {limit} characters, not {len(name)}", field=field)
    folded = " ".join(check_text(name, field).split())
    if not folded:
        raise Invalid(f"{field} must not be empty", field=field)
    if _has_control(folded):
        raise Invalid(f"{field} must not hold control characters", field=field)
    return folded


def _has_control(text: str) -> bool:
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def _printable(text: str) -> str:
    return "".join(
        " " if ord(character) < 32 or 127 <= ord(character) < 160 else character for character in text
    )


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
