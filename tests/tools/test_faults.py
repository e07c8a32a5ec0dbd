"""Everything a server can do wrong: it is named, the others go on, nothing hangs, nothing is left."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from palaver.settings import ToolServerSettings
from palaver.tools.base import Returned
from palaver.tools.catalog import MAX_DESCRIPTION
from palaver.tools.link import MAX_TOOLS
from palaver.tools.server import MAX_STARTS
from tests.tools.conftest import MakeBox, faulty, is_alive, loops, open_files, plain, until


def test_servers_that_do_not_come_up_are_named_and_the_others_go_on(make_box: MakeBox) -> None:
    box = make_box(
        ToolServerSettings(name="absent", command="no-such-program"),
        ToolServerSettings(name="homeless", command=sys.executable, cwd="/no/such/folder"),
        ToolServerSettings(name="deaf", url="http://127.0.0.1:9/mcp"),
        faulty("dies at once", "dying"),
        faulty("speaks nonsense", "babbling"),
        faulty("lists what is no tool", "lame"),
        plain("good"),
    )
    assert {tool.name.split("__")[0] for tool in box.list_tools()} == {"good"}
    assert box.call("good__echo", {"text": "here"}) == Returned("here")
    told = {trouble.server: trouble.text for trouble in box.troubles()}
    assert told["absent"] == "it cannot be started: No such file or directory: no-such-program"
    assert told["homeless"] == "it cannot be started: No such file or directory: /no/such/folder"
    assert told["deaf"].startswith("it cannot be reached: is it running?")
    assert told["dying"] == "it has ended (exit code 1). It said: no licence found"
    assert told["babbling"].startswith("it does not speak MCP: its stdout says")
    assert "tools.1.inputSchema" in told["lame"]
    assert len(told) == 6


def test_a_server_that_never_answers_is_given_up(make_box: MakeBox) -> None:
    box = make_box(faulty("never answers"), start_seconds=1.0)
    assert box.list_tools() == ()
    assert [trouble.text for trouble in box.troubles()] == ["it was not ready within 1 seconds"]
    until(lambda: groups_of(os.getpid()) == [])


def test_what_a_program_greets_with_on_stdout_is_passed_over(make_box: MakeBox) -> None:
    box = make_box(faulty("greets"))
    assert [tool.name for tool in box.list_tools()] == ["faulty__do"]
    assert box.call("faulty__do", {}) == Returned("done")


def test_a_server_that_is_slow_to_start_does_not_hold_up_a_list_twice(make_box: MakeBox) -> None:
    box = make_box(faulty("never answers"), patience=3.0, start_seconds=60.0)
    assert box.list_tools() == ()
    began = time.monotonic()
    assert box.list_tools() == ()
    assert time.monotonic() - began < 2.0
    assert [trouble.text for trouble in box.troubles()] == ["it is still starting"]


def test_a_stop_ends_the_wait_for_servers(make_box: MakeBox) -> None:
    box, stopped = make_box(faulty("never answers")), threading.Event()
    threading.Timer(0.3, stopped.set).start()
    began = time.monotonic()
    assert box.list_tools(stopped=stopped) == ()
    assert time.monotonic() - began < 50.0


def test_a_program_that_ends_while_its_tool_runs_is_named_and_started_again(make_box: MakeBox) -> None:
    box = make_box(plain())
    box.list_tools()
    died = box.call("plain__die", {"code": 3})
    assert died == Returned(
        "The tool server 'plain' has ended (exit code 3) before it answered. It said: I was told to die.",
        is_error=True,
    )
    assert box.call("plain__echo", {"text": "back"}) == Returned("back")
    assert box.troubles() == ()


def test_a_program_killed_between_two_calls_is_started_again(make_box: MakeBox) -> None:
    box = make_box(plain())
    box.list_tools()
    pid = box.call("plain__process", {}).content["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: "has ended (signal 9)" in str(box.troubles()))
    assert len(box.list_tools()) > 10
    assert box.call("plain__process", {}).content["pid"] != pid


def test_a_program_that_dies_with_every_call_is_not_started_without_end(make_box: MakeBox) -> None:
    box = make_box(faulty("dies"))
    box.list_tools()
    answers = [box.call("faulty__do", {}).content for _ in range(MAX_STARTS + 2)]
    assert (
        answers[:MAX_STARTS]
        == ["The tool server 'faulty' has ended (exit code 7) before it answered."] * MAX_STARTS
    )
    assert all("is not tried again before" in answer for answer in answers[MAX_STARTS:])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("answers strangely", "gave back what is no result"),
        ("answers no object", "not an answer of MCP"),
        ("closes stdout", "before it answered"),
        ("endless line", "has sent a message of more than 32 MB"),
    ],
)
def test_an_answer_that_is_none_is_a_failure_that_says_so(make_box: MakeBox, fault: str, said: str) -> None:
    box = make_box(faulty(fault))
    box.list_tools()
    returned = box.call("faulty__do", {})
    assert returned.is_error
    assert said in returned.content


def test_text_that_is_no_unicode_is_mended(make_box: MakeBox) -> None:
    box = make_box(faulty("halves", "halves"), faulty("latin", "latin"))
    box.list_tools()
    assert box.call("halves__do", {}) == Returned("a\N{REPLACEMENT CHARACTER} b\0")
    assert box.call("latin__do", {}) == Returned("caf\N{REPLACEMENT CHARACTER}")


def test_a_late_answer_belongs_to_nobody(make_box: MakeBox) -> None:
    box = make_box(faulty("answers late"))
    box.list_tools()
    late = box.call("faulty__do", {}, timeout=0.2)
    assert "did not answer within 0.2 seconds" in late.content
    assert box.call("faulty__do", {}, timeout=30.0) == Returned("call 2")


def test_a_flood_on_stderr_is_not_seen_and_stops_nothing(
    make_box: MakeBox, capfd: pytest.CaptureFixture[str]
) -> None:
    box = make_box(faulty("floods stderr", timeout=120.0), plain("other"))
    box.list_tools()
    assert box.call("other__echo", {"text": "here"}) == Returned("here")
    until(lambda: len(box.list_tools()) > 14 or bool(box.troubles()), seconds=60.0)
    box.close()
    assert capfd.readouterr() == ("", "")


def test_pages_without_end_are_cut(make_box: MakeBox) -> None:
    box = make_box(faulty("pages without end"))
    assert len(box.list_tools()) == MAX_TOOLS


def test_any_tool_can_be_offered_but_one_that_asks_for_too_much(make_box: MakeBox) -> None:
    box = make_box(faulty("lists strangely"))
    spaced, long, twin, wordy, strange = box.list_tools()
    for tool in (spaced, long):
        assert len(tool.name) <= 64
        assert tool.name.isascii()
        assert box.call(tool.name, {}) == Returned("done")
    assert (twin.name, len(wordy.description)) == ("faulty__twin", MAX_DESCRIPTION)
    assert strange.parameters == {
        "type": "object",
        "$ref": "#/$defs/a",
        "$defs": {"a": {"anyOf": [{"type": "object"}, {"not": {}}]}},
    }


def test_an_older_servers_word_that_its_tools_have_changed_is_heard(make_box: MakeBox) -> None:
    box = make_box(faulty("learns"))
    assert [tool.name for tool in box.list_tools()] == ["faulty__do"]
    box.call("faulty__do", {})
    until(lambda: [tool.name for tool in box.list_tools()] == ["faulty__do", "faulty__more"])


def test_a_server_that_asks_back_gets_a_no_and_not_the_person(make_box: MakeBox) -> None:
    box = make_box(faulty("asks back"))
    box.list_tools()
    assert '"error"' in box.call("faulty__do", {}).content


def test_a_key_is_in_no_message(make_box: MakeBox) -> None:
    box = make_box(faulty("tells the key", env={"TOKEN": "${KEY}"}), find_key={"KEY": "s3cret"}.get)
    box.list_tools()
    returned = box.call("faulty__do", {})
    assert "the token … is wrong" in returned.content
    assert "s3cret" not in repr(box.troubles())


def test_nothing_is_left_of_a_server_that_does_not_want_to_end(make_box: MakeBox) -> None:
    box = make_box(faulty("stays"))
    box.list_tools()
    [family] = groups_of(os.getpid())
    assert len(family) == 2
    began = time.monotonic()
    box.close()
    assert time.monotonic() - began < 30.0
    until(lambda: not any(map(is_alive, family)))
    assert not loops()


@pytest.mark.parametrize(
    "fault",
    [
        *("none", "dies", "dies at once", "never answers", "speaks nonsense", "closes stdout"),
        *("answers late", "endless line", "nothing listens"),
    ],
)
def test_no_file_no_thread_and_no_process_is_left_of_a_server(make_box: MakeBox, fault: str) -> None:
    nothing = ToolServerSettings(name="faulty", url="http://127.0.0.1:9/mcp")
    before = open_files()
    box = make_box(nothing if fault == "nothing listens" else faulty(fault), start_seconds=10.0)
    box.list_tools()
    box.call("faulty__do", {}, timeout=0.5)
    box.close()
    gc.collect()  # what was not closed is an unraisable error now
    assert open_files() == before
    assert not loops()
    assert groups_of(os.getpid()) == []


def test_a_daemon_that_a_server_has_left_behind_holds_up_nothing(make_box: MakeBox) -> None:
    box = make_box(faulty("leaves a daemon"))
    box.list_tools()
    daemon = int(box.call("faulty__do", {}).content)
    began = time.monotonic()
    box.close()
    assert time.monotonic() - began < 30.0
    assert groups_of(os.getpid()) == []
    os.kill(daemon, signal.SIGKILL)


def test_close_ends_calls_and_starts_that_run(make_box: MakeBox) -> None:
    box = make_box(faulty("never answers", "silent"), plain(), patience=20.0, start_seconds=20.0)
    threading.Thread(target=box.list_tools).start()
    until(lambda: bool(groups_of(os.getpid())))
    box.close()
    assert box.list_tools() == ()
    assert box.call("plain__echo", {"text": "x"}).is_error
    assert groups_of(os.getpid()) == []
    box.close()


PROGRAM = """
import os, sys, time
from palaver.settings import ToolServerSettings
from palaver.tools.mcp import McpToolbox
box = McpToolbox([ToolServerSettings(name="plain", command=sys.executable, args=(sys.argv[1],))],
                 environment=dict(os.environ), patience=60.0)
box.list_tools()
print(box.call("plain__process", {}).content["pid"], flush=True)
"""


def test_a_ctrl_c_in_the_terminal_leaves_the_server_alone_and_the_end_of_the_interpreter_ends_it() -> None:
    *setup, last = PROGRAM.strip().splitlines()
    script = "\n".join(
        [
            *setup,
            "try:",
            f"    {last}",
            "    time.sleep(60)",
            "except KeyboardInterrupt:",
            "    print(box.call('plain__echo', {'text': 'still there'}).content, flush=True)",
        ]
    )
    with running(script) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        os.killpg(child.pid, signal.SIGINT)
        assert child.stdout.readline() == "still there\n"
        assert child.wait(30) == 0
        assert not is_alive(pid)


def test_the_end_of_the_interpreter_ends_a_server_nobody_closed() -> None:
    with running(PROGRAM) as child:
        out, err = child.communicate(timeout=60)
        assert (child.returncode, err) == (0, "")
        assert not is_alive(int(out))


def test_a_killed_process_takes_its_servers_along() -> None:
    with running(PROGRAM + "time.sleep(60)") as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        child.kill()
        until(lambda: not is_alive(pid))


def test_to_import_the_tools_and_make_a_toolbox_imports_nothing_of_mcp() -> None:
    script = (
        "import sys, palaver.tools, palaver.tools.mcp as tools\n"
        "tools.McpToolbox((), environment={}).list_tools()\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'mcp', 'mcp_types', 'pydantic', 'anyio'}))"
    )
    with running(script) as child:
        assert child.communicate(timeout=60) == ("[]\n", "")


def running(script: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, str(Path(__file__).parent / "servers" / "plain.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def groups_of(parent: int) -> list[list[int]]:
    """The process groups of a process's children that have sessions of their own, each with all its living members."""
    stats = {int(stat.parent.name): stat_fields(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    leaders = [
        pid for pid, (state, ppid, group) in stats.items() if ppid == parent and group == pid and state != "Z"
    ]
    return [
        [pid for pid, (state, _, group) in stats.items() if group == one and state != "Z"] for one in leaders
    ]


def stat_fields(stat: Path) -> tuple[str, int, int]:
    try:
        state, ppid, group, *_ = stat.read_text("utf-8").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return "Z", 0, 0
    return state, int(ppid), int(group)
