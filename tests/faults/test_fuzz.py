"""Files and questions nobody means well with: an error of the house or an answer, and no growth."""

import io
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import palaver
from palaver import PalaverError, Store
from palaver.formats import bring_in
from tests.conftest import Tried

DATA = Path(__file__).parent.parent / "data"
SEEDS = [file.read_bytes() for file in sorted(DATA.iterdir()) if file.is_file()]
MOST_GROWTH = 300 * 1024  # KiB
EXAMPLES = pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=pytest.mark.long)])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with palaver.open_store(tmp_path / "palaver.db") as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_growth() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GROWTH


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A real file with pieces cut out, put twice, replaced or moved."""
    content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        low, high = sorted(draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
        change = draw(st.sampled_from(("cut", "twice", "noise", "json")))
        piece = {
            "cut": b"",
            "twice": content[low:high][:5_000] * 2,
            "noise": draw(st.binary(max_size=20)),
            "json": draw(
                st.sampled_from((b"null", b"[]", b"{}", b'"\\ud800"', b"1e999", b'"\\u0000"', b"-1"))
            ),
        }[change]
        content = content[:low] + piece + content[high:]
    return content


@EXAMPLES
def test_no_spoiled_file_harms(store: Store, examples: int, tried: Tried) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(content=st.one_of(spoiled(), st.binary(max_size=500)), dry_run=st.booleans())
    def bring(content: bytes, dry_run: bool) -> None:
        try:
            bring_in(store, io.BytesIO(content), dry_run=dry_run)
        except PalaverError:
            return

    bring()
    assert store.verify().problems == []
    tried(f"{examples} spoiled files brought in")


QUERIES = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            (
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
            )
        ),
        max_size=12,
    ).map(" ".join),
)


@EXAMPLES
def test_no_question_is_an_error(store: Store, examples: int, tried: Tried) -> None:
    session = store.create_session()
    store.append(session.id, palaver.user('a marigold AND "東京" -role: * fooBar'))

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(query=QUERIES)
    def ask(query: str) -> None:
        store.search(query)

    ask()
    tried(f"{examples} questions asked")
