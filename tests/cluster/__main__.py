"""`make test-dask`."""

from __future__ import annotations

import sys

from tests.cluster.history import KILLS
from tests.playing import main

if __name__ == "__main__":
    sys.exit(main(KILLS))
