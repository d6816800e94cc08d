"""`make test-storage`."""

from __future__ import annotations

import sys

from tests.playing import main
from tests.remote.subject import LOSSES

if __name__ == "__main__":
    sys.exit(main(LOSSES))
