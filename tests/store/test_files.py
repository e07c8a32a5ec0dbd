"""Files: stored once, readable by whoever sees a message that refers to them."""

import hashlib
import io
from collections.abc import Callable
from typing import Any, BinaryIO

import pytest

import palaver
from palaver import File, Filter, Invalid, NotFound, Store
from tests.support.factories import a_conversation, a_question

CONTENT = b"marigold\x00\xff" * 1_000
SOURCES: list[Callable[[bytes], bytes | BinaryIO]] = [bytes, io.BytesIO]


def send(store: Store, file: File, session_id: str | None = None) -> str:
    """A message that refers to the file; the id of its session."""
    session = session_id or a_conversation(store).id
    store.append(session, palaver.user("Look at this.", parts=(file,)))
    return session


def read(store: Store, digest: str) -> bytes:
    with store.open_file(digest) as file:
        return file.read()


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("content", [b"", b"x", CONTENT, b"\0" * 5_000_000])
def test_content_comes_back_byte_for_byte(
    store: Store, source: Callable[[bytes], bytes | BinaryIO], content: bytes
) -> None:
    made = store.put_file(source(content), name="bed.txt", mime="text/plain")
    assert made == File(hashlib.sha256(content).hexdigest(), "bed.txt", "text/plain", len(content))
    assert read(store, made.digest) == content


def test_a_mime_type_is_guessed_from_the_name(store: Store) -> None:
    assert store.put_file(b"x", name="bed.png").mime == "image/png"
    assert store.put_file(b"x", name="bed").mime == "application/octet-stream"


def test_a_file_can_be_sought_in(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    with store.open_file(made.digest) as file:
        file.seek(-10, io.SEEK_END)
        assert file.read() == CONTENT[-10:]
        file.seek(8)
        assert file.read(2) == CONTENT[8:10]


def test_a_file_opened_stays_readable_while_others_write(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    with store.open_file(made.digest) as file:
        start = file.read(100)
        a_conversation(store)
        assert start + file.read() == CONTENT


def test_the_same_content_is_stored_once(store: Store) -> None:
    first = store.put_file(CONTENT, name="a.bin")
    second = store.put_file(CONTENT, name="b.bin")
    assert (first.digest, second.name) == (second.digest, "b.bin")
    stats = store.stats()
    assert (stats.files, stats.file_size) == (1, len(CONTENT))


def test_a_file_in_a_message_comes_back_with_it(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.txt")
    session = send(store, made)
    *_, message = store.messages(session)
    assert message.parts[-1] == made
    assert store.verify().problems == []


def test_a_message_with_a_file_is_found_by_has_file(store: Store) -> None:
    session = send(store, store.put_file(CONTENT, name="bed.txt"))
    found = store.search("look", filter=Filter(has=("file",))).items
    assert {hit.session_id for hit in found} == {session}
    assert store.search("hello", filter=Filter(has=("file",))).items == []


def test_a_message_cannot_refer_to_content_that_is_not_there(store: Store) -> None:
    session = store.create_session()
    absent = File("0" * 64, "x", "text/plain", 1)
    with pytest.raises((Invalid, NotFound)):
        store.append(session.id, palaver.user("x", parts=(absent,)))


@pytest.mark.parametrize("digest", ["0" * 64, "", "../x", "x" * 100_000, "\0", "\ud800", "0" * 63 + "G"])
def test_unknown_content_is_not_found(store: Store, digest: str) -> None:
    with pytest.raises(NotFound):
        store.open_file(digest)


def test_content_is_the_putters_and_not_a_strangers(store: Store, stranger: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    send(store, made)
    with pytest.raises(NotFound):
        stranger.open_file(made.digest)


def test_a_stranger_who_has_the_content_may_put_and_read_it(store: Store, stranger: Store) -> None:
    digest = store.put_file(CONTENT, name="bed.bin").digest
    stranger.put_file(CONTENT, name="theirs.bin")
    assert read(stranger, digest) == CONTENT


def test_guessing_a_digest_in_a_message_opens_nothing(store: Store, stranger: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    session = stranger.create_session()
    with pytest.raises((Invalid, NotFound)):
        stranger.append(session.id, a_question("x", parts=(made,)))
    with pytest.raises(NotFound):
        stranger.open_file(made.digest)


def test_content_that_a_message_refers_to_stays(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    one, two = send(store, made), send(store, made)
    store.purge_session(one)
    store.purge_trash()
    assert read(store, made.digest) == CONTENT
    assert two


def test_content_nobody_refers_to_any_more_is_collected_with_the_last_message(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    one, two = send(store, made), send(store, made)
    store.purge_session(one)
    store.purge_session(two)
    store.purge_trash()
    assert store.stats().files == 0
    with pytest.raises(NotFound):
        store.open_file(made.digest)
    assert store.verify().problems == []


def test_fresh_content_waits_for_its_message(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    store.purge_trash()
    send(store, made)
    assert read(store, made.digest) == CONTENT


@pytest.mark.parametrize(
    "fields", [{"name": ""}, {"name": "a\0b"}, {"name": "\ud800"}, {"name": "x" * 100_000}]
)
def test_a_name_that_cannot_be_shown_is_invalid(store: Store, fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        store.put_file(CONTENT, **fields)
    assert store.stats().files == 0


def test_a_copy_in_a_fork_keeps_the_content(store: Store) -> None:
    made = store.put_file(CONTENT, name="bed.bin")
    session = send(store, made)
    fork = store.fork_session(session)
    store.purge_session(session)
    store.purge_trash()
    assert read(store, made.digest) == CONTENT
    assert fork.message_count
