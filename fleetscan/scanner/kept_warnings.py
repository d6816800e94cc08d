"""The warnings of a scan, kept beside what a person at the terminal is told: run.json has them the next day.

What concerns this process alone, such as that it was told to stop, does not pass here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from fleetscan import json_text, places
from fleetscan.errors import Remedy
from fleetscan.redacting import Secrets
from fleetscan.scanner.hooks import Hooks

# A region that comes and goes warns each time, with the same words.
MOST_KEPT = 1000

NAMES = [name for name in vars(Hooks) if not name.startswith("_") and name != "warning"]


class KeptWarnings(Hooks):
    """Hands everything on to `hooks`, and keeps the first of the warnings, each once."""

    def __init__(self, hooks: Hooks) -> None:
        for name in NAMES:
            setattr(self, name, getattr(hooks, name))
        self._warn = hooks.warning
        self._kept: dict[str, None] = {}
        self._more = 0
        self._secrets = Secrets.of(os.environ)
        self.has_news = False

    def warning(self, sentence: str, remedy: Remedy | None = None) -> None:
        """See Hooks."""
        sentence = self._secrets.hide(places.told(sentence))
        self._keep(json_text.whole(sentence))
        self._warn(sentence, remedy)

    def recall(self, sentences: Iterable[str]) -> None:
        """Keep what an earlier process of the run warned of, before what this one did."""
        own, self._kept = self._kept, {}
        for sentence in (*sentences, *own):
            self._keep(sentence)

    def told(self) -> list[str]:
        """The warnings as run.json has them; it has news again once another one comes."""
        self.has_news = False
        return [*self._kept, *([f"and {self._more:,} more"] if self._more else [])]

    def _keep(self, sentence: str) -> None:
        if sentence in self._kept:
            return
        if len(self._kept) < MOST_KEPT:
            self._kept[sentence] = None
            self.has_news = True
        else:
            self._more += 1
