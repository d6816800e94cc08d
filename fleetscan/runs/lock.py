"""A lock on an open file: held by one process, and gone with it however it ends."""

from __future__ import annotations

import os
import sys
import time

# A look at a lock takes some microseconds, and longer only where the system lets others run meanwhile.
TRIES = 100
TRY_EVERY_S = 0.001

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

    def is_locked(fd: int) -> bool:
        """Whether another process has the file to itself; asking disturbs none that has."""
        if not try_lock(fd):
            return True
        at = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, BEYOND, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
        os.lseek(fd, at, os.SEEK_SET)
        return False

else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Whether the file is ours alone now; a mere look of another process is waited for."""
        for _ in range(TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if is_locked(fd):
                    return False
                time.sleep(TRY_EVERY_S)
            else:
                return True
        return False

    def is_locked(fd: int) -> bool:
        """Whether another process has the file to itself; asking disturbs none that has."""
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(fd, fcntl.LOCK_UN)
        return False
