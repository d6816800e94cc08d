"""The command that resumes a run, with its endpoint where a resume asks for that again.

A run's files may be a stranger's: an endpoint that is neither a cloud of Azure's nor this machine is taken
from them only where the person says it too.
"""

from __future__ import annotations

from pathlib import Path

from fleetscan.addresses import Origin
from fleetscan.errors import ResumeCommand
from fleetscan.places import told


def command_for(path: Path, endpoint: object) -> ResumeCommand:
    """How the run in the directory `path` is resumed, whose `endpoint` is as its files tell it."""
    return ResumeCommand(told(str(path)), to_say_again(endpoint))


def to_say_again(endpoint: object) -> str | None:
    """`endpoint` where a resume asks for it; None where it is known, or where there is none."""
    if not isinstance(endpoint, str):
        return None
    try:
        return None if Origin.of(endpoint).is_known else endpoint
    except ValueError:
        return None
