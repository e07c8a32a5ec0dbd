"""The mode a session works in."""

from palaver.chat import modes
from palaver.chat.commands.command import Context, command, nothing, verb
from palaver.chat.commands.replies import Failed, Mode, ModeChange, ModeHistory, Modes, Reply, Said
from palaver.settings import NO_MODE, ModeSettings

_NONE = "There are no modes: write [[mode]] tables into config.toml (`palaver config edit`)."


def _mode(context: Context, name: str) -> Reply:
    current = modes.name_of(context.session)
    if not name:
        listed = [Mode(mode.name, mode.description) for mode in context.modes]
        return Modes([Mode(NO_MODE, "As the session is set, nothing added."), *listed], current)
    wanted = _find(context, name)
    if wanted is None and name.lower() != NO_MODE:
        names = ", ".join([NO_MODE, *(mode.name for mode in context.modes)])
        return Failed(f"There is no mode {name!r}; there are: {names}." if context.modes else _NONE)
    called = wanted.name if wanted else NO_MODE
    if called == current:
        return Said(f"The mode is {called} already.")
    modes.change_mode(context.store, context.session, wanted)
    return Said(f"The mode is {called} from the next question on.")


def _find(context: Context, name: str) -> ModeSettings | None:
    return next((mode for mode in context.modes if mode.name.lower() == name.lower()), None)


def _history(context: Context, words: str) -> Reply:
    nothing(words)
    changes = modes.list_changes(context.store, context.session.id)
    return ModeHistory([ModeChange(c.time, c.before, c.after, c.trigger) for c in changes])


COMMANDS = (
    command(
        "mode",
        "NAME",
        "Work in another mode of config.toml, or list them.",
        _mode,
        verb("history", "", "List the changes of mode.", _history),
        free=True,
    ),
)
