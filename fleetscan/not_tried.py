"""The message of a VM that was not tried: it begins with the cause's code, which a cut message has too.

The cause is Azure's refusal of another VM's start, or a region that does not answer.
"""

from __future__ import annotations

import re

CAUSE = re.compile(r"(HTTP \d+|\S+) (?:on|in) [^;]+; not tried", re.IGNORECASE)


def not_tried_words(code: str, where: str, why: str) -> str:
    """The message of a VM not tried for `code`, which holds `where` it says ("on subscription X")."""
    return f"{code} {where}; not tried: {why}"


def cause_in(message: str | None) -> str | None:
    """The cause's code in a message of `not_tried_words`; None in any other."""
    found = CAUSE.match(message or "")
    return None if found is None else found[1]
