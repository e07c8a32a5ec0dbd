"""`palaver serve` as a person starts it: a process of its own, which a test may kill and start again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = "import sys; from palaver.cli.main import main; sys.argv[0] = 'palaver'; sys.exit(main())"


@dataclass
class Serving:
    """`entrance` is the address that signs a browser in, `address` the one without the token."""

    store: str
    folder: Path
    config: str = ""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    entrance: str = ""
    process: "subprocess.Popen[str] | None" = None

    @property
    def address(self) -> str:
        return self.entrance.partition("/?")[0].rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        """What a program shows: the token of the printed address."""
        return {"Authorization": f"Bearer {self.entrance.rpartition('token=')[2]}"}

    @property
    def log(self) -> str:
        """All that was written on stderr."""
        return (self.folder / "serve.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """The second time it listens where it did the first."""
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "config.toml"
        config.write_text(self.config, encoding="utf-8")
        port = self.address.rpartition(":")[2] if self.entrance else "0"
        command = [sys.executable, "-c", SCRIPT, "--config", str(config), "--store", self.store, "serve"]
        with (self.folder / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--no-browser", "--port", port, *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | self.environment,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "http" in line, self.log
        self.entrance = line[line.index("http") :].split()[0]

    def kill(self) -> None:
        """As a crash does."""
        self._end(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """As a person or a service manager does: its exit code, None where it has ended before."""
        return self._end(how)

    def _end(self, how: signal.Signals) -> int | None:
        if self.process is None:
            return None
        self.process.send_signal(how)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code


@contextmanager
def serving(
    store: str, folder: Path, *arguments: str, config: str = "", **environment: str
) -> Iterator[Serving]:
    """A running server; it ends with the block."""
    place = Serving(store=store, folder=folder, arguments=arguments, config=config, environment=environment)
    place.start()
    try:
        yield place
    finally:
        place.stop()
