"""Messages as plain text, for a model that is to summarise them."""

from palaver.context.attachments import Image
from palaver.context.units import Sent
from palaver.model import Part, Text, ToolCall, ToolResult
from palaver.wire import encode

_NAMES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool", "note": "Note"}


def tell(sent: Sent, *, named: bool = True) -> str:
    """What a message says, behind the name of who says it."""
    text = " ".join(filter(None, map(_tell_part, sent.parts)))
    return f"{_NAMES[sent.role]}: {text}" if named else text


def _tell_part(part: Part | Image) -> str:
    match part:
        case Text(text=text):
            return text.strip()
        case Image(name=name):
            return f"[image: {name}]"
        case ToolCall(name=name, args=args):
            return f"[calls {name} {encode(args).decode()}]"
        case ToolResult(llm_content=str() as content):
            return content
        case ToolResult(llm_content=content):
            return encode(content).decode()
        case _:
            return ""
