"""`make test-process`."""

from __future__ import annotations

import sys

from tests.playing import main
from tests.process.subject import KILLS

if __name__ == "__main__":
    sys.exit(main(KILLS))
