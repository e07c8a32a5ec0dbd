"""Values made by the short way and by the general one are the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from palaver.model import RELATIONS, ROLES, STATUSES, TITLE_SOURCES, Time
from palaver.storage import values
from palaver.storage.transaction import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = (datetime.max.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
FIRST = (datetime.min.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)

IDS = st.binary(min_size=16, max_size=16)
COUNTS = st.integers(0, 1 << 53)
TIMES = st.integers(FIRST, LAST)
NAMES = st.none() | st.text(min_size=1)
ABSENT = st.none()


def places(names: tuple[str, ...]) -> st.SearchStrategy[int]:
    return st.integers(0, len(names) - 1)


def sometimes(column: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Mostly nothing, as columns are, so that rows with nothing but what is usual come up."""
    return st.one_of(ABSENT, ABSENT, ABSENT, ABSENT, column)


MESSAGES = st.tuples(
    st.integers(1, 1 << 60), IDS, COUNTS, COUNTS, places(ROLES), places(STATUSES), COUNTS, st.integers(0, 1), TIMES,
    sometimes(TIMES), sometimes(TIMES), st.none() | IDS.map(b"\x01".__add__), st.none() | IDS | st.just(b""),
    st.none(), NAMES, NAMES, sometimes(st.just('{"inputTokens":3}')), sometimes(st.text()),
    sometimes(st.just('{"a":[1]}')), st.just("openai"), sometimes(st.text()),
    st.text() | st.just(b'[{"type":"text","text":"x"},{"type":"reasoning","text":"y"}]') | st.none(),
)  # fmt: skip

SESSIONS = st.tuples(
    IDS, st.text(), places(TITLE_SOURCES), NAMES, NAMES, sometimes(COUNTS), st.none() | st.just('["work","home"]'),
    st.integers(0, 1), sometimes(TIMES), sometimes(TIMES), st.none() | IDS, COUNTS, COUNTS, COUNTS, sometimes(IDS),
    sometimes(places(RELATIONS)), TIMES, TIMES.map(lambda milliseconds: milliseconds * 1000 + 7), COUNTS,
    st.just("openai"), sometimes(st.text()), COUNTS,
).flatmap(
    lambda row: st.sampled_from([(None, None, None), ("Be kind.", b'{"stop":["x"]}', b"{}"), (None, b"{}", b'{"a":1}')])
    .map(row.__add__)
)  # fmt: skip


@given(MESSAGES, st.none() | st.just("parent"))
def test_a_message_is_the_same_by_either_way(row: Row, parent_id: str | None) -> None:
    assert values.message_value(row, "session", parent_id) == values.full_message_value(
        row, "session", parent_id
    )


@given(SESSIONS)
def test_a_session_is_the_same_by_either_way(row: Row) -> None:
    assert values.session_value(row, "project") == values.full_session_value(row, "project")


@given(TIMES)
@example(-1)
def test_a_time_is_so_many_milliseconds_after_1970(milliseconds: int) -> None:
    made = Time.from_ms(milliseconds)
    assert made == EPOCH + timedelta(milliseconds=milliseconds)
    assert (type(made), made.tzinfo) == (Time, UTC)


def test_the_last_minute_before_1970_is_read_as_any_other() -> None:
    row = (
        1,
        bytes(16),
        0,
        1,
        1,
        0,
        1,
        1,
        -1,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        "Hi.",
    )
    assert values.message_value(row, "session", None) == values.full_message_value(row, "session", None)
