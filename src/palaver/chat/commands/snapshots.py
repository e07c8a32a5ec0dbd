"""Snapshots: named states of the session to go back to."""

from palaver.chat.commands.command import Context, command, needed, nothing, pick, verb
from palaver.chat.commands.replies import Failed, Moved, OneSnapshot, Reply, Said, Snapshots
from palaver.errors import NotFound
from palaver.ids import short
from palaver.model import Snapshot


def _list(context: Context, words: str) -> Reply:
    nothing(words)
    return Snapshots(context.store.list_snapshots(context.session.id))


def _create(context: Context, name: str) -> Reply:
    taken = context.store.take_snapshot(context.session.id, name=" ".join(name.split()) or None)
    return Said(f"Snapshot {short(taken.id)} “{taken.name}” is taken.")


def _show(context: Context, text: str) -> Reply:
    snapshot = _find(context, text)
    head = context.store.get_message(snapshot.head_id) if snapshot.head_id else None
    return OneSnapshot(snapshot, head)


def _restore(context: Context, text: str) -> Reply:
    return _go_back(context, _find(context, text))


def _rollback(context: Context, words: str) -> Reply:
    nothing(words)
    for snapshot in context.store.list_snapshots(context.session.id):
        # Those are the states that earlier ways back have left: going there would be going forward again.
        if snapshot.purpose != "rollback":
            return _go_back(context, snapshot)
    return Failed("This session has no snapshot to go back to; /snapshot create takes one.")


def _delete(context: Context, text: str) -> Reply:
    snapshot = _find(context, text)
    context.store.delete_snapshot(snapshot.id)
    return Said(f"Snapshot {short(snapshot.id)} “{snapshot.name}” is deleted; the messages stay.")


def _go_back(context: Context, snapshot: Snapshot) -> Reply:
    known = {known.id for known in context.store.list_snapshots(context.session.id)}
    session = context.store.restore_snapshot(snapshot.id)
    fresh = [one for one in context.store.list_snapshots(session.id) if one.id not in known]
    undo = f" /snapshot restore {short(fresh[0].id)} undoes this." if fresh else ""
    return Moved(session, f"Back at “{snapshot.name}”; nothing that was said later is lost.{undo}")


def _find(context: Context, text: str) -> Snapshot:
    """By a part of the id, else by the whole name where only one has it."""
    snapshots = context.store.list_snapshots(context.session.id)
    named = [snapshot for snapshot in snapshots if snapshot.name == needed(text)]
    try:
        return pick(snapshots, text, "snapshot")
    except NotFound:
        if len(named) == 1:
            return named[0]
        raise


COMMANDS = (
    command(
        "snapshot",
        "",
        "Keep states of this session by name, and go back to them.",
        _list,
        verb("create", "[NAME]", "Take one of now.", _create),
        verb("list", "", "List them, newest first.", _list),
        verb("show", "ID", "Say what it holds.", _show),
        verb("restore", "ID", "Go back to it; what came later stays.", _restore),
        verb("rollback", "", "Go back to the newest.", _rollback),
        verb("delete", "ID", "Forget it.", _delete),
    ),
)
