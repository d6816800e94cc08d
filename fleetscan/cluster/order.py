"""What a worker is told of its shard, as text: settings in plain words, and nothing secret. Pure.

A worker's token, proxy, certificates and token scope are its own: they come from its environment, and neither
a task's arguments nor its result can show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from fleetscan import json_text
from fleetscan.errors import UsageError
from fleetscan.model import Json
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import Setting, settings_of
from fleetscan.version import __version__

# Each shard has its own directory; what is judged, kept or listed of the whole is the driver's.
OF_DRIVER = frozenset(
    {"out", "runs", "resume", "shard", "history", "fail_on", "sla", "exceptions", "ignore_classification"}
)
SENT = tuple(
    each for each in settings_of(Settings) if not each.is_of_process and each.attribute not in OF_DRIVER
)
# What a worker takes from its own environment, by the variables of the command line.
OF_WORKER = tuple(
    each for each in settings_of(Settings) if each.attribute in ("proxy", "ca_bundle", "token_scope")
)


@dataclass(frozen=True, slots=True)
class Order:
    """One shard to be scanned into the directory `out`.

    `scan` is the id of the whole scan, and `version` that of the driver's fleetscan. A worker that finds the
    shard held by a live process waits for as long as its journal grows, and `patience_s` more.
    """

    scan: str
    number: int
    of: int
    out: str
    version: str
    patience_s: float
    settings: Mapping[str, Json]

    @property
    def topic(self) -> str:
        """Under which its progress is told."""
        return topic_of(self.scan)

    @property
    def stop(self) -> str:
        """The name of the event that stops the scan."""
        return f"fleetscan-{self.scan}-stop"

    @property
    def key(self) -> str:
        """The task's name."""
        return f"fleetscan-{self.scan}-shard-{self.number}-of-{self.of}"

    def as_text(self) -> str:
        """What `read` reads."""
        return json_text.encode(asdict(self)).decode()

    def scanned_with(self, environment: Mapping[str, str]) -> Settings:
        """The settings of the shard's scan, on a worker with this environment; raises UsageError."""
        told = {each.attribute: _plain(self.settings[each.attribute]) for each in SENT}
        own = {each.attribute: _read(each, environment) for each in OF_WORKER}
        settings = Settings(**told, **own)  # type: ignore[arg-type]
        return replace(settings, out=self.out, resume=True, shard=f"{self.number}/{self.of}")


def topic_of(scan: str) -> str:
    """Under which the shards of a scan tell how they stand."""
    return f"fleetscan-{scan}"


def sent_of(settings: Settings) -> Mapping[str, Json]:
    """The settings that travel to the workers."""
    told = {each.attribute: getattr(settings, each.attribute) for each in SENT}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def read_order(text: str) -> Order:
    """The order that `as_text` wrote; raises UsageError where another version of fleetscan did."""
    match json_text.parse(text.encode()):
        case {"version": version, **told} if version == __version__:
            return Order(version=__version__, **told)  # type: ignore[arg-type]
        case {"version": str(version)}:
            raise UsageError(f"it has fleetscan {__version__}, and not {version:.40} as the driver")
    raise UsageError("it was told what is no order of a shard")


def _plain(value: Json) -> object:
    return tuple(value) if isinstance(value, list) else value


def _read(setting: Setting, environment: Mapping[str, str]) -> object:
    """What the worker's variable says; raises UsageError, without the value: it may hold a password."""
    if not (text := environment.get(setting.variable)):
        return setting.default
    try:
        return setting.read(text)
    except ValueError as refusal:
        raise UsageError(f"the worker's {setting.variable} {refusal}") from None
