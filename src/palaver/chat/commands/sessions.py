"""Commands on sessions: which is current, what it is called, what becomes of it."""

from pathlib import Path

from palaver.chat.commands.command import Context, command, needed, nothing, verb
from palaver.chat.commands.replies import Failed, Found, Listed, Reply, Said, Switched
from palaver.formats import FORMATS, take_out
from palaver.ids import short
from palaver.model import Session

_LISTED = 20
_FOUND = 10
_ENDINGS = {
    "markdown": "md",
    "html": "html",
    "palaver": "jsonl",
    "ollm": "json",
    "enteract": "json",
    "openai": "json",
}


def _new(context: Context, _: str) -> Reply:
    session = context.manager.create_session()
    return Switched(session, context.manager.session_path())


def _clear(context: Context, _: str) -> Reply:
    session = context.session
    if session.head_id is None:
        return Failed("There is nothing to clear: this session is empty.")
    context.store.clear_session(session.id)
    return Said(
        "Cleared: the model is sent nothing of what was said here. It stays and can be found; "
        "/snapshot rollback brings it back."
    )


def _title(context: Context, title: str) -> Reply:
    title = " ".join(needed(title).split())
    session = context.store.update_session(context.session.id, title=title)
    return Said(f"This session is called “{session.title}”.")


def _system(context: Context, text: str) -> Reply:
    session = context.session
    if not text:
        return Said(session.system_prompt or "There is no system prompt; /system TEXT sets one.")
    context.store.update_session(session.id, system_prompt=text)
    return Said("The system prompt is set; it goes with the next question.")


def _no_system(context: Context, words: str) -> Reply:
    nothing(words)
    if context.session.system_prompt is None:
        return Failed("There is no system prompt.")
    context.store.update_session(context.session.id, system_prompt=None)
    return Said("The system prompt is removed.")


def _sessions(context: Context, _: str) -> Reply:
    page = context.store.list_sessions(limit=_LISTED)
    return Listed(page.items, context.session.id)


def _switch(context: Context, id: str) -> Reply:
    session = context.store.find_session(needed(id))
    if session is None:
        return Failed(f"No session has an id that begins or ends with {id!r}; /sessions lists them.")
    return Switched(context.manager.switch(session.id), context.manager.session_path())


def _search(context: Context, words: str) -> Reply:
    page = context.store.search(needed(words), limit=_FOUND)
    return Found(words, page.items, page.cut)


def _export(context: Context, words: str) -> Reply:
    session = context.session
    format, path = _export_target(words, session)
    if path.is_dir():
        path /= _export_name(session, format)
    if path.exists():
        return Failed(f"{path} exists already: name another file.")
    take_out(context.store, path, format=format, session_ids=[session.id])
    return Said(f"This session is written to {path}.")


def _export_target(words: str, session: Session) -> tuple[str, Path]:
    """The format and the file of `[FORMAT] [FILE]`: where only a file is named, its ending tells the format."""
    first, _, rest = words.partition(" ")
    if first.lower() in FORMATS:
        format = first.lower()
        return format, Path(rest.strip() or _export_name(session, format)).expanduser()
    path = Path(words).expanduser() if words else None
    suffix = path.suffix.lower() if path else ".md"
    format = next((name for name, ending in _ENDINGS.items() if suffix == f".{ending}"), "markdown")
    return format, path or Path(_export_name(session, format))


def _export_name(session: Session, format: str) -> str:
    return f"session-{short(session.id)}.{_ENDINGS.get(format, 'json')}"


COMMANDS = (
    command("new", "", "Start a session on the same model; this one stays.", _new),
    command("clear", "", "Go on in this session as if nothing had been said.", _clear, aliases=("cls",)),
    command("title", "TEXT", "Name this session.", _title, aliases=("rename",)),
    command("sessions", "", "List the sessions, newest first.", _sessions, aliases=("ls",)),
    command(
        "switch",
        "ID",
        "Go on with another session; the last digits of its id are enough.",
        _switch,
        aliases=("resume",),
    ),
    command("search", "WORDS", "Search all sessions.", _search, aliases=("find",)),
    command(
        "export",
        "[FORMAT] [FILE]",
        f"Write this session to a file: {', '.join(_ENDINGS)}.",
        _export,
        aliases=("save",),
    ),
    command(
        "system",
        "TEXT",
        "Set the system prompt, or show it.",
        _system,
        verb("none", "", "Remove it.", _no_system),
        free=True,
    ),
)
