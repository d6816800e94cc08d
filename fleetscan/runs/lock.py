"""A lock on an open file: held by one process, and gone with it however it ends."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes, and a locked byte cannot be read: this one is beyond any file's end.
    BEYOND = 2**62

    def try_lock(fd: int) -> bool:
        """Whether the file is ours alone now."""
        at = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(fd, at, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Whether the file is ours alone now."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
