"""A session's mode: what `/mode NAME` changes, and how the session remembers it.

It stands in the session's settings, so that it goes along into a session that begins from this one, and comes back with a
snapshot.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from palaver.chat.branches import is_answering, newest_first
from palaver.context.tools import Tool
from palaver.errors import Busy
from palaver.model import Event, NewMessage, Session, Time
from palaver.settings import NO_MODE, ModeSettings
from palaver.store import Store

CHANGED = "mode_changed"
HISTORY = 100
"""Changes that are kept in sight."""
_KEY = "mode"
_READ = 10_000
"""Messages that are looked through for changes: the oldest of a very long session are left to the export."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The mode as a session's settings hold it. `before` is the temperature that the mode replaced."""

    name: str
    system_prompt: str | None = None
    tools: tuple[str, ...] | None = None
    before: float | None = None


class Change(msgspec.Struct, frozen=True):
    """`trigger` says who changed it: "manual", "auto", "tool" or "explicit"; `confidence` how sure that was, 0 to 1."""

    time: Time
    before: str
    after: str
    trigger: str
    confidence: float = 1.0


def name_of(session: Session) -> str:
    """The name of the mode in force."""
    kept = _kept(session)
    return kept.name if kept else NO_MODE


def system_prompt_of(session: Session) -> str | None:
    """The session's own system prompt, and below it that of its mode."""
    kept = _kept(session)
    texts = [session.system_prompt, kept.system_prompt if kept else None]
    return "\n\n".join(text for text in texts if text) or None


def tools_of(session: Session, tools: Sequence[Tool]) -> Sequence[Tool]:
    """The tools that the session's mode offers."""
    kept = _kept(session)
    if kept is None or kept.tools is None:
        return tools
    patterns = kept.tools
    return [tool for tool in tools if any(fnmatchcase(tool.name, pattern) for pattern in patterns)]


def change_mode(
    store: Store,
    session: Session,
    mode: ModeSettings | None,
    *,
    trigger: str = "manual",
    confidence: float = 1.0,
) -> Session:
    """Put a mode in force, None for no mode, and note it. Where something was said already, a snapshot comes first.

    Raises `Busy` while an answer is being written.
    """
    if is_answering(store, session.id):
        raise Busy(f"An answer is being written in session {session.id}: change the mode when it is there")
    if any(message.role == "user" for message in newest_first(store, session.id)):
        store.take_snapshot(
            session.id, name=f"before mode {mode.name if mode else NO_MODE}", purpose="recovery"
        )
    store.update_session(session.id, settings=_settings(session, mode))
    change = {
        "from": name_of(session),
        "to": mode.name if mode else NO_MODE,
        "timestamp": str(Time.current()),
        "trigger": trigger,
        "confidence": confidence,
    }
    store.append(session.id, NewMessage(role="note", parts=(Event(CHANGED, change),)))
    return store.get_session(session.id)


def list_changes(store: Store, session_id: str) -> list[Change]:
    """The newest changes of the branch that is shown, oldest first."""
    found: list[Change] = []
    for number, message in enumerate(newest_first(store, session_id)):
        if len(found) == HISTORY or number == _READ:
            break
        if message.role == "note":
            found += _changes(message.parts, message.created_at)
    return found[::-1]


def _changes(parts: Sequence[object], time: Time) -> Iterator[Change]:
    for part in parts:
        if isinstance(part, Event) and part.name == CHANGED:
            data = part.data
            sure = data.get("confidence")
            yield Change(
                time,
                str(data.get("from")),
                str(data.get("to")),
                str(data.get("trigger")),
                float(sure) if isinstance(sure, int | float) else 1.0,
            )


def _kept(session: Session) -> _Kept | None:
    """None, too, for what something else has put there."""
    try:
        return msgspec.convert(session.settings[_KEY], _Kept) if _KEY in session.settings else None
    except msgspec.ValidationError:
        return None


def _settings(session: Session, mode: ModeSettings | None) -> dict[str, Any]:
    settings = {**session.settings}
    kept = _kept(session)
    settings.pop(_KEY, None)
    if kept is not None:
        _put(settings, "temperature", kept.before)
    if mode is None:
        return settings
    new = _Kept(
        name=mode.name,
        system_prompt=mode.system_prompt,
        tools=mode.tools,
        before=settings.get("temperature"),
    )
    if mode.temperature is not None:
        settings["temperature"] = mode.temperature
    return {**settings, _KEY: msgspec.to_builtins(new)}


def _put(settings: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        settings.pop(name, None)
    else:
        settings[name] = value
