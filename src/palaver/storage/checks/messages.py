"""A session's messages: each against its digest, its place, and what is derived from it."""

from functools import partial
from typing import Any, NamedTuple

import msgspec

from palaver.ids import from_bytes
from palaver.model import ROLES, STATUSES, File, NewMessage, Part, Usage
from palaver.storage.checks.findings import Findings, Mend
from palaver.storage.rows import (
    NOTE,
    STREAMING,
    MessageRow,
    SessionRow,
    guard_of,
    message_digest,
    message_match_key,
)
from palaver.storage.transaction import POSITION_MASK, Reading, Writing
from palaver.storage.verbs import drafts
from palaver.storage.verbs.kinds import MESSAGE_CHANGED
from palaver.storage.verbs.message_rows import parts_of, token_count

_WIDTH = len(MessageRow.__struct_fields__)
_UNREADABLE = (msgspec.MsgspecError, TypeError, ValueError, AttributeError)


class Tally(NamedTuple):
    """What the messages say of their session.

    `notes` of the `shown` are notes; `shown` is None where it cannot be told.
    `tokens` is by how much some were wrong, by ref.
    """

    last: int
    shown: int | None
    notes: int
    tokens: dict[int, int]


def check_messages(tx: Reading, row: SessionRow, found: Findings) -> Tally:
    """Look at every message of a session, in order; in memory is one at a time."""
    walk = _Walk(tx, row, found)
    for columns in tx.iterate("verify_messages", low=row.ref(1), high=row.ref(POSITION_MASK)):
        walk.step(MessageRow(*columns[:_WIDTH]), *columns[_WIDTH:])
    return Tally(walk.last, walk.shown if walk.certain else None, walk.notes, walk.tokens)


class _Walk:
    """What is kept from one message to the next; beyond the last one, only what was found to be wrong."""

    def __init__(self, tx: Reading, row: SessionRow, found: Findings) -> None:
        self.last = 0
        self.shown = 0
        self.notes = 0
        self.certain = True
        self.tokens: dict[int, int] = {}
        self._tx = tx
        self._row = row
        self._found = found
        self._previous: MessageRow | None = None
        self._digests: dict[int, bytes] = {}  # as they should be, by position, where they are not
        self._keys: dict[int, bytes] = {}

    def step(self, message: MessageRow, change: int | None, draft: int | None) -> None:
        self._found.checked["messages"] += 1
        self._check_place(message)
        self._check_flags(message)
        if message.status == STREAMING:
            self._check_draft(message, draft)
        else:
            self._check_finished(message, change, draft)
        self.last = message.position
        shown = message.status != STREAMING and message.trashed_at is None and message.purged_at is None
        self.shown += shown
        self.notes += shown and message.role == NOTE
        self._previous = message

    def _check_finished(self, message: MessageRow, change: int | None, draft: int | None) -> None:
        if change != message.ref:
            what = "the change it came with is not noted"
            self._add(message, "mark_missing", what, partial(_mark_anew, ref=message.ref))
        sound = message.purged_at is not None or self._check_content(message)
        if draft is not None:
            # Where the message itself is damaged, the draft may be all there is of it.
            mend = partial(_drop_draft, ref=message.ref) if sound else None
            self._add(message, "draft_left", "a draft of it is still there although it is finished", mend)

    def _add(self, message: MessageRow, kind: str, what: str, mend: Mend | None = None) -> None:
        self._found.add(kind, self._name(message), what, mend)

    def _name(self, message: MessageRow) -> str:
        if isinstance(message.id, bytes) and len(message.id) == 16:
            return from_bytes(message.id)
        return f"position {message.position} of session {from_bytes(self._row.id)}"

    def _check_place(self, message: MessageRow) -> None:
        if message.position != self.last + 1:
            what = f"the messages at positions {self.last + 1} to {message.position - 1} are missing"
            self._found.add("position_missing", from_bytes(self._row.id), what)
        if not 0 <= message.parent < message.position:
            self._add(message, "parent_later", f"its parent, at position {message.parent}, is not before it")

    def _check_flags(self, message: MessageRow) -> None:
        if message.guard != guard_of(message):
            what = "whether it is in context, in the trash or purged is not as it was stored"
            self._add(message, "flags_changed", what)
            self.certain = False

    def _check_draft(self, message: MessageRow, length: int | None) -> None:
        if length is None:
            what = "it is said to be written still, but its draft is gone"
            self._add(message, "draft_missing", what, partial(_interrupt, message_id=from_bytes(message.id)))
            return
        reached = 0
        for at, size, body in self._tx.iterate("verify_chunks", ref=message.ref):
            if at != reached or _decode(body) is None:
                break
            reached += size
        if reached != length:
            what = f"of the {length} characters of its draft those from {reached} on are missing or damaged"
            self._add(message, "draft_torn", what)

    def _check_content(self, message: MessageRow) -> bool:
        """Whether it is as it was stored. Only then what is derived from it is looked at."""
        parent = self._find_parent(message)
        if message.parent and parent is None:
            if 0 < message.parent < message.position:
                self._add(
                    message, "parent_missing", f"its parent, at position {message.parent}, is not there"
                )
            return False
        parts = self._read(message, parent)
        if parts is None:
            return False
        self._check_match_key(message, parent, parts)
        self._check_tokens(message, parts)
        self._check_files(message, parts)
        return True

    def _find_parent(self, message: MessageRow) -> MessageRow | None:
        if not 0 < message.parent < message.position:
            return None
        if self._previous is not None and self._previous.position == message.parent:
            return self._previous
        columns = self._tx.row("find_message_at", ref=self._row.ref(message.parent))
        return MessageRow(*columns) if columns else None

    def _read(self, message: MessageRow, parent: MessageRow | None) -> tuple[Part, ...] | None:
        """The parts of a message that is as it was stored; any other is reported, and left alone."""
        digest = _digest(self._row, message, parent.digest if parent else None)
        if digest != message.digest:
            repaired = self._digests.get(message.parent)
            if repaired is None or _digest(self._row, message, repaired) != message.digest:
                self._digests[message.position] = digest
                self._add(
                    message, "message_changed", "it is not what was stored: bring it back from a backup"
                )
                return None
        try:
            return parts_of(message)
        except _UNREADABLE as exc:
            self._add(message, "message_unreadable", f"its parts cannot be read: {exc}")
            return None

    def _check_match_key(
        self, message: MessageRow, parent: MessageRow | None, parts: tuple[Part, ...]
    ) -> None:
        before = self._keys.get(parent.position, parent.match_key) if parent else None
        key = message_match_key(before, message.role, parts)
        if message.match_key != key:
            self._keys[message.position] = key
            mend = partial(_run, name="verify_set_match_key", ref=message.ref, match_key=key)
            self._add(message, "match_key_differs", "its match key does not follow from what it says", mend)

    def _check_tokens(self, message: MessageRow, parts: tuple[Part, ...]) -> None:
        usage = msgspec.json.decode(message.usage, type=Usage) if message.usage else None
        tokens = token_count(
            message.role, parts, NewMessage(role=ROLES[message.role], parts=parts, usage=usage)
        )
        if message.tokens != tokens:
            self.tokens[message.ref] = tokens - message.tokens
            mend = partial(_run, name="verify_set_tokens", ref=message.ref, tokens=tokens)
            self._add(message, "tokens_differ", f"it has {tokens} tokens, not {message.tokens}", mend)

    def _check_files(self, message: MessageRow, parts: tuple[Part, ...]) -> None:
        wanted = {part.digest for part in parts if isinstance(part, File)}
        if not wanted:
            return
        linked = {digest.hex() for (digest,) in self._tx.iterate("list_message_files", ref=message.ref)}
        for digest in sorted(wanted - linked):
            file = self._tx.row("find_file", digest=bytes.fromhex(digest))
            if file is None:
                self._add(message, "file_missing", f"file {digest}, which it refers to, is not there")
            else:
                mend = partial(_run, name="attach_file", ref=message.ref, file=file[0])
                self._add(message, "file_loose", f"that it refers to file {digest} is not noted", mend)


def _digest(row: SessionRow, message: MessageRow, parent: bytes | None) -> bytes:
    """Of what stands there now; empty where that cannot be what was stored."""
    if not (0 <= message.role < len(ROLES) and 0 <= message.status < len(STATUSES)):
        return b""
    return message_digest(
        row.id,
        message.id,
        parent,
        message.position,
        message.role,
        message.status,
        message.body if message.body is not None else b"",
        message.model,
        message.provider,
        message.usage,
        message.error,
        message.metadata,
        message.created_at,
        message.origin_source,
        message.origin_id,
    )


def _decode(body: Any) -> tuple[Part, ...] | None:
    try:
        return msgspec.json.decode(body, type=tuple[Part, ...])
    except _UNREADABLE:
        return None


def _run(tx: Writing, *, name: str, **parameters: Any) -> None:
    tx.run(name, **parameters)


def _interrupt(tx: Writing, *, message_id: str) -> None:
    message = tx.row("verify_message_anywhere", id=bytes.fromhex(message_id.replace("-", "")))
    if message is not None and MessageRow(*message).status == STREAMING:
        drafts.interrupt(tx, message_id)


def _drop_draft(tx: Writing, *, ref: int) -> None:
    tx.run("delete_chunks", ref=ref)
    tx.run("delete_draft", ref=ref)


def _mark_anew(tx: Writing, *, ref: int) -> None:
    tx.run("verify_set_mark", ref=ref, mark=tx.mark(MESSAGE_CHANGED, ref))
