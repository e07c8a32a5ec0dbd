"""Killed at any moment: what was acknowledged is there, exactly once and in order, and `verify` is clean."""

import itertools
import json
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import palaver
from palaver import Filter, Message, Store
from palaver.context.prompt import Sent
from palaver.providers.base import Request
from palaver.providers.demo import compose
from tests.conftest import Tried
from tests.faults.work import (
    BATCH,
    IMPORTED,
    batches,
    do_import,
    keep_appending,
    keep_asking,
    keep_mirroring,
    make_a_store,
    purge_all,
)
from tests.support.factories import a_conversation, say
from tests.support.killing import Child

TOGETHER = 3
ROUNDS_OF_ONE = 25

ROUNDS = pytest.mark.parametrize("rounds", [25, pytest.param(400, marks=pytest.mark.long)])


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "palaver.db")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.node.name)


def wait_a_moment(chance: random.Random, longest: float) -> None:
    """Any moment up to `longest` seconds, the early ones more often."""
    time.sleep(chance.random() ** 2 * longest)


def assert_sound(store: Store, session_id: str) -> list[Message]:
    """The session's messages, after a look at every row."""
    assert store.verify().problems == []
    return assert_chain(store, session_id)


def assert_chain(store: Store, session_id: str) -> list[Message]:
    """The session's messages, which are one chain without a gap."""
    chain = list(store.messages(session_id))
    assert [message.position for message in chain] == list(range(1, len(chain) + 1))
    assert all(left.id == right.parent_id for left, right in itertools.pairwise(chain))
    return chain


@ROUNDS
def test_every_acknowledged_append_survives_the_kill_of_all_who_write(
    tmp_path: Path, chance: random.Random, rounds: int, tried: Tried
) -> None:
    stored = sum(
        kill_writers(str(tmp_path / f"{number}.db"), chance) for number in range(rounds // ROUNDS_OF_ONE)
    )
    assert stored > rounds
    tried(f"{rounds * TOGETHER} kills, {stored} acknowledged appends")


def kill_writers(path: str, chance: random.Random) -> int:
    """Kill all who write one session, several times; how many appends they had acknowledged."""
    acknowledged: dict[str, list[str]] = {}
    with palaver.open_store(path) as store:
        session = store.create_session().id
    for number in range(ROUNDS_OF_ONE):
        names = [f"{number}.{n}" for n in range(TOGETHER)]
        with ExitStack() as children:
            writers = [children.enter_context(Child(keep_appending, path, session, name)) for name in names]
            wait_a_moment(chance, 0.3)
            acknowledged |= {name: writer.kill() for name, writer in zip(names, writers, strict=True)}
        with palaver.open_store(path) as store:
            chain = assert_sound(store, session)
        assert len({message.id for message in chain}) == len(chain)
        for name, reported in acknowledged.items():
            own = [message.id for message in chain if message.text.split()[0] == name]
            assert own[: len(reported)] == reported
            assert len(own) <= len(reported) + 1
    return sum(map(len, acknowledged.values()))


@ROUNDS
def test_an_answer_cut_by_a_kill_is_kept_as_interrupted(
    path: str, chance: random.Random, rounds: int, tried: Tried
) -> None:
    cut = 0
    for _ in range(rounds * 2):
        with palaver.open_store(path) as store:
            session = store.create_session().id
        with Child(keep_asking, path, session) as child:
            child.wait_for_report()
            wait_a_moment(chance, 0.15)
            reported = child.kill()
        with palaver.open_store(path) as store:
            chain = assert_sound(store, session)
            assert [message.id for message in chain][: len(reported)] == reported
            cut += check_turns(chain)
            assert store.open_draft(session).status == "streaming"
    assert cut > rounds / 2
    tried(f"{rounds * 2} kills, {cut} of them in the middle of an answer")


def check_turns(chain: Sequence[Message]) -> int:
    """Every answer but the last is whole; the last is, or holds the beginning. How many were cut."""
    asked: list[Message] = []
    cut = 0
    for message in chain:
        if message.role == "user":
            asked.append(message)
            continue
        whole = compose(Request(model="demo", messages=[Sent("user", item.parts, 0) for item in asked]))
        if message.status == "complete":
            assert message.text == whole
        else:
            assert message.status == "interrupted"
            assert message is chain[-1]
            assert whole.startswith(message.text)
            cut += 1
    return cut


@ROUNDS
def test_an_import_cut_by_a_kill_has_whole_batches_and_is_finished_by_the_next(
    tmp_path: Path, chance: random.Random, rounds: int, tried: Tried
) -> None:
    cut = 0
    for number in range(rounds):
        path = str(tmp_path / f"{number}.db")
        with palaver.open_store(path) as store:
            project = store.personal_project().id
        with Child(do_import, path, project) as child:
            wait_a_moment(chance, 0.3)
            acknowledged = len(child.kill())
        with palaver.open_store(path) as store:
            assert store.verify().problems == []
            counts = [len(list(store.tree(name))) for name in imported(store)]
            assert all(count % (BATCH // 2) == 0 for count in counts)
            assert acknowledged <= sum(counts) // (BATCH // 2) <= acknowledged + 1
            cut += acknowledged < 2 * IMPORTED
            for batch in batches(project, IMPORTED):
                store.import_records(batch)
            assert [len(assert_chain(store, name)) for name in imported(store)] == [BATCH] * IMPORTED
    assert cut > rounds / 2
    tried(f"{rounds} kills, {cut} of them in the middle of an import")


def imported(store: Store) -> list[str]:
    every = Filter(empty=True)
    return [session.id for session in store.list_sessions(filter=every, limit=200).items]


@ROUNDS
def test_a_store_killed_while_it_is_made_can_be_opened(
    tmp_path: Path, chance: random.Random, rounds: int, tried: Tried
) -> None:
    for number in range(rounds):
        path = str(tmp_path / f"{number}.db")
        with Child(make_a_store, path) as child:
            wait_a_moment(chance, 0.06)
            acknowledged = child.kill()
        with palaver.open_store(path) as store:
            assert store.verify().problems == []
            for message in acknowledged:
                assert store.get_message(message).text == "first"
            say(store, store.create_session().id, "works")
    tried(f"{rounds} kills of a store being made")


@ROUNDS
def test_a_mirrored_file_is_whole_at_any_moment_and_caught_up(
    path: str, tmp_path: Path, chance: random.Random, rounds: int, tried: Tried
) -> None:
    folder = tmp_path / "mirror"
    with palaver.open_store(path, mirror=f"ollm:{folder}") as store:
        session = store.create_session(model="m", provider="p").id
    said = 0
    for _ in range(rounds):
        with Child(keep_mirroring, path, str(folder), session) as child:
            wait_a_moment(chance, 0.2)
            said += len(child.kill())
        assert said <= len(mirrored(folder, session))
        with palaver.open_store(path, mirror=f"ollm:{folder}") as store:
            chain = assert_sound(store, session)
        assert mirrored(folder, session) == [message.text for message in chain]
        assert [file.name for file in folder.iterdir() if session in file.name] == [f"{session}.json"]
        said = len(chain)
    tried(f"{rounds} kills of a mirror, {said} messages")


def mirrored(folder: Path, session_id: str) -> list[str]:
    loaded = json.loads((folder / f"{session_id}.json").read_bytes())
    return [message["parts"][0]["text"] for message in loaded["messages"]]


@ROUNDS
def test_a_purge_cut_by_a_kill_is_done_or_not_begun(
    tmp_path: Path, chance: random.Random, rounds: int, tried: Tried
) -> None:
    for number in range(rounds):
        path = str(tmp_path / f"{number}.db")
        with palaver.open_store(path) as store:
            made = [a_conversation(store, *["marigold"] * 30).id for _ in range(8)]
        with Child(purge_all, path) as child:
            child.wait_for_report(chance.randrange(len(made)))
            wait_a_moment(chance, 0.05)
            purged = child.kill()
        with palaver.open_store(path) as store:
            assert store.verify().problems == []
            left = [session.id for session in store.list_sessions().items]
            assert set(left).isdisjoint(purged)
            assert len(left) >= len(made) - len(purged) - 1
            assert all(len(assert_chain(store, session)) == 30 for session in left)
    tried(f"{rounds} kills in the middle of a purge")
