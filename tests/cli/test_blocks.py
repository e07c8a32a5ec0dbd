import pytest

from palaver.cli.blocks import divide, find_settled


def test_nothing_is_settled_in_a_single_block() -> None:
    assert find_settled("one paragraph\nwith two lines\n") == 0


def test_a_block_is_settled_when_the_next_one_has_begun() -> None:
    text = "first\n\nsecond\n"
    assert text[: find_settled(text)] == "first\n\n"


def test_an_unfinished_line_settles_nothing() -> None:
    # "#" alone is a heading, "#tag" goes on with the paragraph.
    assert find_settled("a paragraph\n#") == 0


def test_a_fence_that_is_open_is_not_settled() -> None:
    text = "# Code\n\n```py\nx = 1\n\ny = 2\n"
    assert text[: find_settled(text)] == "# Code\n\n"


def test_a_line_separator_inside_a_line_does_not_shift_the_cut() -> None:
    text = "one\u2028still one\x0cand\x85here\n\ntwo\n"
    assert text[find_settled(text) :] == "two\n"


def test_a_long_fence_is_divided_into_two_fences() -> None:
    parts = divide("```py\na\nb\nc\n")
    assert parts == ("```py\na\nb\n```\n", "```py\nc\n")


def test_a_fence_that_has_ended_is_left_whole() -> None:
    assert divide("```py\na\nb\n```\n") is None


def test_a_long_list_is_divided_before_its_last_item() -> None:
    parts = divide("8. a\n9. b\n10. c\n    more\n")
    assert parts == ("8. a\n9. b\n", "10. c\n    more\n")


def test_a_table_goes_on_with_its_head_repeated() -> None:
    parts = divide("| a |\n|---|\n| 1 |\n| 2 |\n")
    assert parts == ("| a |\n|---|\n| 1 |\n", "| a |\n|---|\n| 2 |\n")


def test_a_long_paragraph_is_divided_at_a_line() -> None:
    assert divide("one\ntwo\nthree") == ("one\ntwo\n", "three")


@pytest.mark.parametrize("text", ["one line", "- one item\n", "> quoted\n> more\n", "```\n", "", "a\n\nb\n"])
def test_what_cannot_be_divided_is_left_alone(text: str) -> None:
    assert divide(text) is None
