"""Thoughts that a model's server wants back together with the calls they led to.

Some servers refuse the result of a call without them, others answer worse. They stand in an answer as reasoning and as
opaque parts of the source "reasoning", whose data only the provider that made them reads.
"""

from collections.abc import Sequence

from palaver.model import Opaque, Part, ToolCall

SOURCE = "reasoning"


def is_thought(part: object) -> bool:
    """Whether this part says how the reasoning beside it is sent back."""
    return isinstance(part, Opaque) and part.source == SOURCE and isinstance(part.data, dict)


def are_wanted(parts: Sequence[Part]) -> bool:
    """Whether an answer of these parts is sent with its thoughts."""
    return any(map(is_thought, parts)) and any(isinstance(part, ToolCall) for part in parts)
