"""What holds for every branch, however it came about."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.context.prompt import Prompt, Strategy, branch_of, build_prompt
from palaver.context.tokens import count
from palaver.context.tools import Tool
from palaver.context.window import prompt_limit
from palaver.errors import ContextOverflow
from palaver.model import Checkpoint, NewMessage, ToolCall, ToolResult
from tests.context.trees import Scale, a_checkpoint, attach, branches, counters, spans, tools

RUNS = settings(max_examples=300)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """All that a prompt is built from. The checkpoints' stretches do not overlap."""

    branch: list[NewMessage]
    checkpoints: list[Checkpoint]
    window: int
    reserve: int
    system_prompt: str | None
    strategy: Strategy
    counter: Scale
    tools: list[Tool]

    def build(self) -> Prompt | None:
        """The prompt, or None where something alone is too large."""
        try:
            return build_prompt(
                branch_of(self.branch),
                window=self.window,
                reserve=self.reserve,
                system_prompt=self.system_prompt,
                checkpoints=self.checkpoints,
                strategy=self.strategy,
                counter=self.counter,
                tools=self.tools,
                attach=attach,
            )
        except ContextOverflow:
            return None


@st.composite
def cases(draw: st.DrawFn, *, summaries: bool = True) -> Case:
    branch = draw(branches)
    stretches = draw(spans(len(branch))) if summaries else []
    return Case(
        branch=branch,
        checkpoints=[a_checkpoint(branch, start, end) for start, end in stretches],
        window=draw(st.integers(20, 2000)),
        reserve=draw(st.integers(0, 300)),
        system_prompt=draw(st.none() | st.text(max_size=200)),
        strategy=draw(st.sampled_from(["summarise", "truncate"])),
        counter=draw(counters),
        tools=draw(tools),
    )


@RUNS
@given(cases())
def test_a_prompt_is_never_above_its_limit(case: Case) -> None:
    prompt = case.build()
    if prompt is not None:
        assert prompt.tokens == sum(sent.tokens for sent in prompt.messages) + prompt.overhead
        assert prompt.tokens <= prompt.limit == prompt_limit(case.window, case.reserve)


@RUNS
@given(cases())
def test_messages_keep_their_order(case: Case) -> None:
    prompt = case.build()
    place = {message.id: number for number, message in enumerate(case.branch)}
    if prompt is not None:
        places = [place[sent.id] for sent in prompt.messages if sent.id in place and sent.role != "tool"]
        assert places == sorted(places)


@RUNS
@given(cases())
def test_checkpoints_come_before_messages_and_stand_for_none_that_is_sent(case: Case) -> None:
    prompt = case.build()
    if prompt is None:
        return
    ids = [sent.id for sent in prompt.messages]
    known = [checkpoint.id for checkpoint in case.checkpoints]
    summaries = [id for id in ids if id in known]
    assert summaries == [id for id in known if id in summaries]
    begin = 1 if case.system_prompt else 0
    assert ids[begin : begin + len(summaries)] == summaries
    numbers = {message.id: number for number, message in enumerate(case.branch)}
    if case.strategy == "truncate":
        assert summaries == []
        return
    for checkpoint in case.checkpoints:
        covered = range(numbers[checkpoint.from_id], numbers[checkpoint.through_id] + 1)
        assert not {case.branch[n].id for n in covered} & set(ids)


@RUNS
@given(cases())
def test_no_call_goes_without_its_result_and_no_result_without_its_call(case: Case) -> None:
    prompt = case.build()
    waiting: list[str] = []
    for sent in prompt.messages if prompt is not None else ():
        calls = [part.id for part in sent.parts if isinstance(part, ToolCall)]
        results = [part.call_id for part in sent.parts if isinstance(part, ToolResult)]
        if results:
            assert results == waiting[: len(results)]
            del waiting[: len(results)]
        else:
            assert waiting == []
            waiting = calls
    assert waiting == []


@RUNS
@given(cases(summaries=False))
def test_the_newest_question_is_always_in(case: Case) -> None:
    prompt = case.build()
    if prompt is not None:
        questions = [
            m.id for m in case.branch if m.role == "user" and m.in_context and (m.text or len(m.parts) > 1)
        ]
        assert not questions or questions[-1] in {sent.id for sent in prompt.messages}


@RUNS
@given(cases())
def test_the_same_branch_gives_the_same_prompt(case: Case) -> None:
    assert case.build() == case.build()


@RUNS
@given(cases(summaries=False))
def test_what_is_missing_is_named_or_older_than_what_was_cut(case: Case) -> None:
    prompt = case.build()
    if prompt is None:
        return
    told = {sent.id for sent in prompt.messages} | {one.id for one in prompt.left_out}
    missing = [message for message in case.branch if message.id not in told]
    assert prompt.truncated or not missing


@RUNS
@given(branches)
def test_a_wide_window_takes_everything_that_can_be_sent(branch: list[NewMessage]) -> None:
    prompt = build_prompt(branch_of(branch), window=10**7)
    assert not prompt.truncated
    sent = {one.id for one in prompt.messages}
    assert all(m.id in sent for m in branch if m.role in ("user", "system") and m.in_context and count(m))
