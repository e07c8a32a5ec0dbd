"""The numbers of the kinds of change, by their place in `Change.KINDS`."""

from palaver.model import Change

MESSAGE_ADDED = Change.KINDS.index("message.added")
MESSAGE_CHANGED = Change.KINDS.index("message.changed")
MESSAGE_PURGED = Change.KINDS.index("message.purged")
DRAFT_OPENED = Change.KINDS.index("draft.opened")
SESSION_ADDED = Change.KINDS.index("session.added")
SESSION_CHANGED = Change.KINDS.index("session.changed")
SESSION_PURGED = Change.KINDS.index("session.purged")
PROJECT_ADDED = Change.KINDS.index("project.added")
PROJECT_CHANGED = Change.KINDS.index("project.changed")
PROJECT_PURGED = Change.KINDS.index("project.purged")
CHECKPOINT_CHANGED = Change.KINDS.index("checkpoint.changed")
SNAPSHOT_CHANGED = Change.KINDS.index("snapshot.changed")
TURN_CHANGED = Change.KINDS.index("turn.changed")
