"""`palaver serve` as a process: its start, its end, and several of them on one database."""

import re
import signal
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

import palaver
from palaver.cli.main import palaver as command_line
from tests.conftest import Tried
from tests.support import postgres
from tests.support.factories import a_conversation, ids
from tests.support.people import PASSWORD, a_person, accounts_of
from tests.support.serving import Serving, serving

CONFIG = "discover = false"
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Serving]:
    with serving(str(tmp_path / "palaver.db"), tmp_path, config=CONFIG) as served:
        yield served


def test_the_address_it_prints_signs_the_browser_in(served: Serving) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", served.entrance)
    with httpx2.Client(follow_redirects=True) as browser:
        assert browser.get(f"{served.address}/api/me").status_code == 401
        assert browser.get(served.entrance).url.query == b""
        assert browser.get(f"{served.address}/api/me").json()["actor"] == "local"
        posing = {"X-Forwarded-Proto": "https"}  # of a proxy that nobody named
        answer = browser.get(f"{served.address}/api/me", headers=posing)
        assert "Strict-Transport-Security" not in answer.headers


def test_a_program_reads_the_token_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o644)
    with serving(str(tmp_path / "p.db"), tmp_path, "--token-file", str(file), config=CONFIG) as served:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        headers = {"Authorization": f"Bearer {file.read_text().strip()}"}
        assert httpx2.get(f"{served.address}/api/me", headers=headers).status_code == 200


def test_every_start_has_a_token_of_its_own(served: Serving) -> None:
    before = dict(served.headers)
    served.stop()
    served.start()
    assert httpx2.get(f"{served.address}/api/me", headers=before).status_code == 401
    assert httpx2.get(f"{served.address}/api/me", headers=served.headers).status_code == 200


@pytest.mark.parametrize(
    "options", ["--host 0.0.0.0", "--host ::", "--host example.org", "--team --token-file x"]
)
def test_what_would_let_others_in_is_refused(tmp_path: Path, options: str) -> None:
    line = ["--store", str(tmp_path / "p.db"), "serve", *options.split()]
    result = CliRunner().invoke(command_line, line, prog_name="palaver")
    assert result.exit_code == 2
    assert "--team" in result.stderr


def test_a_port_in_use_is_said(served: Serving, tmp_path: Path) -> None:
    port = served.address.rpartition(":")[2]
    line = ["--store", str(tmp_path / "q.db"), "serve", "--port", port]
    result = CliRunner().invoke(command_line, line, prog_name="palaver")
    assert result.exit_code == 8
    assert port in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_peace_when_it_is_asked_to(served: Serving, how: signal.Signals) -> None:
    with httpx2.Client(headers=served.headers) as client:  # a connection that is kept open
        client.get(f"{served.address}/api/me")
        assert served.stop(how) == 0
    assert "defect" not in served.log


def test_a_request_under_way_is_answered_before_the_end(served: Serving, tmp_path: Path) -> None:
    export = httpx2.get(f"{served.address}/api/export", headers=served.headers).content
    asked, going_on = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield export[:10]
        asked.set()
        going_on.wait()
        yield export[10:]

    answers: list[Any] = []
    sending = threading.Thread(
        target=lambda: answers.append(
            httpx2.post(f"{served.address}/api/import", content=body(), headers=served.headers)
        )
    )
    sending.start()
    asked.wait()
    process = served.process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    until(lambda: refuses(served.address))
    going_on.set()
    sending.join()
    assert answers[0].status_code == 200
    assert served.stop() == 0


def until(holds: Any, seconds: float = 20) -> None:
    """Wait for what must come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def refuses(address: str) -> bool:
    host, _, port = address.removeprefix("http://").rpartition(":")
    with socket.socket() as other:
        return other.connect_ex((host, int(port))) != 0


def test_the_first_start_of_a_teams_server_gives_the_link_for_its_administrator(tmp_path: Path) -> None:
    options = ("--team", "--behind-proxy", "127.0.0.1")
    with serving(str(tmp_path / "p.db"), tmp_path, *options, config=CONFIG) as served:
        link = re.search(r"http://\S+/setup#code=([\w-]+)", served.log)
        assert link is not None
        asked = {"code": link[1], "name": "Ada", "email": "ada@example.org", "password": PASSWORD}
        proxied = {**SAME, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        made = httpx2.post(f"{served.address}/api/auth/setup", json=asked, headers=proxied)
        assert made.status_code == 201
        cookie = made.headers["Set-Cookie"].partition(";")[0]
        assert cookie.startswith("__Host-palaver_session=")
        listed = httpx2.get(f"{served.address}/api/sign-ins", headers={**proxied, "Cookie": cookie}).json()
        assert listed["signIns"][0]["address"] == "203.0.113.9"
        served.stop()
        (tmp_path / "serve.log").unlink()
        served.start()
        assert "setup" not in served.log
        sign_in = {"email": "ada@example.org", "password": PASSWORD}
        answer = httpx2.post(f"{served.address}/api/auth/login", json=sign_in, headers=SAME)
        assert answer.status_code == 200


@pytest.fixture
def database() -> Iterator[postgres.Server]:
    """A PostgreSQL of this test's own, which it may stop."""
    with postgres.running(postgres.find_binaries()) as server:
        yield server


@pytest.fixture
def secret(database: postgres.Server) -> str:
    """The token of somebody with an account."""
    with palaver.open_store(database.url()) as store:
        ada = a_person(store, accounts_of(store), "Ada", administrator=True)
        return str(ada.accounts.create_token("test").secret)


@pytest.mark.timeout(300)
def test_one_of_two_killed_under_load_loses_nothing_and_the_other_goes_on(
    database: postgres.Server, secret: str, tmp_path: Path, tried: Tried
) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    with (
        serving(database.url(), tmp_path / "one", config=CONFIG) as one,
        serving(database.url(), tmp_path / "two", config=CONFIG) as two,
    ):
        made = httpx2.post(f"{one.address}/api/chat-sessions", json={}, headers=headers).json()
        session = made["chatSession"]["id"]
        confirmed: list[str] = []

        def say(address: str, count: int) -> None:
            with httpx2.Client(headers=headers, timeout=30) as client:
                for number in range(count):
                    asked = {"chatSessionId": session, "role": "user", "content": f"{address} {number}"}
                    try:
                        answer = client.post(f"{address}/api/chat-messages", json=asked)
                    except httpx2.TransportError:
                        return
                    assert answer.status_code == 201, answer.text
                    confirmed.append(answer.json()["message"]["id"])

        writers = [
            threading.Thread(target=say, args=(each.address, count))
            for each, count in ((one, 100_000), (two, 150)) * 4
        ]
        for writer in writers:
            writer.start()
        until(lambda: len(confirmed) > 200, 120)
        one.kill()
        for writer in writers:
            writer.join()
        path = f"{two.address}/api/chat-sessions/{session}"
        stored = {
            message["id"] for message in httpx2.get(path, headers=headers).json()["chatSession"]["messages"]
        }
        assert stored >= set(confirmed)
        one.process = None
        tried(f"servers on one PostgreSQL: {len(confirmed):,} confirmed around a kill, none lost")


@pytest.mark.timeout(300)
def test_while_the_database_is_away_it_says_so_and_afterwards_works_by_itself(
    database: postgres.Server, secret: str, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    with serving(database.url(), tmp_path, config=CONFIG) as served:
        projects = f"{served.address}/api/projects"
        assert httpx2.get(projects, headers=headers).status_code == 200
        database.stop()
        for path, method in (
            (projects, "GET"),
            (projects, "POST"),
            (f"{served.address}/health/ready", "GET"),
        ):
            away = httpx2.request(method, path, headers=headers, json={"name": "x"}, timeout=30)
            assert (away.status_code, away.json()["code"]) == (503, "unavailable")
            assert int(away.headers["Retry-After"]) > 0
        assert httpx2.get(f"{served.address}/health/live").status_code == 200
        database.start()
        until(lambda: httpx2.get(f"{served.address}/health/ready", timeout=30).status_code == 200, 60)
        made = httpx2.post(projects, json={"name": "Back"}, headers=headers, timeout=30)
        assert made.status_code == 201
        assert "defect" not in served.log


def test_what_was_recorded_through_it_is_there_for_every_other_way_in(
    served: Serving, tmp_path: Path
) -> None:
    made = httpx2.post(f"{served.address}/api/chat-sessions", json={}, headers=served.headers).json()
    asked = {"chatSessionId": made["chatSession"]["id"], "role": "user", "content": "Hello"}
    message = httpx2.post(f"{served.address}/api/chat-messages", json=asked, headers=served.headers).json()
    with palaver.open_store(tmp_path / "palaver.db") as store:
        assert ids(list(store.messages(asked["chatSessionId"]))) == [message["message"]["id"]]
        other = a_conversation(store, "From Python")
    path = f"{served.address}/api/chat-sessions/{other.id}"
    shown = httpx2.get(path, headers=served.headers).json()["chatSession"]["messages"]
    assert [one["content"] for one in shown] == ["From Python"]
