"""A database on a network drive is refused with the reason."""

import os
from pathlib import Path

import pytest

from palaver.errors import Unavailable
from palaver.storage.sqlite import place

MOUNTS = """\
22 27 0:21 / /proc rw,nosuid shared:12 - proc proc rw
27 0 259:2 / / rw,relatime shared:1 - ext4 /dev/root rw
90 27 0:48 / /home/ann/with\\040space rw,relatime shared:5 master:2 - nfs4 server:/export rw,vers=4.2
91 27 0:49 / /mnt/share rw,relatime - cifs //server/share rw
92 27 0:50 / /home/ann/remote rw,nosuid - fuse.sshfs ann@host:/ rw
93 27 0:51 / /home/ann/usb rw - fuse.ntfs-3g /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("major", "minor", "kind"),
    [
        (0, 48, "nfs4"),
        (0, 49, "cifs"),
        (0, 50, "fuse.sshfs"),
        (0, 51, "fuse.ntfs-3g"),
        (259, 2, "ext4"),
        (9, 9, None),
    ],
)
def test_the_kind_of_a_mount_is_found_by_its_device(major: int, minor: int, kind: str | None) -> None:
    assert place.parse_mounts(MOUNTS, os.makedev(major, minor)) == kind


def test_a_local_disk_is_accepted_even_where_the_folder_is_not_there_yet(tmp_path: Path) -> None:
    place.check(tmp_path / "a" / "b" / "talk.db")
    assert list(tmp_path.iterdir()) == []


def test_a_network_drive_is_refused_with_its_kind_and_a_way_out(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.replace("0:48", _device(tmp_path)))
    with pytest.raises(Unavailable, match=r"network drive \(nfs4\).*PostgreSQL"):
        place.check(tmp_path / "new" / "talk.db", mounts=mounts)


def _device(path: Path) -> str:
    device = path.stat().st_dev
    return f"{os.major(device)}:{os.minor(device)}"
