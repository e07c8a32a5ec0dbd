"""Finding a message in a session, and drawing a session's branches."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from palaver.cli.terms import one_line, outcome
from palaver.cli.transcript import describe
from palaver.errors import Invalid, NotFound
from palaver.ids import find_bytes
from palaver.model import Message, Role, Session
from palaver.store import Store

_DIGITS = 4
_PREVIEW = 200


def find_message(store: Store, session: Session, text: str) -> Message:
    """The message of the session with this id, or this unique beginning or ending. Raises `NotFound`, `Invalid`."""
    if find_bytes(text) is not None:
        message = store.get_message(text)
        if message.session_id != session.id:
            raise NotFound("message", text)
        return message
    wanted = text.lower()
    if len(wanted) < _DIGITS:
        raise Invalid(f"{text!r} is too short for a message's id: {_DIGITS} digits or more", field="at")
    found = [m for m in store.tree(session.id) if m.id.startswith(wanted) or m.id.endswith(wanted)]
    if not found:
        raise NotFound("message", text)
    if len(found) > 1:
        raise Invalid(f"{text!r} fits several messages: {', '.join(m.id for m in found[:5])}", field="at")
    return found[0]


class Node(NamedTuple):
    """What is drawn of a message: a session may have a million of them."""

    id: str
    position: int
    role: Role
    preview: str


class Line(NamedTuple):
    """One message in the drawing: `rails` lead to it from the left, `shown` says that it is on the head's branch."""

    rails: str
    shown: bool
    node: Node


def draw(messages: Iterable[Message], head_id: str | None) -> Iterator[Line]:
    """The tree, parents first. A message without siblings stands below its parent; siblings are indented."""
    children: dict[str | None, list[Node]] = defaultdict(list)
    parents: dict[str, str | None] = {}
    for message in messages:
        children[message.parent_id].append(_node(message))
        parents[message.id] = message.parent_id
    shown = _path(parents, head_id)
    stack = list(reversed(list(_place(children[None], ""))))
    while stack:
        rails, below, node = stack.pop()
        yield Line(rails, node.id in shown, node)
        stack.extend(reversed(list(_place(children[node.id], below))))


def _place(siblings: list[Node], rails: str) -> Iterator[tuple[str, str, Node]]:
    if len(siblings) == 1:
        yield rails, rails, siblings[0]
        return
    for node in siblings:
        last = node is siblings[-1]
        yield rails + ("└─" if last else "├─"), rails + ("  " if last else "│ "), node


def _path(parents: dict[str, str | None], leaf: str | None) -> set[str]:
    path: set[str] = set()
    while leaf is not None and leaf not in path:
        path.add(leaf)
        leaf = parents.get(leaf)
    return path


def _node(message: Message) -> Node:
    text = message.text[:_PREVIEW] or ", ".join(describe(part) for part in message.parts)[:_PREVIEW]
    return Node(message.id, message.position, message.role, one_line(text) or outcome(message))
