"""LangGraph: `SqliteSaver.from_conn_string(path)`, one `put` of the state after each message, as a graph's steps do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from bench.peers.base import Peer


class LanggraphSaver(Peer):
    """A checkpoint holds the messages of its thread, so that a put writes all of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._opened = SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite"))
        self._saver = self._opened.__enter__()
        self._states: dict[str, list[HumanMessage]] = {}
        self._configs: dict[str, Any] = {}

    def open_session(self, name: str, history: Sequence[str]) -> None:
        self._states[name] = [HumanMessage(text) for text in history]
        self._configs[name] = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
        self._put(name)

    def append(self, name: str, text: str) -> None:
        self._states[name].append(HumanMessage(text))
        self._put(name)

    def _put(self, name: str) -> None:
        messages = self._states[name]
        version = {"messages": len(messages)}
        checkpoint: Checkpoint = {
            **empty_checkpoint(),
            "channel_values": {"messages": messages},
            "channel_versions": dict(version),
        }
        metadata: Any = {"source": "loop", "step": len(messages)}
        self._configs[name] = self._saver.put(self._configs[name], checkpoint, metadata, dict(version))

    def last(self, name: str, limit: int) -> int:
        found = self._saver.get_tuple({"configurable": {"thread_id": name, "checkpoint_ns": ""}})
        return len(found.checkpoint["channel_values"]["messages"][-limit:]) if found else 0

    def describe(self) -> str:
        connection = self._saver.conn
        names = ("journal_mode", "synchronous")
        return ", ".join(f"{name}={connection.execute(f'PRAGMA {name}').fetchone()[0]}" for name in names)

    def close(self) -> None:
        self._opened.__exit__(None, None, None)


def open_peer(folder: Path) -> Peer:
    return LanggraphSaver(folder)
