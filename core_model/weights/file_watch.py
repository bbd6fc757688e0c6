"""Whether the files of an open model are still those that were opened, and which files may be mapped at all.

A mapped tensor is the file: somebody who writes into the file changes the model, and somebody who shortens it ends this
process, since the system has no page to show any more and says so by a signal (SIGBUS) that no Python can turn into an
error. So whoever answers from mapped tensors looks again and again whether size, time and identity are still the same.
That notices what was written before it is believed; it cannot catch a file that is cut while a product reads it.
Where a file may go without anybody's doing, on a network, nothing is mapped for long: weights are copied
(docs/decisions/0016).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import psutil

from core_model.errors import CheckpointError

LOOK_EVERY_S = 0.5
REMOTE = frozenset(
    {
        "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "drvfs", "fuse.cephfs", "fuse.gcsfuse", "fuse.glusterfs",
        "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb2",
        "smb3", "smbfs", "vboxsf", "webdav",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileState:
    """What changes when a file is written to, cut, or replaced by another."""

    size: int
    mtime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class FileWatch:
    """Looks after files that must stay as they are."""

    def __init__(self, states: Mapping[Path, FileState], clock: Callable[[], float] = time.monotonic) -> None:
        """With the states in which they were opened."""
        self.states = dict(states)
        self._clock = clock
        self._last_look = clock()

    def look(self) -> None:
        """Look at all of them: microseconds each.

        Raises:
            CheckpointError: one is another now, or gone.
        """
        for path, state in self.states.items():
            what = _difference(path, state)
            if what:
                raise CheckpointError(
                    "Model changed",
                    f"{path.name} was {what} while the model was open, so its answers could not be trusted.",
                    "Open the model again, and download it again if that fails.",
                )
        self._last_look = self._clock()

    def look_now_and_then(self) -> None:
        """The same where it is asked for often."""
        if self._clock() - self._last_look >= LOOK_EVERY_S:
            self.look()


def _difference(path: Path, opened: FileState) -> str:
    """What happened to a file, in words; nothing if nothing did."""
    try:
        now = FileState.of(path.stat())
    except OSError:
        return "removed"
    if now == opened:
        return ""
    if now.inode != opened.inode:
        return "replaced"
    return "shortened" if now.size < opened.size else "written to"


def is_remote(folder: Path) -> bool:
    """Whether a folder lies on another machine, as far as the system says so."""
    where = folder.resolve()
    if where.drive.startswith("\\\\"):
        return True
    around = (disk for disk in psutil.disk_partitions(all=True) if where.is_relative_to(disk.mountpoint))
    nearest = max(around, key=lambda disk: len(PurePath(disk.mountpoint).parts), default=None)
    return nearest is not None and (nearest.fstype.lower() in REMOTE or "remote" in nearest.opts.split(","))
