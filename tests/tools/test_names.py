"""The names tools go by: unique, in the characters of the protocols, and always the same."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from palaver.tools.names import MAX_NAME, offered_name

SERVERS = st.from_regex(r"[A-Za-z][A-Za-z0-9]*([_-][A-Za-z0-9]+)*", fullmatch=True).filter(
    lambda s: len(s) <= 32
)
TOOLS = st.one_of(st.text(max_size=150), st.from_regex(r"[A-Za-z0-9_./-]{1,128}", fullmatch=True))


def test_a_name_is_its_servers_and_its_own() -> None:
    assert offered_name("files", "read_file") == "files__read_file"


@settings(max_examples=40)
@given(server=SERVERS, tool=TOOLS)
def test_every_name_is_one_that_every_protocol_takes(server: str, tool: str) -> None:
    name = offered_name(server, tool)
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name)
    assert len(name) <= MAX_NAME
    assert name.startswith(f"{server}__"[:MAX_NAME])


@settings(max_examples=40)
@given(pairs=st.sets(st.tuples(SERVERS, TOOLS), max_size=8))
def test_no_two_tools_have_one_name(pairs: set[tuple[str, str]]) -> None:
    assert len({offered_name(*pair) for pair in pairs}) == len(pairs)


@settings(max_examples=40)
@given(
    server=SERVERS,
    stem=st.text("ab_", max_size=70),
    tails=st.sets(st.text("_.:/ä ", max_size=3), min_size=2, max_size=10),
)
def test_names_that_differ_only_where_they_must_be_changed_stay_apart(
    server: str, stem: str, tails: set[str]
) -> None:
    assert len({offered_name(server, stem + tail) for tail in tails}) == len(tails)


@settings(max_examples=40)
@given(one=SERVERS, other=SERVERS, tool=TOOLS, rest=TOOLS)
def test_two_servers_tools_never_meet(one: str, other: str, tool: str, rest: str) -> None:
    if one != other:
        assert offered_name(one, tool) != offered_name(other, rest)
