"""Each kind of damage is found and named; what follows from the messages is mended, and no message is ever rewritten."""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw
import pytest

import palaver
from palaver import Message, Session, Store
from palaver.model import Event, Origin, Reasoning, Report, Usage
from palaver.storage.rows import SESSION_COLUMNS, SessionRow, session_guard
from palaver.storage.search import following
from palaver.storage.sqlite.store import SqliteStore
from palaver.store import SYSTEM_ACTOR
from tests.sqlite.support import RAW_KEY, close_cleanly


class House(NamedTuple):
    """A store with one of everything, and where it lies."""

    store: Store
    path: Path
    talk: Session
    draft: Message

    def at(self, position: int) -> Message:
        return next(message for message in self.store.tree(self.talk.id) if message.position == position)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    path = tmp_path / "talk.db"
    with palaver.open_store(path) as store:
        talk, draft = fill(store)
        yield House(store, path, talk, draft)
        damage(path, "DELETE FROM draft_chunk")  # a damaged one would be in the way of closing the draft


def fill(store: Store) -> tuple[Session, Message]:
    talk = store.create_session(model="m", system_prompt="Be brief.", settings={"temperature": 0.5})
    file = store.put_file(b"f" * 600_000, name="a.txt")
    first, answer, *_ = store.append(
        talk.id,
        palaver.user("What is the capital of France?"),
        palaver.assistant("Paris.", model="m", provider="p", usage=Usage(output_tokens=7), metadata={"a": 1}),
        palaver.user("Look", parts=(file,), origin=Origin(source="ollm", id="3")),
    )
    store.record_tool_call(talk.id, id="c", name="dir", args={"p": "."}, result={"llmContent": ["x"]})
    trashed, purged, note = store.append(
        talk.id, palaver.user("to the trash"), palaver.user("a secret"), palaver.note("a note")
    )
    store.append(talk.id, palaver.assistant("Lyon.", parts=(Reasoning("Hm."),)), parent_id=first.id)
    store.append(talk.id, palaver.user("And of Spain?", parts=(Event("seen", {}),)))
    store.trash_message(trashed.id)
    store.purge_message(purged.id)
    store.set_in_context(note.id, False)
    store.add_checkpoint(talk.id, from_id=first.id, through_id=answer.id, summary="France: Paris.")
    store.take_snapshot(talk.id, name="before")
    store.update_session(talk.id, tags=["travel", "europe"], pinned=True)
    other = store.create_session()
    store.append(other.id, palaver.user("Still there?"))
    draft = store.open_draft(other.id)
    store.extend_draft(draft.id, palaver.Text("Yes, I"), offset=0)
    store.extend_draft(draft.id, palaver.Text(" am"), offset=6)
    gone = store.create_session(title="Gone")
    store.append(gone.id, palaver.user("bye"))
    store.update_session(gone.id, tags=["old"])
    store.trash_session(gone.id)
    index_now(store)
    return store.get_session(talk.id), draft


def index_now(store: Store) -> None:
    assert isinstance(store, SqliteStore)
    store._database.write(SYSTEM_ACTOR, lambda tx: following.index_batch(tx, 100_000))


def damage(path: Path, sql: str, **values: Any) -> None:
    """Change the database behind everybody's back."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.set_busy_timeout(5000)
        connection.execute(sql, values)


def kinds(report: Report) -> set[str]:
    return {problem.kind for problem in report.problems}


def kinds_but_search(report: Report) -> set[str]:
    """What was indexed of a text does not fit it any more once it was changed."""
    return kinds(report) - {"index_differs", "words_differ"}


def unrepaired(report: Report) -> set[str]:
    return {problem.kind for problem in report.problems if not problem.repaired}


def test_one_of_everything_is_sound(house: House) -> None:
    report = house.store.verify()
    assert report.problems == []
    assert house.store.verify(repair=True).problems == []
    counted = dict(report.checked)
    assert counted.pop("changes") > 20
    assert counted == {
        "projects": 1,
        "sessions": 3,
        "messages": 13,
        "files": 1,
        "checkpoints": 1,
        "snapshots": 1,
    }


def test_an_encrypted_store_with_one_of_everything_is_sound(tmp_path: Path) -> None:
    with palaver.open_store(tmp_path / "talk.db", key=RAW_KEY) as store:
        fill(store)
        assert store.verify(repair=True).problems == []


CHANGED = {
    "its text": "body = 'Lyon.'",
    "its text by something that is none": "body = 3.5",
    "its text by nothing": "body = NULL",
    "its parts": "body = CAST('[]' AS BLOB)",
    "its role": "role = 1 - role",
    "its role by none": "role = 77",
    "its status": "status = 2",
    "its status by none": "status = -1",
    "its model": "model = 'another'",
    "its provider": "provider = 'another'",
    "its usage": "usage = '{}'",
    "its error": "error = 'none'",
    "its metadata": "metadata = '{}'",
    "its time": "created_at = created_at + 1",
    "its origin's source": "origin_source = 'x'",
    "its origin": "origin_id = 'x'",
    "its digest": "digest = zeroblob(17)",
    "its digest by nothing": "digest = NULL",
}


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("position", [2, 3, 4])
def test_a_message_that_was_changed_is_named_and_left_alone(house: House, change: str, position: int) -> None:
    message = house.at(position)
    sql = f"UPDATE message SET {CHANGED[change]} WHERE ref = 1 << 32 | :position"  # noqa: S608  (from the list above)
    damage(house.path, sql, position=position)
    found = house.store.verify().problems
    assert ("message_changed", message.id) in [(problem.kind, problem.where) for problem in found]
    assert kinds_but_search(house.store.verify()) == {"message_changed"}
    before = row_of(house.path, position)
    assert unrepaired(house.store.verify(repair=True)) == {"message_changed"}
    assert row_of(house.path, position) == before
    assert kinds(house.store.verify()) == {"message_changed"}


def row_of(path: Path, position: int) -> Any:
    with closing(apsw.Connection(str(path))) as connection:
        return connection.execute("SELECT * FROM message WHERE ref = 1 << 32 | ?", (position,)).fetchall()


def test_a_message_that_hangs_elsewhere_is_named(house: House) -> None:
    damage(house.path, "UPDATE message SET parent = 1 WHERE ref = 1 << 32 | 3")
    assert "message_changed" in kinds(house.store.verify())


def test_a_parent_that_is_not_before_its_child_is_named(house: House) -> None:
    damage(house.path, "UPDATE message SET parent = 9 WHERE ref = 1 << 32 | 3")
    found = [problem for problem in house.store.verify().problems if problem.kind == "parent_later"]
    assert [problem.where for problem in found] == [house.at(3).id]


def test_a_message_that_is_missing_is_named_by_its_place(house: House) -> None:
    child = house.at(5).id
    damage(house.path, "PRAGMA foreign_keys = 0; DELETE FROM message WHERE ref = 1 << 32 | 4")
    found = {problem.kind: problem.where for problem in house.store.verify().problems}
    assert found["position_missing"] == house.talk.id
    assert found["parent_missing"] == child
    assert unrepaired(house.store.verify(repair=True)) >= {"position_missing", "parent_missing"}


def test_messages_without_their_session_are_counted(house: House) -> None:
    damage(house.path, "PRAGMA foreign_keys = 0; DELETE FROM session WHERE key = 1")
    found = {problem.kind: problem for problem in house.store.verify(repair=True).problems}
    assert "of 10 messages" in found["session_missing"].what
    assert "reference_broken" in found
    assert row_of(house.path, 1)


UNREPAIRED = {
    "in context": ("UPDATE message SET in_context = 0 WHERE ref = 1 << 32 | 2", "flags_changed"),
    "trashed": ("UPDATE message SET trashed_at = NULL WHERE ref = 1 << 32 | 6", "flags_changed"),
    "purged": ("UPDATE message SET purged_at = purged_at + 1 WHERE ref = 1 << 32 | 7", "flags_changed"),
    "guard": ("UPDATE message SET guard = zeroblob(8) WHERE ref = 1 << 32 | 8", "flags_changed"),
    "title": ("UPDATE session SET title = 'Mine' WHERE key = 1", "session_changed"),
    "pinned": ("UPDATE session SET pinned = 0 WHERE key = 1", "session_changed"),
    "session guard": ("UPDATE session SET guard = zeroblob(8) WHERE key = 2", "session_changed"),
    "prompt": ("UPDATE session_detail SET system_prompt = 'Be long.'", "detail_changed"),
    "settings": ("UPDATE session_detail SET settings = CAST('{}' AS BLOB)", "detail_changed"),
    "project": ("UPDATE project SET name = 'Yours'", "project_changed"),
    "owner": ("UPDATE project SET owner_id = 'mallory'", "project_changed"),
    "summary": ("UPDATE checkpoint SET summary = 'Lyon.'", "checkpoint_changed"),
    "reverted": ("UPDATE checkpoint SET reverted_at = 1", "checkpoint_changed"),
    "snapshot": ("UPDATE snapshot SET head = 1", "snapshot_changed"),
    "chunk": ("DELETE FROM draft_chunk WHERE at = 0", "draft_torn"),
    "last chunk": ("DELETE FROM draft_chunk WHERE at = 6", "draft_torn"),
    "garbled chunk": ("UPDATE draft_chunk SET body = x'00ff' WHERE at = 0", "draft_torn"),
    "file": ("UPDATE file_chunk SET data = zeroblob(length(data)) WHERE number = 1", "file_changed"),
    "file piece": ("DELETE FROM file_chunk WHERE number = 1", "file_changed"),
    "file size": ("UPDATE file SET size = 7", "file_changed"),
    "change": ("DELETE FROM change WHERE kind = (SELECT max(kind) FROM change)", "change_missing"),
}


@pytest.mark.parametrize("name", UNREPAIRED)
def test_what_nothing_else_says_is_named_and_left_alone(house: House, name: str) -> None:
    sql, kind = UNREPAIRED[name]
    damage(house.path, sql)
    report = house.store.verify()
    assert kinds_but_search(report) == {kind}
    assert all(problem.where and problem.what for problem in report.problems)
    assert unrepaired(house.store.verify(repair=True)) == {kind}
    assert kinds(house.store.verify()) == {kind}


REPAIRED = {
    "match key": ("UPDATE message SET match_key = zeroblob(16) WHERE ref = 1 << 32 | 2", "match_key_differs"),
    "match keys": (
        "UPDATE message SET match_key = NULL WHERE status <> 1 AND purged_at IS NULL",
        "match_key_differs",
    ),
    "tokens": ("UPDATE message SET tokens = 99 WHERE ref = 1 << 32 | 2", "tokens_differ"),
    "tokens off the branch": ("UPDATE message SET tokens = 99 WHERE ref = 1 << 32 | 9", "tokens_differ"),
    "mark of none": ("UPDATE message SET mark = 9999 WHERE ref = 1 << 32 | 2", "mark_missing"),
    "mark of another": ("UPDATE message SET mark = 1 WHERE ref = 1 << 32 | 2", "mark_missing"),
    "message count": ("UPDATE session SET message_count = 77 WHERE key = 1", "message_count_differs"),
    "token count": ("UPDATE session SET token_count = 77 WHERE key = 1", "token_count_differs"),
    "last position": ("UPDATE session SET last_position = 77 WHERE key = 1", "position_differs"),
    "state": ("UPDATE session SET state = 0 WHERE key = 3", "state_differs"),
    "head": ("UPDATE session SET head = 2 WHERE key = 1", "head_differs"),
    "head that is none": ("UPDATE session SET head = 99 WHERE key = 1", "head_differs"),
    "head's id": ("UPDATE session SET head_id = zeroblob(16) WHERE key = 1", "head_differs"),
    "tag gone": ("DELETE FROM session_tag WHERE tag = 'travel'", "tags_differ"),
    "tag too many": ("INSERT INTO session_tag VALUES (1, 'work', 0, 1, 1)", "tags_differ"),
    "tags' time": ("UPDATE session_tag SET updated_at = 1 WHERE tag = 'old'", "tags_differ"),
    "draft gone": ("DELETE FROM draft", "draft_missing"),
    "draft left": ("INSERT INTO draft VALUES (1 << 32 | 2, 'x', 0, 0, 0)", "draft_left"),
    "file not noted": ("DELETE FROM message_file", "file_loose"),
    "index empty": ("INSERT INTO text_index (text_index) VALUES ('delete-all')", "index_differs"),
    "index too full": ("INSERT INTO text_index (rowid, body) VALUES (1, 'stray')", "index_differs"),
    "words": ("INSERT INTO word VALUES ('stray', 5)", "words_differ"),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_what_follows_from_the_messages_is_mended(house: House, name: str) -> None:
    sql, kind = REPAIRED[name]
    before = shown(house)
    damage(house.path, f"PRAGMA foreign_keys = 1; {sql}")
    found = house.store.verify()
    assert kind in kinds(found)
    assert unrepaired(found) == kinds(found)
    mended = house.store.verify(repair=True)
    assert kind in kinds(mended)
    assert unrepaired(mended) == set()
    assert house.store.verify().problems == []
    assert shown(house) == before
    assert house.store.search("capital").items


def shown(house: House) -> Any:
    """What a person sees of the session."""
    session = house.store.get_session(house.talk.id)
    return session, list(house.store.messages(session.id)), list(house.store.tree(session.id))


def test_only_what_is_wrong_is_named(house: House) -> None:
    for name in ("match key", "message count", "head", "state", "tokens", "tokens off the branch"):
        sql, kind = REPAIRED[name]
        damage(house.path, sql)
        assert kinds(house.store.verify(repair=True)) - {"tags_differ"} == {kind}, name


def test_an_answer_whose_draft_is_gone_is_interrupted(house: House) -> None:
    damage(house.path, "DELETE FROM draft_chunk; DELETE FROM draft")
    house.store.verify(repair=True)
    assert house.store.get_message(house.draft.id).status == "interrupted"
    assert house.store.verify().problems == []


def test_a_draft_beside_a_damaged_message_is_kept(house: House) -> None:
    damage(house.path, "UPDATE message SET status = 0 WHERE status = 1")
    assert {"message_changed", "draft_left"} <= unrepaired(house.store.verify(repair=True))
    with closing(apsw.Connection(str(house.path))) as connection:
        assert connection.execute("SELECT count(*) FROM draft_chunk").get == 2


def test_a_wrong_count_under_a_right_guard_is_mended_too(house: House) -> None:
    """As a mistake in Palaver itself would leave it."""
    with closing(apsw.Connection(str(house.path))) as connection:
        (columns,) = connection.execute("SELECT * FROM session WHERE key = 1").fetchall()
        assert len(columns) == len(SESSION_COLUMNS)
        row = SessionRow(*cast("tuple[Any, ...]", columns))
        row.message_count, row.last_position, row.token_count = 1, 2, 3
        values = (row.message_count, row.last_position, row.token_count, session_guard(row))
        connection.execute(
            "UPDATE session SET message_count = ?, last_position = ?, token_count = ?, guard = ? WHERE key = 1",
            values,
        )
    found = {"message_count_differs", "position_differs", "token_count_differs"}
    assert kinds(house.store.verify(repair=True)) == found
    assert house.store.verify().problems == []
    assert house.store.get_session(house.talk.id) == house.talk


def test_a_mended_count_does_not_vouch_for_a_changed_title(house: House) -> None:
    damage(house.path, "UPDATE session SET message_count = 77, title = 'Mine' WHERE key = 1")
    report = house.store.verify(repair=True)
    assert kinds_but_search(report) == {"message_count_differs", "session_changed"}
    assert unrepaired(report) == {"session_changed"}
    assert kinds(house.store.verify()) == {"session_changed"}


def test_a_head_that_is_nowhere_is_named(house: House) -> None:
    damage(house.path, "UPDATE session SET head = 99, head_id = NULL WHERE key = 1")
    assert kinds(house.store.verify(repair=True)) >= {"head_missing", "session_changed"}


def test_a_file_that_is_gone_is_named_with_the_message(house: House) -> None:
    damage(
        house.path,
        "DELETE FROM message_file; DELETE FROM file_holder; DELETE FROM file_chunk; DELETE FROM file",
    )
    (problem,) = house.store.verify(repair=True).problems
    assert (problem.kind, problem.where, problem.repaired) == ("file_missing", house.at(3).id, False)


def test_a_checkpoint_over_no_branch_is_named(house: House) -> None:
    first, lyon = house.at(2), house.at(9)
    with pytest.raises(palaver.Invalid):
        house.store.add_checkpoint(house.talk.id, from_id=first.id, through_id=lyon.id, summary="x")
    damage(house.path, "UPDATE checkpoint SET from_position = 2, through_position = 9")
    assert kinds(house.store.verify()) == {"checkpoint_changed"}


def test_a_lookup_that_misses_a_row_is_made_anew(house: House) -> None:
    with closing(apsw.Connection(str(house.path))) as connection:
        connection.execute("PRAGMA writable_schema = 1")
        saved = connection.execute("SELECT * FROM sqlite_schema WHERE name = 'message_file_file'").fetchall()
        connection.execute(
            "DELETE FROM sqlite_schema WHERE name = 'message_file_file'; PRAGMA writable_schema = RESET"
        )
        connection.execute("INSERT INTO message_file VALUES (1 << 32 | 1, 1)")
        connection.execute("PRAGMA writable_schema = 1")
        connection.executemany("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", saved)
        connection.execute("PRAGMA writable_schema = RESET")
    assert kinds(house.store.verify()) == {"lookup_damaged"}
    assert unrepaired(house.store.verify(repair=True)) == set()
    assert house.store.verify().problems == []


@pytest.mark.parametrize("key", [None, RAW_KEY], ids=["plain", "encrypted"])
@pytest.mark.parametrize("table", ["snapshot_session", "message_origin"])
def test_a_damaged_page_is_named_and_nothing_is_repaired(
    tmp_path: Path, key: bytes | None, table: str
) -> None:
    path = tmp_path / "talk.db"
    with palaver.open_store(path, key=key) as store:
        fill(store)
        page = page_of(path, key, table)
    close_cleanly(path)
    data = bytearray(path.read_bytes())
    data[page * 4096 : page * 4096 + 3000] = bytes(3000)
    path.write_bytes(data)
    with palaver.open_store(path, key=key) as store:
        assert "page_damaged" in kinds(store.verify())
        report = store.verify(repair=True)
        assert unrepaired(report) == kinds(report)
        assert all("restore a backup" in p.what for p in report.problems if p.kind == "page_damaged")
    assert path.read_bytes()[page * 4096 :] == data[page * 4096 :]


def page_of(path: Path, key: bytes | None, table: str) -> int:
    """The number, from 0, of a page of the table; all of the WAL is written into the file first."""
    with closing(apsw.Connection(str(path))) as connection:
        if key is not None:
            connection.pragma("key", f"raw:{key.hex()}")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        pages = connection.execute("SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno DESC", (table,))
        return int(next(pages)[0]) - 1


def test_a_long_session_is_looked_at_in_bounded_memory(tmp_path: Path) -> None:
    with palaver.open_store(tmp_path / "talk.db") as store:
        session = store.create_session()
        text = "x" * 2000
        for _ in range(10):
            store.append(session.id, *[palaver.user(text) for _ in range(1000)])
        tracemalloc.start()
        try:
            assert store.verify().checked["messages"] == 10_000
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 4_000_000, "20 MB of text were looked at"


def test_very_many_problems_are_counted(tmp_path: Path) -> None:
    with palaver.open_store(tmp_path / "talk.db") as store:
        session = store.create_session()
        for _ in range(11):
            store.append(session.id, *[palaver.user("x") for _ in range(1000)])
        damage(tmp_path / "talk.db", "UPDATE message SET body = 'y'")
        problems = [found for found in store.verify().problems if found.kind in ("message_changed", "more")]
    assert len(problems) == 10_001
    assert problems[-1].what.startswith("1000 more problems")


def test_repair_takes_part_in_the_writers_queue(house: House) -> None:
    mark = house.store.mark()
    damage(house.path, REPAIRED["message count"][0])
    house.store.verify(repair=True)
    assert house.store.changes(mark).items == []
    house.store.append(house.talk.id, palaver.user("on we go"))
    assert house.store.verify().problems == []
