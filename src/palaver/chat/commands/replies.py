"""What the slash commands reply: values that every front end shows in its own way."""

from collections.abc import Sequence

import msgspec

from palaver.chat.compacting import Compacting
from palaver.chat.turn import Turn
from palaver.chat.weighing import Weighed
from palaver.model import Checkpoint, File, Hit, Message, Session, Snapshot, Time


class Said(msgspec.Struct, frozen=True):
    """A sentence for the person."""

    text: str


class Failed(msgspec.Struct, frozen=True):
    """The command could not be done: usage, an unknown name, an id that fits nothing."""

    text: str


class Switched(msgspec.Struct, frozen=True):
    """Another session is current now; the front end keeps what it showed and says where it is."""

    session: Session
    path: str


class Listed(msgspec.Struct, frozen=True):
    """Sessions, newest first; `current_id` is the one to mark."""

    sessions: list[Session]
    current_id: str


class Found(msgspec.Struct, frozen=True):
    query: str
    hits: list[Hit]
    cut: bool


class Started(msgspec.Struct, frozen=True):
    """A turn runs; show its events."""

    turn: Turn


class Compressing(msgspec.Struct, frozen=True):
    """A checkpoint is being made; show its events, of which the last says what came of it."""

    compacting: Compacting


class Editing(msgspec.Struct, frozen=True):
    """A question is to be asked in other words: offer its text for editing and run `/edit TEXT` with what comes."""

    message: Message


class Weight(msgspec.Struct, frozen=True):
    """What would be sent now."""

    weighed: Weighed


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """The session in numbers: `checkpoints` of which `active` stand in for messages now."""

    session: Session
    weighed: Weighed
    checkpoints: int
    active: int
    snapshots: int


class Forked(msgspec.Struct, frozen=True):
    """The versions at the last fork of the branch that is shown, by position; `current_id` is the one that is shown."""

    siblings: Sequence[Message]
    current_id: str


class Moved(msgspec.Struct, frozen=True):
    """Another branch of the session is shown now. `text` says why; show its newest messages."""

    session: Session
    text: str


class Snapshots(msgspec.Struct, frozen=True):
    """Newest first."""

    snapshots: Sequence[Snapshot]


class OneSnapshot(msgspec.Struct, frozen=True):
    """`head` is where it goes back to, None where nothing was said yet."""

    snapshot: Snapshot
    head: Message | None


class Checkpoints(msgspec.Struct, frozen=True):
    """By number, all of the session; `active_ids` are those that stand in for messages now."""

    checkpoints: Sequence[Checkpoint]
    active_ids: frozenset[str]


class OneCheckpoint(msgspec.Struct, frozen=True):
    """`first` and `last` are the messages it stands for, None where they were purged."""

    checkpoint: Checkpoint
    active: bool
    first: Message | None
    last: Message | None


class Mode(msgspec.Struct, frozen=True):
    name: str
    description: str


class Modes(msgspec.Struct, frozen=True):
    """The modes there are; `current` is the name of the one in force."""

    modes: Sequence[Mode]
    current: str


class ModeChange(msgspec.Struct, frozen=True):
    """`trigger` says who changed it: "manual", "auto", "tool" or "explicit"."""

    time: Time
    before: str
    after: str
    trigger: str


class ModeHistory(msgspec.Struct, frozen=True):
    """Oldest first."""

    changes: Sequence[ModeChange]


class OneTool(msgspec.Struct, frozen=True):
    """`allowed` is "ask", "session", "always" or "never"."""

    name: str
    description: str
    allowed: str


class ToolServer(msgspec.Struct, frozen=True):
    """`problem` says why it gives no tools; None where it does."""

    name: str
    tools: Sequence[OneTool]
    problem: str | None = None


class ToolServers(msgspec.Struct, frozen=True):
    """`hidden` tools are there and not offered, because `mode` names others."""

    servers: Sequence[ToolServer]
    hidden: int = 0
    mode: str | None = None


class Attachments(msgspec.Struct, frozen=True):
    """The files that go with the next question; `missed` are those that could not be taken, with the reasons."""

    files: Sequence[File]
    missed: Sequence[str] = ()


class Verb(msgspec.Struct, frozen=True):
    """The second word of a command, as `list` in `/snapshot list`; `usage` shows what follows it."""

    name: str
    usage: str
    help: str


class Call(msgspec.Struct, frozen=True):
    """How a command is called. `name` has no slash, `usage` shows what follows it where that is no verb."""

    name: str
    usage: str
    help: str
    aliases: tuple[str, ...] = ()
    verbs: Sequence[Verb] = ()

    @property
    def syntax(self) -> str:
        """All that may follow the name: `[size N|auto|stats]`."""
        if not self.verbs:
            return self.usage
        calls = [f"{verb.name} {verb.usage}".rstrip() for verb in self.verbs]
        return f"[{'|'.join(filter(None, (self.usage, *calls)))}]"


class Helped(msgspec.Struct, frozen=True):
    commands: Sequence[Call]


class Ended(msgspec.Struct, frozen=True):
    """The person wants to leave."""


Reply = (
    Said
    | Failed
    | Switched
    | Listed
    | Found
    | Started
    | Compressing
    | Editing
    | Weight
    | Statistics
    | Forked
    | Moved
    | Snapshots
    | OneSnapshot
    | Checkpoints
    | OneCheckpoint
    | Modes
    | ModeHistory
    | ToolServers
    | Attachments
    | Helped
    | Ended
)
