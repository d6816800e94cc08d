"""Variables that look like settings and are unknown: probably typing mistakes, so each is a warning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fleetscan.cli.commands import every_settings
from fleetscan.cli.options import CONFIG
from fleetscan.model import ACCESS_TOKEN
from fleetscan.nearest import nearest
from fleetscan.settings.setting import PREFIX, settings_of


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each FLEETSCAN_ variable that no command reads, with the nearest name if one is near."""
    ours = {name for name in environment if name.startswith(PREFIX)}
    known = {CONFIG, ACCESS_TOKEN}
    # What commands mean different things by has a variable for each of them.
    of_a_command: dict[str, list[str]] = {}
    # Those of the simulator are loaded only where a variable is none of a scan's.
    for settings in every_settings():
        if ours <= known:
            return
        for setting in settings_of(settings):
            known.add(setting.variable)
            if setting.command:
                of_a_command.setdefault(PREFIX + setting.name.replace("-", "_").upper(), []).append(
                    setting.variable
                )
    # Compared without what all share, which makes any two look alike.
    known_words = {name.removeprefix(PREFIX) for name in known}
    for name in sorted(ours - known):
        if several := of_a_command.get(name):
            yield f"unknown variable {name}. Each command has its own: {', '.join(several)}."
            continue
        meant = nearest(name.removeprefix(PREFIX), known_words)
        hint = f"Did you mean {PREFIX}{meant}?" if meant else "Run fleetscan help COMMAND to list them."
        yield f"unknown variable {name}. {hint}"
