"""Workers: a process for each system, in its own environment, and what is known of its syncs."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

_ROOT = Path(__file__).parent.parent
_REQUIREMENTS = _ROOT / "requirements" / "bench.txt"
_PROBE = 20
_TRACED = "trace=fsync,fdatasync,access,faccessat,faccessat2"


class System(NamedTuple):
    """A system under test. `foreign` ones need the peers' environment."""

    title: str
    module: str
    foreign: bool = False


SYSTEMS: dict[str, System] = {
    "raw": System("raw write + fdatasync", "raw"),
    "palaver": System("Palaver", "palaver_store"),
    "apsw": System("plain apsw, a row a message", "apsw_rows"),
    "classic": System("classic JSON file", "classic"),
    "openai": System("OpenAI Agents SQLiteSession", "openai_session", foreign=True),
    "langgraph": System("LangGraph SqliteSaver", "langgraph_saver", foreign=True),
    "adk": System("Google ADK DatabaseSessionService", "adk_sessions", foreign=True),
}


class WorkerError(Exception):
    """A worker could not do what it was asked."""


class Worker:
    """A running system. `start` and `finish` let several work at the same time."""

    def __init__(self, system: System, python: Path, folder: Path, *, trace: Path | None = None) -> None:
        self.title = system.title
        self._ready = False
        prefix = ["strace", "-f", "-qq", "-e", _TRACED, "-o", str(trace)] if trace else []
        self._process = subprocess.Popen(
            [*prefix, str(python), "-m", "bench.peers.worker", f"bench.peers.{system.module}", str(folder)],
            cwd=_ROOT,
            env=_environment(foreign=system.foreign),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, method: str, /, **arguments: Any) -> Any:
        """Have a method called and wait for what it returns. Raises `WorkerError`."""
        self.start(method, **arguments)
        return self.finish()

    def start(self, method: str, /, **arguments: Any) -> None:
        if not self._ready:
            self._ready = self.finish() == "ready"
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"call": method, "arguments": arguments}) + "\n")
            self._process.stdin.flush()

    def finish(self) -> Any:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise WorkerError(f"{self.title} ended, exit code {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.title}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()


def peers_python() -> Path:
    """The interpreter of the peers' environment, made when `requirements/bench.txt` is new. Raises `WorkerError`."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = base / "palaver-bench" / digest
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "complete"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",  # all of them are listed; an older pip takes a pin without its extras for none
            "--require-hashes",
            "-r",
            str(_REQUIREMENTS),
        ]
        if subprocess.run(command, check=False).returncode != 0:
            raise WorkerError(
                "the peers' environment could not be installed: see --peers-python and --no-peers"
            )
        done.touch()
    return python


def _environment(*, foreign: bool) -> Mapping[str, str]:
    """Ours is the environment `bench` itself runs in; the peers see nothing of it but `bench`."""
    paths = [str(_ROOT)] if foreign else [str(_ROOT), *filter(None, sys.path)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore"}


class Durability(NamedTuple):
    """What a returned append of a system is worth: syncs for each, None where no trace could be taken."""

    syncs: float | None
    settings: str

    def __str__(self) -> str:
        if self.syncs is not None:
            return f"on disk: {'yes' if self.syncs >= 1 else 'NO'}, {self.syncs:.3g} syncs an append (strace)"
        promised = re.search(r"synchronous=(2|full)", self.settings) or not self.settings
        return f"on disk: {'yes' if promised else 'not surely'}, by its code ({self.settings or 'it syncs itself'})"


def probe(names: Mapping[str, Path], folder: Path) -> dict[str, Durability]:
    """Let each system append under a trace of its syncs; `names` gives each its interpreter."""
    tracing = shutil.which("strace") is not None
    traces = {name: folder / f"{name}.trace" if tracing else None for name in names}
    workers = {
        name: Worker(SYSTEMS[name], python, folder / f"probe-{name}", trace=traces[name])
        for name, python in names.items()
    }
    for worker in workers.values():
        worker.start("probe", times=_PROBE)
    found = {name: worker.finish() for name, worker in workers.items()}
    for worker in workers.values():
        worker.close()
    return {name: Durability(_syncs(traces[name]), found[name]) for name in names}


def _syncs(trace: Path | None) -> float | None:
    if trace is None:
        return None
    _, begun, rest = trace.read_text(errors="replace").partition("bench:begin")
    between, ended, _ = rest.partition("bench:end")
    if not (begun and ended):
        return None
    return len(re.findall(r"\b(?:fsync|fdatasync)\(", between)) / _PROBE
