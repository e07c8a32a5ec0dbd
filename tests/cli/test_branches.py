from palaver.cli.branches import draw
from palaver.model import Message, Text, Time


def a_message(id: str, parent_id: str | None, position: int) -> Message:
    return Message(
        id=id,
        session_id="s",
        parent_id=parent_id,
        position=position,
        role="user",
        parts=(Text(id),),
        created_at=Time.from_ms(0),
    )


def drawing(messages: list[Message], head_id: str | None) -> list[str]:
    return [f"{line.rails}{'●' if line.shown else '○'}{line.node.id}" for line in draw(messages, head_id)]


def test_a_chain_is_drawn_without_indentation() -> None:
    messages = [a_message("a", None, 1), a_message("b", "a", 2), a_message("c", "b", 3)]
    assert drawing(messages, "c") == ["●a", "●b", "●c"]


def test_siblings_are_indented_and_the_shown_branch_is_marked() -> None:
    messages = [
        a_message("a", None, 1),
        a_message("b", "a", 2),
        a_message("c", "b", 3),
        a_message("d", "a", 4),
        a_message("e", "d", 5),
    ]
    assert drawing(messages, "e") == ["●a", "├─○b", "│ ○c", "└─●d", "  ●e"]


def test_several_roots_are_drawn_after_a_clear() -> None:
    messages = [a_message("a", None, 1), a_message("b", None, 2)]
    assert drawing(messages, None) == ["├─○a", "└─○b"]


def test_a_chain_of_a_hundred_thousand_is_drawn_without_recursion() -> None:
    messages = [a_message(str(i), str(i - 1) if i else None, i + 1) for i in range(100_000)]
    assert sum(line.shown for line in draw(messages, "99999")) == 100_000
