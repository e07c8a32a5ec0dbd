"""Commands as other programs see them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import palaver
from tests.cli.processes import Process, call, environment


def test_a_reader_that_goes_away_is_no_error_message(database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        session = store.create_session()
        store.append(session.id, *(palaver.user("x" * 10_000) for _ in range(200)))
    process = Process(database, "show", session.id)
    with process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_an_error_goes_to_stderr_alone(database: Path) -> None:
    call(database, "new")
    result = call(database, "show", "ffffffff")
    assert (result.returncode, result.stdout) == (3, b"")
    assert result.stderr == b"palaver: Session not found: ffffffff\n"


def test_text_is_utf_8_whatever_the_locale(database: Path) -> None:
    with palaver.open_store(str(database)) as store:
        session = store.create_session(title="Grüße 世界")
    assert "Grüße 世界" in call(database, "show", session.id, LC_ALL="C").stdout.decode()


def test_ctrl_c_ends_with_130_and_no_traceback(database: Path) -> None:
    process = Process(database, "import", "-")
    process.stdin.write(b'{"a":')
    process.stdin.flush()
    while process.poll() is None and not database.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, b"palaver: interrupted\n")


def test_the_package_runs_as_the_command(database: Path) -> None:
    call(database, "new")
    command = [sys.executable, "-m", "palaver", "show", "ffffffff"]
    result = subprocess.run(command, capture_output=True, env=environment(database), check=False, timeout=60)
    assert (result.returncode, result.stderr) == (3, b"palaver: Session not found: ffffffff\n")
