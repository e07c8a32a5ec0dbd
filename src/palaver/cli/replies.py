"""What the slash commands reply, shown on a terminal."""

from rich.console import Console
from rich.text import Text

from palaver.chat import commands as c
from palaver.cli import states, weights
from palaver.cli.ls import line
from palaver.cli.search import show_hit
from palaver.cli.terms import fit, number, one_line, size, visible
from palaver.ids import short
from palaver.model import Time


def show_reply(console: Console, reply: c.Reply) -> None:  # noqa: C901, PLR0912 (one line for each kind of reply)
    """Show a reply that begins nothing: no turn, no editing, not the end."""
    match reply:
        case c.Said(text=text):
            console.print(Text(visible(text)))
        case c.Failed(text=text):
            console.print(Text(visible(text), style="red"))
        case c.Moved(text=text):
            console.print(Text(visible(text), style="dim"))
        case c.Switched():
            _show_switch(console, reply)
        case c.Listed():
            _show_sessions(console, reply)
        case c.Found():
            _show_hits(console, reply)
        case c.Weight(weighed=weighed):
            weights.show_weight(console, weighed)
        case c.Statistics():
            weights.show_statistics(console, reply)
        case c.Forked():
            _show_versions(console, reply)
        case c.Attachments():
            _show_attachments(console, reply)
        case c.Snapshots():
            states.show_snapshots(console, reply)
        case c.OneSnapshot():
            states.show_snapshot(console, reply)
        case c.Checkpoints():
            states.show_checkpoints(console, reply)
        case c.OneCheckpoint():
            states.show_checkpoint(console, reply)
        case c.Modes():
            states.show_modes(console, reply)
        case c.ModeHistory():
            states.show_mode_history(console, reply)
        case c.ToolServers():
            states.show_tools(console, reply)
        case c.Helped():
            _show_help(console, reply)
        case _:
            pass


def _show_switch(console: Console, reply: c.Switched) -> None:
    session = reply.session
    facts = f" {short(session.id)} · {one_line(session.title)} · {session.model or 'no model'} "
    console.rule(Text(facts, style="dim"), style="dim", align="left")
    console.print(Text(visible(reply.path), style="dim"))


def _show_sessions(console: Console, reply: c.Listed) -> None:
    now = Time.current()
    for session in reply.sessions:
        mark = "▶ " if session.id == reply.current_id else "  "
        shown = Text.assemble((mark, "bold yellow"), line(session, console.width - len(mark), now))
        console.print(shown, no_wrap=True, overflow="crop")
    if not reply.sessions:
        console.print(Text("No other sessions yet.", style="dim"))


def _show_hits(console: Console, reply: c.Found) -> None:
    now = Time.current()
    for hit in reply.hits:
        show_hit(console, hit, now, openable=False)
    if not reply.hits:
        console.print(Text(f"Nothing found for {visible(reply.query)}.", style="dim"))
    if reply.cut:
        console.print(Text("The search took too long and was cut: there may be more.", style="dim"))


def _show_versions(console: Console, reply: c.Forked) -> None:
    for at, message in enumerate(reply.siblings, 1):
        mark = ("▶ ", "bold yellow") if message.id == reply.current_id else ("  ", "")
        text = one_line(message.text) or number(len(message.parts), "part")
        console.print(
            Text.assemble(
                mark,
                (f"{at}", "cyan"),
                f"  {message.role}: ",
                (fit(text, max(10, console.width - 20)).rstrip(), ""),
            ),
            no_wrap=True,
            overflow="crop",
        )
    console.print(Text("/branch N shows another one.", style="dim"))


def _show_attachments(console: Console, reply: c.Attachments) -> None:
    for why in reply.missed:
        console.print(Text(visible(why), style="red"))
    for file in reply.files:
        console.print(
            Text.assemble("  ", (one_line(file.name), "cyan"), (f"  {file.mime}, {size(file.size)}", "dim"))
        )
    if reply.files:
        console.print(Text("They go with your next question; /attach none drops them.", style="dim"))
    elif not reply.missed:
        console.print(Text("No files go with your next question; /attach FILE adds one.", style="dim"))


def _show_help(console: Console, reply: c.Helped) -> None:
    if len(reply.commands) == 1:
        _show_command(console, reply.commands[0])
        return
    calls = [_called(call) + (" …" if call.verbs else "") for call in reply.commands]
    width = max(map(len, calls), default=0)
    for shown, call in zip(calls, reply.commands, strict=True):
        console.print(Text.assemble((shown.ljust(width), "cyan"), "  ", call.help, (_aliases(call), "dim")))
    console.print(Text("/help COMMAND says more of those that end in “…”.", style="dim"))


def _show_command(console: Console, call: c.Call) -> None:
    rows = [(_called(call), call.help + _aliases(call))]
    rows += [(f"/{call.name} {verb.name} {verb.usage}".rstrip(), verb.help) for verb in call.verbs]
    width = max(len(shown) for shown, _ in rows)
    for shown, help in rows:
        console.print(Text.assemble((shown.ljust(width), "cyan"), "  ", help))


def _called(call: c.Call) -> str:
    usage = f"[{call.usage}]" if call.usage and call.verbs else call.usage
    return f"/{call.name} {usage}".rstrip()


def _aliases(call: c.Call) -> str:
    return f" (also {', '.join(f'/{name}' for name in call.aliases)})" if call.aliases else ""
