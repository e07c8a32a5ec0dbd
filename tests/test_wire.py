"""The one JSON shape."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import palaver
from palaver import File, Invalid, Message, Opaque, Reasoning, Text, ToolCall, ToolResult, Usage, wire
from palaver.model import Event, Origin, Part, Time

ID = "0190a7c4-0000-7000-8000-000000000001"
NOW = Time.of(datetime(2026, 1, 27, 9, tzinfo=UTC))

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, st.text()),
    st.builds(Reasoning, st.text()),
    st.builds(ToolCall, st.text(), st.text(), json_values),
    st.builds(ToolResult, st.text(), st.text(), json_values, st.none() | st.text(), st.booleans()),
    st.builds(File, st.just("0" * 64), st.text(), st.just("text/plain"), st.integers(0, 2**40)),
    st.builds(Event, st.text(), st.dictionaries(st.text(), json_values, max_size=3)),
    st.builds(Opaque, st.text(), json_values),
)


def a_message(**overrides: Any) -> Message:
    fields: dict[str, Any] = {
        "id": ID,
        "session_id": ID,
        "parent_id": None,
        "position": 1,
        "role": "user",
        "parts": (Text("Hello"),),
        "created_at": NOW,
    }
    return Message(**fields | overrides)


def test_a_message_has_the_described_shape() -> None:
    made = msgspec.json.decode(wire.encode(a_message(usage=Usage(input_tokens=3))))
    assert made["sessionId"] == ID
    assert made["parts"] == [{"type": "text", "text": "Hello"}]
    assert made["createdAt"] == "2026-01-27T09:00:00.000Z"
    assert made["inContext"] is True
    assert made["usage"] == {"inputTokens": 3}


def test_parts_are_told_apart_by_type() -> None:
    result = ToolResult("call-1", "list_dir", "a.log", "1 entry")
    assert wire.to_builtins(result) == {
        "type": "tool_result",
        "callId": "call-1",
        "name": "list_dir",
        "llmContent": "a.log",
        "returnDisplay": "1 entry",
    }


@given(st.lists(parts).map(tuple))
def test_any_message_survives_the_way_through_json(some: tuple[Part, ...]) -> None:
    message = a_message(parts=some, origin=Origin(source="ollm", id="1"), metadata={"a": [1]})
    assert wire.decode(wire.encode(message), Message) == message


@given(st.lists(parts).map(tuple))
def test_any_message_survives_the_way_through_builtins(some: tuple[Part, ...]) -> None:
    message = a_message(parts=some)
    assert wire.convert(wire.to_builtins(message), Message) == message


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - its bounds are naive
def test_times_survive_with_three_digits(moment: datetime) -> None:
    text = wire.format_time(moment)
    assert len(text) == len("2026-01-27T09:00:00.000Z")
    assert wire.parse_time(text) == Time.of(moment)


@pytest.mark.parametrize(
    "text",
    ["2026-01-27T09:00:00Z", "2026-01-27T09:00:00", "2026-01-27T10:00:00+01:00", "2026-01-27 09:00:00.000Z"],
)
def test_the_usual_spellings_of_a_time_are_read(text: str) -> None:
    assert wire.parse_time(text) == NOW


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_what_is_no_time_is_invalid(text: str) -> None:
    with pytest.raises(Invalid, match="not a time"):
        wire.parse_time(text)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b'{"role":"king","parts":[]}', "king"),
        (b'{"parts":[]}', "role"),
        (b'{"role":"user","parts":[{"type":"poem"}]}', "poem"),
        (b'{"role":"user","parts":[],"createdAt":"soon"}', "soon"),
        (b'{"role":"user","parts":[],"createdAt":2}', "not a time"),
        (b'{"role":"user",', "truncated"),
        (b"\xff\xfe", "JSON"),
        (b'{"role":"\xff"}', "utf-8"),
        (b"[" * 100_000, "NewMessage"),
    ],
)
def test_a_bad_document_is_invalid_and_says_what_is_wrong(data: bytes, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        wire.decode(data, palaver.NewMessage)


@given(st.binary())
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    try:
        wire.decode(data, palaver.NewMessage)
    except Invalid:
        return
