"""Which attendant leads this process, for the commands that ask it for something. Loads no event loop."""

from __future__ import annotations

import click

from fleetscan.cli.attending import Attendant


def attendant() -> Attendant:
    """The one that leads this process; where none does, in a test, one that hears nothing."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_object(Attendant)
    return found or Attendant()
