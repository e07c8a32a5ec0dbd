"""What a person is told while a checkpoint is made."""

import logging

from palaver.chat.events import CheckpointFinished, CheckpointProgress, CheckpointStarted, Stage
from palaver.chat.scope import Scope
from palaver.context.checkpoints import Stretch
from palaver.errors import PalaverError
from palaver.model import Checkpoint, NewMessage

_log = logging.getLogger(__name__)


def tell_start(scope: Scope, stretch: Stretch) -> None:
    scope.tell(
        CheckpointStarted(
            id=scope.next_id(),
            session_id=scope.session_id,
            messages=stretch.messages,
            tokens=stretch.tokens,
        )
    )


def tell_stage(scope: Scope, stage: Stage, percent: int) -> None:
    scope.tell(CheckpointProgress(id=scope.next_id(), stage=stage, percent=percent))


def tell_summarised(scope: Scope, percent: int) -> None:
    """How much of the model's work is done, of all the work."""
    tell_stage(scope, "summarise", 25 + 45 * percent // 100)


def finished(
    scope: Scope, checkpoint: Checkpoint | None, text: str, before: int, after: int
) -> CheckpointFinished:
    """The last event, for whoever tells it."""
    return CheckpointFinished(
        id=scope.next_id(), checkpoint=checkpoint, text=text, before=before, after=after
    )


def describe(stretch: Stretch, after: int) -> str:
    """What has become of a stretch, for a person."""
    return f"{stretch.messages} older messages ({stretch.tokens} tokens) are sent as a summary of {after} tokens."


def keep_note(scope: Scope, message: NewMessage) -> None:
    """A note that cannot be kept takes nothing along."""
    try:
        scope.note(message)
    except PalaverError as exc:
        _log.warning("A note in session %s could not be kept: %s", scope.session_id, exc.message)
