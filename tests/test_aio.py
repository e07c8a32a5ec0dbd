"""`AsyncStore`: cancellation, bounded threads, one wake-up for many."""

import ast
import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

import palaver
from palaver import AsyncStore, Change, Conflict, Invalid, NotFound, Page, Session, Store, Unavailable, aio
from tests.support.factories import NO_ID, a_conversation, a_question

T = TypeVar("T")


class Gate:
    """A stream of records that stops in the middle until it is let through, on the store's thread."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def records(self) -> "Gate":
        return self

    def __iter__(self) -> "Gate":
        return self

    def __next__(self) -> Session:
        self.reached.set()
        assert self.open.wait(timeout=30)
        raise StopIteration


def run(main: Callable[[AsyncStore], Awaitable[T]], store: Store, *, threads: int = 32) -> T:
    async def inside() -> T:
        async with AsyncStore(store, threads=threads) as opened:
            return await main(opened)

    return asyncio.run(inside())


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 30)


def test_every_verb_of_the_contract_is_there() -> None:
    assert Store.__abstractmethods__ == {*aio.VERBS, *aio.STREAMS, *aio.DIRECT}
    for name in aio.VERBS:
        assert inspect.iscoroutinefunction(getattr(AsyncStore, name))
        assert inspect.signature(getattr(AsyncStore, name)) == inspect.signature(getattr(Store, name))


def test_no_verb_is_written_by_hand() -> None:
    tree = ast.parse(Path(aio.__file__).read_text(encoding="utf-8"))
    written = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert written.isdisjoint([*aio.VERBS, *aio.STREAMS])


def test_an_error_of_a_verb_is_raised_where_it_was_called(store: Store) -> None:
    async def main(opened: AsyncStore) -> None:
        with pytest.raises(NotFound, match="Session not found"):
            await opened.get_session(NO_ID)
        with pytest.raises(NotFound):
            [message async for message in opened.messages(NO_ID)]
        with pytest.raises(TypeError):
            await opened.get_session()  # type: ignore[call-arg]

    run(main, store)


def test_a_stream_brings_every_message_in_order(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(1_000)])

    async def main(opened: AsyncStore) -> list[str]:
        return [message.text async for message in opened.messages(session.id)]

    assert run(main, store) == [f"{n}" for n in range(1_000)]


def test_a_stream_may_be_left_early(store: Store) -> None:
    session = a_conversation(store, *[f"{n}" for n in range(1_000)])

    async def main(opened: AsyncStore) -> int:
        async for _ in opened.messages(session.id):
            break
        return len(await opened.append(session.id, a_question()))

    assert run(main, store) == 1


def test_the_loop_is_free_while_a_verb_runs(store: Store) -> None:
    gate = Gate()

    async def main(opened: AsyncStore) -> None:
        waiting = asyncio.create_task(opened.import_records(gate))
        await until(gate.reached)
        assert not waiting.done()
        gate.open.set()
        await waiting

    run(main, store)


def test_a_cancelled_call_that_has_not_begun_is_withdrawn(store: Store) -> None:
    gate = Gate()
    session = a_conversation(store)

    async def main(opened: AsyncStore) -> None:
        holding = asyncio.create_task(opened.import_records(gate))
        await until(gate.reached)
        waiting = asyncio.create_task(opened.append(session.id, a_question("withdrawn")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.open.set()
        await holding
        await opened.append(session.id, a_question("later"))
        assert [message.text async for message in opened.messages(session.id)][1:] == ["later"]

    run(main, store, threads=1)


def test_a_cancelled_call_that_has_begun_is_awaited_to_its_outcome(store: Store) -> None:
    gate = Gate()

    async def main(opened: AsyncStore) -> None:
        running = asyncio.create_task(opened.import_records(gate))
        await until(gate.reached)
        for _ in range(3):
            running.cancel()
            await asyncio.sleep(0.01)
        assert not running.done()
        gate.open.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert running.cancelled()

    run(main, store)


def test_after_a_cancelled_append_it_is_known_whether_it_was_stored(store: Store) -> None:
    session = store.create_session()

    async def main(opened: AsyncStore) -> None:
        for n in range(200):
            question = a_question(f"{n}")
            task = asyncio.create_task(opened.append(session.id, question))
            for _ in range(n % 4):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            stored = {message.id async for message in opened.tree(session.id)}
            await asyncio.sleep(0)
            assert stored == {message.id async for message in opened.tree(session.id)}
            assert task.cancelled() or question.id in stored

    run(main, store, threads=4)
    assert store.location


def test_a_timeout_is_a_timeout(store: Store) -> None:
    gate = Gate()

    async def main(opened: AsyncStore) -> None:
        asyncio.get_running_loop().call_later(0.1, gate.open.set)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await opened.import_records(gate)

    run(main, store)


def test_threads_are_bounded(store: Store) -> None:
    session = store.create_session()

    async def main(opened: AsyncStore) -> int:
        await asyncio.gather(*[opened.append(session.id, a_question(f"{n}")) for n in range(200)])
        return sum(thread.name == "palaver-verb" for thread in threading.enumerate())

    before = sum(thread.name == "palaver-verb" for thread in threading.enumerate())
    assert run(main, store, threads=8) - before <= 8


def test_many_tasks_lose_nothing(store: Store) -> None:
    sessions = [store.create_session().id for _ in range(128)]

    async def main(opened: AsyncStore) -> None:
        async def talk(session: str) -> None:
            for n in range(10):
                await opened.append(session, a_question(f"{n}"))

        await asyncio.gather(*map(talk, sessions))
        for session in sessions:
            assert [message.text async for message in opened.messages(session)] == [f"{n}" for n in range(10)]

    run(main, store)


def test_another_actors_view_shares_threads_and_end(store: Store) -> None:
    async def main(opened: AsyncStore) -> None:
        ann = opened.as_actor("ann")
        assert (opened.actor, ann.actor) == ("local", "ann")
        await ann.create_session()
        assert (await opened.list_projects()).items == []
        await ann.close()
        with pytest.raises(Unavailable, match="closed"):
            await opened.list_projects()

    run(main, store)


def test_closing_ends_the_threads(store: Store) -> None:
    async def main(opened: AsyncStore) -> None:
        await asyncio.gather(*[opened.list_projects() for _ in range(20)])

    threads = set(threading.enumerate())
    run(main, store)
    for thread in set(threading.enumerate()) - threads:
        if thread.name == "palaver-verb":
            thread.join(timeout=10)
            assert not thread.is_alive()


def test_one_store_serves_several_loops(store: Store) -> None:
    opened = AsyncStore(store)
    session = store.create_session()

    async def write(n: int) -> None:
        await opened.append(session.id, a_question(f"{n}"))

    threads = [threading.Thread(target=lambda n=n: asyncio.run(write(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(opened.close())


def test_the_ways_of_a_listener_and_the_location_are_direct(store: Store) -> None:
    async def main(opened: AsyncStore) -> None:
        heard = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hear(changes: Sequence[Change]) -> None:
            loop.call_soon_threadsafe(heard.set)

        end = opened.listen(hear)
        await opened.create_session()
        await asyncio.wait_for(heard.wait(), timeout=10)
        end()
        assert opened.location == store.location

    run(main, store)


def test_the_public_name_is_this_class() -> None:
    assert palaver.AsyncStore is AsyncStore
    assert issubclass(Invalid, palaver.PalaverError)


def test_of_many_appends_at_once_each_has_its_own_outcome(store: Store) -> None:
    sessions = [store.create_session().id for _ in range(16)]
    taken = store.append(sessions[0], a_question("taken"))[0]

    async def main(opened: AsyncStore) -> tuple[Sequence[object], list[str]]:
        calls = []
        for n in range(160):
            session = NO_ID if n % 10 == 3 else sessions[n % 16]
            question = palaver.user(f"{n}", id=taken.id) if n % 10 == 7 else a_question(f"{n}")
            calls.append(opened.append(session, question))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        return outcomes, [message.text for session in sessions for message in store.messages(session)]

    outcomes, stored = run(main, store)
    for n, outcome in enumerate(outcomes):
        if n % 10 in (3, 7):
            assert isinstance(outcome, NotFound if n % 10 == 3 else Conflict)
        else:
            assert isinstance(outcome, list)
            assert [message.text for message in outcome] == [f"{n}"]
    assert sorted(stored) == sorted(["taken", *(f"{n}" for n in range(160) if n % 10 not in (3, 7))])


def test_appends_without_end_leave_a_thread_to_other_verbs(store: Store) -> None:
    sessions = [store.create_session().id for _ in range(8)]

    async def main(opened: AsyncStore) -> None:
        ended = asyncio.Event()

        async def talk(session: str) -> None:
            while not ended.is_set():
                await opened.append(session, a_question())

        talking = [asyncio.create_task(talk(session)) for session in sessions]
        for session in sessions:
            assert (await opened.get_session(session)).id == session
        ended.set()
        await asyncio.gather(*talking)

    run(main, store, threads=1)


def test_short_reads_share_a_few_threads(store: Store) -> None:
    async def main(opened: AsyncStore) -> int:
        await asyncio.gather(*[opened.list_projects() for _ in range(200)])
        return sum(thread.name == "palaver-verb" for thread in threading.enumerate())

    before = sum(thread.name == "palaver-verb" for thread in threading.enumerate())
    assert run(main, store) - before <= 2 * aio.READING  # one may end its turn while the next begins


def test_short_reads_without_end_leave_a_thread_to_other_verbs(store: Store) -> None:
    session = store.create_session().id

    async def main(opened: AsyncStore) -> None:
        ended = asyncio.Event()

        async def look() -> None:
            while not ended.is_set():
                await opened.get_session(session)

        looking = [asyncio.create_task(look()) for _ in range(8)]
        await opened.append(session, a_question())
        await opened.search("nothing")
        ended.set()
        await asyncio.gather(*looking)

    run(main, store, threads=1)


@pytest.mark.parametrize("threads", [1, 32])
def test_whatever_is_under_way_when_it_is_closed_ends(store: Store, threads: int) -> None:
    session = store.create_session().id

    async def main(opened: AsyncStore) -> None:
        reads = [asyncio.create_task(opened.list_messages(session)) for _ in range(50)]
        appends = [asyncio.create_task(opened.append(session, a_question())) for _ in range(50)]
        await asyncio.sleep(0)
        await opened.close()
        ends = await asyncio.gather(*reads, *appends, return_exceptions=True)
        assert all(isinstance(end, Page | list | Unavailable) for end in ends)

    run(main, store, threads=threads)


def test_appends_of_two_actors_at_once_stay_apart(store: Store) -> None:
    session = store.create_session().id

    async def main(opened: AsyncStore) -> tuple[Sequence[object], set[str]]:
        other = opened.as_actor("somebody else")
        calls = [(opened, other)[n % 2].append(session, a_question(f"{n}")) for n in range(40)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        return outcomes, {message.text for message in store.messages(session)}

    outcomes, stored = run(main, store)
    assert all(isinstance(outcome, NotFound) for outcome in outcomes[1::2])
    assert stored == {f"{n}" for n in range(0, 40, 2)}


def test_an_append_that_is_called_wrongly_says_so(store: Store) -> None:
    async def main(opened: AsyncStore) -> None:
        with pytest.raises(TypeError):
            await opened.append()  # type: ignore[call-arg]
        with pytest.raises(Invalid):
            await opened.append(store.create_session().id, "words")  # type: ignore[arg-type]

    run(main, store)
