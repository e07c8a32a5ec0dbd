"""Filters as they come from outside."""

from palaver.errors import Invalid
from palaver.model import ROLES
from palaver.storage.rows import check_text
from palaver.store import Filter

_STATES = ("open", "archived", "trash", "any")


def check_filter(filter: Filter | None) -> Filter:
    """The filter itself, an empty one for None. Raises `Invalid` that names the field."""
    checked = filter or Filter()
    for field in ("project_id", "session_id", "model", "provider"):
        value = getattr(checked, field)
        if value is not None:
            check_text(value, field)
    for tag in checked.tags:
        check_text(tag, "tags")
    _check_one(checked.role, ROLES, "role")
    _check_one(checked.state, _STATES, "state")
    return checked


def _check_one(value: str | None, known: tuple[str, ...], field: str) -> None:
    if value is not None and value not in known:
        raise Invalid(f"{field} must be one of {', '.join(known)}, not {value!r}", field=field)
