"""Calls the tools a model asks for, as far as they are allowed."""

import time
from collections.abc import Callable
from typing import Any

from palaver.chat.permissions import Permission, Permissions
from palaver.chat.stopping import Stopping
from palaver.model import NewMessage, ToolCall, ToolResult
from palaver.tools.base import Offer, Returned, Toolbox

Ask = Callable[[ToolCall, Offer], str]

_REFUSED = {
    "settings": "The settings of {server} allow no call of this tool.",
    "nobody": "The call was refused: there is nobody here who could allow it.",
    "person": "The person did not allow this call.",
}


class Calling:
    """The tools of one toolbox, with what is allowed of them. Safe from any thread."""

    def __init__(self, toolbox: Toolbox, permissions: Permissions) -> None:
        self._toolbox = toolbox
        self._permissions = permissions

    def call(self, session_id: str, call: ToolCall, *, ask: Ask | None, stopping: Stopping) -> NewMessage:
        """What came of a call, as the message that belongs below its answer: a refusal and a failure are results, too.

        Its metadata name who allowed or refused it, and how many milliseconds it took.
        """
        offer = self._toolbox.find(call.name)
        if offer is None:
            return _message(call, Returned(f"There is no tool {call.name!r}.", is_error=True), {})
        if not isinstance(call.args, dict):
            return _message(
                call, Returned(f"The arguments of {call.name} must be a JSON object.", is_error=True), {}
            )
        asking = None if ask is None else (lambda: ask(call, offer))
        permission = self._permissions.decide(session_id, offer, asking)
        if not permission.allowed:
            text = _REFUSED[permission.by].format(server=offer.server)
            return _message(call, Returned(text, is_error=True), {"refusedBy": permission.by})
        return self._run(call, permission, stopping)

    def _run(self, call: ToolCall, permission: Permission, stopping: Stopping) -> NewMessage:
        began = time.monotonic()
        returned = self._toolbox.call(call.name, call.args, stopped=stopping.event)
        duration = round((time.monotonic() - began) * 1000)
        return _message(call, returned, {"allowedBy": permission.by, "durationMs": duration})


def _message(call: ToolCall, returned: Returned, metadata: dict[str, Any]) -> NewMessage:
    content, display = _fit(returned.content), _fit(returned.display)
    result = ToolResult(call.id, call.name, content, display, returned.is_error)
    return NewMessage(role="tool", parts=(result,), metadata=metadata)


def _fit(value: Any) -> Any:
    """The same without lone surrogates, which no store takes."""
    match value:
        case str():
            return (
                value
                if value.isascii()
                else value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            )
        case dict():
            return {_fit(name): _fit(content) for name, content in value.items()}
        case list():
            return [_fit(content) for content in value]
        case _:
            return value
