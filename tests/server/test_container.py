"""The Containerfile starts what there is."""

import json
import re
from pathlib import Path

from palaver.server.table import OPERATIONS
from tests.docs import commands

TEXT = (Path(__file__).parents[2] / "Containerfile").read_text("utf-8")


def test_it_starts_a_teams_server_as_a_user_without_rights() -> None:
    program, *arguments = json.loads(re.findall(r"^CMD (\[.*\])$", TEXT, re.MULTILINE)[-1])
    assert program == "palaver"
    commands.check(arguments)
    assert {"serve", "--team"} <= set(arguments)
    assert re.search(r"^USER palaver$", TEXT, re.MULTILINE)


def test_what_it_watches_is_an_operation() -> None:
    watched = re.search(r"http://127\.0\.0\.1:8420(/[\w/]+)", TEXT)
    assert watched is not None
    assert watched[1] in {operation.path for operation in OPERATIONS}


def test_what_it_installs_is_in_the_repository() -> None:
    for path in re.findall(r"-r (\S+)", TEXT):
        assert (Path(__file__).parents[2] / path).is_file()
