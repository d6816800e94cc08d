"""Whether locks in a directory hold against other processes, and, as far as its mount tells, other hosts.

That they hold across hosts is seen only from two hosts; what a mount says against it is seen from one.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# What another process needs to load Python and look.
WITHIN_S = 20.0
LOOK = (
    "import sys; from pathlib import Path; from fleetscan.runs.lock import is_locked; "
    "from fleetscan.runs.opening import open_to_append; "
    "sys.exit(0 if is_locked(open_to_append(Path(sys.argv[1]), 0)) else 1)"
)
MOUNTS = Path("/proc/self/mountinfo")
# File systems that several hosts may have: what else is there is this host's own.
SHARED = re.compile(r"nfs4?|cifs|smb3|9p|ceph|lustre|glusterfs|fuse\.\S+|beegfs|gpfs|ocfs2|gfs2|virtiofs")
# Options of a mount, and kinds, by which locks are this host's alone.
OWN_OPTIONS = frozenset({"local_lock=flock", "local_lock=all", "nolock", "nobrl", "localflock", "noflock"})
OWN_KINDS = frozenset(
    {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.blobfuse", "fuse.blobfuse2", "fuse.gcsfuse"}
)


@dataclass(frozen=True, slots=True)
class Mount:
    """The file system that a directory is on; `why_own` says why its locks are this host's alone."""

    kind: str
    is_shared: bool
    why_own: str | None = None


def holds_against_others(path: Path) -> bool:
    """Whether another process finds the file at `path` locked, which this one has locked."""
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, and no shell
            [sys.executable, "-c", LOOK, str(path)], capture_output=True, timeout=WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def mount_of(path: Path, mounts: Path = MOUNTS) -> Mount | None:
    """What the directory `path` is on; None where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    found: tuple[int, Mount] | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_plain(before.split(" ")[4])) if before.count(" ") >= 5 else None
        if point is None or not path.resolve().is_relative_to(point):
            continue
        # Of two on one point, the later covers the earlier.
        if found is None or len(point.parts) >= found[0]:
            found = len(point.parts), _mount(after.split(" "), before.split(" ")[5].split(","))
    return None if found is None else found[1]


def _mount(told: Sequence[str], options: Sequence[str]) -> Mount:
    kind = told[0]
    every = {*options, *(told[2].split(",") if len(told) > 2 else ())}
    said = sorted(every & OWN_OPTIONS)
    is_shared = SHARED.fullmatch(kind) is not None
    if is_shared and said:
        return Mount(kind, is_shared, f"it is mounted with {said[0]}")
    return Mount(kind, is_shared, f"it is {kind}" if kind in OWN_KINDS else None)


def _plain(text: str) -> str:
    r"""A path of the table, in which \040 stands for a blank."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
