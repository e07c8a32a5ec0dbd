"""`python -m bench`: build the data, run Palaver beside its peers, print one table."""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import apsw

from bench.ground import Ground
from bench.rows import (
    append,
    asynchronous,
    drafting,
    importing,
    page,
    prompting,
    reading,
    searching,
    server,
    serving,
    sizes,
    starting,
    streaming,
    threads,
)
from bench.table import Line, as_json, render
from bench.workers import WorkerError, peers_python

ROWS: dict[str, Callable[[Ground], Iterator[Line]]] = {
    "append": append.run,
    "threads": threads.run,
    "async": asynchronous.run,
    "open": reading.run_open,
    "list": reading.run_list,
    "search": searching.run,
    "search-postgres": searching.run_on_server,
    "prompt": prompting.run,
    "import": importing.run,
    "size": sizes.run,
    "start": starting.run,
    "draft": drafting.run,
    "postgres": server.run,
    "http": serving.run,
    "streams": streaming.run,
    "page": page.run,
}
_NAMED = ROWS | {"page-hour": page.run_hour}
"""With what is too long for a run of everything."""
_PEERS_IN = ("append", "threads", "open", "size")


def main() -> None:
    options = _options()
    chosen = options.only or [*ROWS]
    foreign = _foreign(options) if any(name in _PEERS_IN for name in chosen) else None
    folder = _folder(options.folder)
    about = _about(folder, quick=options.quick)
    begin = time.monotonic()
    ground = Ground(folder, quick=options.quick, foreign=foreign)
    lines: list[Line] = []
    failed: list[str] = []
    try:
        for name in chosen:
            try:
                lines += _NAMED[name](ground)
            except Exception:  # noqa: BLE001  (the other rows are worth having)
                traceback.print_exc()
                failed.append(name)
            shutil.rmtree(folder / name, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    about["seconds"] = round(time.monotonic() - begin)
    _tell(about, lines, options.json)
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less data and fewer rounds, within 2 minutes")
    parser.add_argument(
        "--only", metavar="NAME", action="append", choices=_NAMED, help=f"one of {', '.join(_NAMED)}"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to a file, too")
    parser.add_argument(
        "--folder",
        metavar="PATH",
        type=Path,
        help="where to write, on the disk to be measured; emptied afterwards",
    )
    parser.add_argument(
        "--peers-python", metavar="PATH", type=Path, help="an interpreter that has requirements/bench.txt"
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="leave out what requirements/bench.txt brings"
    )
    return parser.parse_args()


def _foreign(options: argparse.Namespace) -> Path | None:
    if options.no_peers:
        return None
    if options.peers_python is not None:
        # Not resolved: by its link Python knows its environment.
        return Path.cwd().joinpath(options.peers_python)
    try:
        return peers_python()
    except WorkerError as exc:
        sys.exit(str(exc))


def _folder(named: Path | None) -> Path:
    # Not the system's temporary folder: that is in memory on many machines, where a sync costs nothing.
    kept = Path("/var/tmp")  # noqa: S108  (a folder with a name of its own is made in it)
    base = named or (kept if kept.is_dir() else Path.cwd())
    base.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="palaver-bench-", dir=base))


def _about(folder: Path, *, quick: bool) -> dict[str, object]:
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "run": "quick" if quick else "full",
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "disk": _file_system(folder),
        "load before": load,
    }


def _file_system(folder: Path) -> str:
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown"
    found = [line.split()[1:3] for line in mounts.read_text().splitlines()]
    return max(
        (mount for mount in found if folder.is_relative_to(mount[0])), key=lambda mount: len(mount[0])
    )[1]


def _tell(about: dict[str, object], lines: list[Line], file: Path | None) -> None:
    missed = sum(line.met is False for line in lines)
    met = sum(line.met is True for line in lines)
    sys.stdout.write(", ".join(f"{name}: {value}" for name, value in about.items()) + "\n\n")
    sys.stdout.write(f"{render(lines)}\n\n{met} targets met, {missed} missed\n")
    if file is not None:
        file.write_text(json.dumps({"about": about, "lines": as_json(lines)}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
