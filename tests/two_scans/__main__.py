"""`python -m tests.two_scans --seeds 100`."""

from __future__ import annotations

import sys

from tests.playing import main
from tests.two_scans.subject import TWO_SCANS

if __name__ == "__main__":
    sys.exit(main(TWO_SCANS))
