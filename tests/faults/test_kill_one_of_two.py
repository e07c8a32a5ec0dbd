"""One of two who write is killed at any moment: the other goes on, and so does whoever opens the database next."""

import itertools
import random
import time
from collections.abc import Iterator

import palaver
from tests.faults.conftest import NewDatabase
from tests.faults.test_kill import assert_sound
from tests.faults.tries import Tries, at_most
from tests.faults.work import keep_appending
from tests.support.killing import Child

ROUNDS = 25
"""On one database, so that looking at it whole does not take ever longer."""

LONGEST_OPENING = 5.0
"""Seconds on a machine that may be busy; what was left by a killed process takes milliseconds."""


@at_most(75, 1_000)
def test_whoever_survives_goes_on_and_nothing_acknowledged_is_lost(
    new_database: NewDatabase, chance: random.Random, tries: Tries
) -> None:
    stored, openings = 0, [0.0]
    numbers = iter(tries)
    before = -1
    while tries.done > before:
        before = tries.done
        with new_database() as url:
            stored += kill_one_of_two(url, itertools.islice(numbers, ROUNDS), chance, openings)
    assert stored > tries.done
    assert max(openings) < LONGEST_OPENING
    tries.say(
        f"{tries.done} kills of one of two writers, {stored} acknowledged appends, "
        f"opened again within {max(openings) * 1000:.0f} ms each time"
    )


def kill_one_of_two(url: str, numbers: Iterator[int], chance: random.Random, openings: list[float]) -> int:
    """Everything acknowledged is there once and in order; how much that was."""
    with palaver.open_store(url) as store:
        session_id = store.create_session().id
    reported: dict[str, list[str]] = {}
    with Child(keep_appending, url, session_id, "survivor") as survivor:
        for number in numbers:
            with Child(keep_appending, url, session_id, f"{number}") as victim:
                time.sleep(chance.random() ** 2 * 0.15)
                reported[f"{number}"] = victim.kill()
            begun = time.monotonic()
            with palaver.open_store(url) as store:
                openings.append(time.monotonic() - begun)
                store.append(session_id, palaver.user(f"after {number}"))
        reported["survivor"] = survivor.kill()
    with palaver.open_store(url) as store:
        chain = assert_sound(store, session_id)
    assert len({message.id for message in chain}) == len(chain)
    for name, acknowledged in reported.items():
        own = [message.id for message in chain if message.text.split()[0] == name]
        assert own[: len(acknowledged)] == acknowledged
        assert len(own) <= len(acknowledged) + 1
    return sum(map(len, reported.values()))
