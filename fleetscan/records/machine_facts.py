"""The facts of a machine that its row alone repeats, held once for all machines that are alike.

A fleet of 100,000 machines has some hundred combinations of them: memory does not grow by what they tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from fleetscan.records.row import MachineFacts

NAMES: tuple[str, ...] = tuple(MachineFacts.__annotations__)
# Combinations that are held at once; of more, the one met longest ago is made anew when it comes again.
KEPT = 4096
# What the row of a machine says of which an inventory told none.
NOT_TOLD: Mapping[str, str | None] = dict.fromkeys(NAMES)


def shared_facts(told: Mapping[str, object]) -> Mapping[str, str | None]:
    """The facts among `told` by their declared names, all of them or, where none is told, an empty mapping.

    What is no text counts as not told. Not to be changed: other machines have the same object.
    """
    return _shared(*[value if isinstance(value := told.get(name), str) else None for name in NAMES])


@lru_cache(KEPT)
def _shared(*texts: str | None) -> Mapping[str, str | None]:
    return dict(zip(NAMES, texts, strict=True)) if any(texts) else {}
