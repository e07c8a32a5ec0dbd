"""Whatever is sent, the server answers as its OpenAPI document says, and never with a failure of its own.

Schemathesis makes the requests from the document: its examples, the edges of every field, random ones, and walks along the
links, in which the answer of one operation goes into the next. What it is sent to is a real process, as an administrator.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import palaver
from tests.conftest import Tried
from tests.support.people import a_person, accounts_of
from tests.support.serving import Serving, serving

ENDLESS = "followChanges"
EXPECTED = """\
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 502]
"""
"""502 says that a model's server fails: those that the requests themselves enter are not there."""
NOT_CHECKED = (
    # That a cursor is one of this list, or that two parameters exclude each other, no schema can say.
    "positive_data_acceptance",
)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """The token of an administrator of a team's server."""
    with palaver.open_store(tmp_path / "palaver.db") as store:
        ada = a_person(store, accounts_of(store), "Ada", administrator=True)
        return str(ada.accounts.create_token("schemathesis").secret)


@pytest.fixture
def served(secret: str, tmp_path: Path) -> Iterator[Serving]:
    config = "discover = false\nserver_rate = 100000000"
    with serving(str(tmp_path / "palaver.db"), tmp_path, "--team", config=config) as served:
        yield served


def run(served: Serving, secret: str, folder: Path, *options: str) -> dict[str, Any]:
    report, settings = folder / "report.json", folder / "schemathesis.toml"
    settings.write_text(EXPECTED, "utf-8")
    ran = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings),
            "run", f"{served.address}/api/openapi.json",
            "--header", f"Authorization: Bearer {secret}", "--exclude-checks", ",".join(NOT_CHECKED),
            "--exclude-operation-id", ENDLESS,
            "--seed", "1", "--report", "json", "--report-json-path", str(report), "--warnings", "off", *options,
        ],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return found


@pytest.mark.timeout(600)
def test_no_request_is_answered_off_the_document(
    served: Serving, secret: str, tmp_path: Path, tried: Tried
) -> None:
    report = run(served, secret, tmp_path, "--max-examples", "2", "--no-shrink")
    assert '"defect"' not in served.log
    tried(f"schemathesis: {count(report):,} requests, none answered off the document")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_of_5_000_requests_none_is_answered_off_the_document(
    served: Serving, secret: str, tmp_path: Path, tried: Tried
) -> None:
    report = run(served, secret, tmp_path, "--max-examples", "40")
    assert count(report) >= 5_000
    assert '"defect"' not in served.log
    tried(f"schemathesis: {count(report):,} requests, none answered off the document")


def count(report: dict[str, Any]) -> int:
    made: int = report["test_cases"]["generated"]
    return made
