"""Palaver's own format loses nothing and notices what is missing."""

import json
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import Invalid, Store
from tests.formats.arbitrary import fill
from tests.formats.conftest import NewStore
from tests.formats.files import bring, everything, taken
from tests.support.factories import a_conversation, say


@settings(max_examples=25)
@given(data=st.data())
def test_what_is_exported_and_imported_into_an_empty_store_is_equal(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stores")
    with palaver.open_store(folder / "a.db") as first, palaver.open_store(folder / "b.db") as second:
        fill(data, first)
        report = bring(second, taken(first))
        assert not report.skipped
        assert not report.mended
        assert everything(second) == everything(first)
        assert second.verify().problems == []


def test_a_second_import_changes_nothing(store: Store, new_store: NewStore) -> None:
    a_conversation(store, "One", "Two", "Three")
    other = new_store()
    bring(other, taken(store))
    before = everything(other)
    report = bring(other, taken(store))
    assert report.added == {}
    assert report.present == {"project": 1, "session": 1, "message": 3}
    assert everything(other) == before


def test_what_somebody_added_since_stays_when_the_old_file_comes_again(store: Store) -> None:
    session = a_conversation(store, "One", "Two")
    exported = taken(store)
    say(store, session.id, "Three")
    before = everything(store)
    bring(store, exported)
    assert everything(store) == before


def test_a_longer_file_adds_what_is_new(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, "One", "Two")
    other = new_store()
    bring(other, taken(store))
    say(store, session.id, "Three")
    report = bring(other, taken(store))
    assert report.added == {"message": 1}
    assert [message.text for message in other.messages(session.id)] == ["One", "Two", "Three"]


def test_a_large_file_comes_in_pieces_and_out_whole(store: Store, new_store: NewStore) -> None:
    content = bytes(range(256)) * 40_000
    file = store.put_file(content, name="large.bin")
    session = store.create_session()
    store.append(session.id, palaver.user("see", parts=(file,)))
    exported = taken(store)
    assert max(map(len, exported.splitlines())) < 2_000_000
    other = new_store()
    assert bring(other, exported).added["file"] == 1
    with other.open_file(file.digest) as stream:
        assert stream.read() == content


def test_content_that_does_not_have_its_digest_is_not_taken(store: Store, new_store: NewStore) -> None:
    file = store.put_file(b"right", name="f.bin")
    session = store.create_session()
    store.append(session.id, palaver.user("see", parts=(file,)))
    spoiled = taken(store).replace(b'"data":"cmlnaHQ="', b'"data":"d3Jvbmc="')
    other = new_store()
    report = bring(other, spoiled)
    assert any("SHA-256" in each.why for each in report.skipped)
    assert [message.text for message in other.messages(session.id)] == ["see"]


def test_a_newer_version_is_refused_and_nothing_comes_in(store: Store, new_store: NewStore) -> None:
    a_conversation(store)
    newer = taken(store).replace(b'"version":1', b'"version":2', 1)
    other = new_store()
    with pytest.raises(Invalid, match="version 2"):
        bring(other, newer)
    assert other.list_sessions().items == []


def test_a_torn_last_line_is_reported_and_what_came_before_is_there(
    store: Store, new_store: NewStore
) -> None:
    session = a_conversation(store, "One", "Two", "Three")
    lines = taken(store).splitlines(keepends=True)
    other = new_store()
    report = bring(other, b"".join(lines[:-2]) + lines[-2][:40])
    assert "torn" in report.skipped[0].why
    assert any("cut off" in each.why for each in report.skipped)
    assert [message.text for message in other.messages(session.id)] == ["One", "Two"]


def test_a_broken_line_in_the_middle_costs_that_line_alone(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, "One", "Two", "Three")
    lines = taken(store).splitlines(keepends=True)
    broken = next(at for at, line in enumerate(lines) if b'"Two"' in line)
    lines[broken] = b'{"type":"message",oops\n'
    other = new_store()
    report = bring(other, b"".join(lines))
    assert report.skipped[0].where == f"line {broken + 1}"
    assert [message.text for message in other.messages(session.id)] == ["Three"]
    assert "begins a branch" in report.mended[0].why
    assert other.verify().problems == []


def test_a_cycle_of_parents_becomes_branches(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, "One", "Two")
    records = [json.loads(line) for line in taken(store).splitlines()]
    first, second = (record for record in records if record["type"] == "message")
    first["parentId"] = second["id"]
    other = new_store()
    report = bring(other, "\n".join(map(json.dumps, records)))
    assert report.mended_count == 1
    assert [message.text for message in other.messages(session.id)] == ["One", "Two"]


def test_a_session_named_for_a_project_goes_there(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store)
    other = new_store()
    project = other.create_project("Elsewhere")
    bring(other, taken(store), project_id=project.id)
    assert other.get_session(session.id).project_id == project.id
    assert len(other.list_projects().items) == 1


def test_sessions_of_a_personal_project_go_to_ones_own(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store)
    other = new_store()
    own = other.personal_project()
    bring(other, taken(store))
    assert other.get_session(session.id).project_id == own.id
    assert [project.name for project in other.list_projects().items] == ["Personal"]


def test_without_the_trash_nothing_of_it_is_written(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, "One", "secret", "Three")
    store.trash_message(list(store.messages(session.id))[1].id)
    store.trash_session(a_conversation(store, "hidden").id)
    exported = taken(store, trash=False)
    assert b"secret" not in exported
    assert b"hidden" not in exported
    other = new_store()
    bring(other, exported)
    assert [message.text for message in other.messages(session.id)] == ["One", "Three"]
    assert other.verify().problems == []


def test_a_draft_is_exported_as_what_a_crash_leaves(store: Store, new_store: NewStore) -> None:
    session = a_conversation(store, "One")
    draft = store.open_draft(session.id)
    store.extend_draft(draft.id, palaver.Text("half"), offset=0)
    other = new_store()
    bring(other, taken(store))
    assert [(m.text, m.status) for m in other.messages(session.id)] == [
        ("One", "complete"),
        ("half", "interrupted"),
    ]


def test_an_export_to_a_file_appears_whole(store: Store, tmp_path: Path) -> None:
    a_conversation(store)
    path = tmp_path / "out.jsonl"
    palaver.formats.take_out(store, path)
    assert path.read_bytes().splitlines()[-1].startswith(b'{"type":"end"')
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".tmp"] == []
