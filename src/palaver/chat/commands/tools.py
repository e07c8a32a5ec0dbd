"""Which tools the model is offered, and which it may use without asking."""

from palaver.chat import modes
from palaver.chat.commands.command import Context, command, needed, nothing, verb
from palaver.chat.commands.replies import Failed, OneTool, Reply, Said, ToolServer, ToolServers


def _list(context: Context, words: str) -> Reply:
    nothing(words)
    if context.toolbox is None:
        return Failed("There are no tools: write [[tool_server]] tables into config.toml.")
    session = context.session
    servers: dict[str, list[OneTool]] = {}
    every = context.toolbox.list_tools()
    offered = modes.tools_of(session, every)
    for tool in offered:
        offer = context.toolbox.find(tool.name)
        if offer is not None:
            standing = context.engine.permissions.standing(session.id, offer)
            servers.setdefault(offer.server, []).append(OneTool(tool.name, tool.description, standing))
    problems = [ToolServer(trouble.server, (), trouble.text) for trouble in context.toolbox.troubles()]
    listed = [ToolServer(name, tools) for name, tools in servers.items()]
    return ToolServers([*listed, *problems], len(every) - len(offered), modes.name_of(session))


def _forget(context: Context, name: str) -> Reply:
    """One tool's approval, or all of them."""
    wanted = needed(name)
    offer = context.toolbox.find(wanted) if context.toolbox else None
    meant = None if wanted.lower() == "all" else f"{offer.server}/{offer.name}" if offer else wanted
    forgotten = context.engine.permissions.forget(context.session.id, meant)
    if not forgotten:
        return Failed(f"Nothing was allowed for {wanted!r}; /tools lists what is.")
    return Said(f"You will be asked again: {', '.join(forgotten)}.")


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
