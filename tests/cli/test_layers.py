"""A setting's four layers: the flag beats the variable, which beats the file, which beats the default.

Each setting has its row of three texts with their values; a setting without a row fails the first test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleetscan.cli.commands import every_settings
from fleetscan.cli.dials import DemoSettings
from fleetscan.cli.options import S, command
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import CheckedSettings, Setting, settings_of

# name: what the file, the variable and the flag say, each with the value it means.
ROWS: dict[str, tuple[tuple[str, object], tuple[str, object], tuple[str, object]]] = {
    "subscription": (("a", ("a",)), ("b,c", ("b", "c")), ("d", ("d",))),
    "management-group": (("a", ("a",)), ("b,c-d", ("b", "c-d")), ("d", ("d",))),
    "resource-group": (("rg-a", ("rg-a",)), ("rg-*,c", ("rg-*", "c")), ("d", ("d",))),
    "location": (
        ("westeurope", ("westeurope",)),
        ("West Europe, eastus", ("West Europe", "eastus")),
        ("uksouth", ("uksouth",)),
    ),
    "os": (("windows", ("windows",)), ("Windows, LINUX", ("windows", "linux")), ("linux", ("linux",))),
    "tag": (("env=a", ("env=a",)), ("env, a!=b", ("env", "a!=b")), ("c=d=e", ("c=d=e",))),
    "name": (("web", ("web",)), ("web-*,db", ("web-*", "db")), ("d", ("d",))),
    "power-state": (
        ("running", ("running",)),
        ("PowerState/running, VM deallocated", ("running", "deallocated")),
        ("stopped", ("stopped",)),
    ),
    "patch-mode": (
        ("Manual", ("Manual",)),
        ("manual, IMAGEDEFAULT", ("Manual", "ImageDefault")),
        ("AutomaticByOS", ("AutomaticByOS",)),
    ),
    "exclude-subscription": (("a", ("a",)), ("b,c", ("b", "c")), ("d", ("d",))),
    "exclude-management-group": (("a", ("a",)), ("b,c-d", ("b", "c-d")), ("d", ("d",))),
    "exclude-resource-group": (("rg-a", ("rg-a",)), ("rg-*,c", ("rg-*", "c")), ("d", ("d",))),
    "exclude-location": (
        ("westeurope", ("westeurope",)),
        ("West Europe, eastus", ("West Europe", "eastus")),
        ("uksouth", ("uksouth",)),
    ),
    "exclude-os": (
        ("windows", ("windows",)),
        ("Windows, LINUX", ("windows", "linux")),
        ("linux", ("linux",)),
    ),
    "exclude-tag": (("env=a", ("env=a",)), ("env, a!=b", ("env", "a!=b")), ("c=d=e", ("c=d=e",))),
    "exclude-name": (("web", ("web",)), ("web-*,db", ("web-*", "db")), ("d", ("d",))),
    "exclude-power-state": (
        ("running", ("running",)),
        ("PowerState/running, VM deallocated", ("running", "deallocated")),
        ("stopped", ("stopped",)),
    ),
    "exclude-patch-mode": (
        ("Manual", ("Manual",)),
        ("manual, IMAGEDEFAULT", ("Manual", "ImageDefault")),
        ("AutomaticByOS", ("AutomaticByOS",)),
    ),
    "inventory-source": (("compute", "compute"), ("auto", "auto"), ("resource-graph", "resource-graph")),
    "inventory": (("file.jsonl", "file.jsonl"), ("other.txt", "other.txt"), ("-", "-")),
    "limit": (("1", 1), ("2", 2), ("3", 3)),
    "shard": (("1/4", "1/4"), ("02/4", "2/4"), (" 3/4 ", "3/4")),
    "shard-by": (("size", "size"), ("vm", "vm"), ("subscription", "subscription")),
    "endpoint": (
        ("https://file.example", "https://file.example"),
        ("https://env.example/", "https://env.example"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    ),
    "cloud": (("china", "china"), ("us-government", "us-government"), ("public", "public")),
    "auth": (("cli", "cli"), ("managed-identity", "managed-identity"), ("token", "token")),
    "tenant": (("contoso.com", "contoso.com"), ("a", "a"), ("b.onmicrosoft.com", "b.onmicrosoft.com")),
    "auth-timeout": (("1500ms", 1.5), ("90s", 90.0), ("1m", 60.0)),
    "token-scope": (
        ("https://file.example/.default", "https://file.example/.default"),
        ("https://env.example//.default", "https://env.example//.default"),
        ("api://flag/.default", "api://flag/.default"),
    ),
    "api-version": (
        ("2023-03-01", "2023-03-01"),
        ("2024-03-01", "2024-03-01"),
        ("2026-04-01-preview", "2026-04-01-preview"),
    ),
    "proxy": (
        ("http://file:1", "http://file:1"),
        ("env:2", "env:2"),
        ("https://a:b@flag:3", "https://a:b@flag:3"),
    ),
    "ca-bundle": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "max-in-flight": (("1", 1), ("2", 2), ("10000", 10_000)),
    "rate-share": (("0.5", 0.5), ("25%", 0.25), ("100%", 1.0)),
    "last-run": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "first-poll": (("0s", 0.0), ("90s", 90.0), ("1500ms", 1.5)),
    "poll-interval": (("1ms", 0.001), ("1m", 60.0), ("2s", 2.0)),
    "operation-timeout": (("1h", 3600.0), ("2h", 7200.0), ("1d", 86_400.0)),
    "out": (("file", "file"), ("env", "env"), ("-", "-")),
    "group-by": (
        ("tag:file", ("tag:file",)),
        ("tag:cost center, tag:b", ("tag:cost center", "tag:b")),
        ("tag:flag", ("tag:flag",)),
    ),
    "runs": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "resume": (("true", True), ("false", False), ("", True)),
    "retry-failed": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "resume-within": (("1h", 3600.0), ("30h", 108_000.0), ("2d", 172_800.0)),
    "retry-skipped": (("true", True), ("false", False), ("", True)),
    "deadline": (("1h30m", 5400.0), ("1h 30m", 5400.0), ("2w", 1_209_600.0)),
    "drain": (("0s", 0.0), ("90s", 90.0), ("1500ms", 1.5)),
    "unknown-start-wait": (("0s", 0.0), ("90s", 90.0), ("2m", 120.0)),
    "max-age": (("1h", 3600.0), ("90s", 90.0), ("1d", 86_400.0)),
    "cached-only": (("true", True), ("false", False), ("", True)),
    "with-patches": (("true", True), ("false", False), ("", True)),
    "busy-max-age": (("1h", 3600.0), ("90s", 90.0), ("1d", 86_400.0)),
    "ignore-busy": (("true", True), ("false", False), ("", True)),
    "facts": (("true", True), ("false", False), ("", True)),
    "history": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "fail-on": (("failed>0", "failed>0"), ("age>30d", "age>30d"), ("coverage<98%", "coverage<98%")),
    "as-of": (("2026-11-10", "2026-11-10"), ("2024-02-29", "2024-02-29"), ("2027-01-01", "2027-01-01")),
    "sla": (("critical=7d", "critical=7d"), ("other=90d", "other=90d"), ("security=4w", "security=4w")),
    "exceptions": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "ignore-classification": (
        ("Definition", ("Definition",)),
        ("Definition, Feature Packs", ("Definition", "Feature Packs")),
        ("Other", ("Other",)),
    ),
    "since": (("20261121", "20261121"), ("latest", "latest"), ("runs/a", "runs/a")),
    "html": (("file.html", "file.html"), ("env.html", "env.html"), ("flag.html", "flag.html")),
    "quiet": (("true", True), ("false", False), ("", True)),
    "verbose": (("true", True), ("false", False), ("", True)),
    "log-format": (("text", "text"), ("json", "json"), ("text", "text")),
    "stats-interval": (("0s", 0.0), ("90s", 90.0), ("1500ms", 1.5)),
    "compress": (("zstd", "zstd"), ("zstd", "zstd"), ("zstd", "zstd")),
    "metrics-file": (("file.prom", "file.prom"), ("env.prom", "env.prom"), ("flag.prom", "flag.prom")),
    "engine": (("dask", "dask"), ("process", "process"), ("dask", "dask")),
    "scheduler": (
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1"),
        ("tls://env.example:2", "tls://env.example:2"),
        ("tls://flag.example:3", "tls://flag.example:3"),
    ),
    "shards": (("1", 1), ("2", 2), ("1000", 1000)),
    "otel": (("true", True), ("false", False), ("", True)),
    "port": (("1", 1), ("2", 2), ("65535", 65_535)),
    "machines": (("0", 0), ("2", 2), ("3", 3)),
    "subscriptions": (("1", 1), ("2", 2), ("3", 3)),
    "past-due": (("0", 0), ("2", 2), ("3", 3)),
    "warned": (("0", 0), ("2", 2), ("3", 3)),
    "empty-subscriptions": (("1", 1), ("2", 2), ("3", 3)),
    "hidden-subscriptions": (("0", 0), ("1", 1), ("2", 2)),
    "denied-subscriptions": (("0", 0), ("1", 1), ("2", 2)),
    "odd-tags-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "untold-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "format": (("json", "json"), ("csv", "csv"), ("table", "table")),
    "show-excluded": (("true", True), ("false", False), ("", True)),
    "hidden-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "regions": (("1", 1), ("2", 2), ("4", 4)),
    "seed": (("0", 0), ("2", 2), ("3", 3)),
    "speed": (("0.5", 0.5), ("2", 2.0), ("3", 3.0)),
    "limits-speed": (("0", 0.0), ("2", 2.0), ("3", 3.0)),
    "refill": (("by-minute", "by-minute"), ("continuous", "continuous"), ("by-minute", "by-minute")),
    "rival-share": (("0.5", 0.5), ("0", 0.0), ("0.99", 0.99)),
    "policy-names": (("2023", "2023"), ("novel", "novel"), ("2024", "2024")),
    "durations": (("regular", "regular"), ("lognormal", "lognormal"), ("regular", "regular")),
    "patches": (("0", 0), ("2", 2), ("3", 3)),
    "stopped-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "warned-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "truncated-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "failing-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "installing-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "misleading-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "stuck-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "long-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "assessed-before-pct": (("0", 0.0), ("50", 50.0), ("100", 100.0)),
    "earlier-least-days": (("0", 0.0), ("0.5", 0.5), ("3", 3.0)),
    "earlier-most-days": (("0", 0.0), ("0.5", 0.5), ("8", 8.0)),
    "earlier-failed-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "earlier-gaps-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "nights-differ": (("0", 0.0), ("0.5", 0.5), ("3", 3.0)),
    "graph-lag": (("0s", 0.0), ("90s", 90.0), ("1500ms", 1.5)),
    "faults-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "echoed-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "troubled-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "second-assessment": (
        ("refused", "refused"),
        ("conflict", "conflict"),
        ("supersedes", "supersedes"),
    ),
    "locked-subscriptions": (("0", 0), ("2", 2), ("3", 3)),
    "locked-groups": (("0", 0), ("2", 2), ("3", 3)),
    "locked-machines": (("0", 0), ("2", 2), ("3", 3)),
    "disabled-subscriptions": (("0", 0), ("2", 2), ("3", 3)),
    "denied-groups": (("0", 0), ("2", 2), ("3", 3)),
    "lacking-subscriptions": (("0", 0), ("2", 2), ("3", 3)),
    "lacking": (("listing", "listing"), ("polling", "polling"), ("starting", "starting")),
    "clock-skew": (("0s", 0.0), ("90s", 90.0), ("2m", 120.0)),
    "doctor format": (("json", "json"), ("text", "text"), ("json", "json")),
    "wrong-clock-pct": (("0", 0.0), ("1.5", 1.5), ("3", 3.0)),
    "outages": (("0", 0), ("2", 2), ("3", 3)),
    "page-size": (("1", 1), ("2", 2), ("3", 3)),
    "lists": (("endless", "endless"), ("hollow", "hollow"), ("up", "up")),
    "graph": (("denied", "denied"), ("broken", "broken"), ("up", "up")),
    "failed": (("true", True), ("false", False), ("", True)),
    "skipped": (("true", True), ("false", False), ("", True)),
    "worst": (("1", 1), ("2", 2), ("3", 3)),
    "missing": (("KB1", "KB1"), ("curl", "curl"), ("open*", "open*")),
    "reboot": (("true", True), ("false", False), ("", True)),
    "machine": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "show patches": (("true", True), ("false", False), ("", True)),
    "sort": (("file", "file"), ("env", "env"), ("flag", "flag")),
    "columns": (("file", "file"), ("a,b", "a,b"), ("flag", "flag")),
    "show format": (("json", "json"), ("csv", "csv"), ("markdown", "markdown")),
    "diff format": (("json", "json"), ("markdown", "markdown"), ("text", "text")),
    "plan format": (("json", "json"), ("markdown", "markdown"), ("text", "text")),
    "report format": (("json", "json"), ("markdown", "markdown"), ("text", "text")),
    "export format": (("sqlite", "sqlite"), ("parquet", "parquet"), ("csv", "csv")),
    "sql": (("true", True), ("false", False), ("", True)),
    "graph-reply-kib": (("16", 16), ("400", 400), ("1000", 1000)),
    "arc-servers": (("5", 5), ("6", 6), ("7", 7)),
    "uniform-scale-sets": (("5", 5), ("6", 6), ("7", 7)),
    "flexible-scale-sets": (("5", 5), ("6", 6), ("7", 7)),
    "include-arc": (("true", True), ("false", False), ("", True)),
    "arc-api-version": (
        ("2024-07-10", "2024-07-10"),
        ("2025-01-13", "2025-01-13"),
        ("2026-07-15", "2026-07-15"),
    ),
    "keep": (("30d", 2_592_000.0), ("2w", 1_209_600.0), ("0s", 0.0)),
    "dry-run": (("true", True), ("false", False), ("", True)),
    "token": (("file", "file"), ("env", "env"), ("flag", "flag")),
}


def row_name(settings: type[CheckedSettings], setting: Setting) -> str:
    """A setting's key in ROWS: its name, after the command's where the commands have other words for it."""
    command = settings.__name__.removesuffix("Settings").lower()
    own = f"{command} {setting.name}"
    return own if own in ROWS else setting.name


EVERY_KNOB = [
    pytest.param(settings, setting, id=f"{settings.__name__}-{setting.name}")
    for settings in every_settings()
    for setting in settings_of(settings)
]


def made(settings: type[S], arguments: list[str], environment: Mapping[str, str] | None = None) -> S:
    """The settings that a command makes of its arguments and environment."""
    seen: list[S] = []

    def keep(these: S) -> int:
        seen.append(these)
        return 0

    CliRunner().invoke(
        command(settings)(keep), arguments, env=environment, standalone_mode=False, catch_exceptions=False
    )
    return seen[0]


def written(tmp_path: Path, text: str) -> list[str]:
    """The arguments that name a configuration file holding `text`."""
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return ["--config", str(path)]


def test_each_knob_has_its_row_and_each_row_its_knob() -> None:
    assert set(ROWS) == {
        row_name(settings, setting) for settings in every_settings() for setting in settings_of(settings)
    }


@pytest.mark.parametrize(("settings", "setting"), EVERY_KNOB)
def test_flag_beats_variable_beats_file_beats_default(
    tmp_path: Path, settings: type[CheckedSettings], setting: Setting
) -> None:
    in_file, in_variable, in_flag = ROWS[row_name(settings, setting)]
    config = written(tmp_path, f'{setting.name} = "{in_file[0]}"\n')
    variable = {setting.variable: in_variable[0]}
    flag = [setting.flag] if setting.is_switch else [setting.flag, in_flag[0]]

    def value(arguments: list[str], environment: Mapping[str, str] | None = None) -> object:
        return getattr(made(settings, arguments, environment), setting.attribute)

    # The endpoint's is that of a cloud, where neither was said.
    default = "https://management.azure.com" if setting.attribute == "endpoint" else setting.default
    assert value([]) == default
    assert value(config) == in_file[1]
    assert value(config, variable) == in_variable[1]
    assert value([*config, *flag], variable) == in_flag[1]


def test_a_key_is_written_with_hyphens_or_underscores_and_numbers_without_quotes(tmp_path: Path) -> None:
    config = written(tmp_path, 'max_in_flight = 7\npoll-interval = "5s"\nquiet = true\ngroup_by = []\n')
    assert made(Settings, config) == Settings(max_in_flight=7, poll_interval_s=5.0, quiet=True, group_by=())
    assert made(DemoSettings, written(tmp_path, "speed = 123456.75")).speed == 123456.75


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "config.toml"
    mark = "" if encoding == "utf-8-sig" else "\ufeff"
    path.write_bytes(f'{mark}out = "L\u00fcbeck"\r\nlimit = 7\r\n'.encode(encoding))
    assert made(Settings, ["--config", str(path)]) == Settings(out="L\u00fcbeck", limit=7)


def test_no_quiet_takes_back_what_the_file_says(tmp_path: Path) -> None:
    assert made(Settings, [*written(tmp_path, "quiet = true"), "--no-quiet"]).quiet is False


def test_short_forms_mean_their_flags_alone_and_together(tmp_path: Path) -> None:
    for arguments in (["-q", "-v"], ["-qv"], ["--quiet", "--verbose"]):
        assert made(Settings, arguments) == Settings(quiet=True, verbose=True)
    assert made(Settings, [*written(tmp_path, "verbose = true"), "--no-verbose", "-q"]) == Settings(
        quiet=True
    )
    assert made(DemoSettings, ["-v"]) == DemoSettings(verbose=True)


def test_a_flag_said_again_adds_to_a_list() -> None:
    assert made(Settings, ["--subscription", "a", "--subscription", "b"]).subscription == ("a", "b")


def test_an_empty_variable_says_nothing() -> None:
    empty = {setting.variable: "" for setting in settings_of(Settings)}
    assert made(Settings, [], empty) == Settings()


def test_the_file_may_be_named_by_a_variable(tmp_path: Path) -> None:
    _, path = written(tmp_path, "limit = 9")
    assert made(Settings, [], {"FLEETSCAN_CONFIG": path}).limit == 9
