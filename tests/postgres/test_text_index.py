"""The full-text index on PostgreSQL: it follows, it is sound, and what was purged is not in it."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

import palaver
from palaver import Store
from palaver.model import Text, ToolCall
from palaver.storage.postgres import index
from palaver.storage.postgres.database import QUIET
from palaver.storage.postgres.deadline import Deadline
from palaver.storage.search import following
from palaver.storage.search.index import watermark
from palaver.storage.search.search import search
from tests.conftest import OpenStore

MARKER = "xylomarkerophon"


def in_transaction(store: Store, work: Callable[[Any], Any]) -> Any:
    return store._database.write("system", work)  # type: ignore[attr-defined]


def catch_up(store: Store) -> None:
    while in_transaction(store, lambda tx: following.index_batch(tx, 1_000)):
        pass


def check(store: Store) -> list[str]:
    # Of one state: the index may be following meanwhile.
    with store._database.read("system") as tx:  # type: ignore[attr-defined]
        return [kind for kind, _, _ in index.check(tx)]


def fill(store: Store, count: int = 50) -> str:
    session = store.create_session(title="Filled to the brim")
    for number in range(count):
        store.append(
            session.id,
            palaver.user(f"Question {number} of {count}: fooBar{number % 3} 北京 Café"),
            palaver.assistant("", parts=[Text(f"Answer {number}"), ToolCall("1", "look", {"at": [number]})]),
        )
    return session.id


def found(store: Store, query: str) -> list[str | None]:
    return [hit.message_id for hit in store.search(query, limit=200).items]


def test_an_index_that_followed_is_sound(store: Store) -> None:
    fill(store)
    in_transaction(store, lambda tx: following.index_batch(tx, 30))
    assert check(store) == []
    catch_up(store)
    assert check(store) == []
    assert store.verify().problems == []
    assert store.stats().index_size > 0


def test_renaming_trashing_purging_and_moving_leave_it_sound(store: Store) -> None:
    session_id = fill(store)
    catch_up(store)
    store.update_session(session_id, title="Another name")
    for message in list(store.messages(session_id))[:20]:
        store.trash_message(message.id)
        store.purge_message(message.id)
    store.update_session(session_id, project_id=store.create_project("Elsewhere").id)
    gone = fill(store, 3)
    store.trash_session(gone)
    catch_up(store)
    store.purge_session(gone)
    assert check(store) == []
    assert len(found(store, "question project:Elsewhere")) == 40


def test_it_follows_by_itself(store: Store) -> None:
    fill(store, 300)
    while _behind(store) >= QUIET:
        time.sleep(0.01)
    assert check(store) == []


HARMS: dict[str, Callable[[Any], object]] = {
    "a text that is missing": lambda tx: tx.run("index_remove", seq=7),
    "a text that nobody wrote": lambda tx: tx.connection.execute(
        b"INSERT INTO text_index SELECT seq, 2, ref, size, words FROM text_index WHERE seq = 9"
    ),
    "a word too many": lambda tx: tx.connection.execute(
        b"UPDATE text_index SET words = words || 'more:1'::tsvector WHERE seq = 9"
    ),
    "nothing at all": lambda tx: tx.run("index_empty"),
    "counts that do not fit": lambda tx: tx.run("word_add", counts='{"never": 1}'),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_does_not_fit_is_found_out_and_mended(store: Store, harm: str) -> None:
    fill(store)
    catch_up(store)
    in_transaction(store, HARMS[harm])
    assert len(check(store)) == 1
    report = store.verify(repair=True)
    assert [problem.repaired for problem in report.problems] == [True]
    assert check(store) == []
    assert store.verify().problems == []
    assert len(found(store, '"question 7"')) == 1


def test_a_long_message_is_found_from_one_end_to_the_other(store: Store) -> None:
    session = store.create_session(title="Long")
    words = [f"w{number}" for number in range(400_000)]
    (message,) = store.append(session.id, palaver.user(f"first {' '.join(words)} last"))
    fill(store, 3)
    catch_up(store)
    assert len(message.text) > 2_700_000
    for query in (
        "first last",
        "w199999 ",
        f'"{" ".join(words[15_990:16_010])}"',
        '"w399999 last"',
        "first -absent",
    ):
        assert found(store, query) == [message.id]
    assert found(store, "first -w399999 ") == []
    assert check(store) == []


def test_what_the_vectors_cannot_tell_the_text_tells(store: Store) -> None:
    session = store.create_session(title="Long")
    words = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] * 5
    whole, _ = store.append(
        session.id, palaver.user(" ".join(words)), palaver.user(" ".join([*words[:40], "z", *words[40:]]))
    )
    long = "ж" * 1_200
    one, other = store.append(session.id, palaver.user(long + "one"), palaver.user(long + "other"))
    catch_up(store)
    assert found(store, f'"{" ".join(words[:45])}"') == [whole.id]
    assert found(store, f"{long}on*") == [one.id]
    assert found(store, f"{long}o*") == [one.id, other.id]


def test_several_processes_may_follow_at_once(open_database: OpenStore) -> None:
    stores = [open_database() for _ in range(3)]
    threads = [threading.Thread(target=fill, args=(store, 200)) for store in stores]
    followers = [threading.Thread(target=_follow, args=(store,)) for store in stores]
    for thread in [*threads, *followers]:
        thread.start()
    for thread in [*threads, *followers]:
        thread.join()
    catch_up(stores[0])
    assert check(stores[0]) == []
    assert len(found(stores[1], '"question 7"')) == 3


def _follow(store: Store) -> None:
    for _ in range(20):
        in_transaction(store, lambda tx: following.index_batch(tx, 50))


def test_what_is_purged_while_it_is_indexed_is_not_in_it(open_database: OpenStore) -> None:
    one, other = open_database(), open_database()
    session_id = one.create_session(title="Marked").id
    stop = threading.Event()
    thread = threading.Thread(target=_index_until, args=(other, stop))
    thread.start()
    for number in range(60):
        (message,) = one.append(session_id, palaver.user(f"{MARKER} {number}"))
        one.purge_message(message.id)
    stop.set()
    thread.join()
    catch_up(one)
    assert check(one) == []
    assert in_transaction(one, _marked) == 0


def _index_until(store: Store, stop: threading.Event) -> None:
    while not stop.is_set():
        in_transaction(store, lambda tx: following.index_batch(tx, 1))


def _marked(tx: Any) -> int:
    rows = tx.connection.execute(
        b"SELECT count(*) FROM text_index WHERE words @@ $1::text::tsquery", (MARKER,)
    )
    words = tx.connection.execute(b"SELECT count(*) FROM word WHERE word = $1::text", (MARKER,))
    return int(rows.fetchone()[0] + words.fetchone()[0])


def test_what_was_purged_is_in_no_row(store: Store, postgres_url: str) -> None:
    session_id = fill(store)
    marked = store.append(session_id, *[palaver.user(f"{MARKER} {number}") for number in range(40)])
    catch_up(store)
    assert in_transaction(store, _marked) > 40
    for message in marked:
        store.purge_message(message.id)
    assert in_transaction(store, _marked) == 0
    store.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        told: list[str] = []
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        connection.execute("VACUUM (VERBOSE) palaver.text_index")
    assert any("tuples: 0 removed" in text for text in told)


def test_a_statement_that_takes_too_long_is_cut_and_the_transaction_goes_on(store: Store) -> None:
    fill(store, 3)
    with store._database.read("local") as tx:  # type: ignore[attr-defined]
        with tx.index().deadline(0.05) as deadline:
            tx.connection.execute(b"SELECT pg_sleep(10)")
        assert deadline.cut
        assert search(tx, "question ", None, None, 20, 10.0).items


def test_what_was_found_when_the_time_was_over_counts(store: Store) -> None:
    with store._database.read("local") as tx:  # type: ignore[attr-defined]
        kept = []
        with tx.index().deadline(0.01) as deadline:
            for row in deadline.bounded(_slow_rows(deadline)):
                kept.append(row)  # noqa: PERF402  (a list made at once would be lost with what ends it)
        assert (kept, deadline.cut) == ([1], True)


def _slow_rows(deadline: Deadline) -> Iterator[int]:
    while not deadline.is_over():
        pass
    yield 1
    yield 2


def _behind(store: Store) -> int:
    with store._database.read("system") as tx:  # type: ignore[attr-defined]
        through, last = watermark(tx)
        return last - through
