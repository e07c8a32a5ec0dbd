"""Strategies for conversations of any shape."""

import hashlib
from typing import Any

import hypothesis.strategies as st

from palaver import Event, NewMessage, Opaque, Reasoning, Session, Store, Text, ToolCall, ToolResult
from palaver.model import Part, Role, Status, Time, Usage

texts = st.text(max_size=40) | st.sampled_from(
    [
        "",
        "\n",
        "a\r\nb\r",
        "nul \0 inside",
        "# heading\n\n<!-- palaver:end -->\n",
        "\\<!-- palaver:message {} -->",
        "```\nfence\n````\n",
        "</details>\n\n",
        "--> <script>alert(1)</script>",
        "👩‍👩‍👧 \u202e\u2028",
    ]
)
names = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(names, json_values, max_size=3)
times = st.integers(0, 4_000_000_000_000).map(Time.from_ms)


def _opaque(source: str, data: Any) -> Opaque:
    return Opaque(f"x-{source}", data)  # No format of ours, or it would mean something to it.


parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, texts),
    st.builds(Reasoning, texts),
    st.builds(ToolCall, texts, texts, json_values),
    st.builds(ToolResult, texts, texts, json_values, st.none() | texts, st.booleans()),
    st.builds(Event, texts, objects),
    st.builds(_opaque, names, json_values),
)
roles: st.SearchStrategy[Role] = st.sampled_from(("system", "user", "assistant", "tool", "note"))
statuses: st.SearchStrategy[Status] = st.sampled_from(("complete", "interrupted", "cancelled", "error"))
counts = st.none() | st.integers(0, 100_000)
usages = st.builds(
    Usage, input_tokens=counts, output_tokens=counts, cached_tokens=counts, reasoning_tokens=counts
)
messages = st.builds(
    NewMessage,
    role=roles,
    parts=st.lists(parts, min_size=1, max_size=3).map(tuple),
    status=statuses,
    error=st.none() | texts,
    in_context=st.booleans(),
    model=st.none() | names,
    provider=st.none() | names,
    usage=st.none() | usages,
    created_at=times,
    metadata=objects,
)


def say_all(data: st.DataObject, store: Store, session: Session) -> list[str]:
    """Append messages below any earlier one; returns their ids."""
    ids: list[str] = []
    for message in data.draw(st.lists(messages, max_size=6)):
        parent = data.draw(st.none() | st.sampled_from(ids)) if ids else None
        ids += [each.id for each in store.append(session.id, message, parent_id=parent)]
    return ids


def fill(data: st.DataObject, store: Store) -> None:
    """Any sessions with any branches, some of it trashed, purged, pinned, summarised, held in snapshots."""
    for _ in range(data.draw(st.integers(1, 2))):
        session = store.create_session(
            model=data.draw(st.none() | names),
            system_prompt=data.draw(st.none() | texts),
            settings=data.draw(objects),
        )
        ids = say_all(data, store, session)
        content = data.draw(st.binary(max_size=20))
        file = store.put_file(content, name="f.bin")
        ids += [each.id for each in store.append(session.id, NewMessage(role="user", parts=(file,)))]
        assert file.digest == hashlib.sha256(content).hexdigest()
        _change(data, store, session, ids)


def _change(data: st.DataObject, store: Store, session: Session, ids: list[str]) -> None:
    chosen = st.sampled_from(ids)
    branch = [message.id for message in store.messages(session.id)]
    store.add_checkpoint(session.id, from_id=branch[0], through_id=branch[-1], summary="so far")
    store.take_snapshot(session.id, name="then")
    if data.draw(st.booleans()):
        store.trash_message(data.draw(chosen))
    if data.draw(st.booleans()):
        store.purge_message(data.draw(chosen))
    if data.draw(st.booleans()):
        store.set_head(session.id, data.draw(st.none() | chosen))
    store.update_session(
        session.id,
        tags=data.draw(st.lists(names, max_size=2)),
        pinned=data.draw(st.booleans()),
        archived=data.draw(st.booleans()),
        metadata=data.draw(objects),
    )
    if data.draw(st.booleans()):
        store.trash_session(session.id)
