"""What happens when a conversation is over its window: one short summary of all but the newest turns."""

from palaver.chat.events import InputRequired, Rollover
from palaver.chat.modes import system_prompt_of
from palaver.chat.prompting import Prompter, View
from palaver.chat.scope import Scope
from palaver.chat.summarising import Summariser, Work
from palaver.chat.telling import describe, finished, keep_note, tell_start, tell_summarised
from palaver.context.checkpoints import Stretch, find_rollover, rollover_target
from palaver.context.prompt import SUMMARY_HEADING, Prompt, summary_message
from palaver.context.window import EMERGENCY_PERCENT
from palaver.errors import PalaverError, Unavailable
from palaver.ids import new_id, short
from palaver.model import Checkpoint, Event, NewMessage, Snapshot, note
from palaver.store import Store

CHOICES = ("continue", "new", "larger", "history")
_COMPACT = 1


class NewSessionWanted(PalaverError):
    """The window is full, and the person chose to go on in a new session. Nothing was sent."""

    code = "new_session_wanted"


class RollingOver:
    """Rolls sessions of one store over. Safe from any thread."""

    def __init__(self, store: Store, prompter: Prompter, summariser: Summariser) -> None:
        self._store = store
        self._prompter = prompter
        self._summariser = summariser

    def run(self, scope: Scope, view: View, prompt: Prompt) -> bool:
        """Make room by one short summary, or as the person chooses. False where there is nothing to be summarised.

        Raises `Unavailable` where what was before cannot be kept, `NewSessionWanted`, and what the store raises.
        """
        stretch = self._find(scope, view, prompt)
        if stretch is None or self._moved(scope, view):
            return False
        snapshot = self._keep(scope)
        checkpoint = self._summarise(scope, view, stretch)
        after = self._look(scope, view).prompt().tokens
        saved = stretch.tokens - checkpoint.token_count
        told = Rollover(
            id=scope.next_id(),
            snapshot_id=snapshot.id,
            checkpoint=checkpoint,
            previous_tokens=after + saved,
            new_tokens=after,
        )
        scope.tell(told)
        choice = scope.ask(_question(scope))
        if choice == "larger":
            self._enlarge(scope, view, checkpoint)
            return True
        keep_note(scope, _note(told, stretch, snapshot))
        if choice == "new":
            raise NewSessionWanted(
                "The conversation goes on in a new session: the question was not sent here."
            )
        return True

    def _find(self, scope: Scope, view: View, prompt: Prompt) -> Stretch | None:
        weights = view.weights
        tokens = rollover_target(view.limit, view.limit)
        prompt_text = system_prompt_of(view.session)
        before = prompt.overhead + (weights.text("system", prompt_text).tokens if prompt_text else 0)
        summary = weights.text("system", SUMMARY_HEADING).tokens + tokens
        room = view.limit * EMERGENCY_PERCENT // 100 - before - summary
        most = Work(scope, view, _COMPACT, tokens).most
        return find_rollover(view.reader().read(), room=room, most=most)

    def _moved(self, scope: Scope, view: View) -> bool:
        """Whether another branch is shown by now: then this one is not the place for it."""
        return self._store.get_session(scope.session_id).head_id != view.session.head_id

    def _keep(self, scope: Scope) -> Snapshot:
        try:
            return self._store.take_snapshot(scope.session_id, purpose="emergency")
        except PalaverError as exc:
            raise Unavailable(
                "Nothing was sent: the conversation is over the window, and what it was before could not be kept: "
                f"{exc.message}"
            ) from exc

    def _summarise(self, scope: Scope, view: View, stretch: Stretch) -> Checkpoint:
        tell_start(scope, stretch)
        work = Work(scope, view, _COMPACT, rollover_target(view.limit, stretch.tokens))
        summary = self._summariser.summarise(
            work, stretch, urgent=True, progress=lambda percent: tell_summarised(scope, percent)
        )
        checkpoint = self._store.add_checkpoint(
            scope.session_id,
            from_id=stretch.from_id,
            through_id=stretch.through_id,
            summary=summary.text,
            kind="rollover",
            level=_COMPACT,
            token_count=view.counter.count(summary.text),
            model=summary.model,
            replaces=stretch.replaces,
        )
        after = summary_message(checkpoint, view.weights).tokens
        scope.tell(finished(scope, checkpoint, describe(stretch, after), stretch.tokens, after))
        return checkpoint

    def _enlarge(self, scope: Scope, view: View, checkpoint: Checkpoint) -> None:
        """Everything as it was, and a window that is larger: the provider's where it is, else twice this one."""
        self._store.revert_checkpoint(checkpoint.id)
        info = self._prompter.descriptions.find(scope.provider, scope.model)
        reported = info.window if info and info.window else 0
        size = reported if reported > view.window.size else 2 * view.window.size
        self._store.update_session(scope.session_id, context_size=size)
        keep_note(scope, note(f"The context size is {size} tokens from now on."))

    def _look(self, scope: Scope, view: View) -> View:
        session = self._store.get_session(scope.session_id)
        return self._prompter.look(session, scope.leaf_id, scope.provider, scope.model, tools=view.tools)


def _question(scope: Scope) -> InputRequired:
    return InputRequired(
        id=scope.next_id(),
        request_id=new_id(),
        kind="rollover",
        text="How do you want to go on?",
        choices=CHOICES,
        default="continue",
    )


def _note(told: Rollover, stretch: Stretch, snapshot: Snapshot) -> NewMessage:
    text = (
        f"The conversation was over the window: {stretch.messages} older messages ({stretch.tokens} tokens) are sent as "
        f"one summary of {told.checkpoint.token_count} tokens from here on. "
        f"Snapshot {short(snapshot.id)} keeps what was before."
    )
    data = {
        "snapshotId": told.snapshot_id,
        "checkpointId": told.checkpoint.id,
        "messages": stretch.messages,
        "previousTokens": told.previous_tokens,
        "newTokens": told.new_tokens,
    }
    return note(text, parts=(Event("rollover", data),))
