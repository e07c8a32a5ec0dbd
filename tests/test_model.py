"""The values: frozen, comparable, made by short words."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import palaver
from palaver import Event, NewMessage, Reasoning, Text, ToolCall, ToolResult, model
from palaver.model import Time


def test_values_cannot_be_changed() -> None:
    message = palaver.user("Hello")
    with pytest.raises(AttributeError):
        message.role = "note"  # type: ignore[misc]


@pytest.mark.parametrize("role", ["user", "assistant", "system", "note"])
def test_there_is_a_word_for_each_role_with_text(role: str) -> None:
    made: NewMessage = getattr(palaver, role)("Hello", model="m", metadata={"a": 1})
    assert (made.role, made.parts, made.model, made.metadata) == (role, (Text("Hello"),), "m", {"a": 1})


def test_further_parts_follow_the_text() -> None:
    call = ToolCall("call-1", "list_dir", {"path": "."})
    assert palaver.assistant("Let me look.", parts=(call,)).parts == (Text("Let me look."), call)


def test_a_message_of_parts_alone_has_no_empty_text() -> None:
    call = ToolCall("call-1", "list_dir", {})
    assert palaver.assistant("", parts=(call,)).parts == (call,)


def test_a_tool_result_names_its_call() -> None:
    made = palaver.tool_result("call-1", "list_dir", "a.log", return_display="1 entry", is_error=True)
    assert made.role == "tool"
    assert made.parts == (ToolResult("call-1", "list_dir", "a.log", "1 entry", True),)


def test_the_text_of_a_message_is_its_text_parts_joined() -> None:
    parts = (Text("a"), Reasoning("not this"), Text("b"), Event("nor.this", {}))
    assert palaver.assistant("", parts=parts).text == "ab"


def test_new_messages_have_ids_that_ascend() -> None:
    made = [palaver.user("x").id for _ in range(100)]
    assert made == sorted(set(made))


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_is_cut_to_milliseconds(moment: datetime) -> None:
    cut = Time.of(moment)
    assert cut.microsecond % 1000 == 0
    assert timedelta(0) <= moment - cut < timedelta(milliseconds=1)


def test_a_time_without_a_zone_is_utc() -> None:
    naive = datetime(2026, 1, 27, 9)  # noqa: DTZ001 - what is tested
    assert Time.of(naive) == datetime(2026, 1, 27, 9, tzinfo=UTC)


def test_a_time_of_another_zone_is_the_same_instant() -> None:
    there = datetime(2026, 1, 27, 9, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert Time.of(there) == there
    assert str(Time.of(there)) == "2026-01-27T03:15:00.000Z"


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_survive_the_way_through_a_time(milliseconds: int) -> None:
    assert model.to_ms(Time.from_ms(milliseconds)) == milliseconds


texts = st.builds(Text, st.text())
reasonings = st.builds(Reasoning, st.text())
calls = st.builds(ToolCall, st.text(), st.text(), st.none())
part_lists = st.lists(texts | reasonings | calls)


@given(part_lists)
def test_joining_parts_keeps_text_and_length(parts: list[palaver.model.Part]) -> None:
    joined = model.join_parts(parts)
    assert model.text_of(joined) == model.text_of(tuple(parts))
    assert sum(map(model.part_length, joined)) == sum(map(model.part_length, parts))


@given(part_lists)
def test_joined_parts_have_no_neighbours_to_join(parts: list[palaver.model.Part]) -> None:
    joined = model.join_parts(parts)
    assert all(
        type(left) is not type(right) or isinstance(left, ToolCall) for left, right in pairwise(joined)
    )


@given(part_lists)
def test_joining_twice_changes_nothing(parts: list[palaver.model.Part]) -> None:
    joined = model.join_parts(parts)
    assert model.join_parts(joined) == joined


@pytest.mark.parametrize("name", ["Session", "Message", "Project", "Checkpoint", "Snapshot", "Hit", "Usage"])
def test_values_are_named_in_camel_case_on_the_wire(name: str) -> None:
    fields = msgspec.structs.fields(getattr(model, name))
    assert all("_" not in field.encode_name for field in fields)
