"""OpenAI chat messages, both ways."""

import json
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import palaver
from palaver import Reasoning, Store, ToolCall, ToolResult, open_store
from tests.formats.arbitrary import json_values, names, texts
from tests.formats.files import bring, everything, taken
from tests.support.factories import a_conversation
from tests.support.factories import texts as texts_of


def exported(store: Store) -> list[Any]:
    return [json.loads(line)["messages"] for line in taken(store, "openai").splitlines()]


def test_an_array_of_messages_is_one_conversation(store: Store, data: Path) -> None:
    assert bring(store, data / "openai.json").added == {"session": 1, "message": 4}
    session = store.list_sessions().items[0]
    assert session.system_prompt == "Be short."
    assert session.title == "Weather in Oslo?"
    messages = list(store.messages(session.id))
    assert [message.role for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1].parts == (ToolCall("c1", "get_weather", {"city": "Oslo"}),)
    assert messages[2].parts == (ToolResult("c1", "get_weather", "4 C"),)


def test_an_array_comes_out_as_it_went_in(store: Store, data: Path) -> None:
    bring(store, data / "openai.json")
    assert exported(store) == [json.loads((data / "openai.json").read_text())]


def test_each_line_is_a_conversation(store: Store, data: Path) -> None:
    assert bring(store, data / "openai.jsonl").added == {"session": 2, "message": 4}
    lines = (data / "openai.jsonl").read_text().splitlines()
    assert sorted(map(str, exported(store))) == sorted(str(json.loads(line)["messages"]) for line in lines)


def test_what_stands_beside_messages_is_kept(store: Store, data: Path) -> None:
    bring(store, data / "openai.jsonl")
    kept = [session.metadata for session in store.list_sessions().items if session.metadata]
    assert kept == [{"openai": {"tools": [], "parallel_tool_calls": False}}]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_object_and_an_array_of_objects_are_read(store: Store, indent: int | None) -> None:
    one = {"messages": [{"role": "user", "content": "one"}]}
    two = {"messages": [{"role": "user", "content": "two"}]}
    bring(store, json.dumps(one, indent=indent))
    assert bring(store, json.dumps([one, two], indent=indent)).added == {"session": 1, "message": 1}


def test_a_system_prompt_leads(store: Store) -> None:
    a_conversation(store, "Hello?", system_prompt="Be kind.")
    assert exported(store) == [
        [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]
    ]


def test_arguments_are_written_as_text(store: Store) -> None:
    session = store.create_session()
    store.record_tool_call(session.id, id="c", name="ls", args={"path": "."}, result={"llmContent": {"n": 1}})
    call, result = exported(store)[0]
    assert call["tool_calls"][0]["function"] == {"name": "ls", "arguments": '{"path":"."}'}
    assert result == {"role": "tool", "tool_call_id": "c", "content": '{"n":1}'}


def test_notes_and_reasoning_are_not_sent(store: Store) -> None:
    session = store.create_session()
    store.append(session.id, palaver.note("n"), palaver.assistant("a", parts=(Reasoning("hm"),)))
    store.append(session.id, palaver.NewMessage(role="assistant", parts=(Reasoning("only"),)))
    assert exported(store) == [[{"role": "assistant", "content": "a"}]]


def test_a_second_import_changes_nothing(store: Store, data: Path) -> None:
    for name in ("openai.json", "openai.jsonl"):
        bring(store, data / name)
    before = everything(store)
    for name in ("openai.json", "openai.jsonl"):
        assert bring(store, data / name).added == {}
    assert everything(store) == before


def test_a_broken_line_costs_that_line_alone(store: Store) -> None:
    lines = [json.dumps({"messages": [{"role": "user", "content": str(number)}]}) for number in range(4)]
    lines[1] = lines[1][:20]
    lines[3] = lines[3][:30]
    report = bring(store, "\n".join(lines))
    assert [each.where for each in report.skipped] == ["line 2", "line 4"]
    assert report.skipped[1].why == "the last line is torn"
    assert report.added["session"] == 2


def test_a_role_that_does_not_exist_becomes_a_note_and_comes_back(store: Store) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "critic", "content": "b"}]
    bring(store, messages)
    session = store.list_sessions().items[0]
    assert [message.role for message in store.messages(session.id)] == ["user", "note"]
    assert exported(store) == [messages]


def test_what_is_no_message_is_named(store: Store) -> None:
    report = bring(store, {"messages": [{"role": "user", "content": "a"}, 7, None]})
    assert [each.where for each in report.skipped] == ["line 1, message 2", "line 1, message 3"]
    session = store.list_sessions().items[0]
    assert texts_of(store, session.id) == ["a"]


contents = (
    st.none()
    | texts
    | st.lists(
        st.builds(lambda text: {"type": "text", "text": text}, texts)
        | st.builds(lambda url: {"type": "image_url", "image_url": {"url": url}}, texts),
        max_size=2,
    )
)
tool_calls = st.lists(
    st.builds(
        lambda call, name, arguments: {
            "id": call,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        },
        names,
        names,
        texts | json_values.map(json.dumps),
    ),
    min_size=1,
    max_size=2,
)
some_messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(("system", "developer", "user", "assistant")), "content": contents},
        optional={
            "name": names,
            "weight": st.integers(0, 1),
            "tool_calls": tool_calls,
            "refusal": st.none() | texts,
        },
    )
    | st.fixed_dictionaries({"role": st.just("tool"), "tool_call_id": names, "content": contents}),
    max_size=5,
)


@settings(max_examples=40)
@given(messages=some_messages)
def test_any_conversation_comes_out_as_it_went_in(
    messages: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with open_store(tmp_path_factory.mktemp("stores") / "a.db") as store:
        bring(store, {"messages": messages}, format="openai")
        assert exported(store) == [messages]
