"""`make damage`."""

from __future__ import annotations

import sys

from tests.damage.subject import DAMAGE
from tests.playing import main

if __name__ == "__main__":
    sys.exit(main(DAMAGE))
