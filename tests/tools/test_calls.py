"""Calls of tools of a real server, over stdio and over HTTP."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from palaver.settings import ToolServerSettings
from palaver.tools.base import Offer, Returned
from palaver.tools.mcp import McpToolbox
from palaver.tools.results import MAX_CHARACTERS
from tests.tools.conftest import MakeBox, Web, loops, open_files, plain, until


@pytest.fixture
def site() -> Iterator[Web]:
    with closing(Web()) as web:
        web.start()
        yield web


@pytest.fixture(params=["stdio", "http"])
def box(request: pytest.FixtureRequest, make_box: MakeBox) -> McpToolbox:
    if request.param == "stdio":
        box = make_box(plain())
    else:
        box = make_box(ToolServerSettings(name="plain", url=request.getfixturevalue("site").url))
    box.list_tools()
    return box


def test_tools_are_listed_with_schema_and_description(box: McpToolbox) -> None:
    echo, add, *_ = box.list_tools()
    assert (echo.name, echo.description) == ("plain__echo", "Say it again.")
    assert echo.parameters["required"] == ["text"]
    assert add.parameters["properties"]["a"]["type"] == "integer"
    assert box.find("plain__echo") == Offer("plain", "echo", "ask")
    assert box.troubles() == ()


def test_texts_structures_and_failures_come_back(box: McpToolbox) -> None:
    assert box.call("plain__echo", {"text": "grüß\0 🎈"}) == Returned("grüß\0 🎈")
    assert box.call("plain__add", {"a": 2, "b": 3}) == Returned("5")
    assert box.call("plain__look_up", {"word": "w"}) == Returned({"word": "w", "found": [1, 2.5, None, True]})
    assert box.call("plain__lines", {}) == Returned("one\ntwo")
    refused = box.call("plain__refuse", {})
    assert refused.is_error
    assert "refuse" in refused.content
    missing = box.call("plain__echo", {})
    assert missing.is_error
    assert "text" in missing.content


def test_what_is_no_text_is_named(box: McpToolbox) -> None:
    assert box.call("plain__say_all", {}).content.splitlines() == [
        "first",
        "[image, image/png, 12 bytes: not shown]",
        "inside",
        "[resource file:///b.bin, application/octet-stream, 3 bytes: not shown]",
        "[resource c: file:///c.txt]",
    ]


def test_a_huge_result_is_cut_and_says_so(box: McpToolbox) -> None:
    content = box.call("plain__long_text", {"characters": 5_000_000}).content
    assert len(content) < MAX_CHARACTERS + 200
    assert f"{5_000_000 - MAX_CHARACTERS} of 5000000 characters left out" in content


def test_a_call_that_takes_too_long_ends_and_the_server_is_told(box: McpToolbox, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    returned = box.call("plain__wait", {"seconds": 60, "mark": str(mark)}, timeout=1.0)
    assert returned.is_error
    assert "'plain' did not answer within 1 seconds" in returned.content
    until(mark.exists)
    assert box.call("plain__echo", {"text": "still there"}) == Returned("still there")


def test_a_stop_ends_a_call_and_the_server_is_told(box: McpToolbox, tmp_path: Path) -> None:
    mark, begun, stopped = tmp_path / "mark", tmp_path / "mark.begun", threading.Event()

    def stop() -> None:
        until(begun.exists)
        stopped.set()

    threading.Thread(target=stop).start()
    began = time.monotonic()
    returned = box.call("plain__wait", {"seconds": 60, "mark": str(mark)}, stopped=stopped)
    assert time.monotonic() - began < 50
    assert returned.is_error
    assert "was stopped" in returned.content
    until(mark.exists)


def test_calls_run_beside_each_other(box: McpToolbox, tmp_path: Path) -> None:
    def wait(n: int) -> None:
        returned.append(box.call("plain__wait", {"seconds": 3.0, "mark": str(tmp_path / str(n))}))

    returned: list[Returned] = []
    threads = [threading.Thread(target=wait, args=(n,)) for n in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert returned == [Returned("waited")] * 8
    assert time.monotonic() - began < 20.0


def test_tools_that_come_later_are_listed_when_the_server_has_said_so(box: McpToolbox) -> None:
    def learned() -> bool:
        return "plain__learned" in [tool.name for tool in box.list_tools()]

    assert not learned()
    assert box.call("plain__learn", {}) == Returned("learned")
    until(learned)
    assert box.call("plain__learned", {}) == Returned("new")


def test_an_unknown_tool_and_arguments_that_are_no_object_are_failures(box: McpToolbox) -> None:
    unknown = box.call("plain__nothing", {})
    assert unknown.is_error
    assert "plain__echo" in unknown.content
    for args in (None, "text", [1]):
        assert box.call("plain__echo", args).is_error


def test_a_program_gets_what_it_needs_of_the_environment_and_the_keys_named_for_it(make_box: MakeBox) -> None:
    settings = plain(env={"TOKEN": "Bearer ${MY_KEY}", "LEVEL": "high"})
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": "not yours", "HOME": "/nowhere"}
    box = make_box(settings, environment=environment, find_key={"MY_KEY": "s3cret"}.get)
    box.list_tools()
    seen = box.call("plain__environment", {}).content
    assert (seen["TOKEN"], seen["LEVEL"], seen["HOME"]) == ("Bearer s3cret", "high", "/nowhere")
    assert "OPENAI_API_KEY" not in seen


def test_a_key_that_is_missing_is_named_and_the_others_go_on(make_box: MakeBox) -> None:
    box = make_box(plain("lost", env={"TOKEN": "${NO_SUCH}"}), plain("found"))
    assert {tool.name.split("__")[0] for tool in box.list_tools()} == {"found"}
    [trouble] = box.troubles()
    assert trouble.server == "lost"
    assert "NO_SUCH" in trouble.text


def test_a_forbidden_server_is_not_started(make_box: MakeBox) -> None:
    box = make_box(plain(allow="never"))
    assert box.list_tools() == ()
    assert box.call("plain__echo", {"text": "x"}).is_error
    assert box.troubles() == ()


def test_tools_of_two_servers_are_told_apart(make_box: MakeBox) -> None:
    box = make_box(plain("one"), plain("two", env={"WHO": "two"}, allow="always"))
    names = [tool.name for tool in box.list_tools()]
    assert names[0] == "one__echo"
    assert len(names) == len(set(names)) == 2 * len([name for name in names if name.startswith("one__")])
    assert box.call("two__environment", {}).content["WHO"] == "two"
    assert box.find("two__echo") == Offer("two", "echo", "always")


def test_an_address_whose_server_was_away_is_spoken_to_again(site: Web, make_box: MakeBox) -> None:
    box = make_box(ToolServerSettings(name="web", url=site.url))
    box.list_tools()
    assert box.call("web__echo", {"text": "here"}) == Returned("here")
    site.close()
    away = box.call("web__echo", {"text": "here"})
    assert away.is_error
    assert "'web' cannot be reached" in away.content
    site.start()
    assert box.call("web__echo", {"text": "again"}) == Returned("again")


def test_nothing_is_left_of_a_connection_to_an_address(site: Web, make_box: MakeBox, tmp_path: Path) -> None:
    before = open_files()
    box = make_box(ToolServerSettings(name="web", url=site.url))
    box.list_tools()
    box.call("web__wait", {"seconds": 60, "mark": str(tmp_path / "mark")}, timeout=0.5)
    box.close()
    gc.collect()
    assert open_files() == before
    assert not loops()


def test_headers_carry_the_key_that_is_named(site: Web, make_box: MakeBox) -> None:
    site.key = "s3cret"
    site.close()
    site.start()
    headers = {"Authorization": "Bearer ${WEB_KEY}"}
    lacking = make_box(ToolServerSettings(name="web", url=site.url))
    assert lacking.list_tools() == ()
    assert "401: it wants a key that headers can name" in lacking.troubles()[0].text
    box = make_box(
        ToolServerSettings(name="web", url=site.url, headers=headers), find_key={"WEB_KEY": "s3cret"}.get
    )
    assert len(box.list_tools()) > 10
