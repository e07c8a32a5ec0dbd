"""Palaver: the home of conversations with language models."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from palaver.aio import AsyncStore
    from palaver.chat.lifecycle import SessionManager
    from palaver.errors import (
        Busy,
        Conflict,
        ContextOverflow,
        Corrupt,
        Forbidden,
        Invalid,
        NotFound,
        PalaverError,
        ProviderError,
        TooFast,
        Unauthenticated,
        Unavailable,
    )
    from palaver.model import (
        Change,
        Changes,
        Checkpoint,
        DraftState,
        Event,
        File,
        Hit,
        Message,
        NewMessage,
        Opaque,
        Page,
        Problem,
        Project,
        Reasoning,
        Report,
        Session,
        SideEvent,
        Snapshot,
        Stats,
        Text,
        ToolCall,
        ToolResult,
        TurnState,
        Usage,
        assistant,
        note,
        system,
        tool_result,
        user,
    )
    from palaver.storage import open_store
    from palaver.store import HEAD, Filter, Store

__version__ = "0.1.0"

_HOME = {
    "AsyncStore": "aio",
    "Busy": "errors",
    "Change": "model",
    "Changes": "model",
    "Checkpoint": "model",
    "Conflict": "errors",
    "ContextOverflow": "errors",
    "Corrupt": "errors",
    "DraftState": "model",
    "Event": "model",
    "File": "model",
    "Filter": "store",
    "Forbidden": "errors",
    "HEAD": "store",
    "Hit": "model",
    "Invalid": "errors",
    "Message": "model",
    "NewMessage": "model",
    "NotFound": "errors",
    "Opaque": "model",
    "Page": "model",
    "PalaverError": "errors",
    "Problem": "model",
    "Project": "model",
    "ProviderError": "errors",
    "Reasoning": "model",
    "Report": "model",
    "Session": "model",
    "SessionManager": "chat.lifecycle",
    "SideEvent": "model",
    "Snapshot": "model",
    "Stats": "model",
    "Store": "store",
    "Text": "model",
    "ToolCall": "model",
    "ToolResult": "model",
    "TooFast": "errors",
    "TurnState": "model",
    "Unauthenticated": "errors",
    "Unavailable": "errors",
    "Usage": "model",
    "assistant": "model",
    "note": "model",
    "open_store": "storage",
    "system": "model",
    "tool_result": "model",
    "user": "model",
}

__all__ = [
    "HEAD",
    "AsyncStore",
    "Busy",
    "Change",
    "Changes",
    "Checkpoint",
    "Conflict",
    "ContextOverflow",
    "Corrupt",
    "DraftState",
    "Event",
    "File",
    "Filter",
    "Forbidden",
    "Hit",
    "Invalid",
    "Message",
    "NewMessage",
    "NotFound",
    "Opaque",
    "Page",
    "PalaverError",
    "Problem",
    "Project",
    "ProviderError",
    "Reasoning",
    "Report",
    "Session",
    "SessionManager",
    "SideEvent",
    "Snapshot",
    "Stats",
    "Store",
    "Text",
    "TooFast",
    "ToolCall",
    "ToolResult",
    "TurnState",
    "Unauthenticated",
    "Unavailable",
    "Usage",
    "assistant",
    "note",
    "open_store",
    "system",
    "tool_result",
    "user",
]


def __getattr__(name: str) -> Any:
    # Loaded when first asked for: the command line's `--help` needs no database, and a client of the values no driver.
    if name not in _HOME:
        raise AttributeError(f"module 'palaver' has no attribute {name!r}")
    value = getattr(import_module(f"palaver.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
