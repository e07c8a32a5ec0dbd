"""Markdown: readable, and back again."""

import io
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import Invalid, Reasoning, Store, ToolCall, ToolResult, open_store
from palaver.model import Message
from tests.formats.arbitrary import messages, names, texts
from tests.formats.conftest import NewStore
from tests.formats.files import bring, everything, taken
from tests.support.factories import a_conversation


def shown(message: Message) -> Any:
    """What Markdown keeps of a message."""
    return (
        message.id,
        message.role,
        message.parts,
        message.status,
        message.usage,
        message.metadata,
        message.model,
    )


@settings(max_examples=40)
@given(
    said=st.lists(messages, max_size=4),
    prompt=st.none() | texts,
    title=names,
    ending=st.sampled_from((b"\n", b"\r\n")),
)
def test_text_comes_back_exactly(
    said: list[palaver.NewMessage],
    prompt: str | None,
    title: str,
    ending: bytes,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    with open_store(folder / "a.db") as first, open_store(folder / "b.db") as second:
        session = first.create_session(title=title, system_prompt=prompt)
        for message in said:
            first.append(session.id, message)
        written = taken(first, "markdown")
        kept = written if b"\r" in written else written.replace(b"\n", ending)
        report = bring(second, kept)
        assert not report.skipped
        assert [shown(m) for m in second.messages(session.id)] == [
            shown(m) for m in first.messages(session.id)
        ]
        assert second.get_session(session.id).system_prompt == prompt
        assert taken(second, "markdown") == written


def test_facts_stand_at_the_top_and_headings_name_the_speakers(store: Store) -> None:
    session = a_conversation(store, "Hello?", "Hi.", model="gemma3:4b", title='A "quoted": title')
    lines = taken(store, "markdown").decode().splitlines()
    assert lines[:5] == [
        "---",
        'title: "A \\"quoted\\": title"',
        f'id: "{session.id}"',
        'model: "gemma3:4b"',
        f'created: "{session.created_at}"',
    ]
    assert '# A "quoted": title' in lines
    assert [line.split(" ·")[0] for line in lines if line.startswith("## ")] == ["## You", "## Assistant"]


def test_text_that_looks_like_our_marks_stays_text(store: Store, new_store: NewStore) -> None:
    a_conversation(store, "pasted")
    pasted = taken(store, "markdown").decode()
    session = a_conversation(store, pasted, "## You\n\n" + pasted)
    other = new_store()
    bring(other, taken(store, "markdown", session_ids=[session.id]))
    assert [message.text for message in other.messages(session.id)] == [pasted, "## You\n\n" + pasted]
    assert len(other.list_sessions().items) == 1


def test_several_sessions_in_one_file_come_back_apart(store: Store, new_store: NewStore) -> None:
    sessions = {a_conversation(store, str(number)).id for number in range(3)}
    other = new_store()
    bring(other, taken(store, "markdown"))
    assert {session.id for session in other.list_sessions().items} == sessions


def test_tool_output_is_readable_and_comes_back(store: Store, new_store: NewStore) -> None:
    session = store.create_session()
    output = "line 1\n```\nline 2 -->"
    store.record_tool_call(
        session.id, id="c", name="cat", args={"path": "a--b>"}, result={"llmContent": output}
    )
    written = taken(store, "markdown").decode()
    assert "\n````\nline 1\n" in written
    other = new_store()
    bring(other, written)
    assert [message.parts for message in other.messages(session.id)] == [
        (ToolCall("c", "cat", {"path": "a--b>"}),),
        (ToolResult("c", "cat", output),),
    ]


def test_a_second_import_changes_nothing(store: Store, new_store: NewStore) -> None:
    session = store.create_session()
    store.append(
        session.id, palaver.user("see", parts=(store.put_file(b"abc", name="a.txt"), Reasoning("hm")))
    )
    other = new_store()
    bring(other, taken(store, "markdown"))
    before = everything(other)
    report = bring(other, taken(store, "markdown"))
    assert (report.added, report.skipped) == ({}, [])
    assert everything(other) == before


def test_a_file_whose_content_is_not_there_is_remembered(store: Store, new_store: NewStore) -> None:
    session = store.create_session()
    store.append(session.id, palaver.user("see", parts=(store.put_file(b"abc", name="a.txt"),)))
    other = new_store()
    report = bring(other, taken(store, "markdown"))
    assert "without content" in report.mended[0].why
    (message,) = other.messages(session.id)
    assert message.text == "see"
    assert isinstance(message.parts[1], palaver.Opaque)
    assert message.parts[1].data["name"] == "a.txt"


def test_a_file_that_was_cut_off_says_so(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, "One", "Two")
    written = taken(store, "markdown")
    other = new_store()
    report = bring(other, written[: written.index(b"Two")])
    assert "cut off" in report.mended[0].why
    assert next(other.messages(session.id)).text == "One"


def test_a_mark_that_somebody_broke_is_named(store: Store, new_store: NewStore) -> None:
    a_conversation(store, "One", "Two", "Three")
    written = taken(store, "markdown").replace(b'"role":"assistant"', b'"role":"robot"')
    report = bring(new_store(), written)
    assert report.skipped_count == 1
    assert report.added["message"] == 2


def test_markdown_from_elsewhere_is_refused(store: Store) -> None:
    with pytest.raises(Invalid, match="not any of the formats"):
        palaver.formats.bring_in(store, io.BytesIO(b"# Chat\n\n## You\n\nHello\n"))
