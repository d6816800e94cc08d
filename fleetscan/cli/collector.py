"""How often the garbage collector runs: rarely, because what a scan keeps lasts and has no cycles."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Look for cycles after every 50,000 new objects that stay; what is there by now is not looked at again.

    At Python's own pace it looks 110 times while a scan's modules load, which takes 8 ms of CPU.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
