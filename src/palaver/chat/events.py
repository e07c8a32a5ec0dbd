"""What happens during a turn. Every front end shows the same events, in this order:

    turn_started,
    (title_changed | context_warning | checkpoint_… | rollover | input_required | input_answered)*,
    ((text_delta | reasoning_delta | tool_call)*, (input_required, input_answered | tool_result)*,
        (context_warning | rollover | …)*)*,
    (checkpoint_… | title_changed)*,
    turn_finished | turn_failed

A turn may have several answers, one after another: each but the last calls tools, whose results follow its text. An
event's `id` is made of the answer's id, its offset in the draft and a rank: pass the last one seen as `after`, to this or
to another process, and the events that come are those behind it, in this and in the answers that follow.
"""

from typing import Literal, Self

import msgspec

from palaver.errors import Invalid
from palaver.model import Checkpoint, Message, ToolCall, ToolResult

START, DELTA = 0, 3
BESIDE = 10
"""From this rank on: what happens beside the answer, counted up."""
END = 1_000_000
"""Ranks: the order of events at one offset."""

Stage = Literal["identify", "prepare", "summarise", "checkpoint", "update", "validate"]
InputKind = Literal["tool", "rollover"]


class Place(msgspec.Struct, frozen=True, order=True):
    """Where an event stands in an answer: `offset` as drafts count it, then `rank`."""

    offset: int
    rank: int

    def id(self, answer_id: str) -> str:
        return f"{answer_id}:{self.offset}.{self.rank}"


class Seen(msgspec.Struct, frozen=True):
    """An event's id, taken apart."""

    answer_id: str
    place: Place

    @classmethod
    def parse(cls, id: str) -> Self:
        """Raises `Invalid` for what is no event's id."""
        answer_id, _, rest = id.rpartition(":")
        offset, _, rank = rest.partition(".")
        if not (answer_id and offset.isdecimal() and rank.isdecimal() and rest.isascii()):
            raise Invalid(f"not the id of an event: {id[:80]!r}", field="after")
        return cls(answer_id, Place(int(offset), int(rank)))


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    id: str


class TurnStarted(_Event, frozen=True, tag="turn_started"):
    """The question is recorded and the model is about to be asked. `unsaved` says why it could not be recorded yet."""

    session_id: str
    turn_id: str
    answer_id: str
    model: str
    provider: str
    unsaved: str | None = None


class TitleChanged(_Event, frozen=True, tag="title_changed"):
    session_id: str
    title: str


class ContextWarning(_Event, frozen=True, tag="context_warning"):
    """The conversation is near or over what the model can be sent. `text` says it to a person.

    `tokens` are sent, `limit` is what may be; `truncated` says that older messages were left out.
    """

    text: str
    tokens: int
    limit: int
    window: int
    truncated: bool = False


class CheckpointStarted(_Event, frozen=True, tag="checkpoint_started"):
    """Older messages are about to be summarised: `messages` of them, `tokens` in all. Until the end is told the session
    takes no new turn."""

    session_id: str
    messages: int
    tokens: int


class CheckpointProgress(_Event, frozen=True, tag="checkpoint_progress"):
    """How far it is, 0 to 100 percent."""

    stage: Stage
    percent: int


class CheckpointFinished(_Event, frozen=True, tag="checkpoint_finished"):
    """`checkpoint` stands for `before` tokens with `after`. None: nothing has changed, and `text` says why."""

    checkpoint: Checkpoint | None
    text: str
    before: int
    after: int


class Rollover(_Event, frozen=True, tag="rollover"):
    """All but the newest messages are sent as one short summary from now on. `snapshot_id` brings back what was before."""

    snapshot_id: str
    checkpoint: Checkpoint
    previous_tokens: int
    new_tokens: int


class InputRequired(_Event, frozen=True, tag="input_required"):
    """The turn waits until the person has chosen one of `choices`: `Turn.answer(request_id, choice)`.

    `default` is what is taken where nobody can be asked. `call` is the tool call that is to be allowed. `InputAnswered`
    says that it waits no more.
    """

    request_id: str
    kind: InputKind
    text: str
    choices: tuple[str, ...]
    default: str
    call: ToolCall | None = None


class InputAnswered(_Event, frozen=True, tag="input_answered"):
    """The turn goes on with `choice`: a person's, or the default where it was stopped before anybody chose."""

    request_id: str
    choice: str


class TextDelta(_Event, frozen=True, tag="text_delta"):
    text: str


class ReasoningDelta(_Event, frozen=True, tag="reasoning_delta"):
    text: str


class ToolCalled(_Event, frozen=True, tag="tool_call"):
    call: ToolCall


class ToolReturned(_Event, frozen=True, tag="tool_result"):
    result: ToolResult


class TurnFinished(_Event, frozen=True, tag="turn_finished"):
    """The answer is there: `message.status` is "complete", or "cancelled" where it was stopped.

    `message` is the last of the turn's answers. `finish_reason` is the provider's ("stop", "length", "tool_calls", …);
    "new_session" says that the question was not sent and the person wants to go on in `new_session_id`. `unsaved` says
    why the answer could not be recorded yet; it is kept and tried again, and until then `message.position` is 0.
    """

    message: Message
    finish_reason: str | None = None
    new_session_id: str | None = None
    unsaved: str | None = None


class TurnFailed(_Event, frozen=True, tag="turn_failed"):
    """No or only a part of an answer came; `message` holds the part.

    `message.status` is "interrupted" where the connection or the process was lost, else "error". `code` is that of
    `palaver.errors`, `error` the text for a person. `retryable`: asking again may help, after `retry_after` seconds.
    """

    message: Message
    code: str
    error: str
    retryable: bool = False
    retry_after: float | None = None
    unsaved: str | None = None


TurnEvent = (
    TurnStarted
    | TitleChanged
    | ContextWarning
    | CheckpointStarted
    | CheckpointProgress
    | CheckpointFinished
    | Rollover
    | InputRequired
    | InputAnswered
    | TextDelta
    | ReasoningDelta
    | ToolCalled
    | ToolReturned
    | TurnFinished
    | TurnFailed
)
