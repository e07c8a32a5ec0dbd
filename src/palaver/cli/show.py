"""`palaver show`."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator

import click
from rich.text import Text

from palaver import wire
from palaver.cli.app import App, command
from palaver.cli.arguments import SessionName
from palaver.cli.branches import Line, draw, find_message
from palaver.cli.output import notice, out, print_json_items, print_lines
from palaver.cli.terms import fit, number
from palaver.cli.transcript import COLOURS, Plain, Reader, about
from palaver.errors import NotFound
from palaver.ids import short
from palaver.model import Message, Session
from palaver.store import MAX_PAGE, Filter, Store


@command("show")
@click.argument("session", type=SessionName(), metavar="[ID]", required=False)
@click.option("-n", "--last", type=click.IntRange(1), metavar="N", help="Only the last N messages.")
@click.option("--at", metavar="MESSAGE", help="Open at this message, with what is around it.")
@click.option(
    "--around",
    default=3,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="How much is around it.",
)
@click.option("-a", "--all", "every", is_flag=True, help="The tree of all branches, a line for each message.")
@click.option("--full", is_flag=True, help="Reasoning, tool calls and results whole.")
def show(
    app: App, *, session: str | None, last: int | None, at: str | None, around: int, every: bool, full: bool
) -> None:
    """Show a session's messages.

    The branch that is shown, oldest first; without ID, the newest session.
    """
    found = app.session(session) if session else _newest(app)
    store = app.store()
    if every and not app.as_json:
        _show_tree(store, found)
        return
    target = find_message(store, found, at) if at else None
    messages = _choose(store, found, target=target, around=around, last=last, every=every)
    if app.as_json:
        print_json_items(f'{{"session":{wire.encode(found).decode()},"messages":[', messages)
        click.echo("]}")
    elif sys.stdout.isatty():
        _show_on_terminal(found, messages, full=full, at=target.id if target else None)
    else:
        _show_plain(found, messages, full=full)


def _newest(app: App) -> Session:
    items = app.existing_store().list_sessions(filter=Filter(), limit=1).items
    if not items:
        raise NotFound("session", "the newest (there is none)")
    return items[0]


def _choose(
    store: Store, session: Session, *, target: Message | None, around: int, last: int | None, every: bool
) -> Iterable[Message]:
    if target is not None:
        return around_message(store, session, target, around)
    if every:
        return store.tree(session.id)
    return newest_messages(store, session, last) if last else store.messages(session.id)


def newest_messages(store: Store, session: Session, count: int) -> list[Message]:
    """The last messages of the branch, oldest first, read from its end."""
    pages: list[list[Message]] = []
    before: str | None = None
    while count > 0:
        page = store.list_messages(session.id, before=before, limit=min(count, MAX_PAGE))
        pages.append(page.items)
        count -= len(page.items)
        before = page.next_cursor
        if before is None:
            break
    return [message for items in reversed(pages) for message in items]


def around_message(store: Store, session: Session, target: Message, count: int) -> Iterator[Message]:
    """The message with `count` others on each side, on the shown branch, else on the branch that ends in it."""
    stretch = list(_stretch(store.messages(session.id), target.id, count))
    if stretch:
        return iter(stretch)
    notice("The message is on another branch than the one shown.")
    return iter(list(_stretch(store.messages(session.id, leaf_id=target.id), target.id, count)) or [target])


def _stretch(messages: Iterable[Message], id: str, count: int) -> Iterator[Message]:
    branch = iter(messages)
    before: deque[Message] = deque(maxlen=count)
    for message in branch:
        if message.id == id:
            yield from before
            yield message
            yield from (later for later, _ in zip(branch, range(count), strict=False))
            return
        before.append(message)


def _show_on_terminal(session: Session, messages: Iterable[Message], *, full: bool, at: str | None) -> None:
    reader = Reader(out(), full=full, at=at)
    reader.show_session(session)
    for message in messages:
        reader.show(message)


def _show_plain(session: Session, messages: Iterable[Message], *, full: bool) -> None:
    print_lines(session.title, about(session), "")
    plain = Plain(full=full)
    for message in messages:
        print_lines(*plain.lines(message))


def _show_tree(store: Store, session: Session) -> None:
    console = out()
    Reader(console).show_session(session)
    count = 0
    for line in draw(store.tree(session.id), session.head_id):
        console.print(_tree_line(line, console.width), no_wrap=True, overflow="crop", crop=True)
        count += 1
    notice(f"{number(count, 'message')}; ● is on the branch that is shown, ○ is not.")


def _tree_line(line: Line, width: int) -> Text:
    node = line.node
    start = f"{line.rails}{'●' if line.shown else '○'} "
    facts = f"{node.position} {node.role} {short(node.id)}  "
    room = max(10, width - len(start) - len(facts))
    return Text.assemble(
        (start, "green" if line.shown else "dim"),
        (facts, COLOURS[node.role] if line.shown else "dim"),
        (fit(node.preview, room).rstrip(), "" if line.shown else "dim"),
    )
