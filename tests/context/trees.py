"""Branches to build prompts from."""

from collections.abc import Sequence

import msgspec
from hypothesis import strategies as st

from palaver.context.attachments import Image
from palaver.context.prompt import Prompt
from palaver.context.tokens import Plain
from palaver.context.tools import Tool
from palaver.context.units import Reader, Unit, Weights, branch_of
from palaver.model import (
    Checkpoint,
    CheckpointKind,
    File,
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


class Scale(msgspec.Struct, frozen=True):
    """A counter of some model: so many tokens for a character, for a message, for a prompt."""

    per_character: float = 0.25
    per_message: int = 0
    per_prompt: int = 0

    def count(self, text: str) -> int:
        return int(len(text) * self.per_character + 0.999) if text else 0


def a_call(id: str = "c1", name: str = "add", **fields: object) -> NewMessage:
    return NewMessage(role="assistant", parts=(ToolCall(id, name, fields),))


def a_result(id: str = "c1", content: str = "3") -> NewMessage:
    return tool_result(id, "add", content)


def a_checkpoint(
    branch: Sequence[NewMessage],
    start: int,
    end: int,
    summary: str = "they talked",
    *,
    kind: CheckpointKind = "summary",
    level: int = 3,
    number: int = 1,
    token_count: int = 3,
    replaces: tuple[str, ...] = (),
) -> Checkpoint:
    """A summary of the messages number `start` to `end`, `end` included."""
    return Checkpoint(
        id=f"checkpoint-{number}-{start}-{end}",
        session_id="s",
        kind=kind,
        from_id=branch[start].id,
        through_id=branch[end].id,
        summary=summary,
        level=level,
        number=number,
        token_count=token_count,
        replaces=replaces,
        created_at=MOMENT,
    )


def turns(count: int, tokens: int = 10) -> list[NewMessage]:
    """Questions and answers of so many tokens each."""
    made = [
        (user(f"q{n} ".ljust(4 * tokens, ".")), assistant(f"a{n} ".ljust(4 * tokens, ".")))
        for n in range(count)
    ]
    return [message for turn in made for message in turn]


def items(branch: list[NewMessage], *checkpoints: Checkpoint) -> list[Unit | Checkpoint]:
    """What a reader makes of it, newest first."""
    return list(Reader(branch_of(branch), checkpoints, Weights(Plain())).read())


def texts(prompt: Prompt) -> list[str]:
    """The text of each message that is sent."""
    return ["".join(part.text for part in sent.parts if isinstance(part, Text)) for sent in prompt.messages]


def left_out(prompt: Prompt) -> dict[str, str]:
    return {one.id: one.reason for one in prompt.left_out}


def attach(file: File) -> Text | Image | None:
    """Images as images, texts as texts; of anything else only the name."""
    if file.mime == "image/png":
        return Image(file.name, file.mime, b"", file.size)
    return Text("content " * file.size) if file.mime == "text/plain" else None


_words = st.text(st.characters(codec="utf-8"), max_size=400)
_ids = st.sampled_from(["a", "b", "c"])
_args = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 9), max_size=2)
_files = st.builds(
    File,
    st.just("0" * 64),
    st.just("name"),
    st.sampled_from(["image/png", "text/plain", "application/zip"]),
    st.integers(0, 100),
)


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
    st.builds(user, _words, parts=st.tuples(_files)),
)
"""Anything a branch may hold, in no sensible order: calls without results and results without calls too."""

branches = st.lists(messages, max_size=25)
counters = st.builds(Scale, st.sampled_from([0.1, 0.25, 0.5, 1.0]), st.integers(0, 9), st.integers(0, 9))
tools = st.lists(
    st.builds(Tool, _words.map(lambda text: text[:20]), _words.map(lambda text: text[:80]), st.just({})),
    max_size=2,
)


@st.composite
def spans(draw: st.DrawFn, size: int) -> list[tuple[int, int]]:
    """Stretches of a branch of this many messages that do not overlap, first to last."""
    cuts = sorted(draw(st.sets(st.integers(0, size - 1), max_size=6))) if size else []
    return list(zip(cuts[::2], cuts[1::2], strict=False))
