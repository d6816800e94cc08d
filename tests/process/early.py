"""`fleetscan` with a fleet that is scanned from its first ten VMs on, while the others are listed."""

from __future__ import annotations

from fleetscan.__main__ import main
from fleetscan.scanner import parts

ENOUGH = 10

if __name__ == "__main__":
    parts.ENOUGH = ENOUGH
    main()
