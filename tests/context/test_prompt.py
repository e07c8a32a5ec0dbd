"""What of a branch is sent, what is left out, and why."""

from collections.abc import Iterator

import pytest

from palaver.context.prompt import (
    INTERRUPTED,
    MARKER,
    SUMMARY_HEADING,
    Prompt,
    Stored,
    branch_of,
    build_prompt,
)
from palaver.context.tokens import count, estimate
from palaver.errors import ContextOverflow
from palaver.model import File, NewMessage, Reasoning, ToolResult, Usage, assistant, note, system, user
from tests.context.trees import a_call, a_checkpoint, a_result, left_out, texts

SMALL = 100  # a window of 100 tokens takes prompts of 85


def build(branch: list[NewMessage], *, window: int = 4096, **fields: object) -> Prompt:
    return build_prompt(branch_of(branch), window=window, **fields)  # type: ignore[arg-type]


def words(tokens: int, letter: str = "x") -> str:
    return letter * (4 * tokens)


def test_everything_that_fits_is_sent_in_order() -> None:
    prompt = build([user("one"), assistant("two"), user("three")], system_prompt="be kind")
    assert texts(prompt) == ["be kind", "one", "two", "three"]
    assert [sent.role for sent in prompt.messages] == ["system", "user", "assistant", "user"]
    assert not prompt.truncated
    assert prompt.left_out == ()


def test_each_message_carries_its_tokens() -> None:
    branch = [user(words(3)), assistant("short", usage=Usage(output_tokens=40)), user(words(5))]
    prompt = build(branch, system_prompt=words(2))
    assert [sent.tokens for sent in prompt.messages] == [2, 3, 40, 5]
    assert (prompt.tokens, prompt.used) == (50, 48)
    assert (prompt.limit, prompt.budget, prompt.window) == (3481, 3479, 4096)


def test_notes_excluded_and_empty_messages_are_left_out_with_the_reason() -> None:
    branch = [
        note("started"),
        user("one"),
        user("secret", in_context=False),
        assistant(""),
        assistant("", parts=(Reasoning("hm"),)),
        user("two"),
    ]
    prompt = build(branch)
    assert texts(prompt) == ["one", "two"]
    assert left_out(prompt) == {
        branch[0].id: "note",
        branch[2].id: "excluded",
        branch[3].id: "empty",
        branch[4].id: "empty",
    }
    assert not prompt.truncated


def test_reasoning_is_not_sent_back() -> None:
    prompt = build([user("q"), assistant("answer", parts=(Reasoning("long thoughts"),)), user("next")])
    assert texts(prompt) == ["q", "answer", "next"]
    assert all(not isinstance(part, Reasoning) for sent in prompt.messages for part in sent.parts)


def test_a_file_is_named() -> None:
    prompt = build([user("look", parts=(File("ab" * 32, "plan.png", "image/png", 9),))])
    assert texts(prompt) == ["look\n[file: plan.png, image/png, 9 bytes]"]
    assert prompt.tokens == 1 + estimate("\n[file: plan.png, image/png, 9 bytes]")


def test_a_conversation_of_exactly_the_limit_passes_without_a_marker() -> None:
    prompt = build([user(words(40)), user(words(45))], window=SMALL)
    assert prompt.tokens == prompt.limit == 85
    assert not prompt.truncated


def test_older_messages_that_do_not_fit_give_way_to_one_line_that_is_counted() -> None:
    marker = estimate(MARKER)
    branch = [user(words(70)), assistant(words(30, "a")), user(words(85 - 30 - marker, "b"))]
    prompt = build(branch, window=SMALL)
    assert texts(prompt) == [MARKER, branch[1].text, branch[2].text]
    assert prompt.tokens == 85
    assert prompt.truncated
    assert left_out(prompt) == {branch[0].id: "truncated"}


def test_a_message_gives_way_where_the_marker_needs_its_room() -> None:
    branch = [user(words(80)), assistant(words(10)), user(words(70))]
    prompt = build(branch, window=SMALL)
    assert texts(prompt) == [branch[2].text]
    assert left_out(prompt) == {branch[0].id: "truncated", branch[1].id: "truncated"}


def test_nothing_older_than_what_did_not_fit_is_sent() -> None:
    branch = [user("tiny"), assistant(words(200)), user("last")]
    assert texts(build(branch, window=SMALL)) == [MARKER, "last"]


def test_a_call_and_its_result_go_together() -> None:
    branch = [user("add"), a_call(), a_result(), user("thanks")]
    assert [sent.role for sent in build(branch).messages] == ["user", "assistant", "tool", "user"]


def test_a_call_whose_result_does_not_fit_stays_out_with_it() -> None:
    branch = [user("add"), a_call(), a_result(content=words(200)), user("thanks")]
    prompt = build(branch, window=SMALL)
    assert texts(prompt) == [MARKER, "thanks"]
    assert left_out(prompt) == {branch[1].id: "truncated", branch[2].id: "truncated"}


def test_an_orphan_call_gets_an_interrupted_result() -> None:
    prompt = build([user("add"), a_call("c9"), user("still there?")])
    assert [sent.role for sent in prompt.messages] == ["user", "assistant", "tool", "user"]
    [result] = prompt.messages[2].parts
    assert result == ToolResult("c9", "add", INTERRUPTED, is_error=True)
    assert prompt.messages[2].id is None
    assert prompt.messages[2].tokens > 0


def test_an_orphan_result_is_left_out() -> None:
    branch = [user("hi"), a_result("c7"), user("there")]
    prompt = build(branch)
    assert texts(prompt) == ["hi", "there"]
    assert left_out(prompt) == {branch[1].id: "orphan_result"}


def test_a_result_whose_call_is_excluded_is_left_out() -> None:
    excluded = a_call()
    branch = [user("hi"), NewMessage(role="assistant", parts=excluded.parts, in_context=False), a_result()]
    prompt = build([*branch, user("there")])
    assert texts(prompt) == ["hi", "there"]
    assert left_out(prompt)[branch[2].id] == "orphan_result"


def test_several_calls_get_their_own_results_in_the_order_of_the_calls() -> None:
    calls = NewMessage(role="assistant", parts=(*a_call("a").parts, *a_call("b").parts))
    prompt = build([user("add"), calls, a_result("b", "B"), a_result("a", "A"), user("ok")])
    results = [part for sent in prompt.messages for part in sent.parts if isinstance(part, ToolResult)]
    assert [(result.call_id, result.llm_content) for result in results] == [("a", "A"), ("b", "B")]


def test_the_same_call_id_twice_keeps_each_result_with_its_call() -> None:
    branch = [a_call("c"), a_result("c", "first"), a_call("c"), a_result("c", "second"), user("ok")]
    results = [part for sent in build(branch).messages for part in sent.parts if isinstance(part, ToolResult)]
    assert [result.llm_content for result in results] == ["first", "second"]


def test_a_tool_loop_keeps_its_question_when_its_steps_do_not_fit() -> None:
    steps = [message for n in range(20) for message in (a_call(f"c{n}"), a_result(f"c{n}", words(8)))]
    prompt = build([user("do it all"), *steps], window=SMALL)
    roles = [sent.role for sent in prompt.messages]
    assert texts(prompt)[:2] == [MARKER, "do it all"]
    assert roles[2:] == ["assistant", "tool"] * (len(roles[2:]) // 2)
    assert prompt.messages[-1].id == steps[-1].id


def test_a_checkpoint_stands_in_place_of_its_messages() -> None:
    branch = [user("one"), assistant("two"), user("three"), assistant("four"), user("five")]
    checkpoint = a_checkpoint(branch, 0, 2)
    prompt = build(branch, system_prompt="rules", checkpoints=[checkpoint])
    assert texts(prompt) == ["rules", SUMMARY_HEADING + "they talked", "four", "five"]
    assert left_out(prompt) == {branch[2].id: "checkpoint"}
    assert prompt.budget == prompt.limit - sum(sent.tokens for sent in prompt.messages[:2])
    assert not prompt.truncated


def test_a_stretch_in_the_middle_is_jumped_over() -> None:
    branch = [user("one"), assistant("two"), user("three"), assistant("four"), user("five")]
    prompt = build(branch, checkpoints=[a_checkpoint(branch, 1, 2)])
    assert texts(prompt) == [SUMMARY_HEADING + "they talked", "one", "four", "five"]


def test_checkpoints_that_do_not_fit_give_way_from_the_oldest() -> None:
    branch = [user("one"), assistant("two"), user("three"), assistant("four"), user("five")]
    old, new = a_checkpoint(branch, 0, 1, words(60)), a_checkpoint(branch, 2, 3, words(20))
    prompt = build(branch, window=SMALL, checkpoints=[old, new])
    assert texts(prompt) == [SUMMARY_HEADING + words(20), MARKER, "five"]
    assert left_out(prompt)[old.id] == "truncated"
    assert prompt.truncated


def test_a_newest_message_too_large_is_an_overflow_with_both_numbers() -> None:
    with pytest.raises(ContextOverflow, match=r"95 tokens and 85 can be sent") as caught:
        build([user("old"), user(words(90))], window=SMALL, system_prompt=words(5))
    assert (caught.value.tokens, caught.value.limit) == (95, 85)


def test_a_system_prompt_too_large_is_an_overflow_with_both_numbers() -> None:
    with pytest.raises(ContextOverflow, match="system prompt needs 90 tokens") as caught:
        build([user("hi")], window=SMALL, system_prompt=words(90))
    assert (caught.value.tokens, caught.value.limit) == (90, 85)


def test_the_reserve_is_left_free() -> None:
    assert build([user("hi")], window=1000, reserve=400).limit == 600
    assert build([user("hi")], window=1000, reserve=10).limit == 850


def test_a_branch_without_messages_is_the_system_prompt() -> None:
    assert texts(build([], system_prompt="rules")) == ["rules"]


def test_messages_from_a_system_stay_in_their_place() -> None:
    assert texts(build([user("one"), system("be brief now"), user("two")])) == ["one", "be brief now", "two"]


def test_no_more_is_read_than_fits() -> None:
    read = 0

    def endless(before: str | None) -> Iterator[Stored]:
        nonlocal read
        for number in range(10**9):
            read += 1
            yield user(words(10, str(number % 10)))

    prompt = build_prompt(endless, window=SMALL)
    assert prompt.truncated
    assert read <= 10


def test_a_covered_stretch_is_not_read() -> None:
    branch = [user(f"m{number}") for number in range(1000)]
    checkpoint = a_checkpoint(branch, 10, 990)
    read: list[str] = []

    def counted(before: str | None) -> Iterator[Stored]:
        for message in branch_of(branch)(before):
            read.append(message.id)
            yield message

    prompt = build_prompt(counted, window=100_000, checkpoints=[checkpoint])
    assert len(read) == 9 + 1 + 10
    assert texts(prompt)[1:] == [f"m{number}" for number in (*range(10), *range(991, 1000))]


def test_the_counts_are_those_of_the_one_counter() -> None:
    branch = [user("ünïcode"), a_call("x", left=1), a_result("x", "yes"), assistant("done")]
    by_id = {sent.id: sent.tokens for sent in build(branch).messages}
    assert by_id == {message.id: count(message) for message in branch}
