"""What a prompt is made of, and what of its branch is not in it: for a person who wants to see what the model sees."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from palaver.context.prompt import MARKER, Prompt, Reason, Sent
from palaver.context.window import (
    CHECKPOINT_PERCENT,
    EMERGENCY_PERCENT,
    WARNING_PERCENT,
    Window,
)
from palaver.model import Checkpoint, Message, Page, Role, Session, Text
from palaver.store import Store

Kind = Literal["system_prompt", "checkpoint", "marker", "message"]
_PREVIEW = 200


class _Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class Thresholds(_Value, frozen=True):
    """At how many tokens something happens: `warning` and `checkpoint` of the messages, the others of the whole."""

    warning: int
    checkpoint: int
    emergency: int
    rollover: int


class Weighed(_Value, frozen=True):
    """A prompt in numbers; all are tokens but `message_count` and `checkpoint_count`.

    `window_source` says who said the window: "session", "provider" or "default". `used` is what the messages
    take of `budget`, which is the limit less everything else; `template` is what the model's own format adds to a prompt.
    `first_message_id` is the oldest message that is sent.
    """

    session_id: str
    model: str | None
    provider: str | None
    window: int
    window_source: str
    limit: int
    tokens: int
    budget: int
    used: int
    truncated: bool
    system_prompt: int
    template: int
    tools: int
    checkpoints: int
    messages: int
    checkpoint_count: int
    message_count: int
    first_message_id: str | None
    thresholds: Thresholds


class Line(_Value, frozen=True):
    """One thing of the context in its place. `tokens` is None for what is not sent, and then `reason` says why."""

    kind: Kind
    role: Role
    id: str | None = None
    position: int | None = None
    tokens: int | None = None
    reason: Reason | None = None
    checkpoint_id: str | None = None
    preview: str = ""


def weigh(session: Session, prompt: Prompt, window: Window, checkpoints: Sequence[Checkpoint]) -> Weighed:
    """The prompt in numbers; `checkpoints` are the session's active ones."""
    shares: dict[Kind, int] = {"system_prompt": 0, "checkpoint": 0, "marker": 0, "message": 0}
    kinds = _kinds(prompt, checkpoints)
    sent_ids = [sent.id for sent in _messages(prompt, kinds) if sent.id]
    for kind, sent in zip(kinds, prompt.messages, strict=True):
        shares[kind] += sent.tokens
    return Weighed(
        session_id=session.id,
        model=session.model,
        provider=session.provider,
        window=prompt.window,
        window_source=window.source,
        limit=prompt.limit,
        tokens=prompt.tokens,
        budget=prompt.budget,
        used=prompt.used,
        truncated=prompt.truncated,
        system_prompt=shares["system_prompt"],
        template=prompt.overhead - prompt.tools,
        tools=prompt.tools,
        checkpoints=shares["checkpoint"],
        messages=shares["message"] + shares["marker"],
        checkpoint_count=kinds.count("checkpoint"),
        message_count=len(set(sent_ids)),
        first_message_id=sent_ids[0] if sent_ids else None,
        thresholds=Thresholds(
            warning=prompt.budget * WARNING_PERCENT // 100,
            checkpoint=prompt.budget * CHECKPOINT_PERCENT // 100,
            emergency=prompt.limit * EMERGENCY_PERCENT // 100,
            rollover=prompt.limit,
        ),
    )


def list_lines(
    store: Store, session: Session, prompt: Prompt, checkpoints: Sequence[Checkpoint]
) -> Iterator[Line]:
    """The context in order: what is sent before the messages, then every message of the branch, sent or not."""
    yield from _lines_before(prompt, checkpoints)
    told = _Told(store, prompt, checkpoints)
    for message in store.messages(session.id):
        yield from told.lines(message)


def list_newest_lines(
    store: Store,
    session: Session,
    prompt: Prompt,
    checkpoints: Sequence[Checkpoint],
    *,
    limit: int,
    before: str | None = None,
) -> Page[Line]:
    """The lines of the newest `limit` messages, in order; pass `next_cursor` as `before` for those above them.

    The first page begins with what is sent before the messages.
    """
    page = store.list_messages(session.id, before=before, limit=limit)
    told = _Told(store, prompt, checkpoints)
    lines = [] if before else list(_lines_before(prompt, checkpoints))
    lines += [line for message in page.items for line in told.lines(message)]
    return Page(lines, page.next_cursor)


def _lines_before(prompt: Prompt, checkpoints: Sequence[Checkpoint]) -> Iterator[Line]:
    reasons = _reasons(prompt)
    for checkpoint in checkpoints:
        if checkpoint.id in reasons:
            yield Line(
                kind="checkpoint",
                role="system",
                id=checkpoint.id,
                reason=reasons[checkpoint.id],
                preview=checkpoint.summary[:_PREVIEW],
            )
    for kind, sent in zip(_kinds(prompt, checkpoints), prompt.messages, strict=True):
        if kind != "message":
            yield Line(kind=kind, role=sent.role, id=sent.id, tokens=sent.tokens, preview=_text(sent))


class _Told:
    """What becomes of each message of the branch."""

    def __init__(self, store: Store, prompt: Prompt, checkpoints: Sequence[Checkpoint]) -> None:
        self._groups = _by_message(_messages(prompt, _kinds(prompt, checkpoints)))
        self._reasons = _reasons(prompt)
        self._spans = [
            (store.get_message(one.from_id).position, store.get_message(one.through_id).position, one)
            for one in checkpoints
        ]

    def lines(self, message: Message) -> Iterator[Line]:
        spans = (one for first, last, one in self._spans if first <= message.position <= last)
        return _lines_of(message, self._groups.get(message.id, ()), self._reasons, next(spans, None))


def _lines_of(
    message: Message, sent: Sequence[Sent], reasons: dict[str, Reason], within: Checkpoint | None
) -> Iterator[Line]:
    reason: Reason | None = None
    if not sent:
        usual: Reason = "checkpoint" if within else "note" if message.role == "note" else "truncated"
        reason = reasons.get(message.id, usual)
    yield Line(
        kind="message",
        role=message.role,
        id=message.id,
        position=message.position,
        tokens=sum(part.tokens for part in sent if part.id) if sent else None,
        reason=reason,
        checkpoint_id=within.id if within and reason == "checkpoint" else None,
        preview=message.text[:_PREVIEW],
    )
    for made in sent:
        if made.id is None:
            yield Line(kind="message", role=made.role, tokens=made.tokens, preview=_text(made))


def _reasons(prompt: Prompt) -> dict[str, Reason]:
    return {left.id: left.reason for left in prompt.left_out}


def _by_message(sent: Sequence[Sent]) -> dict[str, list[Sent]]:
    """What each message sends, with what was made here and follows it."""
    groups: dict[str, list[Sent]] = {}
    last: list[Sent] = []
    for one in sent:
        if one.id is not None:
            last = groups.setdefault(one.id, [])
        last.append(one)
    return groups


def _kinds(prompt: Prompt, checkpoints: Sequence[Checkpoint]) -> list[Kind]:
    ids = {checkpoint.id for checkpoint in checkpoints}
    return [_kind(sent, ids) for sent in prompt.messages]


def _kind(sent: Sent, checkpoint_ids: set[str]) -> Kind:
    if sent.id in checkpoint_ids:
        return "checkpoint"
    if sent.id is not None or sent.role != "system":
        return "message"
    return "marker" if _text(sent) == MARKER else "system_prompt"


def _messages(prompt: Prompt, kinds: Sequence[Kind]) -> list[Sent]:
    return [sent for kind, sent in zip(kinds, prompt.messages, strict=True) if kind == "message"]


def _text(sent: Sent) -> str:
    return "".join(part.text for part in sent.parts if isinstance(part, Text))[:_PREVIEW]
