"""Every setting once: its default, its range, what it does, and why the default is what it is.

Flags, environment variables and TOML keys derive from the fields (`setting.py`). The access token is not a
setting: it comes from FLEETSCAN_ACCESS_TOKEN alone, so that neither a process list nor a file shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fleetscan.errors import UsageError
from fleetscan.settings.setting import CheckedSettings, setting
from fleetscan.settings.types import Duration, Endpoint, Number, OneOf, Switch, Text, Whole

PERCENT = Number(0, 100, metavar="PCT")
RUN_DIRECTORY = Text("DIR", "a directory's path, or - for standard output")


@dataclass(frozen=True, slots=True)
class PlanSettings(CheckedSettings):
    """What `fleetscan plan` and `fleetscan scan` share: which VMs, and how Azure is asked."""

    subscription: tuple[str, ...] = setting(
        (),
        Text("ID", "a subscription's id, such as 3f8c0d5e-...", r"[0-9A-Za-z-]{1,64}"),
        "Scan only this subscription; repeat the flag for several.",
        "Default: every enabled subscription the identity can see.",
    )
    inventory: str | None = setting(
        None,
        Text("FILE", "a file's path, or - for standard input"),
        "Read the VMs from this file (- for standard input) instead of listing them: "
        "JSON lines, or one resource ID per line.",
    )
    limit: int | None = setting(
        None,
        Whole(1),
        "Scan at most this many VMs.",
        "Useful for a first try: Azure installs an extension on a VM when it first assesses it.",
    )
    endpoint: str = setting(
        "https://management.azure.com",
        Endpoint(),
        "Base URL of Azure Resource Manager.",
        "The token is sent there, so plain http is allowed only for loopback.",
    )
    api_version: str = setting(
        "2022-08-01",
        Text("DATE", "an API version, such as 2022-08-01", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(-[a-z]+)?"),
        "Compute API version for assessments.",
        "All later versions return the same result fields.",
    )
    max_in_flight: int = setting(
        64,
        Whole(1, 10_000),
        "Maximum number of concurrent HTTP requests.",
        "Azure's rate limits usually apply first; raise it only if replies are slow.",
    )
    rate_share: float = setting(
        1.0,
        Number(0.01, 1.0),
        "Share of Azure's rate limits this scan may use; 0.5 leaves half to others.",
    )
    first_poll_s: float | None = setting(
        None,
        Duration(0.0),
        "First poll this long after the start.",
        "Default: learned from how long assessments take, about one poll per VM.",
    )
    poll_interval_s: float | None = setting(
        None,
        Duration(0.001),
        "Time between two polls of one VM.",
        "Default: learned. Azure allows 15 polls per VM and minute; frequent polls slow down a large scan.",
    )
    last_run: str | None = setting(
        None,
        Text("DIR", "a run's directory"),
        "Learn from this earlier run how long assessments take.",
        "fleetscan-runs/latest is the last complete run; a directory without results is ignored.",
    )
    operation_timeout_s: float = setting(
        1800.0,
        Duration(0.001),
        "Give up on an assessment this long after Azure accepted it.",
        "Most finish within minutes; on Linux the extension may take an hour.",
    )
    quiet: bool = setting(False, Switch(), "Hide progress and summary; still show warnings and errors.")


@dataclass(frozen=True, slots=True)
class Settings(PlanSettings):
    """What `fleetscan scan` does, and which VMs it assesses."""

    out: str | None = setting(
        None,
        RUN_DIRECTORY,
        "Write the run to this directory, or with - only its rows, to standard output.",
        "Default: a new directory under fleetscan-runs/.",
    )
    resume: bool = setting(
        False,
        Switch(),
        "Resume the run in --out: follow running assessments and start the rest. Nothing is started twice.",
        "If --out holds no run, an ordinary scan starts, so a scheduler can always pass --resume.",
    )
    retry_failed: str | None = setting(
        None,
        Text("DIR", "a run's directory"),
        "Scan the VMs that this earlier run did not assess, as a new run.",
    )
    deadline_s: float | None = setting(
        None,
        Duration(0.001),
        "Stop cleanly after this long.",
        "No assessment starts after that; running ones get the time of --drain.",
    )
    drain_s: float = setting(
        20.0,
        Duration(0.0),
        "After a stop, keep collecting results this long.",
        "Kubernetes kills a container 30 s after SIGTERM; --resume follows assessments still running then.",
    )
    unknown_start_wait_s: float = setting(
        60.0,
        Duration(0.0),
        "If a start request failed midway, check this long whether Azure accepted it before retrying.",
        "A second start would cancel the first assessment, and Azure may be slow to show that one.",
    )
    ignore_busy: bool = setting(
        False,
        Switch(),
        "Do not check for running patch operations before the scan.",
        "By default VMs that have one are started last, or skipped if it is still running: "
        "an assessment may cancel a patch installation.",
    )
    group_by: tuple[str, ...] = setting(
        (),
        Text("tag:NAME", "tag:NAME, such as tag:owner", r"tag:\S(.{0,510}\S)?"),
        "Add totals for each value of this tag; repeat the flag for several.",
    )

    def check_together(self) -> None:
        """Raises UsageError about fields that do not go together."""
        if self.resume and self.out in (None, "-"):
            raise UsageError("--resume needs the directory of a run; name it with --out DIR")
        if self.retry_failed is not None and self.inventory is not None:
            raise UsageError("--retry-failed and --inventory both choose the VMs; use only one of them")


@dataclass(frozen=True, slots=True)
class FleetSettings(CheckedSettings):
    """The pretend fleet, wherever one is made up."""

    machines: int = setting(300, Whole(0, 1_000_000), "Virtual machines in the fleet.")
    subscriptions: int = setting(4, Whole(1, 10_000), "Subscriptions they are spread over.")
    regions: int = setting(3, Whole(1, 50), "Regions they are spread over.")
    seed: int = setting(1, Whole(0, 2**63 - 1), "The same seed makes the same fleet and the same fates.")


@dataclass(frozen=True, slots=True)
class SimulateSettings(FleetSettings):
    """The pretend Azure that `fleetscan simulate` serves."""

    port: int = setting(0, Whole(0, 65_535), "Serve on this loopback port; 0 takes any free one.")
    speed: float = setting(
        1.0, Number(0.001, 1_000_000), "How many times faster than life assessments run.", "In life, minutes."
    )
    limits_speed: float = setting(
        1.0,
        Number(0, 1_000_000),
        "How many times larger and faster than published the rate limits are; 0 is no limits at all.",
    )
    refill: Literal["continuous", "by-minute"] = setting(
        "continuous",
        OneOf(("continuous", "by-minute")),
        "How Compute's rate limits fill again: evenly, or with a minute's worth at each whole minute.",
        "Azure's document speaks of minutes; a scan must do well either way.",
    )
    rival_share: float = setting(
        0.0,
        Number(0, 0.99),
        "The share of every subscription's rate limits that another client uses up.",
        "In life a scan is seldom alone.",
    )
    policy_names: Literal["2023", "2024", "novel"] = setting(
        "2024",
        OneOf(("2023", "2024", "novel")),
        "How quota headers name Compute's limits: as recorded in a year, or as nobody has ever seen.",
        "Azure renamed them three times, so that no client may rely on the names.",
    )
    durations: Literal["lognormal", "regular"] = setting(
        "lognormal",
        OneOf(("lognormal", "regular")),
        "How long assessments take: lognormal with a long tail, or all of one operating system alike.",
    )
    patches: int = setting(20, Whole(0, 10_000), "The mean number of patches a machine misses.")
    stopped_pct: float = setting(5.0, PERCENT, "Machines that are not running.")
    warned_pct: float = setting(4.0, PERCENT, "Assessments that end CompletedWithWarnings.")
    truncated_pct: float = setting(1.0, PERCENT, "Assessments whose list of patches is cut short.")
    failing_pct: float = setting(2.0, PERCENT, "Machines that fail, spread over the ways to fail.")
    page_size: int = setting(
        1000,
        Whole(1, 1000),
        "Rows in a page of a listing, at most.",
        "Resource Graph gives 1000; pages of the Compute list never exceed 500.",
    )
    graph: Literal["up", "denied", "broken"] = setting(
        "up", OneOf(("up", "denied", "broken")), "How Resource Graph does: a scan must manage without it."
    )
    installing_pct: float = setting(
        0.0,
        PERCENT,
        "Running machines on which patches are being installed when serving begins.",
        "An assessment ends such an installation, in life as here.",
    )
    graph_lag_s: float = setting(3.0, Duration(0.0), "How far Resource Graph's patch tables lag behind.")
    faults_pct: float = setting(
        0.0,
        PERCENT,
        "Requests that meet a fault: a cut or stalled connection, a 5xx, a 429, a broken body, and so on.",
        "Some are obeyed all the same, as in life.",
    )
    troubled_pct: float = setting(
        0.0, PERCENT, "Machines with a lasting trouble, such as operations that never end or are lost."
    )
    outages: int = setting(
        0,
        Whole(0, 1000),
        "Outages of a region, a subscription or all sign-ins, in the first quarter of an hour.",
    )
    token: str | None = setting(
        None,
        Text("TOKEN", "a bearer token without blanks", r"[\x21-\x7e]+"),
        "Accept this bearer token alone; without it, any. It opens nothing but this pretend Azure.",
    )

    def __post_init__(self) -> None:
        """Raises UsageError about a field, or about percentages that leave no room for each other."""
        CheckedSettings.__post_init__(self)
        shares = (self.stopped_pct, self.warned_pct, self.truncated_pct, self.failing_pct)
        if sum(shares) > 100:
            raise UsageError(f"the four percentages must be 100 together at most, not {sum(shares):g}")


@dataclass(frozen=True, slots=True)
class DemoSettings(FleetSettings):
    """The pretend fleet that `fleetscan demo` scans, and where the run goes."""

    speed: float = setting(
        240.0,
        Number(0.001, 1_000_000),
        "How many times faster than life assessments run.",
        "Three minutes become less than a second, and the slowest assessment still ends in half a minute.",
    )
    out: str | None = setting(
        None,
        RUN_DIRECTORY,
        "Write the run to this directory, or with - only its rows, to standard output.",
        "Default: a new directory under fleetscan-runs/.",
    )


SETTINGS: tuple[type[CheckedSettings], ...] = (Settings, PlanSettings, SimulateSettings, DemoSettings)
"""All settings there are: what tells a variable of another command from an unknown one."""

ACCESS_TOKEN = "FLEETSCAN_ACCESS_TOKEN"  # noqa: S105 - the variable's name, not a token
"""Where a ready bearer token is found, instead of a credential chain."""
