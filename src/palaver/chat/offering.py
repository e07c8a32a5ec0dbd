"""Which tools a model is offered, and what a person should hear of those it is not."""

import threading
from collections.abc import Iterator, Sequence

from palaver.chat.models import Chosen, Models
from palaver.chat.modes import tools_of
from palaver.chat.stopping import Stopping
from palaver.context.tools import Tool
from palaver.model import Session
from palaver.tools.base import Toolbox


class Offering:
    """Says each thing once. Safe from any thread."""

    def __init__(self, toolbox: Toolbox, models: Models) -> None:
        self._toolbox = toolbox
        self._models = models
        self._lock = threading.Lock()
        self._said: set[str] = set()

    def list_tools(self, session: Session, chosen: Chosen, stopping: Stopping) -> Sequence[Tool]:
        """Those of the session's mode that may be called; none where the model takes none."""
        if self._takes_none(chosen):
            return ()
        tools = self._toolbox.list_tools(stopped=stopping.event)
        return tools_of(session, [tool for tool in tools if self._is_allowed(tool.name)])

    def list_news(self, chosen: Chosen) -> list[str]:
        """What was not said yet: that the model takes no tools, that a server's are missing."""
        with self._lock:
            news = [text for text in self._facts(chosen) if text not in self._said]
            self._said.update(news)
        return news

    def _facts(self, chosen: Chosen) -> Iterator[str]:
        if self._takes_none(chosen):
            yield f"{chosen[1]} takes no tools: it is asked without them."
        for trouble in self._toolbox.troubles():
            yield f"The tools of {trouble.server} are missing: {trouble.text}"

    def _takes_none(self, chosen: Chosen) -> bool:
        info = self._models.describe(chosen)
        return info is not None and info.tools is False

    def _is_allowed(self, name: str) -> bool:
        offer = self._toolbox.find(name)
        return offer is not None and offer.allow != "never"
