"""The exit codes of a scan in words, and how grave each is, for the last line of a log."""

from __future__ import annotations

import logging

MEANINGS = {
    0: "complete",
    1: "complete, but a gate was not passed",
    2: "not possible as asked",
    3: "complete, but some VMs failed or could not be listed",
    4: "could not scan",
    5: "stopped early",
    70: "an internal error",
    130: "interrupted",
}
COMPLETE = (1, 3)


def meaning(code: int) -> str:
    """An exit code in words."""
    return MEANINGS.get(code, "an unknown exit code")


def level_of_end(code: int) -> int:
    """The level of an end: a complete run that found something is a warning, one that is not, an error."""
    if code == 0:
        return logging.INFO
    return logging.WARNING if code in COMPLETE else logging.ERROR
