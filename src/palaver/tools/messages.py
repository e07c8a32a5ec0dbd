"""What a program writes to its stdout, as messages of the protocol. Only imported by what connects."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress

from mcp_types import PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, jsonrpc_message_adapter
from pydantic import ValidationError

from palaver.tools.text import mend, quote

_log = logging.getLogger(__name__)

MAX_STRANGE = 1000
"""Lines that are no messages, one after the other, until the server is taken for something else."""
_LOGGED = 3


class NotMCP(Exception):
    """What comes is not the protocol. The text follows the server's name."""


class Messages:
    """The messages of one program. `clean` takes keys out of what is kept of other lines.

    `strange` is the first line that was no message: many programs greet whoever starts them, on the wrong stream.
    """

    def __init__(self, name: str, clean: Callable[[str], str]) -> None:
        self._name = name
        self._clean = clean
        self._number = 0
        self.strange = ""

    def parse(self, line: bytes) -> JSONRPCMessage | None:
        """The message in a line, None where there is none. Raises `NotMCP` after many lines without one."""
        if not line.strip():
            return None
        text = line.decode("utf-8", "replace")
        try:
            message: JSONRPCMessage | None = jsonrpc_message_adapter.validate_json(text, by_name=False)
        except ValidationError:
            message = _mended(text)
        if message is None:
            self._note(text)
        else:
            self._number = 0
        return message

    def _note(self, text: str) -> None:
        self._number += 1
        line = quote(self._clean(text), 100)
        self.strange = self.strange or line
        if self._number <= _LOGGED:
            _log.info("%s: no message: %s", self._name, line)
        if self._number > MAX_STRANGE:
            raise NotMCP(f"does not speak MCP: its stdout says {self.strange!r} and so on")


def _mended(text: str) -> JSONRPCMessage | None:
    """A message with halves of surrogate pairs, mended; the answer to a request that cannot be read, as its failure."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(raw, dict):
        return None
    with suppress(ValidationError):
        return jsonrpc_message_adapter.validate_json(mend(json.dumps(raw, ensure_ascii=False)), by_name=False)
    request_id = raw.get("id")
    if "method" in raw or not isinstance(request_id, int | str):
        return None
    error = ErrorData(code=PARSE_ERROR, message=f"not an answer of MCP: {quote(text)}")
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)
