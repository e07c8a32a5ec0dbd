"""Who writes a draft: a process, named so that another one can tell whether it is still alive."""

import os
import sys
from functools import cache
from pathlib import Path


def current() -> str:
    """This process: machine's boot, process namespace, number and start."""
    return f"{_place()} {os.getpid()} {_started(os.getpid())}"


def is_dead(owner: str) -> bool:
    """True only where it is certain: the same boot and namespace, and no such process, or another one by that number."""
    place, _, rest = owner.partition(" ")
    number, _, started = rest.partition(" ")
    if place != _place() or place == "unknown" or not number.isdigit():
        return False
    return _started(int(number)) != started


@cache
def _place() -> str:
    if sys.platform != "linux":
        return "unknown"
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return "unknown"


def _started(number: int) -> str:
    """The process's start in clock ticks since the boot; empty where there is none or it only waits to be reaped."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    fields = status.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
