"""How long a person waits for the program itself."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import palaver
from bench.archive import make_sessions
from bench.ground import Ground
from bench.measure import median, percentile
from bench.table import Line, Target

_SESSIONS = 10_000
_IMPORT = "import time; t = time.perf_counter_ns(); import palaver; print(time.perf_counter_ns() - t)"
_MAIN = "from palaver.cli.main import main; main()"


def run(ground: Ground) -> Iterator[Line]:
    ground.say(f"start: making {_SESSIONS:,} sessions")
    path = ground.room("start") / "palaver.db"
    with palaver.open_store(path) as store:
        make_sessions(store, _SESSIONS)
    ground.say("start: measuring")
    environment = _environment(ground.room("start") / "bytecode")
    commands: dict[str, Sequence[str]] = {
        "bare Python": ("-c", "pass"),
        "palaver --help": ("-c", _MAIN, "--help"),
        "palaver ls": ("-c", _MAIN, "ls", "--store", str(path)),
    }
    taken: dict[str, list[float]] = {name: [] for name in ("import palaver", *commands)}
    for arguments in commands.values():
        _output(environment, *arguments)
    for _ in range(ground.size(8, 30)):
        taken["import palaver"].append(float(_output(environment, "-c", _IMPORT)))
        for name, arguments in commands.items():
            begin = time.perf_counter_ns()
            _output(environment, *arguments)
            taken[name].append(time.perf_counter_ns() - begin)
    yield _line("import palaver", taken, 60, "the statement alone")
    yield _line("palaver --help", taken, 150, "the whole process")
    yield _line("palaver ls", taken, 250, f"the whole process, {_SESSIONS:,} sessions")
    yield _line("bare Python", taken, None, "the whole process")


def _environment(bytecode: Path) -> Mapping[str, str]:
    """With compiled modules, as an installed package has them, whatever the caller's environment says."""
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**mine, "PYTHONPYCACHEPREFIX": str(bytecode)}


def _output(environment: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout


def _line(name: str, taken: dict[str, list[float]], limit: float | None, remarks: str) -> Line:
    target = Target(limit, unit=" ms") if limit else None
    system = "Palaver" if limit else "python -c pass"
    return Line(
        f"start: {name}",
        system,
        median(taken[name]),
        percentile(taken[name], 0.99),
        target=target,
        remarks=remarks,
    )
