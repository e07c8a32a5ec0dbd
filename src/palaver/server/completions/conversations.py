"""Where what a program asks is recorded: in the session it names, or in the one that its messages go on with."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from palaver.chat.engine import Engine
from palaver.chat.models import Chosen
from palaver.chat.relaying import Ask
from palaver.chat.turn import Turn
from palaver.errors import Busy, NotFound
from palaver.ids import find_bytes
from palaver.model import NewMessage, Session, text_of
from palaver.server.completions.history import History
from palaver.store import Store

_NAMES = "door/"


class Place(NamedTuple):
    """What is stored already, and what of the history follows."""

    session_id: str
    leaf_id: str | None
    rest: Sequence[NewMessage]


def record(
    store: Store, engine: Engine, history: History, *, session: str | None, chosen: Chosen, ask: Ask
) -> Turn:
    """Record what is new of a history, and have its end answered.

    Where an answer is being written in the session already, a copy of the branch is gone on with. Blocks.
    """
    place = _find(store, history, session, chosen)
    *before, last = place.rest or (None,)
    leaf_id = place.leaf_id
    if before:
        new = [message for message in before if message is not None]
        leaf_id = store.append(place.session_id, *new, parent_id=leaf_id)[-1].id
    try:
        return engine.relay(place.session_id, last, ask, chosen, parent_id=leaf_id)
    except Busy as exc:
        if exc.session_id is None:
            raise
    copy = _copy(store, place.session_id, leaf_id, history, chosen)
    return engine.relay(copy.id, last, ask, chosen, parent_id=copy.head_id)


def _find(store: Store, history: History, session: str | None, chosen: Chosen) -> Place:
    named = _named(store, session) if session is not None else None
    messages = history.messages
    # A name that is new begins a session of its own, whatever was said elsewhere.
    looks = session is None or named is not None
    match = store.match_history(messages, session_id=named.id if named else None) if looks else None
    if match is not None:
        return Place(match.session_id, match.message_id, messages[match.count :])
    if named is not None:
        leaf_id, count = _shortened(store, named, messages)
        return Place(named.id, leaf_id, messages[count:])
    made = _create(store, history, chosen)
    if session is not None:
        store.put_preference(_name(session), made.id)
    return Place(made.id, None, messages)


def _named(store: Store, session: str) -> Session | None:
    """The session of this id, or the one that the program has given this name. Raises `NotFound` for an id there is not."""
    if find_bytes(session):
        return store.get_session(session)
    known = store.get_preference(_name(session))
    try:
        found = store.get_session(known) if isinstance(known, str) else None
    except NotFound:
        return None
    return found if found is not None and found.trashed_at is None else None


def _name(session: str) -> str:
    return _NAMES + sha256(session.encode()).hexdigest()


def _shortened(store: Store, session: Session, messages: Sequence[NewMessage]) -> tuple[str | None, int]:
    """Of a program that leaves out its oldest messages: how many lead to the answer that the session ends with."""
    if session.head_id is None:
        return None, 0
    head = store.get_message(session.head_id)
    for count in range(len(messages), 0, -1):
        message = messages[count - 1]
        if message.role == "assistant":
            same = head.role == "assistant" and text_of(head.parts) == text_of(message.parts)
            return (head.id, count) if same else (None, 0)
    return None, 0


def _create(store: Store, history: History, chosen: Chosen) -> Session:
    provider, model = chosen
    return store.create_session(model=model, provider=provider.name, system_prompt=history.system_prompt)


def _copy(store: Store, session_id: str, leaf_id: str | None, history: History, chosen: Chosen) -> Session:
    if leaf_id is None:
        return _create(store, history, chosen)
    return store.fork_session(session_id, leaf_id=leaf_id)
