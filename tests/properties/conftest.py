"""How long the properties are looked at: a few examples, ever the same, in `make test`; many in `make fuzz`.

`pytest tests/properties --hypothesis-profile fuzz` is the latter; FUZZ_EXAMPLES says how many of each.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

# Rare shapes are rare on purpose, and a run's files take a while to be written.
TOLERATED = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

settings.register_profile(
    "test",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=TOLERATED,
)
settings.register_profile(
    "fuzz",
    deadline=None,
    database=DirectoryBasedExampleDatabase(".hypothesis/examples"),
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "1500")),
    print_blob=True,
    suppress_health_check=TOLERATED,
)
settings.load_profile("test")
