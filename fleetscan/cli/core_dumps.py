"""No core dump of this process: it would hold the token."""

from __future__ import annotations

import sys
from contextlib import suppress

# From <sys/prctl.h>.
PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """Have the system write no core of this process, nor of those that it starts, where it can be told so."""
    if sys.platform == "win32":
        return
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Linux hands cores to a program, such as systemd-coredump, whatever the limit is.
        with suppress(ImportError, OSError, AttributeError):
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
