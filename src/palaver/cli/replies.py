"""What the slash commands reply, shown on a terminal."""

from rich.console import Console
from rich.text import Text

from palaver.chat.commands import Command, Failed, Found, Helped, Listed, Reply, Said, Switched
from palaver.cli.ls import line
from palaver.cli.search import show_hit
from palaver.cli.terms import one_line, visible
from palaver.ids import short
from palaver.model import Time


def show_reply(console: Console, reply: Reply) -> None:
    """Show a reply that is neither a turn nor the end."""
    match reply:
        case Said(text=text):
            console.print(Text(visible(text)))
        case Failed(text=text):
            console.print(Text(visible(text), style="red"))
        case Switched():
            _show_switch(console, reply)
        case Listed():
            _show_sessions(console, reply)
        case Found():
            _show_hits(console, reply)
        case Helped(commands=commands):
            _show_help(console, commands)
        case _:
            pass


def _show_switch(console: Console, reply: Switched) -> None:
    session = reply.session
    facts = f" {short(session.id)} · {one_line(session.title)} · {session.model or 'no model'} "
    console.rule(Text(facts, style="dim"), style="dim", align="left")
    console.print(Text(visible(reply.path), style="dim"))


def _show_sessions(console: Console, reply: Listed) -> None:
    now = Time.current()
    for session in reply.sessions:
        mark = "▶ " if session.id == reply.current_id else "  "
        console.print(Text(mark, style="bold yellow", end=""), line(session, console.width - 2, now), sep="")
    if not reply.sessions:
        console.print(Text("No other sessions yet.", style="dim"))


def _show_hits(console: Console, reply: Found) -> None:
    now = Time.current()
    for hit in reply.hits:
        show_hit(console, hit, now, openable=False)
    if not reply.hits:
        console.print(Text(f"Nothing found for {visible(reply.query)}.", style="dim"))
    if reply.cut:
        console.print(Text("The search took too long and was cut: there may be more.", style="dim"))


def _show_help(console: Console, commands: tuple[Command, ...]) -> None:
    calls = [
        (f"/{c.name} {c.usage}".rstrip() if not c.usage.startswith("/") else c.usage, c) for c in commands
    ]
    width = max((len(call) for call, _ in calls), default=0)
    for call, command in calls:
        aliases = f" (also {', '.join(f'/{name}' for name in command.aliases)})" if command.aliases else ""
        console.print(Text.assemble((call.ljust(width), "cyan"), "  ", command.help, (aliases, "dim")))
