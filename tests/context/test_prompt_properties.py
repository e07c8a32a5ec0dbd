"""What holds for every branch, however it came about."""

from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.context.prompt import Prompt, branch_of, build_prompt
from palaver.context.tokens import count
from palaver.context.window import prompt_limit
from palaver.errors import ContextOverflow
from palaver.model import Checkpoint, NewMessage, ToolCall, ToolResult
from tests.context.trees import a_checkpoint, branches

windows = st.integers(20, 2000)
reserves = st.integers(0, 300)
prompts = st.none() | st.text(max_size=200)
RUNS = settings(max_examples=300)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[NewMessage], list[Checkpoint]]:
    """A branch and checkpoints over stretches of it that do not overlap."""
    branch = draw(branches)
    cuts = sorted(draw(st.sets(st.integers(0, max(0, len(branch) - 1)), max_size=4))) if branch else []
    spans = zip(cuts[::2], cuts[1::2], strict=False)
    return branch, [a_checkpoint(branch, start, end) for start, end in spans]


def build(
    case: tuple[list[NewMessage], list[Checkpoint]], window: int, reserve: int, system_prompt: str | None
) -> Prompt | None:
    """The prompt, or None where something alone is too large."""
    branch, checkpoints = case
    try:
        return build_prompt(
            branch_of(branch),
            window=window,
            reserve=reserve,
            system_prompt=system_prompt,
            checkpoints=checkpoints,
        )
    except ContextOverflow:
        return None


@RUNS
@given(cases(), windows, reserves, prompts)
def test_a_prompt_is_never_above_its_limit(
    case: tuple[list[NewMessage], list[Checkpoint]], window: int, reserve: int, system_prompt: str | None
) -> None:
    prompt = build(case, window, reserve, system_prompt)
    if prompt is not None:
        assert prompt.tokens == sum(sent.tokens for sent in prompt.messages)
        assert prompt.tokens <= prompt.limit == prompt_limit(window, reserve)


@RUNS
@given(cases(), windows)
def test_messages_keep_their_order(case: tuple[list[NewMessage], list[Checkpoint]], window: int) -> None:
    prompt = build(case, window, 0, "rules")
    place = {message.id: number for number, message in enumerate(case[0])}
    if prompt is not None:
        places = [place[sent.id] for sent in prompt.messages if sent.id in place and sent.role != "tool"]
        assert places == sorted(places)


@RUNS
@given(cases(), windows)
def test_no_call_goes_without_its_result_and_no_result_without_its_call(
    case: tuple[list[NewMessage], list[Checkpoint]], window: int
) -> None:
    prompt = build(case, window, 0, None)
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
@given(cases(), windows)
def test_the_newest_question_is_always_in(
    case: tuple[list[NewMessage], list[Checkpoint]], window: int
) -> None:
    prompt = build(case, window, 0, None)
    branch, checkpoints = case
    if prompt is not None and not checkpoints:
        questions = [m.id for m in branch if m.role == "user" and m.in_context]
        assert not questions or questions[-1] in {sent.id for sent in prompt.messages}


@RUNS
@given(cases(), windows, reserves)
def test_the_same_branch_gives_the_same_prompt(
    case: tuple[list[NewMessage], list[Checkpoint]], window: int, reserve: int
) -> None:
    assert build(case, window, reserve, "rules") == build(case, window, reserve, "rules")


@RUNS
@given(cases(), windows)
def test_what_is_missing_is_named_or_older_than_what_was_cut(
    case: tuple[list[NewMessage], list[Checkpoint]], window: int
) -> None:
    prompt = build(case, window, 0, None)
    if prompt is None or case[1]:
        return
    told = {sent.id for sent in prompt.messages} | {one.id for one in prompt.left_out}
    missing = [message for message in case[0] if message.id not in told]
    assert prompt.truncated or not missing


@RUNS
@given(branches)
def test_a_wide_window_takes_everything_that_can_be_sent(branch: list[NewMessage]) -> None:
    prompt = build((branch, []), 10**7, 0, None)
    assert prompt is not None
    assert not prompt.truncated
    sent = {one.id for one in prompt.messages}
    assert all(m.id in sent for m in branch if m.role in ("user", "system") and m.in_context and count(m))
