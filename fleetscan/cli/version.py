"""`fleetscan version`: the same line as `fleetscan --version`."""

from __future__ import annotations

import click

from fleetscan.version import __version__


@click.command()
def version() -> int:
    """Print the version."""
    click.echo(f"fleetscan {__version__}")
    return 0
