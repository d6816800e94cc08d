"""How long a patch has been missing, and since when that is counted."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Age(NamedTuple):
    """Whole days since the patch was published, or since we first saw it missing on the VM."""

    days: int
    basis: Literal["published", "first_seen"]
