"""Titles and names: how they are made, cut and checked."""

from palaver.errors import Invalid
from palaver.storage.rows import check_text
from palaver.store import MAX_NAME, MAX_TAG, MAX_TAGS, MAX_TITLE


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
    if has_control(folded):
        raise Invalid(f"{field} must not hold control characters", field=field)
    return folded


def has_control(text: str) -> bool:
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)
