"""How long a series of seeds or places is: brief in `make test`, whole in `make series`, which .ci/run runs.

A test that asks is marked `@pytest.mark.series`; `make series` runs those alone.
"""

from __future__ import annotations

import os

IS_WHOLE = os.environ.get("SERIES") == "whole"


def length(brief: int, whole: int) -> int:
    """How many seeds a test tries."""
    return whole if IS_WHOLE else brief
