"""Which commands show more of a run, or go on from it, where they have something to show."""

from __future__ import annotations

import re
from typing import NamedTuple

from fleetscan.records.report import Report

# Only such a key is a whole word in every shell; a stranger chose it.
PLAIN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", re.ASCII)


# What a reason's remedy says where no run is known.
RETRY_ANY = "fleetscan scan --retry-failed RUN"
RETRIES = "retry it with `"


class Spelled(NamedTuple):
    """Commands as a person pastes them into a shell: `show` shows more of the run.

    `retry` retries what failed in it, `resume` goes on with it; None where no later process can.
    `first` is what completes a run that is not complete, as an imperative: until then nothing retries it.
    """

    show: str
    retry: str | None
    resume: str | None
    first: str | None = None


def show_flags(report: Report) -> list[str]:
    """What `fleetscan show` has to show of the run."""
    flags = []
    if _failed(report):
        flags.append("--failed")
    if report["fleet"]["outcomes"]["skipped"]:
        flags.append("--skipped")
    if report["worst"]:
        flags.append("--worst 50")
    if report["patches"] and PLAIN_KEY.fullmatch(key := report["patches"][0]["patch"]):
        flags.append(f"--missing {key}")
    return flags


def of_run(to_do: str, spelled: Spelled | None) -> str:
    """What is to be done, with the command that retries the run, and what comes first, where it says how
    any is retried.
    """
    if spelled is None:
        return to_do
    if spelled.retry is not None:
        to_do = to_do.replace(RETRY_ANY, spelled.retry)
    return to_do if spelled.first is None else to_do.replace(RETRIES, f"{spelled.first}, then {RETRIES}")


def next_command(report: Report, spelled: Spelled) -> str | None:
    """How to go on from the run: resume one that is not complete, retry what failed in one that is."""
    if report["state"] != "complete":
        return spelled.resume
    return spelled.retry if _failed(report) else None


def _failed(report: Report) -> int:
    outcomes = report["fleet"]["outcomes"]
    return outcomes["failed"] + outcomes["timed_out"]
