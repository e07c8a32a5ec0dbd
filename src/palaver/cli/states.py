"""Snapshots, checkpoints, modes and tools, as lists and one by one."""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from palaver.chat.commands import (
    Checkpoints,
    ModeHistory,
    Modes,
    OneCheckpoint,
    OneSnapshot,
    Snapshots,
    ToolServers,
)
from palaver.cli.terms import age, clock, fit, number, one_line, visible
from palaver.ids import short
from palaver.model import Checkpoint, Message, Snapshot

_LEVELS = {3: "detailed", 2: "moderate", 1: "compact"}
_SHORTEST = 6
"""Cells of a text that is cut."""
_ALLOWED = {
    "ask": ("you are asked", "dim"),
    "session": ("allowed in this session", "green"),
    "always": ("always allowed", "green"),
    "never": ("never allowed", "red"),
}


def show_snapshots(console: Console, reply: Snapshots) -> None:
    for snapshot in reply.snapshots:
        console.print(snapshot_line(snapshot, console.width), no_wrap=True, overflow="ellipsis")
    if not reply.snapshots:
        console.print(Text("No snapshots yet; /snapshot create takes one.", style="dim"))


def snapshot_line(snapshot: Snapshot, width: int) -> Text:
    """Where there is too little room, the name is cut."""
    start = f"{short(snapshot.id)}  "
    facts = f"  {snapshot.purpose}, {number(snapshot.token_count, 'token')}, {age(snapshot.created_at)}"
    name = one_line(snapshot.name)
    if cell_len(start + name + facts) > width:
        name = fit(name, max(_SHORTEST, width - cell_len(start + facts))).rstrip()
    return Text.assemble((start, "cyan"), name, (facts, "dim"))


def show_snapshot(console: Console, reply: OneSnapshot) -> None:
    snapshot = reply.snapshot
    console.print(Text.assemble((short(snapshot.id), "cyan"), f"  {one_line(snapshot.name)}"))
    console.print(Text(f"{snapshot.purpose}, {number(snapshot.token_count, 'token')}", style="dim"))
    console.print(Text(f"taken {clock(snapshot.created_at)}", style="dim"))
    console.print(Text(f"active then: {number(len(snapshot.checkpoint_ids), 'checkpoint')}", style="dim"))
    if reply.head is None:
        console.print(Text("Nothing had been said.", style="dim"))
    else:
        console.print(Text.assemble(("ends with ", "dim"), *_quoted(reply.head, console.width - 12)))


def show_checkpoints(console: Console, reply: Checkpoints) -> None:
    for checkpoint in reply.checkpoints:
        mark = "●" if checkpoint.id in reply.active_ids else "○"
        style = "green" if checkpoint.id in reply.active_ids else "dim"
        start = Text.assemble((f"{mark} ", style), checkpoint_line(checkpoint))
        room = max(10, console.width - start.cell_len - 2)
        summary = (f"  {fit(one_line(checkpoint.summary), room).rstrip()}", "dim")
        console.print(Text.assemble(start, summary), no_wrap=True, overflow="crop")
    if reply.checkpoints:
        console.print(Text("● stands in for its messages, ○ was replaced or reverted.", style="dim"))
    else:
        console.print(
            Text("No checkpoints: every message is sent as it is. /compact makes one.", style="dim")
        )


def checkpoint_line(checkpoint: Checkpoint) -> Text:
    facts = f"  {checkpoint.kind}, {_LEVELS[checkpoint.level]}, {number(checkpoint.token_count, 'token')}"
    return Text.assemble((f"{checkpoint.number:>2} {short(checkpoint.id)}", "cyan"), (facts, "dim"))


def show_checkpoint(console: Console, reply: OneCheckpoint) -> None:
    checkpoint = reply.checkpoint
    state = "reverted" if checkpoint.reverted_at else "in use" if reply.active else "not in use"
    console.print(Text.assemble(checkpoint_line(checkpoint), (f", {state}", "bold")))
    made = f"made {clock(checkpoint.created_at)} by {one_line(checkpoint.model or 'no model')}"
    if reply.first and reply.last:
        made += f", stands for the messages {reply.first.position:,} to {reply.last.position:,}"
    console.print(Text(made, style="dim"))
    console.print()
    console.print(Text(visible(checkpoint.summary)))


def show_modes(console: Console, reply: Modes) -> None:
    width = max(len(mode.name) for mode in reply.modes)
    for mode in reply.modes:
        mark = ("▶ ", "bold yellow") if mode.name == reply.current else ("  ", "")
        console.print(
            Text.assemble(mark, (mode.name.ljust(width), "cyan"), f"  {one_line(mode.description)}".rstrip())
        )
    if len(reply.modes) == 1:
        console.print(Text("Others are [[mode]] tables of config.toml: `palaver config edit`.", style="dim"))


def show_mode_history(console: Console, reply: ModeHistory) -> None:
    for change in reply.changes:
        console.print(
            Text.assemble(
                (clock(change.time), "dim"),
                f"  {visible(change.before)} → {visible(change.after)}",
                (f"  {visible(change.trigger)}", "dim"),
            )
        )
    if not reply.changes:
        console.print(Text("The mode was never changed here.", style="dim"))


def show_tools(console: Console, reply: ToolServers) -> None:
    for server in reply.servers:
        if server.problem:
            console.print(Text.assemble((server.name, "bold"), (f"  {visible(server.problem)}", "red")))
            continue
        console.print(Text(server.name, style="bold"))
        width = max((len(tool.name) for tool in server.tools), default=0)
        for tool in server.tools:
            words, style = _ALLOWED.get(tool.allowed, (tool.allowed, ""))
            room = console.width - width - len(words) - 8
            about = fit(one_line(tool.description), room).rstrip() if room >= _SHORTEST else ""
            console.print(
                Text.assemble(
                    "  ",
                    (one_line(tool.name).ljust(width), "cyan"),
                    "  ",
                    (words, style),
                    (f"  {about}", "dim"),
                ),
                no_wrap=True,
                overflow="crop",
            )
    if reply.hidden:
        told = f"{reply.hidden} more are not offered: the mode {reply.mode} does not name them."
        console.print(Text(visible(told), style="dim"))
    elif not reply.servers:
        console.print(Text("No server gives any tools now.", style="dim"))


def _quoted(message: Message, width: int) -> tuple[str, tuple[str, str]]:
    return f"{message.role}: ", (f"“{fit(one_line(message.text), max(10, width)).rstrip()}”", "italic")
