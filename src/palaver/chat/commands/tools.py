"""Which tools the model is offered, and which it may use without asking."""

from palaver.chat import modes
from palaver.chat.commands.command import Context, command, needed, nothing, verb
from palaver.chat.commands.replies import Failed, OneTool, Reply, Said, ToolServer, ToolServers
from palaver.tools.base import Offer

_PREFERENCES = "tools/"


def _list(context: Context, words: str) -> Reply:
    nothing(words)
    if context.toolbox is None:
        return Failed("There are no tools: write [[tool_server]] tables into config.toml.")
    servers: dict[str, list[OneTool]] = {}
    for tool in modes.tools_of(context.session, context.toolbox.list_tools()):
        offer = context.toolbox.find(tool.name)
        if offer is not None:
            listed = servers.setdefault(offer.server, [])
            listed.append(OneTool(tool.name, tool.description, _allowed(context, offer)))
    problems = [ToolServer(trouble.server, (), trouble.text) for trouble in context.toolbox.troubles()]
    return ToolServers([*(ToolServer(name, listed) for name, listed in servers.items()), *problems])


def _allowed(context: Context, offer: Offer) -> str:
    return context.store.get_preference(f"{_PREFERENCES}{offer.server}/{offer.name}") or offer.allow


def _forget(context: Context, name: str) -> Reply:
    """One tool's approval for good, or all of them."""
    wanted = needed(name)
    kept = [
        preference
        for preference in context.store.list_preferences(_PREFERENCES)
        if wanted.lower() == "all" or preference.rpartition("/")[2] == wanted
    ]
    for preference in kept:
        context.store.put_preference(preference, None)
    if not kept:
        return Failed(f"Nothing is allowed for {wanted!r}; /tools lists what is.")
    names = ", ".join(preference.removeprefix(_PREFERENCES) for preference in kept)
    return Said(f"You will be asked again: {names}.")


COMMANDS = (
    command(
        "tools",
        "",
        "List the tools there are and what they may do without asking.",
        _list,
        verb("list", "", "List them.", _list),
        verb("forget", "NAME", "Be asked again before this tool is used; `all` for every one.", _forget),
    ),
)
