"""A TOML file of settings, read into text that is then understood exactly as a flag's would be.

Keys are the flags' names, with hyphens or underscores; a key that the command does not have is an error. A
plan can read a scan's file: it ignores the settings that only a scan has.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection
from datetime import date, datetime, time
from typing import TypeAlias

from fleetscan.errors import UsageError
from fleetscan.nearest import nearest
from fleetscan.settings.setting import CheckedSettings, Setting, settings_of

# A device has no end.
MAX_BYTES = 1024 * 1024

Texts: TypeAlias = dict[str, str | list[str]]

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# Python writes no longer number in decimal digits, and no setting takes one.
MAX_SHOWN_BITS = 1000


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
        if _is_table(value):
            raise UsageError(
                f"{path}: {key!r} is a table; settings stand at the top of the file, in no table"
            )
        setting = by_name.get(name)
        if setting is None:
            raise UsageError(f"{path}: unknown setting {key!r}.{_hint(key, by_name)}")
        if setting.attribute in texts:
            raise UsageError(f"{path}: {setting.name} is set twice, with hyphens and with underscores")
        texts[setting.attribute] = _texts(path, setting, value)
    return texts


def _load(path: str) -> dict[str, object]:
    import tomllib

    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise UsageError(f"{path} has more than {MAX_BYTES:,} bytes, which is no file of settings")
        return tomllib.loads(_decoded(data))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        where = f"it is not {error.encoding.upper()} at byte {error.start}; save it as UTF-8"
        raise UsageError(f"{path} is not valid TOML: {where}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _hint(key: str, names: dict[str, Setting]) -> str:
    name = nearest(key, names)
    return f" Did you mean {name}?" if name else f" Known settings: {', '.join(names)}."


def _decoded(data: bytes) -> str:
    """The file's text: UTF-8, with a byte order mark or without, or UTF-16 with one, as PowerShell's `>`."""
    return data.decode("utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig")


def _is_table(value: object) -> bool:
    """Whether `value` is a table, or an array of tables."""
    values = value if isinstance(value, list) else [value]
    return any(isinstance(each, dict) for each in values)


def _texts(path: str, setting: Setting, value: object) -> str | list[str]:
    """The text of a value, or of each in an array where the setting takes several."""
    values = value if setting.is_list and isinstance(value, list) else [value]
    try:
        texts = [_text(setting, single) for single in values]
    except ValueError as refusal:
        raise UsageError(f"{path}: {setting.name} {refusal}") from None
    return texts if setting.is_list else texts[0]


def _text(setting: Setting, value: object) -> str:
    """The text of one value; raises ValueError with a clause that follows the setting's name.

    Every value can be text. A number or a switch may also be TOML's own type, but true is not a number
    (though it is one in Python).
    """
    form = setting.form
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        raise ValueError(
            "takes texts, not an array in its array" if setting.is_list else "takes one value, not an array"
        )
    shown = _shown(value)
    if type(value) in form.plain:
        return shown
    if form.plain:
        raise ValueError(f"must be {form.expected}, not {shown}")
    try:
        setting.read(shown)
    except ValueError as refusal:
        raise ValueError(f"{refusal}; it stands in quotes") from None
    raise ValueError(f'must stand in quotes: {setting.name} = "{shown}"')


def _shown(value: object) -> str:
    """A number, a date or a truth as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case int() if value.bit_length() > MAX_SHOWN_BITS:
            return "a number of hundreds of digits"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)
