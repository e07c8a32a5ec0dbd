"""How much a model can be sent."""

import pytest

from palaver.context.window import Window, choose_window, prompt_limit


def test_a_session_of_8192_tokens_takes_prompts_of_6963() -> None:
    assert prompt_limit(8192) == 6963


def test_the_reserve_counts_where_it_is_more_than_the_margin() -> None:
    assert prompt_limit(8192, 1000) == 6963
    assert prompt_limit(8192, 4096) == 4096
    assert prompt_limit(4096, 9000) == 0


@pytest.mark.parametrize(
    ("own", "reported", "window"),
    [
        (8192, 2048, Window(8192, "session")),
        (None, 2048, Window(2048, "provider")),
        (None, None, Window(4096, "default")),
    ],
)
def test_the_sessions_own_size_goes_before_the_providers(
    own: int | None, reported: int | None, window: Window
) -> None:
    assert choose_window(own, reported) == window
