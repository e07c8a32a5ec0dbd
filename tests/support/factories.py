"""Values for tests, with only what a test cares about written out."""

from collections.abc import Sequence
from typing import Any

import palaver
from palaver import Message, NewMessage, Session, Store

NO_ID = "0190a7c4-0000-7000-8000-000000000000"
"""An id that never existed."""


def a_question(text: str = "What is the capital of France?", **fields: Any) -> NewMessage:
    return palaver.user(text, **fields)


def an_answer(text: str = "Paris.", **fields: Any) -> NewMessage:
    return palaver.assistant(text, **fields)


def a_conversation(store: Store, *texts: str, **fields: Any) -> Session:
    """A session of questions and answers by turns, one question where nothing is given."""
    session = store.create_session(**fields)
    say(store, session.id, *(texts or ("Hello?",)))
    return store.get_session(session.id)


def say(store: Store, session_id: str, *texts: str, **fields: Any) -> list[Message]:
    """Append questions and answers by turns."""
    kinds = (palaver.user, palaver.assistant)
    return store.append(session_id, *[kinds[at % 2](text) for at, text in enumerate(texts)], **fields)


def texts(store: Store, session_id: str, **fields: Any) -> list[str]:
    """The texts of a branch, the head's where none is named."""
    return [message.text for message in store.messages(session_id, **fields)]


def ids(things: Sequence[Any]) -> list[str]:
    return [thing.id for thing in things]
