"""`fleetscan resume`: which run, and what was said about how to go on with it; the rest is the library's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from fleetscan.cli.command_help import Example
from fleetscan.cli.late_trust import trust_read_late
from fleetscan.cli.options import RUNS, resuming
from fleetscan.cli.running import run_until_stopped
from fleetscan.errors import Remedy, UsageError
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import Setting

if TYPE_CHECKING:
    from fleetscan.scanner.named_run import NamedRun


EXAMPLES = (
    Example("The newest unfinished run", "fleetscan resume"),
    Example("A certain run, for an hour at most", "fleetscan resume 20261123 --deadline 1h"),
)


@resuming(EXAMPLES)
def resume(run: str | None, said: Mapping[str, object]) -> int:
    """Go on with an unfinished run.

    RUN is a directory, or how a run's name or id under --runs begins. Without RUN: the newest unfinished
    run that began within --resume-within. VMs that are done stay so, running assessments are followed and
    the rest is started; nothing is started twice. A finished run stays as it is.

    The flags say how to go on; what is not said is as the run was started. Which VMs are scanned is the
    run's own and cannot be changed.

    Exit codes are those of a scan.
    """
    with trust_read_late():
        from fleetscan.cli.watched import watched_scan
        from fleetscan.scanner.named_run import find_run

    told = Settings(**{name: value for name, value in said.items() if name in ("runs", "resume_within_s")})  # type: ignore[arg-type]
    named = find_run(run, told.runs or RUNS, told.resume_within_s, datetime.now(UTC))
    endpoint = said.get("endpoint")
    refuse_other_variables(named, endpoint, os.environ)
    how = {name: value for name, value in said.items() if name != "endpoint"}
    settings = named.settings(None if endpoint is None else str(endpoint), how)

    async def job(stop: anyio.Event) -> int:
        return (await watched_scan(settings, stop, named=named)).exit_code

    return run_until_stopped(job, settings.drain_s)


def refuse_other_variables(named: NamedRun, endpoint: object, environment: Mapping[str, str]) -> None:
    """Raise UsageError about a variable that selects other VMs than the run's: the person expects those.

    `endpoint` is what a flag or the variable says: the flag counts.
    """
    from fleetscan.records.asked import is_same_value
    from fleetscan.scanner.named_run import WHOM
    from fleetscan.scanner.run_facts import as_json

    for each in WHOM:
        if not (text := environment.get(each.variable)):
            continue
        if each.attribute == "endpoint" and endpoint != _value(each, text):
            continue
        now, own = as_json(_value(each, text)), as_json(getattr(named.whom, each.attribute))
        if not is_same_value(each.attribute, own, now):
            shown = ", ".join(map(str, own)) if isinstance(own, list) else own
            raise UsageError(
                f"{each.variable} is {text}, and the run in {named.path} was started with {shown or 'none'}",
                Remedy(f"unset {each.variable}: a resumed run keeps its own"),
            )


def _value(setting: Setting, text: str) -> object:
    """What a variable says."""
    try:
        if setting.is_list:
            return tuple(setting.read(part) for part in text.split(","))
        return setting.read(text)
    except ValueError as refusal:
        raise UsageError(f"{setting.variable} {refusal}") from None
