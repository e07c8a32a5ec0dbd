"""What of the session goes to the model, and how much may."""

from palaver.chat.commands.command import Context, Misused, command, nothing, verb
from palaver.chat.commands.replies import Compressing, Reply, Said, Statistics, Weight
from palaver.chat.weighing import Weighed, weigh

_LARGEST_WINDOW = 2**31 - 1


def weigh_now(context: Context) -> Weighed:
    """What would be sent now, in numbers. Raises `ContextOverflow`."""
    view = context.engine.look(context.session.id)
    return weigh(view.session, view.prompt(), view.window, view.checkpoints)


def _context(context: Context, _: str) -> Reply:
    return Weight(weigh_now(context))


def _size(context: Context, words: str) -> Reply:
    size = _number(words)
    context.store.update_session(context.session.id, context_size=size)
    context.manager.set_pending_context_size(size)
    return Said(f"The context window is {size:,} tokens, here and in the next session.")


def _number(words: str) -> int:
    if not (words.isascii() and words.isdecimal() and 0 < int(words) <= _LARGEST_WINDOW):
        raise Misused
    return int(words)


def _auto(context: Context, words: str) -> Reply:
    nothing(words)
    context.store.update_session(context.session.id, context_size=None)
    context.manager.take_pending_context_size()
    weighed = weigh_now(context)
    who = "that is assumed" if weighed.window_source == "default" else "as the model's server says"
    return Said(f"The context window is {weighed.window:,} tokens, {who}.")


def _stats(context: Context, words: str) -> Reply:
    nothing(words)
    session = context.session
    return Statistics(
        session=session,
        weighed=weigh_now(context),
        checkpoints=len(context.store.list_checkpoints(session.id, active=False)),
        active=len(context.store.list_checkpoints(session.id)),
        snapshots=len(context.store.list_snapshots(session.id)),
    )


def _compact(context: Context, words: str) -> Reply:
    nothing(words)
    return Compressing(context.engine.compact(context.session.id))


COMMANDS = (
    command(
        "context",
        "",
        "Show what is sent to the model, and set its window.",
        _context,
        verb("size", "N", "Set the model's window, in tokens.", _size),
        verb("auto", "", "Take the window that the model's server reports.", _auto),
        verb("stats", "", "Count messages, checkpoints and compressions.", _stats),
    ),
    command("compact", "", "Summarise older messages now, so that more fits.", _compact),
)
