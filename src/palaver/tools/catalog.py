"""What servers tell of their tools, as models are told of them."""

import json
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from palaver.context.tools import Tool
from palaver.tools.names import offered_name
from palaver.tools.text import mend

if TYPE_CHECKING:  # a second of imports, which whoever connects pays
    from mcp.types import Tool as ServerTool

_log = logging.getLogger(__name__)

MAX_DESCRIPTION = 2000
"""Characters."""
MAX_SCHEMA = 64_000
"""Characters of JSON: a tool that asks for more than a small model's whole window is not offered."""


class Listed(msgspec.Struct, frozen=True):
    """`tool` as models know it, and the name its server calls it by."""

    tool: Tool
    name: str


def offer(server: str, tools: Sequence["ServerTool"]) -> tuple[Listed, ...]:
    """Each tool once, under its own name."""
    found = {listed.tool.name: listed for listed in reversed([*_usable(server, tools)])}
    return tuple(reversed(found.values()))


def _usable(server: str, tools: Sequence["ServerTool"]) -> Iterator[Listed]:
    for tool in tools:
        schema = mend(json.dumps(tool.input_schema, ensure_ascii=False))
        if len(schema) > MAX_SCHEMA:
            _log.info("%s: the tool %.80s is left out: its schema is too long", server, tool.name)
            continue
        name = offered_name(server, tool.name)
        yield Listed(Tool(name, _describe(tool), json.loads(schema)), tool.name)


def _describe(tool: "ServerTool") -> str:
    text = mend(tool.description or tool.title or "")
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"
