"""Every setting once: its default, its range, what it does, and why the default is what it is.

Flags, environment variables and TOML keys derive from the fields (`setting.py`). The access token is not a
setting: it comes from FLEETSCAN_ACCESS_TOKEN alone, so that neither a process list nor a file shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.errors import Remedy, UsageError
from fleetscan.settings import standards
from fleetscan.settings.freshness import FreshSettings
from fleetscan.settings.place import OnDisk, Place
from fleetscan.settings.setting import Group, setting
from fleetscan.settings.types import Duration, OneOf, Switch, Text, Whole


@dataclass(frozen=True, slots=True)
class PacedSettings(FreshSettings):
    """What a scan and its plan share: which VMs, and how Azure is asked."""

    api_version: str = setting(
        "2022-08-01",
        Text("DATE", "an API version, such as 2022-08-01", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(-[a-z]+)?"),
        "Compute API version for assessments.",
        "All later versions return the same result fields.",
        group=Group.EXPERT,
    )
    arc_api_version: str = setting(
        "2025-01-13",
        Text("DATE", "an API version, such as 2025-01-13", r"[0-9]{4}-[0-9]{2}-[0-9]{2}(-[a-z]+)?"),
        "API version for assessments of Arc servers.",
        group=Group.EXPERT,
    )
    first_poll_s: float | None = setting(
        None,
        Duration(0.0),
        "First poll this long after the start.",
        "Default: learned from how long assessments take, and from the reads that Azure's limits leave.",
        group=Group.PACE,
    )
    poll_interval_s: float | None = setting(
        None,
        Duration(0.001),
        "Time between two polls of one VM.",
        "Default: learned. Azure allows 15 polls per VM and minute; frequent polls slow down a large scan.",
        group=Group.PACE,
    )
    last_run: str | None = setting(
        None,
        Place("DIR|URL", "a run's directory, or its place in object storage"),
        "Learn from this earlier run how long assessments take, such as fleetscan-runs/latest.",
        "A directory without results is ignored.",
        group=Group.PACE,
    )
    operation_timeout_s: float = setting(
        1800.0,
        Duration(0.001),
        "Give up on an assessment this long after Azure accepted it.",
        "Most finish within minutes; on Linux the extension may take an hour.",
        group=Group.STOPPING,
    )


@dataclass(frozen=True, slots=True)
class PlanSettings(PacedSettings):
    """How `fleetscan plan` shows its estimate; `format` is None where the stream decides."""

    format: str | None = setting(
        None,
        OneOf(("text", "markdown", "json")),
        "text fits a terminal; markdown fits a pull request; json is schema fleetscan.plan/1.",
        "Default: text on a terminal, json elsewhere.",
        group=Group.OUTPUT,
        command="plan",
    )


@dataclass(frozen=True, slots=True)
class Settings(PacedSettings):
    """What a scan does, and to which VMs: the flags of `fleetscan scan`, and `fleetscan.Settings`.

    Without `out` and `runs` a scan keeps nothing on disk.
    """

    out: str | None = setting(
        None,
        Place("DIR|URL", "a directory's path, a place in object storage, or - for standard output"),
        "Write the run to this directory, or to object storage: az://, s3:// or gs://; with - only its "
        "rows, to stdout.",
        "Object storage needs the extra: pip install 'fleetscan[storage]'.",
        group=Group.OUTPUT,
    )
    runs: str | None = setting(
        None,
        Place("DIR|URL", "a directory's path, or a place in object storage"),
        "Without --out, write the run to a new directory under this one, or place below this one; `latest` "
        "there is the last complete run of the fleet.",
        "Default: fleetscan-runs.",
        group=Group.OUTPUT,
    )
    compress: str | None = setting(
        None,
        OneOf(("zstd",)),
        "Compress the rows: results.jsonl.zst once the run is complete, or each uploaded part.",
        "Every command reads both. Needs the extra: pip install 'fleetscan[storage]'.",
        group=Group.OUTPUT,
    )
    resume: bool = setting(
        False,
        Switch(),
        "Resume an unfinished run: follow running assessments and start the rest, nothing twice. "
        "With --out the run there, else the newest one under --runs that selects the same VMs.",
        "If it is complete or older than --resume-within, or there is none, a new run starts: "
        "the flag for a scheduler.",
        group=Group.STOPPING,
    )
    resume_within_s: float = setting(
        72_000.0,
        Duration(0.001),
        "Resume only a run that began less than this long ago.",
        "A nightly scan resumes tonight's run, and never last night's.",
        group=Group.STOPPING,
    )
    retry_failed: str | None = setting(
        None,
        Place("RUN", "a run's directory or place, the beginning of its name or id, or latest"),
        "Scan the VMs of this earlier run that failed or timed out, as a new run.",
        is_whom=True,
        group=Group.WHAT,
    )
    retry_skipped: bool = setting(
        False,
        Switch(),
        "With --retry-failed: scan its skipped VMs too; they may be running now.",
        is_whom=True,
        group=Group.WHAT,
    )
    deadline_s: float | None = setting(
        None,
        Duration(0.001),
        "Stop cleanly after this long; a resumed run has as long again.",
        "No assessment starts after that; running ones get the time of --drain.",
        group=Group.STOPPING,
    )
    drain_s: float = setting(
        20.0,
        Duration(0.0),
        "After a stop, keep collecting results this long.",
        "Kubernetes kills a container 30 s after SIGTERM; a resume follows assessments still running then.",
        group=Group.STOPPING,
    )
    unknown_start_wait_s: float = setting(
        60.0,
        Duration(0.0),
        "If a start request failed midway, check this long whether Azure accepted it before retrying.",
        "A second start would cancel the first assessment, and Azure may be slow to show that one.",
        group=Group.EXPERT,
    )
    ignore_busy: bool = setting(
        False,
        Switch(),
        "Do not check for running patch operations before the scan.",
        "By default VMs that have one are started last, or skipped if it is still running: "
        "an assessment may cancel a patch installation.",
        group=Group.EXPERT,
    )
    busy_max_age_s: float = setting(
        21_600.0,
        Duration(0.001),
        "Do not treat a VM as busy if its patch operation began longer ago than this.",
        "Azure can show an operation as running for ever if its agent died; a maintenance window lasts four "
        "hours at most.",
        group=Group.EXPERT,
    )
    facts: bool = setting(
        False,
        Switch(),
        "Read what else Resource Graph knows of each VM: patch service, schedule, last installation.",
        "Off by default: it takes about seven pages of Resource Graph's quota for every thousand VMs.",
        group=Group.OUTPUT,
    )
    group_by: tuple[str, ...] = setting(
        (),
        Text("tag:NAME", "tag:NAME, such as tag:owner", r"tag:\S(.{0,510}\S)?"),
        "Add totals for each value of this tag; repeat the flag for several.",
        group=Group.OUTPUT,
    )
    history: str | None = standards.history(
        Group.JUDGING,
        "Keep what each night saw in this file: since when each patch is missing, and how figures change.",
    )
    fail_on: str | None = standards.fail_on(Group.JUDGING)
    sla: str | None = standards.sla(Group.JUDGING)
    exceptions: str | None = standards.exceptions(Group.JUDGING)
    ignore_classification: tuple[str, ...] = standards.ignore_classification(Group.JUDGING)
    verbose: bool = setting(
        False,
        Switch(),
        "Log each VM that fails or times out, with its error, as it finishes; with --quiet too.",
        group=Group.OUTPUT,
        letter="v",
    )
    log_format: str | None = setting(
        None,
        OneOf(("text", "json")),
        "Write stderr as a log: each line with its UTC time and level, as text, or as a JSON object.",
        "Default: text where stderr is no terminal. On a terminal this flag or its variable asks for it.",
        is_of_process=True,
        group=Group.OUTPUT,
    )
    stats_interval_s: float = setting(
        30.0,
        Duration(0.0),
        "Without a terminal, say this often how the scan stands; 0s: never.",
        group=Group.OUTPUT,
    )
    metrics_file: str | None = setting(
        None,
        OnDisk("FILE", "a file's path, such as /var/lib/node_exporter/fleetscan.prom"),
        "At the end of every run, write its figures to this file, for Prometheus's textfile collector.",
        "A file that cannot be written is a warning, and never changes the exit code.",
        is_of_process=True,
        group=Group.OUTPUT,
    )
    otel: bool = setting(
        False,
        Switch(),
        "Send a trace and the figures of the scan by OpenTelemetry; OTEL_EXPORTER_OTLP_ENDPOINT says where.",
        "Needs the extra: pip install 'fleetscan[otel]'.",
        is_of_process=True,
        group=Group.OUTPUT,
    )
    engine: str = setting(
        "process",
        OneOf(("process", "dask")),
        "What does the work: this process, or the workers of a Dask cluster, a shard each.",
        "dask needs the extra: pip install 'fleetscan[dask]'.",
        is_of_process=True,
        group=Group.CLUSTER,
    )
    scheduler: str | None = setting(
        None,
        Text(
            "ADDRESS",
            "a Dask scheduler's address, such as tls://dask.example:8786",
            r"(tls|tcp)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}",
        ),
        "The scheduler of the Dask cluster, such as tls://dask.example:8786.",
        "Plain tcp:// is allowed only for loopback: who reaches a scheduler without TLS can run code there.",
        is_of_process=True,
        group=Group.CLUSTER,
    )
    shards: int | None = setting(
        None,
        Whole(1, 1000),
        "Divide the scan into so many shards.",
        "Default: as many as the cluster has workers at the beginning; a resumed scan keeps its number.",
        is_of_process=True,
        group=Group.CLUSTER,
    )

    def check_together(self) -> None:
        """Raises UsageError about fields that do not go together."""
        self.check_freshness()
        if self.engine == "process" and (self.scheduler is not None or self.shards is not None):
            dask = Remedy("give {engine} too", {"engine": "dask"})
            raise UsageError("scheduler and shards are for a scan on a Dask cluster", dask)
        if self.resume and (self.out == "-" or (self.out is None and self.runs is None)):
            where = Remedy(
                "name it with {out}, or the directory of all runs with {runs}", {"out": None, "runs": None}
            )
            raise UsageError("a run is resumed in its directory", where)
        if self.retry_skipped and self.retry_failed is None:
            run = Remedy("name the run with {retry_failed}", {"retry_failed": None})
            raise UsageError("retry-skipped needs a run whose skipped VMs are meant", run)
        if self.retry_failed is not None and self.inventory is not None:
            both = Remedy("give {retry_failed} or {inventory}", {"retry_failed": None, "inventory": None})
            raise UsageError("two settings say which VMs to scan", both)
        groups = [name for name in ("management_group", "exclude_management_group") if getattr(self, name)]
        if self.retry_failed is not None and groups:
            name_them = Remedy("leave {" + groups[0] + "} out and name subscriptions", {groups[0]: None})
            raise UsageError("a run does not tell what is below a management group", name_them)
