"""The server goes away, and connections are lost: what was acknowledged is there, and everything works again."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

import psycopg
import pytest

import palaver
from palaver import Busy, Store, Unavailable
from palaver.model import Change
from tests.support import postgres
from tests.support.factories import a_conversation, ids, texts


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """One of this module alone, which it may stop."""
    with postgres.running(postgres.find_binaries(), durable=True) as running:
        yield running


@pytest.fixture
def stoppable(server: postgres.Server) -> Iterator[Store]:
    with postgres.Databases(server.url()).empty() as url, palaver.open_store(url) as store:
        yield store


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_while_the_server_is_away_it_is_said_so_and_then_all_goes_on(
    server: postgres.Server, stoppable: Store, mode: str
) -> None:
    session = a_conversation(stoppable, "one")
    server.stop(mode)
    for call in (
        lambda: stoppable.get_session(session.id),
        lambda: stoppable.append(session.id, palaver.user("lost")),
    ):
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            call()
        assert time.monotonic() - begun < 5
    server.start(durable=True)
    assert texts(stoppable, session.id) == ["one"]
    stoppable.append(session.id, palaver.user("two"))
    assert texts(stoppable, session.id) == ["one", "two"]


def test_listeners_hear_again_when_the_server_is_back(server: postgres.Server, stoppable: Store) -> None:
    session = a_conversation(stoppable, "one")
    heard: list[Change] = []
    told = threading.Event()

    def hear(changes: Sequence[Change]) -> None:
        heard.extend(changes)
        told.set()

    stoppable.listen(hear)
    server.stop("fast")
    server.start(durable=True)
    with palaver.open_store(url_of(server, stoppable)) as other:
        other.append(session.id, palaver.user("two"))
        assert told.wait(10)
    assert [change.session_id for change in heard] == [session.id]


def url_of(server: postgres.Server, store: Store) -> str:
    return server.url(store.location.removeprefix("postgresql:///").partition("?")[0])


def test_lost_idle_connections_are_not_noticed(store: Store, postgres_url: str) -> None:
    session = a_conversation(store, "one")
    with psycopg.connect(postgres_url, autocommit=True) as other:
        for number in range(3):
            postgres.drop_connections(other)
            store.append(session.id, palaver.user(f"{number}"))
            assert texts(store, session.id)[-1] == f"{number}"


def test_who_holds_the_lock_for_long_makes_others_busy(store: Store, postgres_url: str) -> None:
    session = a_conversation(store, "one")
    with psycopg.connect(postgres_url) as other:
        other.execute(b"SELECT pg_advisory_xact_lock(8097862976886616832)")
        with pytest.raises(Busy):
            store.append(session.id, palaver.user("two"))
    store.append(session.id, palaver.user("three"))
    assert texts(store, session.id) == ["one", "three"]


def test_a_change_in_another_process_is_heard_within_200_ms(store: Store, postgres_url: str) -> None:
    session = a_conversation(store, "one")
    told = threading.Event()
    with palaver.open_store(postgres_url) as other:
        other.listen(lambda _: told.set())
        store.append(session.id, palaver.user("two"))
        told.wait(10)  # it may begin to listen only now
        times = []
        for number in range(10):
            told.clear()
            begun = time.monotonic()
            store.append(session.id, palaver.user(f"{number}"))
            assert told.wait(10)
            times.append(time.monotonic() - begun)
    assert sorted(times)[len(times) // 2] < 0.2


def test_one_of_several_writers_whose_append_was_outrun_still_writes_it(
    store: Store, postgres_url: str
) -> None:
    session = a_conversation(store, "one").id
    with palaver.open_store(postgres_url) as other:
        for number in range(20):
            store.append(session, palaver.user(f"here {number}"))
            other.append(session, palaver.user(f"there {number}"))
        with suppress(palaver.Conflict):
            other.append(session, palaver.user("again", id=ids([*store.messages(session)])[0]))
    expected = ["one", *[f"{who} {number}" for number in range(20) for who in ("here", "there")]]
    assert texts(store, session) == expected
    assert store.verify().problems == []
