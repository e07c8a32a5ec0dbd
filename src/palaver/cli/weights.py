"""What goes to the model, drawn: how much of the window is taken, by what, and what is not sent."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from palaver.chat.weighing import Line, Weighed
from palaver.cli.terms import fit, number, one_line
from palaver.cli.transcript import COLOURS
from palaver.ids import short

if TYPE_CHECKING:
    from palaver.chat.commands import Statistics

_BAR = 40
_KIND = 9
_SOURCES = {
    "session": "set for this session",
    "provider": "as is known of the model",
    "default": "assumed, nobody says",
}
_REASONS = {
    "note": "a note is never sent",
    "excluded": "excluded",
    "empty": "it holds nothing to send",
    "streaming": "still being written",
    "orphan_result": "a result without its call",
    "checkpoint": "a checkpoint stands in for it",
    "truncated": "it does not fit",
    "strategy": "this session sends the newest messages alone",
}
_KINDS = {"system_prompt": "system prompt", "checkpoint": "checkpoint", "marker": "marker", "message": ""}


def meter(weighed: Weighed) -> str:
    """The shortest way to say how full it is: `1.2k of 6.9k tokens`."""
    return f"{_brief(weighed.tokens)} of {_brief(weighed.limit)} tokens"


def is_filled(weighed: Weighed) -> bool:
    """Whether the first threshold is reached."""
    return weighed.used >= weighed.thresholds.warning


def show_weight(console: Console, weighed: Weighed) -> None:
    """The shares as a bar and in numbers, and what happens at how many tokens."""
    shares = _shares(weighed)
    console.print(
        _bar(weighed, shares), Text(f" {weighed.tokens:,} of {weighed.limit:,} tokens that can be sent")
    )
    width = max(len(name) for name, _, _ in shares)
    for name, tokens, style in shares:
        if tokens:
            console.print(Text.assemble("  ", (f"{name.ljust(width)} {tokens:>9,}", style)))
    source = _SOURCES.get(weighed.window_source, weighed.window_source)
    console.print(Text(f"The window is {weighed.window:,} tokens, {source}.", style="dim"))
    at = weighed.thresholds
    console.print(
        Text(
            f"Messages take {weighed.used:,} of {weighed.budget:,}: a warning comes at {at.warning:,}, "
            f"a checkpoint at {at.checkpoint:,}. In all, an emergency begins at {at.emergency:,}.",
            style="dim",
        )
    )
    if weighed.truncated:
        console.print(Text("Older messages do not fit and are not sent.", style="yellow"))


def show_statistics(console: Console, found: "Statistics") -> None:
    session, weighed = found.session, found.weighed
    rows = [
        ("messages", f"{session.message_count:,}"),
        ("sent of them", f"{weighed.message_count:,}"),
        ("tokens of the branch", f"{session.token_count:,}"),
        ("tokens that are sent", f"{weighed.tokens:,} of {weighed.limit:,}"),
        ("window", f"{weighed.window:,}, {_SOURCES.get(weighed.window_source, weighed.window_source)}"),
        ("compressions", f"{session.compression_count:,}"),
        ("checkpoints", f"{found.checkpoints:,}, {found.active:,} in use"),
        ("snapshots", f"{found.snapshots:,}"),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        console.print(Text.assemble((name.ljust(width + 2), "dim"), value))


def show_lines(console: Console, lines: Iterable[Line]) -> None:
    """Each thing with its tokens; messages that are passed over for one reason as one line."""
    for (reason, checkpoint_id), group in groupby(lines, key=_run_of):
        if reason is None:
            for line in group:
                console.print(_sent(line, console.width), no_wrap=True, overflow="crop", crop=True)
        else:
            console.print(_passed(list(_ends(group)), reason, checkpoint_id), no_wrap=True, overflow="crop")


def _run_of(line: Line) -> tuple[str | None, str | None]:
    return line.reason, line.checkpoint_id


def _sent(line: Line, width: int) -> Text:
    what = (_KINDS[line.kind] or line.role).ljust(_KIND)
    place = f"{line.position:,}" if line.position else ""
    start = f"{line.tokens or 0:>8,}  {place:>7}  "
    room = max(10, width - len(start) - len(what) - 2)
    return Text.assemble(
        start,
        (what, COLOURS[line.role]),
        "  ",
        (fit(one_line(line.preview), room).rstrip(), ""),
    )


def _ends(group: Iterable[Line]) -> Iterator[tuple[Line, int]]:
    """The first and the last of a run, counted, in bounded memory."""
    count, last = 0, None
    for count, line in enumerate(group, 1):
        if count == 1:
            yield line, 1
        last = line
    if last is not None:
        yield last, count


def _passed(ends: list[tuple[Line, int]], reason: str, checkpoint_id: str | None) -> Text:
    (first, _), (last, count) = ends[0], ends[-1]
    places = [f"{line.position:,}" for line in (first, last) if line.position]
    what = "checkpoint" if first.kind == "checkpoint" else "message"
    where = " – ".join(dict.fromkeys(places))
    why = _REASONS.get(reason, reason) + (f" ({short(checkpoint_id)})" if checkpoint_id else "")
    return Text(f"{'-':>8}  {where:>7}  {number(count, what)}: {why}", style="dim")


def _shares(weighed: Weighed) -> list[tuple[str, int, str]]:
    return [
        ("system prompt", weighed.system_prompt, "magenta"),
        ("tools", weighed.tools, "yellow"),
        ("the model's format", weighed.template, "cyan"),
        (number(weighed.checkpoint_count, "checkpoint"), weighed.checkpoints, "blue"),
        (number(weighed.message_count, "message"), weighed.messages, "green"),
    ]


def _bar(weighed: Weighed, shares: list[tuple[str, int, str]]) -> Text:
    bar, drawn, total = Text(), 0, 0
    for _, tokens, style in shares:
        total += tokens
        cells = min(_BAR, round(total * _BAR / max(1, weighed.limit))) - drawn
        bar.append("█" * cells, style)
        drawn += cells
    return bar.append("·" * (_BAR - drawn), "dim")


def _brief(count: int) -> str:
    if count < 1000:
        return str(count)
    thousands = count / 1000
    return f"{thousands:.1f}k" if thousands < 100 else f"{thousands:.0f}k"
