"""A turn as those see it who prepare what is sent, and who look after the session when the answer is there."""

import threading
from collections.abc import Callable

import msgspec

from palaver.chat.events import InputRequired, TurnEvent
from palaver.model import NewMessage
from palaver.providers.base import Provider
from palaver.store import Head


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """One turn's session, branch and model, and its way to the person.

    `next_id` is the id of an event that happens now, for `tell`. `ask` tells its event and waits for the person's choice;
    where nobody can be asked, or the turn is stopped, it returns the event's default at once. `stopped` is set when the
    turn is to end. `note` keeps a note of what has happened: before the answer it is stored below the answer when that is
    closed (below an open draft nothing can be), after it at once.
    """

    session_id: str
    leaf_id: str | None | Head
    provider: Provider
    model: str
    next_id: Callable[[], str]
    tell: Callable[[TurnEvent], None]
    ask: Callable[[InputRequired], str]
    note: Callable[[NewMessage], None]
    stopped: threading.Event
