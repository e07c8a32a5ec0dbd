"""Connections to PostgreSQL are lost at any moment: in a statement, in a commit, between two."""

import random
import threading
import time

import psycopg

import palaver
from palaver import Unavailable
from tests.faults.tries import Tries, at_most
from tests.support.postgres import drop_connections

WRITERS = 4


@at_most(60, 3_000)
def test_connections_lost_at_any_moment_lose_nothing_that_was_acknowledged(
    postgres_url: str, chance: random.Random, tries: Tries
) -> None:
    store = palaver.open_store(postgres_url)
    session = store.create_session().id
    over = threading.Event()
    stored: list[str] = []
    refused: list[str] = []
    unknown: list[str] = []

    def write() -> None:
        while not over.is_set():
            message = palaver.user("x")
            try:
                store.append(session, message)
            except Unavailable as exc:
                (unknown if "not known" in str(exc) else refused).append(message.id)
            else:
                stored.append(message.id)

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        for _ in tries:
            time.sleep(chance.random() * 0.03)
            drop_connections(other)
    over.set()
    for writer in writers:
        writer.join()
    there = [message.id for message in store.messages(session)]
    assert set(stored) <= set(there) <= {*stored, *unknown}
    assert len(set(there)) == len(there)
    assert not set(refused) & set(there)
    assert store.verify().problems == []
    store.close()
    tries.say(
        f"{tries.done} times all connections lost: {len(stored)} appends stored, {len(refused)} refused"
    )
