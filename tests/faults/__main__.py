"""The fault runs by themselves: `python -m tests.faults --minutes 10`, or all of their long forms without it."""

import argparse
import subprocess
import sys
from pathlib import Path

OPTION = "--fault-minutes"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, help="how long all of it may take, about; else until all is tried"
    )
    parser.add_argument("-n", "--processes", default="2", help="how many run side by side (2)")
    parser.add_argument("names", nargs="?", default="", help="only tests whose names fit, as in pytest -k")
    given = parser.parse_args()
    bounds = ["-m", "long"] if given.minutes is None else ["-m", "", OPTION, str(given.minutes)]
    names = ["-k", given.names] if given.names else []
    # A process of its own, so that pytest is there before what it looks into.
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "-q", "--timeout=0"]
    return subprocess.run([*command, *bounds, *names, "-n", given.processes], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
