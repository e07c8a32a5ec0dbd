"""The making, ageing and merging of checkpoints, with what is told of it."""

import logging
import threading
from collections.abc import Sequence

from palaver.chat.events import CheckpointFinished
from palaver.chat.prompting import Prompter, View
from palaver.chat.scope import Scope
from palaver.chat.summarising import NoSummary, Summariser, Summary, Work
from palaver.chat.telling import describe, finished, keep_note, tell_stage, tell_start, tell_summarised
from palaver.context.ageing import Origins, Step, find_origins, plan_ageing, plan_emergency
from palaver.context.checkpoints import TOTAL_PERCENT, Stretch, find_stretch, minimum, share, target
from palaver.context.prompt import summary_message
from palaver.errors import PalaverError
from palaver.model import Checkpoint, Event, note
from palaver.store import Store

_DETAILED = 3
_SESSIONS = 256
_WORTH_PERCENT = 2
"""Of the limit: what shorter checkpoints must save for the emergency to change them."""

_log = logging.getLogger(__name__)


class Checkpointing:
    """Makes checkpoints of one store's sessions. Safe from any thread; nothing changes where it fails."""

    def __init__(self, store: Store, prompter: Prompter, summariser: Summariser) -> None:
        self._store = store
        self._prompter = prompter
        self._summariser = summariser
        self._lock = threading.Lock()
        self._origins: dict[str, dict[str, frozenset[int]]] = {}

    def make(self, scope: Scope, view: View, keep: int, *, urgent: bool) -> CheckpointFinished | None:
        """Summarise what is older than the newest `keep` tokens; the last event is returned and not told.

        None where there is too little, or where it is not `urgent` and the model failed a moment ago.
        """
        if not urgent and self._summariser.waits(scope):
            return None
        longest = Work(scope, view, _DETAILED, share(view.limit, _DETAILED))
        stretch = find_stretch(
            view.reader().read(),
            keep=keep,
            fewest=minimum(view.limit),
            most=longest.most,
        )
        if stretch is None:
            return None
        tell_start(scope, stretch)
        tokens = target(view.limit, _DETAILED, stretch.tokens)
        try:
            return self._make(Work(scope, view, _DETAILED, tokens), stretch, urgent=urgent)
        except (NoSummary, PalaverError) as exc:
            _log.info("No checkpoint in session %s: %s", scope.session_id, exc)
            return finished(scope, None, f"Nothing has changed: {exc}", stretch.tokens, stretch.tokens)

    def relieve(self, scope: Scope, view: View) -> bool:
        """Make all checkpoints shorter at once, without a model. False where that is of no use."""
        counter = view.counter
        steps = plan_emergency(view.landmarks(), view.limit)
        shorter = [(step, Summary(step.condensed(counter), None)) for step in steps]
        before = sum(checkpoint.token_count for step in steps for checkpoint in step.checkpoints)
        after = sum(counter.count(summary.text) for _, summary in shorter)
        if before - after <= view.limit * _WORTH_PERCENT // 100:
            return False
        try:
            self._store.take_snapshot(scope.session_id, purpose="recovery")
            made = [self._replace(scope, view, step, summary) for step, summary in shorter]
        except PalaverError as exc:
            _log.warning("The checkpoints of session %s could not be shortened: %s", scope.session_id, exc)
            return True  # some may be: what is sent has to be built anew
        text = f"The window is nearly full: summaries of {before} tokens were shortened to {after}."
        data = {"checkpointIds": [c.id for c in made], "fromTokens": before, "toTokens": after}
        keep_note(scope, note(text, parts=(Event("emergency", data),)))
        scope.tell(finished(scope, made[-1], text, before, after))
        return True

    def _make(self, work: Work, stretch: Stretch, *, urgent: bool) -> CheckpointFinished:
        scope, view = work.scope, work.view
        tell_stage(scope, "identify", 15)
        tell_stage(scope, "prepare", 25)
        summary = self._summariser.summarise(
            work,
            stretch,
            urgent=urgent,
            progress=lambda percent: tell_summarised(scope, percent),
        )
        checkpoint = self._add(scope, view, stretch, summary)
        tell_stage(scope, "checkpoint", 80)
        self._age(scope)
        tell_stage(scope, "update", 90)
        after = summary_message(checkpoint, view.weights).tokens
        text = describe(stretch, after)
        keep_note(scope, note(text, parts=(Event("compressed", _data(checkpoint, stretch, after)),)))
        tell_stage(scope, "validate", 100)
        return finished(scope, checkpoint, text, stretch.tokens, after)

    def _add(self, scope: Scope, view: View, stretch: Stretch, summary: Summary) -> Checkpoint:
        """The checkpoint, unless somebody else has changed the branch since it was looked at."""
        tokens = view.counter.count(summary.text)
        if not summary.text or tokens >= stretch.tokens:
            raise NoSummary("the summary is no shorter than what it would replace")
        if self._store.get_session(scope.session_id).head_id != view.session.head_id:
            raise NoSummary("the conversation went on meanwhile")
        if scope.stopped.is_set():
            raise NoSummary("it was stopped")
        self._store.take_snapshot(scope.session_id, purpose="recovery")
        checkpoint = self._store.add_checkpoint(
            scope.session_id,
            from_id=stretch.from_id,
            through_id=stretch.through_id,
            summary=summary.text,
            level=_DETAILED,
            token_count=tokens,
            model=summary.model,
        )
        active = {c.id for c in self._store.list_checkpoints(scope.session_id)}
        if active != {checkpoint.id, *(c.id for c in view.checkpoints)}:
            self._store.revert_checkpoint(checkpoint.id)
            raise NoSummary("somebody else has changed the checkpoints meanwhile")
        return checkpoint

    def _age(self, scope: Scope) -> None:
        """What the table says, then whatever keeps all checkpoints together within their share."""
        try:
            deadline = self._summariser.deadline()
            view = self._look(scope)
            origins = self._find_origins(scope.session_id, view.checkpoints)
            self._take(scope, view, plan_ageing(view.landmarks(), origins, view.limit), deadline)
            view = self._look(scope)
            if sum(c.token_count for c in view.checkpoints) * 100 > view.limit * TOTAL_PERCENT:
                self._take(scope, view, plan_emergency(view.landmarks(), view.limit), deadline)
        except PalaverError as exc:
            _log.warning("The checkpoints of session %s could not be aged: %s", scope.session_id, exc.message)

    def _take(self, scope: Scope, view: View, steps: Sequence[Step], deadline: float) -> None:
        for step in steps:
            work = Work(scope, view, step.level, step.target)
            self._replace(scope, view, step, self._summariser.shorten(work, step, deadline))

    def _replace(self, scope: Scope, view: View, step: Step, summary: Summary) -> Checkpoint:
        made = self._store.add_checkpoint(
            scope.session_id,
            from_id=step.checkpoints[0].from_id,
            through_id=step.checkpoints[-1].through_id,
            summary=summary.text,
            kind=step.kind,
            level=step.level,
            token_count=view.counter.count(summary.text),
            model=summary.model,
            replaces=[checkpoint.id for checkpoint in step.checkpoints],
        )
        with self._lock:
            known = self._origins.get(scope.session_id, {})
            if all(id in known for id in made.replaces):
                known[made.id] = frozenset().union(*(known[id] for id in made.replaces))
        return made

    def _look(self, scope: Scope) -> View:
        session = self._store.get_session(scope.session_id)
        return self._prompter.look(session, scope.leaf_id, scope.provider, scope.model)

    def _find_origins(self, session_id: str, active: Sequence[Checkpoint]) -> Origins:
        """Kept from one time to the next, as reading all of a long session's checkpoints takes its time."""
        with self._lock:
            known = self._origins.get(session_id, {})
        fresh = {c.id: frozenset((c.number,)) for c in active if not c.replaces}
        found = {c.id: fresh.get(c.id) or known[c.id] for c in active if c.id in fresh or c.id in known}
        if len(found) < len(active):
            found = find_origins(active, self._store.list_checkpoints(session_id, active=False))
        with self._lock:
            if len(self._origins) > _SESSIONS:
                self._origins.clear()
            self._origins[session_id] = dict(found)
        return found


def _data(checkpoint: Checkpoint, stretch: Stretch, after: int) -> dict[str, object]:
    return {
        "checkpointId": checkpoint.id,
        "messages": stretch.messages,
        "fromTokens": stretch.tokens,
        "toTokens": after,
        "model": checkpoint.model,
    }
