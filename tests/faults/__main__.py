"""`make simulate-faults`."""

from __future__ import annotations

import sys

from tests.faults.subject import FAULTS
from tests.playing import main

if __name__ == "__main__":
    sys.exit(main(FAULTS))
