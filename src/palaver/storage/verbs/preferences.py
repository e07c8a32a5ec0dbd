"""Verbs on preferences: small values of one actor, by name."""

import json
from typing import Any

from palaver.errors import Invalid
from palaver.storage.rows import check_text, encode_json, preference_guard, readable
from palaver.storage.transaction import Reading, Writing
from palaver.storage.verbs.titles import has_control
from palaver.store import MAX_PREFERENCE, MAX_PREFERENCE_NAME


def get_preference(tx: Reading, name: str) -> Any | None:
    found = tx.row("find_preference", actor=tx.actor, name=_check_name(name))
    return _decode(name, found[0]) if found else None


def list_preferences(tx: Reading, prefix: str) -> dict[str, Any]:
    found = tx.rows("list_preferences", actor=tx.actor, prefix=check_text(prefix, "prefix"))
    return {name: _decode(name, value) for name, value in found}


def put_preference(tx: Writing, name: str, value: Any | None) -> None:
    checked = _check_name(name)
    if value is None:
        tx.run("delete_preference", actor=tx.actor, name=checked)
        return
    stored = _encode(value)
    guard = preference_guard(tx.actor, checked, stored)
    tx.run("put_preference", actor=tx.actor, name=checked, value=stored, guard=guard)


def _encode(value: Any) -> bytes:
    stored = encode_json(value, "value")
    if len(stored) > MAX_PREFERENCE:
        raise Invalid(
            f"a preference may have {MAX_PREFERENCE} bytes as JSON, not {len(stored)}", field="value"
        )
    try:
        json.loads(stored)  # What could not be read again is not written.
    except RecursionError as exc:
        raise Invalid("value is nested too deeply", field="value") from exc
    return stored


def _decode(name: str, value: bytes) -> Any:
    with readable(f"preference {name}"):
        return json.loads(value)


def _check_name(name: str) -> str:
    """The name as it is: two that differ in a space alone are two. Raises `Invalid`."""
    if not check_text(name, "name").strip():
        raise Invalid("name must not be empty", field="name")
    if len(name) > MAX_PREFERENCE_NAME:
        raise Invalid(f"name may have {MAX_PREFERENCE_NAME} characters, not {len(name)}", field="name")
    if has_control(name):
        raise Invalid("name must not hold control characters", field="name")
    return name
