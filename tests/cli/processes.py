"""The command line as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

CALL = "from palaver.cli.main import main; main()"


def environment(database: Path, **more: str) -> dict[str, str]:
    # A terminal has its own size.
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return {**inherited, "PALAVER_STORE": str(database), "PALAVER_DISCOVER": "false", **more}


def call(
    database: Path, *arguments: str, input: bytes = b"", **more: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-c", CALL, *arguments],
        input=input,
        capture_output=True,
        timeout=60,
        check=False,
        env=environment(database, **more),
    )


class Process(subprocess.Popen[bytes]):
    """A running command whose three streams are pipes."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def __init__(self, database: Path, *arguments: str, **more: str) -> None:
        super().__init__(
            [sys.executable, "-c", CALL, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(database, **more),
        )
