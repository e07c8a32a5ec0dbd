from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palaver.model import Event, File, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from palaver.storage.search import text


def columns(*parts: Part) -> text.Columns:
    return text.columns_of_message(parts)


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("fooBarBaz2", ["foo", "Bar", "Baz", "2"]),
        ("HTTPServer", ["HTTP", "Server"]),
        ("utf8", ["utf", "8"]),
        ("plain", []),
        ("Plain", []),
        ("2026", []),
        ("x86", []),
        ("9b1deb4d", []),
        ("aB" * 40, []),
    ],
)
def test_an_identifier_is_split_where_case_or_kind_changes(word: str, parts: list[str]) -> None:
    assert text.split_identifier(word) == parts


def test_an_identifier_stands_in_the_text_whole_and_beside_it_in_parts() -> None:
    assert columns(Text("see fooBarBaz2, ok")) == ("see fooBarBaz2, ok", "", "", "foo Bar Baz 2")


def test_the_parts_of_a_repeated_identifier_stand_there_once() -> None:
    assert columns(Text("getValue getValue"))[3] == "get Value"


def test_text_and_reasoning_are_the_body_and_never_run_together() -> None:
    assert columns(Reasoning("think"), Text("say"))[0] == "think\nsay"


def test_a_text_in_two_parts_is_read_as_one() -> None:
    assert columns(Text("hel"), Text("lo"))[0] == "hello"


def test_calls_results_and_file_names_are_the_tool_column() -> None:
    call = ToolCall("1", "read", {"path": "/etc/hosts", "lines": [1, 2.5, True, None]})
    result = ToolResult("1", "read", {"output": "localhost"}, return_display="shown")
    file = File("0" * 64, "plan.pdf", "application/pdf", 1)
    words = columns(call, result, file)[2].replace("\n", " ")
    assert words == "read path /etc/hosts lines 1 2.5 read output localhost shown plan.pdf"


def test_a_display_that_repeats_the_result_is_not_read_twice() -> None:
    assert columns(ToolResult("1", "read", "same", return_display="same"))[2] == "read\nsame"


def test_events_and_opaque_parts_are_not_searched() -> None:
    assert columns(Event("noted", {"a": "b"}), Opaque("x", "y")) == ("", "", "", "")


def test_a_value_nested_deeper_than_the_stack_is_read() -> None:
    value: Any = "bottom"
    for _ in range(100_000):
        value = [value]
    assert columns(ToolCall("1", "deep", value))[2] == "deep\nbottom"


def test_characters_of_a_script_without_spaces_are_words_of_their_own() -> None:
    assert text.spaced("go 北京!").split() == ["go", "北", "京", "!"]


@pytest.mark.parametrize("sample", ["plain", "naïve café", "Привет", "“quoted” – dash", "한국어 글", "🎉"])
def test_other_scripts_stay_as_they_are(sample: str) -> None:
    assert text.spaced(sample) is sample


def test_a_title_is_a_column_of_its_own() -> None:
    assert text.columns_of_title("Ask myServer") == ("", "Ask myServer", "", "my Server")


@given(st.text())
def test_the_same_text_always_makes_the_same_columns(sample: str) -> None:
    copy = "".join(list(sample))
    assert columns(Text(sample)) == columns(Text(copy))


@given(st.text(alphabet="aZ0 _é北\x00", max_size=60))
def test_identifiers_lie_between_other_characters(sample: str) -> None:
    raw = sample.encode()
    for start, end in text.identifier_spans(raw):
        assert raw[start:end].decode("ascii").isalnum()
        assert not raw[start - 1 : start].isalnum()
        assert not raw[end : end + 1].isalnum()
