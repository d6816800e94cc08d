"""What the environment holds besides the settings: a ready token, and variables that are unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fleetscan.cli.options import CONFIG
from fleetscan.errors import UsageError
from fleetscan.settings.declared import ACCESS_TOKEN, SETTINGS
from fleetscan.settings.setting import PREFIX, nearest, settings_of


def access_token(environment: Mapping[str, str]) -> str | None:
    """The bearer token given, None where none is; raises UsageError, without showing it, if it cannot be one.

    Blanks around it are dropped: secrets kept in files end in a line break.
    """
    token = environment.get(ACCESS_TOKEN, "").strip()
    if not token:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise UsageError(
            f"{ACCESS_TOKEN} is not a valid bearer token: "
            "it contains whitespace or a character that is not allowed in a header"
        )
    return token


def unknown_variables(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence for each FLEETSCAN_ variable that no command reads."""
    known = {setting.variable for settings in SETTINGS for setting in settings_of(settings)} | {
        CONFIG,
        ACCESS_TOKEN,
    }
    # Compared without what all share, which makes any two look alike.
    known_words = {name.removeprefix(PREFIX) for name in known}
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            meant = nearest(name.removeprefix(PREFIX), known_words)
            yield f"unknown variable {name}." + (f" Did you mean {PREFIX}{meant}?" if meant else "")
