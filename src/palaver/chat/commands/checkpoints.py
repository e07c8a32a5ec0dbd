"""Checkpoints: the summaries that stand in for older messages."""

from palaver.chat.commands.command import Context, command, needed, nothing, pick, verb
from palaver.chat.commands.replies import Checkpoints, Failed, OneCheckpoint, Reply, Said
from palaver.errors import NotFound
from palaver.model import Checkpoint, Message


def _list(context: Context, words: str) -> Reply:
    nothing(words)
    every = context.store.list_checkpoints(context.session.id, active=False)
    return Checkpoints(every, _active_ids(context))


def _show(context: Context, text: str) -> Reply:
    checkpoint = _find(context, text)
    first, last = (_message(context, id) for id in (checkpoint.from_id, checkpoint.through_id))
    return OneCheckpoint(checkpoint, checkpoint.id in _active_ids(context), first, last)


def _revert(context: Context, text: str) -> Reply:
    checkpoint = _find(context, text)
    if checkpoint.reverted_at is not None:
        return Failed(f"Checkpoint {checkpoint.number} is reverted already.")
    before = _active_ids(context)
    context.store.revert_checkpoint(checkpoint.id)
    back = sorted(
        known.number for known in context.store.list_checkpoints(context.session.id) if known.id not in before
    )
    again = (
        f"checkpoint {', '.join(map(str, back))} is active again" if back else "its messages are sent again"
    )
    if checkpoint.id not in before:
        again = "it was not in use"
    return Said(f"Checkpoint {checkpoint.number} is reverted: {again}.")


def _find(context: Context, text: str) -> Checkpoint:
    """By its number, else by a part of its id."""
    every = context.store.list_checkpoints(context.session.id, active=False)
    number = needed(text).removeprefix("#")
    for checkpoint in every:
        if str(checkpoint.number) == number:
            return checkpoint
    return pick(every, text, "checkpoint")


def _active_ids(context: Context) -> frozenset[str]:
    return frozenset(checkpoint.id for checkpoint in context.store.list_checkpoints(context.session.id))


def _message(context: Context, id: str) -> Message | None:
    try:
        return context.store.get_message(id)
    except NotFound:
        return None


COMMANDS = (
    command(
        "checkpoint",
        "",
        "See the summaries that stand in for older messages, and take them out of use.",
        _list,
        verb("list", "", "List all, those in use marked.", _list),
        verb("show", "ID", "Show the summary; its number will do.", _show),
        verb("revert", "ID", "Send its messages again instead.", _revert),
    ),
)
