"""Branches to build prompts from."""

from hypothesis import strategies as st

from palaver.context.prompt import Prompt
from palaver.model import (
    Checkpoint,
    NewMessage,
    Part,
    Text,
    Time,
    ToolCall,
    assistant,
    note,
    system,
    tool_result,
    user,
)

MOMENT = Time.from_ms(1_700_000_000_000)


def a_call(id: str = "c1", name: str = "add", **fields: object) -> NewMessage:
    return NewMessage(role="assistant", parts=(ToolCall(id, name, fields),))


def a_result(id: str = "c1", content: str = "3") -> NewMessage:
    return tool_result(id, "add", content)


def a_checkpoint(branch: list[NewMessage], start: int, end: int, summary: str = "they talked") -> Checkpoint:
    """A summary of the messages number `start` to `end`, `end` included."""
    return Checkpoint(
        id=f"checkpoint-{start}-{end}",
        session_id="s",
        kind="summary",
        from_id=branch[start].id,
        through_id=branch[end].id,
        summary=summary,
        level=3,
        number=1,
        token_count=3,
        created_at=MOMENT,
    )


def texts(prompt: Prompt) -> list[str]:
    """The text of each message that is sent."""
    return ["".join(part.text for part in sent.parts if isinstance(part, Text)) for sent in prompt.messages]


def left_out(prompt: Prompt) -> dict[str, str]:
    return {one.id: one.reason for one in prompt.left_out}


_words = st.text(st.characters(codec="utf-8"), max_size=400)
_ids = st.sampled_from(["a", "b", "c"])
_args = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 9), max_size=2)


@st.composite
def _calls(draw: st.DrawFn) -> NewMessage:
    ids = draw(st.lists(_ids, min_size=1, max_size=2, unique=True))
    calls: tuple[Part, ...] = tuple(ToolCall(id, "add", draw(_args)) for id in ids)
    return assistant(draw(_words), parts=calls)


messages = st.one_of(
    st.builds(user, _words.map(lambda text: text or "?")),
    st.builds(assistant, _words),
    _calls(),
    st.builds(tool_result, _ids, st.just("add"), _words),
    st.builds(note, _words),
    st.builds(system, _words),
    st.builds(user, _words, in_context=st.just(False)),
)
"""Anything a branch may hold, in no sensible order: calls without results and results without calls too."""

branches = st.lists(messages, max_size=25)
