"""A journal that may be behind what was done: its host was lost, and what it wrote last went with it.

That is noted in the journal itself, so that every later process knows, wherever it goes on with the run.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from fleetscan import json_text
from fleetscan.records.journal import Behind, as_json
from fleetscan.runs import chain
from fleetscan.runs.directory import JOURNAL

LONGEST_LINE_BYTES = 64 * 1024


def note_behind(directory: Path) -> None:
    """Add to the journal in `directory` that it may be behind; where it has no whole line there is nothing.

    Raises OSError. A last line that is none is left for the reader of the journal to refuse.
    """
    with open(directory / JOURNAL, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - LONGEST_LINE_BYTES))
        last = file.read()
        _, _, told = last.rpartition(chain.KEY)
        if not last.endswith(b"\n") or not told.removesuffix(b"}\n").isdigit():
            return
        line, _ = chain.seal(json_text.encode(as_json(Behind(time.time()))), int(told.removesuffix(b"}\n")))
        file.write(line)
