"""A session's title by its model, made once from the first question and its answer."""

import logging
import re
import threading

from palaver.chat.branches import newest_first
from palaver.chat.models import Chosen
from palaver.chat.stopping import Stopping
from palaver.context.prompt import Sent
from palaver.context.tokens import estimate
from palaver.errors import PalaverError
from palaver.model import Message, Text
from palaver.providers.base import Finish, Request
from palaver.providers.demo import DemoProvider
from palaver.store import Store
from palaver.titles import first_message_title

SECONDS = 8.0
_QUOTED = 1_500
"""Characters of the question, and of the answer, that the model is shown again."""
_TOKENS = 600
"""A model may think before it answers."""
_ASK = """Here is the beginning of a conversation.

{question}

{answer}

Give this conversation a title of at most six words, in the language of the question. Write only the title: one line, \
without quotation marks, without explanation."""
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_LABEL = re.compile(r"^(title|titel|titre|título|titolo|标题|タイトル|заголовок)\s*[:：]\s*", re.IGNORECASE)
_BOTH = " \t\"'`*_“”„‟‘’‚«»‹›「」『』《》"
_BEFORE = _BOTH + "#>-–—"
_BEHIND = _BOTH + ".,:;。"

_log = logging.getLogger(__name__)


class Titling:
    """Asks for titles. Safe from any thread."""

    def __init__(self, store: Store, *, seconds: float = SECONDS) -> None:
        self._store = store
        self._seconds = seconds

    def give(
        self, session_id: str, leaf_id: str, chosen: Chosen, window: int, stopping: Stopping
    ) -> str | None:
        """The title the session has from now on, where this is its first answer and no person has given it one.

        None where there is none to give, where it took too long, and where a stop is wished. Never raises: a title is no
        reason to disturb a conversation. `window` is that of the answer, so that no server loads its model again.
        """
        try:
            asked = self._first_words(session_id, leaf_id, chosen)
            title = self._ask(asked, chosen, window, stopping) if asked is not None else None
            return self._put(session_id, title) if title else None
        except PalaverError as exc:
            _log.info("Session %s gets no title from its model: %s", session_id, exc.message)
        except Exception:  # noqa: BLE001  (the answer is there: what is done beside it must not take it away)
            _log.exception("A title for session %s failed in an unknown way", session_id)
        return None

    def _first_words(self, session_id: str, leaf_id: str, chosen: Chosen) -> str | None:
        """What the model is asked; None where nothing is to be asked."""
        if isinstance(chosen[0], DemoProvider):
            return None
        if self._store.get_session(session_id).title_source not in ("default", "first_message"):
            return None
        said = [m for m in _since_second_question(self._store, session_id, leaf_id) if m.text.strip()]
        questions = [m for m in said if m.role == "user"]
        answers = [m for m in said if m.role == "assistant"]
        if len(questions) != 1 or not answers:
            return None
        return _ASK.format(question=questions[0].text[:_QUOTED], answer=answers[0].text[:_QUOTED])

    def _ask(self, text: str, chosen: Chosen, window: int, stopping: Stopping) -> str | None:
        provider, model = chosen
        answer = provider.stream(
            Request(
                model=model,
                messages=(Sent("user", (Text(text),), estimate(text)),),
                settings={"temperature": 0.3, "max_tokens": _TOKENS},
                window=window,
            )
        )
        late = threading.Timer(self._seconds, answer.close)
        late.daemon = True
        late.start()
        stopping.on_stop(answer.close)
        try:
            pieces = list(answer)
        finally:
            late.cancel()
        whole = any(isinstance(piece, Finish) for piece in pieces)
        return clean("".join(piece.text for piece in pieces if isinstance(piece, Text))) if whole else None

    def _put(self, session_id: str, title: str) -> str | None:
        session = self._store.update_session(session_id, title=title, title_source="model")
        return title if session.title == title else None


def clean(text: str) -> str:
    """A title as models write it: the first line without thoughts, label, quotation marks and what stands around it."""
    lines = _THOUGHT.sub("", text).strip().splitlines()
    first = next((line for line in map(_bare, lines) if line), "")
    return first_message_title(_bare(_LABEL.sub("", first)))


def _bare(line: str) -> str:
    return line.lstrip(_BEFORE).rstrip(_BEHIND)


def _since_second_question(store: Store, session_id: str, leaf_id: str) -> list[Message]:
    """The branch backwards as far as it takes to see whether one thing was asked so far."""
    seen: list[Message] = []
    for message in newest_first(store, session_id, leaf_id):
        seen.append(message)
        if sum(m.role == "user" for m in seen) > 1:
            break
    return seen
