"""A caller's hooks, called so that one that raises ends the scan and nothing else.

A hook is called between a row and its line in the journal, among other places: its mistake may not pass for a
bug of ours, nor cost a VM its row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fleetscan.scanner.hooks import Hooks


class GuardedHooks(Hooks):
    """Hands everything on to `hooks` until one of them raises; `on_error` is then told of it, once."""

    def __init__(self, hooks: Hooks, on_error: Callable[[Exception], None]) -> None:
        self._hooks = hooks
        self._on_error = on_error
        self._has_failed = False


def _guarded(name: str) -> Callable[..., None]:
    """The hook of that name, handed on."""

    def hook(self: GuardedHooks, *told: Any) -> None:
        if self._has_failed:
            return
        try:
            getattr(self._hooks, name)(*told)
        except Exception as error:  # noqa: BLE001 - raised again where the caller waits
            self._has_failed = True
            self._on_error(error)

    return hook


for _name in [name for name in vars(Hooks) if not name.startswith("_")]:
    setattr(GuardedHooks, _name, _guarded(_name))
