"""Asking again, asking in other words, and going to the other versions."""

import mimetypes
import shlex
from collections.abc import Iterator
from pathlib import Path

from palaver.chat.branches import newest_first
from palaver.chat.commands.command import Context, Misused, command, nothing, verb
from palaver.chat.commands.replies import Attachments, Editing, Failed, Forked, Moved, Reply, Started
from palaver.errors import PalaverError
from palaver.model import File, Message

_LOOKED_AT = 1_000
"""Messages that are searched for a fork, from the end."""


def _retry(context: Context, _: str) -> Reply:
    for message in newest_first(context.store, context.session.id):
        if message.role in ("user", "assistant"):
            return Started(context.engine.retry(message.id))
    return Failed("Nothing was asked here yet.")


def _edit(context: Context, text: str) -> Reply:
    question = next(_questions(context), None)
    if question is None:
        return Failed("Nothing was asked here yet.")
    if not text:
        return Editing(question)
    if text == question.text:
        return Failed("That is the question as it is; /retry asks it again.")
    return Started(context.engine.edit(question.id, text))


def _questions(context: Context) -> Iterator[Message]:
    return (m for m in newest_first(context.store, context.session.id) if m.role == "user")


def _branch(context: Context, number: str) -> Reply:
    fork = _last_fork(context)
    if fork is None:
        return Failed("There is one version of everything here; /edit and /retry make others.")
    if not number:
        return fork
    if not (number.isascii() and number.isdecimal()):
        raise Misused
    if not 1 <= int(number) <= len(fork.siblings):
        return Failed(f"There are versions 1 to {len(fork.siblings)}; /branch lists them.")
    wanted = fork.siblings[int(number) - 1]
    if wanted.id == fork.current_id:
        return Failed(f"Version {number} is shown already.")
    session = context.store.set_head(wanted.session_id, _newest_below(context, wanted))
    return Moved(session, f"Version {number} of {len(fork.siblings)}; /branch lists them.")


def _last_fork(context: Context) -> Forked | None:
    """The fork nearest to the end; where nothing is shown, the beginnings there are."""
    session = context.session
    for _, message in zip(range(_LOOKED_AT), newest_first(context.store, session.id), strict=False):
        siblings = context.store.list_siblings(message.id)
        if len(siblings) > 1:
            return Forked(siblings, message.id)
    if session.head_id is None:
        roots = [message for message in context.store.tree(session.id) if _is_root(message)]
        return Forked(roots, "") if roots else None
    return None


def _is_root(message: Message) -> bool:
    return message.parent_id is None and message.trashed_at is None and message.purged_at is None


def _newest_below(context: Context, message: Message) -> str:
    """The end of the branch through `message` that was written to last."""
    below, newest = {message.id}, message.id
    for each in context.store.tree(message.session_id):
        if each.parent_id in below:
            below.add(each.id)
            newest = newest if each.trashed_at or each.purged_at else each.id
    return newest


def _attach(context: Context, words: str) -> Reply:
    missed: list[str] = []
    for name in _names(words):
        try:
            context.attached.append(attach_file(context, Path(name).expanduser()))
        except (OSError, PalaverError) as exc:
            missed.append(f"{name}: {exc.strerror or exc if isinstance(exc, OSError) else exc.message}")
    return Attachments(list(context.attached), missed)


def _detach(context: Context, words: str) -> Reply:
    nothing(words)
    if not context.attached:
        return Failed("No file is attached.")
    context.attached.clear()
    return Attachments(())


def attach_file(context: Context, path: Path) -> File:
    """Store a file. Raises `OSError` and what the store raises."""
    with path.open("rb") as content:
        return context.store.put_file(content, name=path.name, mime=mimetypes.guess_type(path.name)[0])


def _names(words: str) -> list[str]:
    """Paths as a shell takes them; a backslash is part of a path on Windows, and an open quote part of a name."""
    try:
        return shlex.split(words, posix="\\" not in words or "/" in words)
    except ValueError:
        return [words]


COMMANDS = (
    command("retry", "", "Ask the last question again; the answer before is kept.", _retry),
    command("edit", "[TEXT]", "Ask the last question in other words; what was said before is kept.", _edit),
    command("branch", "[N]", "List the versions at the last fork, or go to one.", _branch),
    command(
        "attach",
        "FILE...",
        "Send files with the next question, or list those that will go.",
        _attach,
        verb("none", "", "Send no files.", _detach),
        free=True,
    ),
)
