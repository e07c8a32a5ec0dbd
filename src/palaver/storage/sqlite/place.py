"""Where the file lies. A network drive is refused: SQLite's locks and shared memory do not hold across machines."""

import os
import sys
from pathlib import Path

from palaver.errors import Unavailable

_NETWORK = frozenset(
    (
        "9p",
        "afpfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "fuse.davfs",
        "fuse.davfs2",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.gvfsd-fuse",
        "fuse.juicefs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs3",
        "nfs4",
        "orangefs",
        "panfs",
        "pvfs2",
        "smb3",
        "smbfs",
        "webdav",
    )
)
MOUNTS = Path("/proc/self/mountinfo")
"""Where Linux lists its file systems."""

_DRIVE_REMOTE = 4


def check(path: Path, *, mounts: Path = MOUNTS) -> None:
    """Raise `Unavailable` where `path`, which need not exist, is on a network drive."""
    kind = find_network(path, mounts)
    if kind is not None:
        raise Unavailable(
            f"{path} is on a network drive ({kind}), where two computers could write over each other's messages: "
            "choose a folder on a disk of this computer, or use PostgreSQL to share a database"
        )


def find_network(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of network drive `path` is on, None where it is on none or cannot be told."""
    if sys.platform == "win32":
        return _find_windows(path)
    kind = _find_bsd(path) if sys.platform == "darwin" else _find_linux(path, mounts)
    return kind if kind in _NETWORK else None


def existing(path: Path) -> Path:
    """`path` itself, or the nearest folder above it that is there."""
    current = path.absolute()
    while not current.exists() and current != current.parent:
        current = current.parent
    return current


def _find_linux(path: Path, mounts: Path) -> str | None:
    try:
        device = existing(path).stat().st_dev
        return parse_mounts(mounts.read_text("utf-8", "surrogateescape"), device)
    except OSError:
        return None


def parse_mounts(text: str, device: int) -> str | None:
    """The file system type of a device number in the text of Linux' mountinfo."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) > 2 and fields[2] == wanted:
            return after.split()[0].lower()
    return None


def _find_bsd(path: Path) -> str | None:
    # struct statfs of macOS with 64-bit inodes: the type's name is 16 bytes at offset 72.
    import ctypes  # noqa: PLC0415  (milliseconds, and not needed on Linux)

    library = ctypes.CDLL(None)
    buffer = ctypes.create_string_buffer(4096)
    statfs = getattr(library, "statfs$INODE64", None) or library.statfs
    if statfs(os.fsencode(existing(path)), buffer) != 0:
        return None
    return buffer.raw[72:88].split(b"\0")[0].decode("ascii", "replace").lower()


def _find_windows(path: Path) -> str | None:
    if sys.platform != "win32":
        return None
    import ctypes  # noqa: PLC0415  (as above)

    root = existing(path).resolve().anchor
    if root.startswith("\\\\"):
        return "UNC path"
    return "mapped drive" if ctypes.windll.kernel32.GetDriveTypeW(root) == _DRIVE_REMOTE else None
