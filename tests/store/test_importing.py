"""Bringing in: whole batches, once, as they were."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

import palaver
from palaver import Conflict, File, Invalid, Message, Project, Session, Store, Text, ids
from palaver.errors import NotFound
from palaver.model import Checkpoint, Origin, Snapshot, Time
from palaver.store import FileContent, Record, SessionEnd
from palaver.wire import parse_time
from tests.support.factories import a_conversation, say, texts

THEN = parse_time("2020-03-01T10:00:00.000Z")


def a_session(store: Store, **overrides: Any) -> Session:
    fields: dict[str, Any] = {
        "id": ids.new_id(),
        "project_id": store.personal_project().id,
        "title": "Old talk",
        "title_source": "user",
        "created_at": THEN,
        "updated_at": THEN,
    }
    return Session(**fields | overrides)


def a_chain(session: Session, *bodies: str, **overrides: Any) -> list[Message]:
    chain: list[Message] = []
    for at, body in enumerate(bodies, start=1):
        fields: dict[str, Any] = {
            "id": ids.new_id(),
            "session_id": session.id,
            "parent_id": chain[-1].id if chain else None,
            "position": at,
            "role": ("assistant", "user")[at % 2],
            "parts": (Text(body),),
            "created_at": Time.of(THEN + timedelta(minutes=at)),
        }
        chain.append(Message(**fields | overrides))
    return chain


def a_batch(store: Store, *bodies: str, **overrides: Any) -> tuple[Session, list[Record]]:
    session = a_session(store, **overrides)
    chain = a_chain(session, *(bodies or ("one", "two")))
    return session, [session, *chain, SessionEnd(msgspec.structs.replace(session, head_id=chain[-1].id))]


def test_what_comes_in_keeps_ids_times_and_order(store: Store) -> None:
    session, records = a_batch(store, "one", "two", "three", model="m", tags=("a",), pinned=True)
    counts = store.import_records(records)
    came = store.get_session(session.id)
    assert (came.title, came.title_source, came.created_at, came.updated_at) == (
        "Old talk",
        "user",
        THEN,
        THEN,
    )
    assert (came.model, came.tags, came.pinned, came.message_count) == ("m", ("a",), True, 3)
    given = [record for record in records if isinstance(record, Message)]
    for stored, wanted in zip(store.messages(session.id), given, strict=True):
        assert (stored.id, stored.created_at, stored.parts, stored.parent_id, stored.position) == (
            wanted.id,
            wanted.created_at,
            wanted.parts,
            wanted.parent_id,
            wanted.position,
        )
    assert counts.added["session"] == 1
    assert counts.added["message"] == 3
    assert store.verify().problems == []


def test_a_second_time_changes_nothing(store: Store) -> None:
    session, records = a_batch(store)
    store.import_records(records)
    before = store.get_session(session.id), list(store.messages(session.id))
    counts = store.import_records(records)
    assert sum(counts.added.values()) == 0
    assert counts.present["message"] == 2
    assert (store.get_session(session.id), list(store.messages(session.id))) == before


def test_a_second_time_leaves_what_was_said_since(store: Store) -> None:
    session, records = a_batch(store)
    store.import_records(records)
    say(store, session.id, "since")
    store.update_session(session.id, title="Renamed")
    store.import_records(records)
    assert texts(store, session.id) == ["one", "two", "since"]
    assert store.get_session(session.id).title == "Renamed"


def test_one_session_may_come_in_several_batches(store: Store) -> None:
    session, records = a_batch(store, *[f"{n}" for n in range(10)])
    for start in range(0, len(records), 3):
        store.import_records(records[start : start + 3])
    assert texts(store, session.id) == [f"{n}" for n in range(10)]
    assert store.get_session(session.id).updated_at == THEN
    assert store.verify().problems == []


def test_records_may_come_from_a_stream(store: Store) -> None:
    session, records = a_batch(store)
    store.import_records(record for record in records)
    assert texts(store, session.id) == ["one", "two"]


def test_an_origin_is_known_again_under_other_ids(store: Store) -> None:
    origin = Origin(source="ollm", id="0c5f3d0a")
    first, records = a_batch(store, origin=origin)
    store.import_records(records)
    second, again = a_batch(store, origin=origin)
    counts = store.import_records([again[0], again[-1]])
    assert counts.present["session"] == 1
    assert store.find_session(second.id) is None
    assert store.get_session(first.id).origin == origin


def test_messages_are_known_again_by_their_origin(store: Store) -> None:
    origin = Origin(source="enteract", id="chat-1")

    def batch() -> list[Record]:
        session = a_session(store, origin=origin)
        one, two = a_chain(session, "one", "two")
        one = msgspec.structs.replace(one, origin=Origin(source="enteract", id="1"))
        two = msgspec.structs.replace(two, origin=Origin(source="enteract", id="2"))
        return [session, one, two, SessionEnd(msgspec.structs.replace(session, head_id=two.id))]

    store.import_records(batch())
    counts = store.import_records(batch())
    assert sum(counts.added.values()) == 0
    (only,) = store.list_sessions().items
    assert texts(store, only.id) == ["one", "two"]


def test_an_imported_chat_may_have_grown(store: Store) -> None:
    session, records = a_batch(store, "one", "two")
    store.import_records(records)
    last = next(record for record in reversed(records) if isinstance(record, Message))
    third = msgspec.structs.replace(a_chain(session, "three")[0], parent_id=last.id, position=3)
    counts = store.import_records(
        [*records[:-1], third, SessionEnd(msgspec.structs.replace(session, head_id=third.id))]
    )
    assert counts.added["message"] == 1
    assert texts(store, session.id) == ["one", "two", "three"]


def test_a_bad_record_keeps_the_whole_batch_out(store: Store) -> None:
    session, records = a_batch(store)
    bad = a_chain(session, "\ud800")[0]
    with pytest.raises(Invalid):
        store.import_records([*records[:-1], bad])
    assert store.find_session(session.id) is None
    assert store.changes().items == [] or all(item.session_id is None for item in store.changes().items)


def test_a_stream_that_breaks_keeps_the_whole_batch_out(store: Store) -> None:
    session, records = a_batch(store)

    def torn() -> Any:
        yield from records[:-1]
        raise OSError("the file ended")

    with pytest.raises(OSError, match="the file ended"):
        store.import_records(torn())
    assert store.find_session(session.id) is None
    assert a_conversation(store).message_count == 1


def test_a_message_before_its_parent_is_refused(store: Store) -> None:
    session = a_session(store)
    one, two = a_chain(session, "one", "two")
    with pytest.raises((Invalid, NotFound, Conflict)):
        store.import_records([session, two, one])
    assert store.find_session(session.id) is None


def test_a_message_without_its_session_is_refused(store: Store) -> None:
    with pytest.raises((Invalid, NotFound)):
        store.import_records(a_chain(a_session(store), "one"))


def test_states_of_messages_come_in(store: Store) -> None:
    session = a_session(store)
    one, two, three = a_chain(session, "one", "two", "three")
    two = msgspec.structs.replace(two, trashed_at=THEN, in_context=False, status="interrupted", error="cut")
    store.import_records(
        [session, one, two, three, SessionEnd(msgspec.structs.replace(session, head_id=three.id))]
    )
    assert texts(store, session.id) == ["one", "three"]
    came = store.get_message(two.id)
    assert (came.trashed_at, came.in_context, came.status, came.error) == (THEN, False, "interrupted", "cut")
    assert store.get_session(session.id).message_count == 2
    assert store.verify().problems == []


def test_states_of_sessions_come_in(store: Store) -> None:
    for field in ("archived_at", "trashed_at"):
        session, records = a_batch(store, **{field: THEN})
        store.import_records(records)
        assert getattr(store.get_session(session.id), field) == THEN


def test_a_project_that_is_not_there_is_made(store: Store) -> None:
    project = Project(
        id=ids.new_id(),
        name="Garden",
        owner_id="somebody",
        created_at=THEN,
        updated_at=THEN,
        description="Beds",
    )
    session, records = a_batch(store, project_id=project.id)
    store.import_records([project, *records])
    came = store.get_project(project.id)
    assert (came.name, came.description, came.owner_id, came.created_at) == ("Garden", "Beds", "local", THEN)
    assert store.get_session(session.id).project_id == project.id


def test_somebody_elses_project_is_a_conflict(store: Store, stranger: Store) -> None:
    project = store.create_project("Garden")
    session, records = a_batch(stranger, project_id=project.id)
    with pytest.raises(Conflict):
        stranger.import_records([project, *records])
    with pytest.raises((Conflict, NotFound)):
        stranger.import_records(records)
    assert store.find_session(session.id) is None


def test_somebody_elses_session_is_a_conflict_and_stays_as_it_is(store: Store, stranger: Store) -> None:
    mine = a_conversation(store, "mine")
    (message,) = store.messages(mine.id)
    twin = a_session(stranger, id=mine.id)
    more = msgspec.structs.replace(a_chain(twin, "theirs")[0], parent_id=message.id, position=2)
    with pytest.raises((Conflict, NotFound)):
        stranger.import_records([twin, more])
    assert texts(store, mine.id) == ["mine"]


def test_branches_checkpoints_snapshots_and_files_come_in(store: Store) -> None:
    session = a_session(store)
    one, two = a_chain(session, "one", "two")
    side = msgspec.structs.replace(a_chain(session, "side")[0], parent_id=one.id, position=3)
    content = FileContent("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", b"x")
    withfile = msgspec.structs.replace(
        a_chain(session, "file")[0],
        parent_id=two.id,
        position=4,
        parts=(File(content.digest, "x", "text/plain", 1),),
    )
    checkpoint = Checkpoint(
        id=ids.new_id(),
        session_id=session.id,
        kind="summary",
        from_id=one.id,
        through_id=two.id,
        summary="They agreed.",
        level=3,
        number=1,
        token_count=3,
        created_at=THEN,
    )
    snapshot = Snapshot(
        id=ids.new_id(),
        session_id=session.id,
        name="before",
        purpose="emergency",
        head_id=two.id,
        checkpoint_ids=(checkpoint.id,),
        created_at=THEN,
    )
    end = SessionEnd(msgspec.structs.replace(session, head_id=withfile.id, compression_count=1))
    store.import_records([session, one, two, side, content, withfile, checkpoint, snapshot, end])
    assert texts(store, session.id, leaf_id=side.id) == ["one", "side"]
    assert store.list_checkpoints(session.id) == [checkpoint]
    assert store.list_snapshots(session.id) == [snapshot]
    assert store.get_session(session.id).compression_count == 1
    with store.open_file(content.digest) as file:
        assert file.read() == b"x"
    assert store.verify().problems == []


def test_compressions_that_come_in_are_counted(store: Store) -> None:
    session, records = a_batch(store, "one", "two", "three")
    one, two, *_ = [record for record in records if isinstance(record, Message)]
    made = [
        Checkpoint(
            id=ids.new_id(),
            session_id=session.id,
            kind="summary",
            from_id=one.id,
            through_id=two.id,
            summary="They agreed.",
            level=3,
            token_count=3,
            number=number,
            created_at=THEN,
        )
        for number in (1, 2, 3)
    ]
    aged = msgspec.structs.replace(made[2], replaces=(made[0].id,))
    store.import_records([*records[:-1], *made[:2], aged, records[-1]])
    assert store.get_session(session.id).compression_count == 2
    assert {item.id for item in store.list_checkpoints(session.id)} == {made[1].id, aged.id}
    late = msgspec.structs.replace(made[0], id=ids.new_id(), number=4)
    store.import_records([late])
    assert store.get_session(session.id).compression_count == 3
    assert store.verify().problems == []


def test_content_that_is_not_its_digest_is_refused(store: Store) -> None:
    with pytest.raises((Invalid, palaver.Corrupt)):
        store.import_records([FileContent("0" * 64, b"x")])


def test_what_came_in_is_found(store: Store) -> None:
    session, records = a_batch(store, "marigold", "rose")
    store.import_records(records)
    assert session.id in {hit.session_id for hit in store.search("marigold").items}


def test_a_date_ahead_of_the_clock_does_not_pull_updated_at_back(store: Store) -> None:
    ahead = Time.of(Time.current() + timedelta(days=365))
    session, records = a_batch(store, updated_at=ahead)
    store.import_records(records)
    say(store, session.id, "three")
    assert store.get_session(session.id).updated_at >= ahead


def test_a_conversation_goes_on_after_the_import(store: Store) -> None:
    session, records = a_batch(store)
    store.import_records(records)
    (three,) = say(store, session.id, "three")
    assert three.position == 3
    assert texts(store, session.id) == ["one", "two", "three"]
    assert store.get_session(session.id).updated_at > THEN
