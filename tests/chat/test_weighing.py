"""What a prompt is made of, said in numbers and line by line."""

import palaver
from palaver import Session, Store
from palaver.chat.branches import branch
from palaver.chat.weighing import Line, Weighed, list_lines, list_newest_lines, weigh
from palaver.context.prompt import MARKER, Prompt, build_prompt
from palaver.context.window import Window
from palaver.model import ToolCall
from palaver.store import HEAD
from tests.support.factories import a_conversation


def built(store: Store, session: Session, window: int) -> Prompt:
    return build_prompt(
        branch(store, session.id, HEAD),
        window=window,
        system_prompt=session.system_prompt,
        checkpoints=store.list_checkpoints(session.id),
    )


def weighed(store: Store, session: Session, window: int = 4096) -> Weighed:
    return weigh(
        session, built(store, session, window), Window(window, "session"), store.list_checkpoints(session.id)
    )


def lines(store: Store, session: Session, window: int = 4096) -> list[Line]:
    checkpoints = store.list_checkpoints(session.id)
    return list(list_lines(store, session, built(store, session, window), checkpoints))


def test_the_shares_add_up_to_what_is_sent(store: Store) -> None:
    session = a_conversation(store, "x" * 400, "y" * 400, "z" * 400, system_prompt="s" * 40)
    first, last, _ = store.messages(session.id)
    store.add_checkpoint(session.id, from_id=first.id, through_id=last.id, summary="what was said")
    found = weighed(store, session)
    assert (found.system_prompt, found.checkpoint_count, found.messages, found.message_count) == (
        10,
        1,
        100,
        1,
    )
    assert found.tokens == found.system_prompt + found.checkpoints + found.messages


def test_every_message_of_the_branch_has_its_line_in_order(store: Store) -> None:
    session = a_conversation(store, "one", "two", system_prompt="Be kind.")
    store.append(session.id, palaver.note("by the way"), palaver.user("three"))
    assert [
        (line.kind, line.role, line.position, line.tokens, line.reason) for line in lines(store, session)
    ] == [
        ("system_prompt", "system", None, 2, None),
        ("message", "user", 1, 1, None),
        ("message", "assistant", 2, 1, None),
        ("message", "note", 3, None, "note"),
        ("message", "user", 4, 2, None),
    ]


def test_what_does_not_fit_is_named_with_the_marker_in_its_place(store: Store) -> None:
    session = a_conversation(store, *("x" * 400 for _ in range(6)))
    found = lines(store, session, window=400)
    assert (found[0].kind, found[0].preview) == ("marker", MARKER)
    assert [line.reason for line in found[1:]] == ["truncated"] * 3 + [None] * 3
    assert sum(line.tokens or 0 for line in found) == weighed(store, session, window=400).tokens


def test_what_a_checkpoint_stands_for_names_it(store: Store) -> None:
    session = a_conversation(store, "one", "two", "three", "four")
    first, second, *_ = store.messages(session.id)
    checkpoint = store.add_checkpoint(
        session.id, from_id=first.id, through_id=second.id, summary="one and two"
    )
    found = lines(store, session)
    assert (found[0].kind, found[0].id) == ("checkpoint", checkpoint.id)
    assert [(line.reason, line.checkpoint_id) for line in found[1:]] == [
        ("checkpoint", checkpoint.id),
        ("checkpoint", checkpoint.id),
        (None, None),
        (None, None),
    ]


def test_a_result_that_was_made_up_for_a_lost_one_stands_below_its_call(store: Store) -> None:
    session = a_conversation(store, "look it up")
    call = ToolCall("1", "look", {})
    store.append(session.id, palaver.assistant("", parts=(call,)), palaver.user("and?"))
    assert [(line.role, line.id is None) for line in lines(store, session)] == [
        ("user", False),
        ("assistant", False),
        ("tool", True),
        ("user", False),
    ]


def test_an_empty_session_weighs_nothing(store: Store) -> None:
    session = store.create_session()
    assert weighed(store, session).tokens == 0
    assert lines(store, session) == []


def test_page_by_page_the_lines_are_the_same(store: Store) -> None:
    session = a_conversation(store, *("x" * 400 for _ in range(9)), system_prompt="Be kind.")
    first, second, *_ = store.messages(session.id)
    store.add_checkpoint(session.id, from_id=first.id, through_id=second.id, summary="the beginning")
    prompt, checkpoints = built(store, session, 700), store.list_checkpoints(session.id)
    found: list[list[Line]] = []
    before: str | None = None
    while not found or before:
        page = list_newest_lines(store, session, prompt, checkpoints, limit=4, before=before)
        found.insert(0, page.items)
        before = page.next_cursor
    whole = lines(store, session, window=700)
    head = len(whole) - 9
    assert [len(part) for part in found] == [1, 4, head + 4]
    newest = found.pop()
    assert [*newest[:head], *(line for part in found for line in part), *newest[head:]] == whole


def test_the_oldest_message_that_is_sent_is_named(store: Store) -> None:
    session = a_conversation(store, *("x" * 400 for _ in range(6)))
    sent = [line.id for line in lines(store, session, window=400) if line.kind == "message" and line.tokens]
    assert weighed(store, session, window=400).first_message_id == sent[0]
