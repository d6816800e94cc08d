"""Every setting once: its default, its range, what it does, and why it stands where it stands.

Flags, environment variables and TOML keys derive from the fields (`settings_of.py`). The access token is no
setting: it comes from FLEETSCAN_ACCESS_TOKEN alone, so that neither a process list nor a file shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.setting import CheckedSettings, setting
from fleetscan.settings.types import Duration, Endpoint, Number, Switch, Text, Whole


@dataclass(frozen=True, slots=True)
class PlanSettings(CheckedSettings):
    """Whom `fleetscan plan` and `fleetscan scan` ask, and how."""

    subscription: tuple[str, ...] = setting(
        (),
        Text("ID", "a subscription's id, such as 3f8c0d5e-...", r"[0-9A-Za-z-]{1,64}"),
        "Scan this subscription alone; repeat it for several.",
        "Without it, all enabled subscriptions the identity can see.",
        is_whom=True,
    )
    inventory: str | None = setting(
        None,
        Text("FILE", "a file's path, or - for standard input"),
        "Take the machines from this file (- is standard input) instead of listing them: "
        "JSON lines or one resource id a line.",
        is_whom=True,
    )
    limit: int | None = setting(
        None,
        Whole(1),
        "Scan at most this many machines.",
        "For a first careful try: the first assessment of a VM pushes an extension to it.",
        is_whom=True,
    )
    endpoint: str = setting(
        "https://management.azure.com",
        Endpoint(),
        "Azure Resource Manager's base URL.",
        "Plain http is accepted for loopback alone, because the token goes there.",
        is_whom=True,
    )
    api_version: str = setting(
        "2022-08-01",
        Text("DATE", "an API version, such as 2022-08-01", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(-[a-z]+)?"),
        "The Compute API version of assessments.",
        "The result's fields are the same in all versions since this one.",
    )
    max_in_flight: int = setting(
        64,
        Whole(1, 10_000),
        "HTTP requests at once.",
        "Azure's buckets bind long before: more helps only where replies are slow.",
    )
    rate_share: float = setting(
        1.0,
        Number(0.01, 1.0),
        "The part of Azure's request limits this scan may use; 0.5 leaves half to others.",
    )
    first_poll_s: float | None = setting(
        None,
        Duration(0.0),
        "Wait this long after a start before asking for its end, instead of what is learned.",
        "Without it, operations' own durations teach when to ask: about one read a machine.",
    )
    poll_interval_s: float | None = setting(
        None,
        Duration(0.001),
        "Wait this long between two polls of one machine, instead of what is learned.",
        "Compute lets one machine be asked 15 times a minute, and a large scan is slowed by its own reads.",
    )
    last_run: str | None = setting(
        None,
        Text("DIR", "a run's directory"),
        "Learn from this earlier run how long assessments take, before this one can tell.",
        "fleetscan-runs/latest is the last complete one; a directory without results is passed over.",
    )
    operation_timeout_s: float = setting(
        1800.0,
        Duration(0.001),
        "Give up on an assessment this long after Azure accepted it.",
        "Most end within minutes; the Linux extension allows itself an hour.",
    )
    quiet: bool = setting(False, Switch(), "Show neither progress nor summary; warnings and errors stay.")


@dataclass(frozen=True, slots=True)
class Settings(PlanSettings):
    """What a scan does, and to which VMs: the flags of `fleetscan scan`, and `fleetscan.Settings`.

    Without `out` and `runs` a scan keeps nothing on disk.
    """

    out: str | None = setting(
        None,
        Text("DIR", "a directory's path, or - for standard output"),
        "Write the run into this directory; - streams the rows to standard output and writes no files.",
    )
    runs: str | None = setting(
        None,
        Text("DIR", "a directory's path"),
        "Without --out, make a new directory for the run under this one, and have `latest` there point to "
        "the last complete run.",
        "The command line's default is fleetscan-runs.",
    )
    resume: bool = setting(
        False,
        Switch(),
        "Go on with the run in --out: follow what still runs, start the rest, start nothing twice.",
        "Where --out holds no run it is an ordinary scan, so that a scheduler can always say so.",
    )
    retry_failed: str | None = setting(
        None,
        Text("DIR", "a run's directory"),
        "Scan the VMs of this earlier run that were not assessed, in a run of its own.",
        is_whom=True,
    )
    deadline_s: float | None = setting(
        None,
        Duration(0.001),
        "Start nothing more this long after the scan began, and end in good order.",
    )
    drain_s: float = setting(
        20.0,
        Duration(0.0),
        "Once told to stop, take in results this long before leaving.",
        "Kubernetes kills 30 s after it asks; what still runs then is in the journal.",
    )
    unknown_start_wait_s: float = setting(
        60.0,
        Duration(0.0),
        "Where a start broke on its way, look this long for what it began before it is sent once more.",
        "A second start would end the first one's assessment, and nobody knows how soon Azure shows that.",
    )
    ignore_busy: bool = setting(
        False,
        Switch(),
        "Do not look first where patches are being installed or assessed.",
        "A newer assessment may end an installation that runs: such machines come last, or are skipped.",
    )
    group_by: tuple[str, ...] = setting(
        (),
        Text("tag:NAME", "tag:NAME, such as tag:owner", r"tag:\S(.{0,510}\S)?"),
        "Add totals for each value of this tag; repeat it for several.",
    )

    def check_together(self) -> None:
        """Raises UsageError about fields that do not go together."""
        if self.resume and self.out in (None, "-"):
            raise UsageError("a run is resumed in its directory", Remedy("name it with {out}", {"out": None}))
        if self.retry_failed is not None and self.inventory is not None:
            both = Remedy("give {retry_failed} or {inventory}", {"retry_failed": None, "inventory": None})
            raise UsageError("two settings say which VMs to scan", both)
