"""Context snapshots of OLLM, from the old writer and the new one."""

from pathlib import Path

from palaver import Event, Store, Text
from tests.formats.files import bring, everything
from tests.support.factories import texts


def test_user_messages_that_the_old_writer_left_out_are_brought_together(store: Store, data: Path) -> None:
    bring(store, data / "ollm-snapshot-old.json")
    session = store.list_sessions().items[0]
    assert texts(store, session.id) == ["Earlier: agreed on names.", "Rename the helper", "Renamed it."]


def test_messages_that_the_new_writer_lists_twice_come_once_and_in_time_order(
    store: Store, data: Path
) -> None:
    bring(store, data / "ollm-snapshot-new.json")
    session = store.list_sessions().items[0]
    assert texts(store, session.id) == ["Rename the helper", "Now the tests", "They pass."]


def test_a_summary_of_messages_that_are_gone_is_a_note(store: Store, data: Path) -> None:
    bring(store, data / "ollm-snapshot-old.json")
    session = store.list_sessions().items[0]
    note = next(store.messages(session.id))
    assert note.role == "note"
    assert note.parts[0] == Text("Earlier: agreed on names.")
    assert isinstance(note.parts[1], Event)
    assert note.parts[1].data["originalMessageIds"] == ["u0", "a0"]


def test_a_summary_of_messages_that_are_there_is_a_checkpoint(store: Store, data: Path) -> None:
    bring(store, data / "ollm-snapshot-new.json")
    session = store.list_sessions().items[0]
    (checkpoint,) = store.list_checkpoints(session.id)
    branch = [message.id for message in store.messages(session.id)]
    assert (checkpoint.from_id, checkpoint.through_id) == (branch[1], branch[2])
    assert (checkpoint.level, checkpoint.number) == (2, 1)


def test_a_snapshot_becomes_a_session_that_says_where_it_is_from(store: Store, data: Path) -> None:
    bring(store, data / "ollm-snapshot-old.json")
    session = store.list_sessions().items[0]
    assert (session.model, session.context_size, session.title) == ("gemma3:4b", 8192, "emergency snapshot")
    assert session.origin is not None
    assert session.origin.id == "snap_1769500000000_k3v9q2a"
    assert session.metadata["ollm"]["sessionId"] == "session-1769499000000"
    assert session.metadata["ollm"]["metadata"]["purpose"] == "emergency"


def test_two_snapshots_of_one_session_stay_apart_and_come_in_once(store: Store, data: Path) -> None:
    for name in ("ollm-snapshot-old.json", "ollm-snapshot-new.json"):
        bring(store, data / name)
    assert len(store.list_sessions().items) == 2
    before = everything(store)
    for name in ("ollm-snapshot-old.json", "ollm-snapshot-new.json"):
        assert bring(store, data / name).added == {}
    assert everything(store) == before


def test_a_file_of_the_oldest_writer_without_user_messages_is_read(store: Store) -> None:
    file = {"id": "s", "sessionId": "x", "messages": [{"id": "m", "role": "user", "content": "Hi"}]}
    assert bring(store, file).added == {"session": 1, "message": 1}
