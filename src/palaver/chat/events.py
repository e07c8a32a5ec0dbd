"""What happens during a turn. Every front end shows the same events, in this order:

    turn_started, title_changed?, context_warning?,
    (text_delta | reasoning_delta | tool_call | tool_result)*,
    turn_finished | turn_failed

An event's `id` is made of the answer's id, its offset in the draft and a rank: pass the last one seen as `after`, to this
or to another process, and the events that come are those behind it.
"""

from typing import Self

import msgspec

from palaver.errors import Invalid
from palaver.model import Message, ToolCall, ToolResult

START, TITLE, WARNING, DELTA, END = range(5)
"""Ranks: the order of events at one offset."""


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

    `finish_reason` is the provider's ("stop", "length", "tool_calls", …). `unsaved` says why the answer could not be
    recorded yet; it is kept and tried again, and until then `message.position` is 0.
    """

    message: Message
    finish_reason: str | None = None
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
    | TextDelta
    | ReasoningDelta
    | ToolCalled
    | ToolReturned
    | TurnFinished
    | TurnFailed
)
