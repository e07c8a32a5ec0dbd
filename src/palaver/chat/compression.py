"""Keeps a session inside its model's window: warns, summarises older messages, rolls over."""

import logging
from collections.abc import Sequence

from palaver.chat.branches import newest_first
from palaver.chat.checkpointing import Checkpointing
from palaver.chat.events import CheckpointFinished, ContextWarning
from palaver.chat.prompting import Prompter, View
from palaver.chat.rollover import NewSessionWanted, RollingOver
from palaver.chat.scope import Scope
from palaver.chat.summarising import Summariser
from palaver.context.checkpoints import KEEP_PERCENT, SMALLEST
from palaver.context.prompt import Prompt
from palaver.context.tools import Tool
from palaver.context.window import CHECKPOINT_PERCENT, EMERGENCY_PERCENT
from palaver.errors import PalaverError
from palaver.store import Store

__all__ = ["Compression", "NewSessionWanted"]

_ROLLOVERS = 8
"""For one question: each but the last ends with a larger window."""

_URGENT_PERCENT = 85
"""Of the limit: from here on a summary is made whether the model answers or not, so that it does not come to more."""

_log = logging.getLogger(__name__)


class Compression:
    """What is done before a question is sent and after it is answered. Safe from any thread, for many sessions."""

    def __init__(self, store: Store, prompter: Prompter, *, summariser: Summariser | None = None) -> None:
        self._store = store
        self._prompter = prompter
        summariser = summariser or Summariser()
        self._checkpointing = Checkpointing(store, prompter, summariser)
        self._rolling_over = RollingOver(store, prompter, summariser)

    def before_sending(self, scope: Scope, *, tools: Sequence[Tool] = ()) -> Prompt:
        """What goes to the model now, never more than its limit; what a person should hear of it is told.

        At 95 % of the limit checkpoints are made shorter at once. Above it all but the newest messages become one short
        summary, and the person is asked how to go on.
        Raises `ContextOverflow`, `Unavailable` where what was before could not be kept, `NewSessionWanted` where the
        person wants one, and what the store raises.
        """
        view = self._look(scope, tools)
        prompt = view.prompt()
        if _summarises(view):
            if _is_pressing(prompt) and self._checkpointing.relieve(scope, view):
                view = self._look(scope, tools)
                prompt = view.prompt()
            for _ in range(_ROLLOVERS):
                if not (prompt.truncated and self._rolling_over.run(scope, view, prompt)):
                    break
                view = self._look(scope, tools)
                prompt = view.prompt()
        self._warn(scope, view, prompt)
        return prompt

    def after_answer(self, scope: Scope, *, tools: Sequence[Tool] = ()) -> None:
        """Looks after the session when a turn's last answer is closed: at 80 % of the budget older messages are
        summarised. Never raises, and changes nothing where it fails.

        `scope.leaf_id` is the newest message of the turn.
        """
        try:
            if not scope.stopped.is_set() and self._is_answered(scope):
                self._look_after(scope, tools)
        except PalaverError as exc:
            _log.warning("Session %s could not be looked after: %s", scope.session_id, exc.message)
        except Exception:  # noqa: BLE001  (the answer is there: what is done beside it must not take it away)
            _log.exception("Session %s could not be looked after", scope.session_id)

    def compact(self, scope: Scope, *, tools: Sequence[Tool] = ()) -> CheckpointFinished:
        """Summarise older messages now, because a person asked for it. `scope.leaf_id` is the session's head.

        The last event is returned and not told. Raises `ContextOverflow`, and what the store raises.
        """
        view = self._look(scope, tools)
        prompt = view.prompt()
        keep = min(view.limit, prompt.used) // 2
        finished = self._checkpointing.make(scope, view, keep, urgent=True)
        return finished or CheckpointFinished(
            id=scope.next_id(),
            checkpoint=None,
            text=f"There is too little to summarise: the conversation takes {prompt.tokens:,} tokens of "
            f"{prompt.limit:,}, and its newest half is kept as it is.",
            before=prompt.tokens,
            after=prompt.tokens,
        )

    def _look(self, scope: Scope, tools: Sequence[Tool] = ()) -> View:
        session = self._store.get_session(scope.session_id)
        return self._prompter.look(session, scope.leaf_id, scope.provider, scope.model, tools=tools)

    def _is_answered(self, scope: Scope) -> bool:
        """Whether the newest answer is whole: nothing is summarised while one is being written, or in a broken turn."""
        for message in newest_first(self._store, scope.session_id, scope.leaf_id, first=4):
            if message.role != "note":
                return message.role == "assistant" and message.status == "complete"
        return False

    def _look_after(self, scope: Scope, tools: Sequence[Tool]) -> None:
        view = self._look(scope, tools)
        if not _summarises(view):
            return
        prompt = view.prompt()
        if not prompt.truncated and prompt.used * 100 < prompt.budget * CHECKPOINT_PERCENT:
            return
        urgent = prompt.tokens * 100 >= prompt.limit * _URGENT_PERCENT
        for room in (view.limit, prompt.budget):
            finished = self._checkpointing.make(scope, view, room * KEEP_PERCENT // 100, urgent=urgent)
            if finished is not None:
                scope.tell(finished)
                return

    def _warn(self, scope: Scope, view: View, prompt: Prompt) -> None:
        text = self._prompter.warn(view, prompt, scope.provider, scope.model)
        if text is not None:
            scope.tell(
                ContextWarning(
                    id=scope.next_id(),
                    text=text,
                    tokens=prompt.tokens,
                    limit=prompt.limit,
                    window=prompt.window,
                    truncated=prompt.truncated,
                )
            )


def _summarises(view: View) -> bool:
    return view.strategy == "summarise" and view.limit >= SMALLEST


def _is_pressing(prompt: Prompt) -> bool:
    return prompt.truncated or prompt.tokens * 100 >= prompt.limit * EMERGENCY_PERCENT
