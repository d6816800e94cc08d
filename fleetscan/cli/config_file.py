"""A TOML file of settings, read into text that is then understood exactly as a flag's would be.

Keys are the flags' names, with hyphens or underscores; a key that the command does not have is an error. A
plan can read a scan's file: it ignores the settings that only a scan has.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from typing import TypeAlias

from fleetscan.errors import UsageError
from fleetscan.settings.setting import CheckedSettings, Setting, nearest, settings_of

Texts: TypeAlias = dict[str, str | list[str]]


def read_config(path: str, settings: type[CheckedSettings], ignored: Collection[str] = ()) -> Texts:
    """The values in the file at `path` by attribute; raises UsageError about the first that is wrong.

    `ignored` are the names of further settings that may stand in it and are passed over.
    """
    by_name = {setting.name: setting for setting in settings_of(settings)}
    passed_over = {
        setting.name for wider in settings.__subclasses__() for setting in settings_of(wider)
    } - set(by_name) | set(ignored)
    texts: Texts = {}
    for key, value in _load(path).items():
        name = key.replace("_", "-")
        if name in passed_over:
            continue
        setting = by_name.get(name)
        if setting is None:
            raise UsageError(f"{path}: unknown setting {key!r}.{_hint(key, by_name)}")
        if setting.attribute in texts:
            raise UsageError(f"{path}: {setting.name} is set twice, with hyphens and with underscores")
        texts[setting.attribute] = _texts(path, setting, value)
    return texts


def _load(path: str) -> dict[str, object]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: it is not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _hint(key: str, names: dict[str, Setting]) -> str:
    name = nearest(key.replace("_", "-"), names)
    return f" Did you mean {name}?" if name else f" Known settings: {', '.join(names)}."


def _texts(path: str, setting: Setting, value: object) -> str | list[str]:
    """The text of a value, or of each in an array where the setting takes several."""
    if setting.is_list and isinstance(value, list):
        return [_text(path, setting, single) for single in value]
    text = _text(path, setting, value)
    return [text] if setting.is_list else text


def _text(path: str, setting: Setting, value: object) -> str:
    # 1. Every value can be text. 2. A number or a switch may also be TOML's own type, but true is not a
    #    number (though it is one in Python). 3. A number where text is needed is refused with the reason.
    if isinstance(value, str):
        return value
    if type(value) in setting.form.plain:
        return str(value)
    try:
        setting.read(str(value))
    except ValueError as refusal:
        raise UsageError(f"{path}: {setting.name} {refusal}") from None
    raise UsageError(f"{path}: {setting.name} must be {setting.form.expected}, in quotes")
