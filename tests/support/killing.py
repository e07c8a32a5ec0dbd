"""Child processes that report what they have done through a pipe and are killed in the middle of it."""

import multiprocessing
import multiprocessing.connection
import os
from collections.abc import Callable
from typing import Self

FORKS = multiprocessing.get_context("forkserver")
"""A server that has imported what children need forks each within milliseconds, so that many can be killed."""

FORKS.set_forkserver_preload(
    ["tests.faults.work", "palaver.storage.sqlite.opening", "palaver.storage.postgres.opening"]
)

Report = Callable[[str], None]


class Child:
    """A child that has begun `work`, which is called with a way to report lines, then with `arguments`."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        self._read, write = os.pipe()
        connection = multiprocessing.connection.Connection(write, readable=False)
        self._process = FORKS.Process(target=_run, args=(work, connection, arguments), daemon=True)
        self._process.start()
        connection.close()
        self._received = b""
        self.wait_for_report()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()
        os.close(self._read)

    def wait_for_report(self, number: int = 1) -> None:
        """Until it has reported so many more lines, or has ended."""
        wanted = self._received.count(b"\n") + number
        while self._received.count(b"\n") < wanted and (chunk := os.read(self._read, 1 << 16)):
            self._received += chunk

    def wait(self) -> list[str]:
        """Until it has ended by itself; the lines it reported."""
        return self._end()

    def kill(self) -> list[str]:
        """Kill it at once; the lines it had reported whole by then."""
        self._process.kill()
        return self._end()

    def _end(self) -> list[str]:
        while chunk := os.read(self._read, 1 << 16):
            self._received += chunk
        self._process.join()
        return self._received.decode().split("\n")[1:-1]


def _run(
    work: Callable[..., None],
    connection: multiprocessing.connection.Connection,
    arguments: tuple[object, ...],
) -> None:
    def report(line: str) -> None:
        os.write(connection.fileno(), f"{line}\n".encode())

    report("begun")
    work(report, *arguments)
