"""Tags that a client must take literally: other cases, quotes, backslashes, words of queries, line ends.

Azure keeps the case of a name and compares it without. Some of these no portal would let anyone write.
"""

from __future__ import annotations

from fleetscan.simulator.chances import chances
from fleetscan.simulator.scenario import Scenario

ODD_TAGS: tuple[dict[str, str], ...] = (
    {"Environment": "prod", "OWNER": "team-crm"},
    {"ENVIRONMENT": "Prod"},
    {"environment": "production", "env": "prod"},
    {"environment": ""},
    {"owner": "O'Brien"},
    {'cost"center': "a\\b"},
    {"note": "x' | where 1 == 1 //"},
    {"note' or 1 == 1 //": "prod"},
    {"note": 'prod") | project id'},
    {"line": "one\ntwo"},
    {"a": "b=c", "A B": "b!=c"},
    {"Stra\u00dfe": "gro\u00df"},
    {"\u212aelvin": "\u212a"},
    {"kelvin": "k"},
)


def odd_tags(scenario: Scenario, key: str) -> dict[str, str] | None:
    """The odd tags of the machine with this key; None where it has usual ones."""
    is_odd, which, *_ = chances(f"{scenario.seed}:{key}:tags")
    return ODD_TAGS[int(which * len(ODD_TAGS))] if is_odd * 100 < scenario.odd_tags_pct else None
