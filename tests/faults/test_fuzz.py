"""Files and questions nobody means well with: an error of the house or an answer, and no growth."""

import gc
import io
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import palaver
from palaver import PalaverError, Store
from palaver.formats import bring_in, take_out
from palaver.formats.detect import FORMATS, detect
from palaver.storage.search.query import parse
from tests.faults.tries import Tries, at_most
from tests.support.sound import fill

DATA = Path(__file__).parent.parent / "data"
READ = [name for name, known in FORMATS.items() if known.read]
CHUNK = 200
"""Examples between two looks at the clock and at the memory."""

MOST_AT_ONCE = 200 << 20
"""Bytes that all of it may need at its peak."""

MOST_LEFT = 60 << 20
"""Bytes that may be kept after the first chunk, when every cache has been filled once: those of SQLite are bounded."""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Real files of each format: those of other programs, and what Palaver writes itself."""
    found: dict[str, list[bytes]] = {name: [] for name in READ}
    for content in (file.read_bytes() for file in sorted(DATA.glob("*.json*"))):
        found[detect(io.BytesIO(content))].append(content)
    path = tmp_path_factory.mktemp("seeds") / "palaver.db"
    fill(path)
    with palaver.open_store(path) as store:
        session_id = max(store.list_sessions().items, key=lambda session: session.message_count).id
        for name in READ:
            if FORMATS[name].write:
                out = io.BytesIO()
                take_out(store, out, format=name, session_ids=[session_id])
                found[name].append(out.getvalue())
    assert all(found.values())
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with palaver.open_store(tmp_path / "palaver.db") as opened:
        yield opened


def resident() -> int:
    """Bytes of memory in use now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_through(tries: Tries, strategy: st.SearchStrategy[bytes], work: Callable[[bytes], object]) -> None:
    """So many examples, other ones in each chunk, and a look at the memory after the first and the last."""
    highest, first = peak(), 0
    while tries.done < tries.most and not tries.over():
        chunk = min(CHUNK, tries.most - tries.done)

        @seed(tries.done)
        @settings(
            max_examples=chunk, deadline=None, derandomize=False, suppress_health_check=list(HealthCheck)
        )
        @given(strategy)
        def one_chunk(content: bytes) -> None:
            tries.done += 1
            work(content)

        one_chunk()
        first = first or resident()
    assert peak() - highest < MOST_AT_ONCE
    assert resident() - first < MOST_LEFT


@st.composite
def spoiled(draw: st.DrawFn, originals: list[bytes]) -> bytes:
    """A real file with pieces cut out, put twice, replaced or moved."""
    content = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        low, high = sorted(draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
        piece = {
            "cut": b"",
            "twice": content[low:high][:5_000] * 2,
            "noise": draw(st.binary(max_size=20)),
            "json": draw(
                st.sampled_from((b"null", b"[]", b"{}", b'"\\ud800"', b"1e999", b'"\\u0000"', b"-1"))
            ),
        }[draw(st.sampled_from(("cut", "twice", "noise", "json")))]
        content = content[:low] + piece + content[high:]
    return content


@pytest.mark.parametrize("name", READ)
@at_most(100, 10_000)
def test_no_spoiled_file_harms_its_importer(
    store: Store, tries: Tries, name: str, seeds: dict[str, list[bytes]]
) -> None:
    def bring(content: bytes) -> None:
        try:
            bring_in(store, io.BytesIO(content), format=name, dry_run=tries.done % 3 == 0)
        except PalaverError:
            return

    run_through(tries, st.one_of(spoiled(seeds[name]), st.binary(max_size=500)), bring)
    assert store.verify().problems == []
    tries.say(f"{tries.done} spoiled files brought in as {name}")


@at_most(200, 10_000)
def test_no_spoiled_file_harms_when_its_format_is_to_be_found(
    store: Store, tries: Tries, seeds: dict[str, list[bytes]]
) -> None:
    def bring(content: bytes) -> None:
        try:
            bring_in(store, io.BytesIO(content), dry_run=tries.done % 3 == 0)
        except PalaverError:
            return

    every = [content for contents in seeds.values() for content in contents]
    run_through(tries, st.one_of(spoiled(every), st.binary(max_size=500)), bring)
    assert store.verify().problems == []
    tries.say(f"{tries.done} spoiled files brought in, whatever they are")


PIECES = [
    '"',
    "AND",
    "OR",
    "NOT",
    "NEAR(",
    ")",
    "*",
    "^",
    ":",
    "-",
    "role:",
    "before:",
    "in:",
    "has:",
    "marigold",
    "東",
]
QUERIES = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))
ENCODED = QUERIES.map(lambda query: query.encode("utf-8", "surrogatepass"))


@at_most(200, 10_000)
def test_no_question_is_an_error(store: Store, tries: Tries) -> None:
    session = store.create_session()
    store.append(session.id, palaver.user('a marigold AND "東京" -role: * fooBar'))
    run_through(tries, ENCODED, lambda query: store.search(query.decode("utf-8", "surrogatepass"), limit=5))
    tries.say(f"{tries.done} questions asked")


@at_most(200, 10_000)
def test_no_question_is_too_odd_for_the_parser(tries: Tries) -> None:
    run_through(tries, ENCODED, lambda query: parse(query.decode("utf-8", "surrogatepass")))
    tries.say(f"{tries.done} questions parsed")
