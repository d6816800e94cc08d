"""Hooks beside those that a scan is for: monitoring hears the same, and its mistakes end nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fleetscan.scanner.hooks import Hooks

log = logging.getLogger("fleetscan")


class BesideHooks(Hooks):
    """Hands everything on to `hooks`, then to `beside`, until that raises: the log is told of it, once."""

    def __init__(self, hooks: Hooks, beside: Hooks) -> None:
        self._hooks = hooks
        self._beside: Hooks | None = beside

    def tell_beside(self, name: str, *told: Any) -> None:
        """Call the other's hook of that name."""
        if self._beside is None:
            return
        try:
            getattr(self._beside, name)(*told)
        except Exception as error:  # noqa: BLE001 - what only watches must not end a scan
            log.warning("%s is told no more of this scan: %r", type(self._beside).__name__, error)
            self._beside = None


def _both(name: str) -> Callable[..., None]:
    """The hook of that name, handed on to both."""

    def hook(self: BesideHooks, *told: Any) -> None:
        getattr(self._hooks, name)(*told)
        self.tell_beside(name, *told)

    return hook


for _name in [name for name in vars(Hooks) if not name.startswith("_")]:
    setattr(BesideHooks, _name, _both(_name))
