"""How much a model can be sent."""

from typing import Literal

import msgspec

DEFAULT_WINDOW = 4096
PROMPT_PERCENT = 85
WARNING_PERCENT = 70
"""Of the budget: the person hears of it."""
CHECKPOINT_PERCENT = 80
"""Of the budget, after an answer: older messages are summarised."""
EMERGENCY_PERCENT = 95
"""Of the limit, before sending: checkpoints are made shorter at once."""


class Window(msgspec.Struct, frozen=True):
    """A model's context window in tokens and who said so; "default" is a guess that a person should hear of."""

    size: int
    source: Literal["session", "provider", "default"]


def choose_window(context_size: int | None, reported: int | None) -> Window:
    """The session's own size, else what the provider reports for the model, else 4096."""
    if context_size:
        return Window(context_size, "session")
    if reported:
        return Window(reported, "provider")
    return Window(DEFAULT_WINDOW, "default")


def prompt_limit(window: int, reserve: int = 0) -> int:
    """The most tokens a prompt may have: 85 % of the window, and the answer's `reserve` left free."""
    return max(0, min(window * PROMPT_PERCENT // 100, window - reserve))
