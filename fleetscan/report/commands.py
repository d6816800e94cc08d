"""Which commands show more of a run, or go on from it, where they have something to show."""

from __future__ import annotations

import re
from typing import NamedTuple

from fleetscan.records.report import Report

# Only such a key is a whole word in every shell; a stranger chose it.
PLAIN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", re.ASCII)


class Spelled(NamedTuple):
    """Two commands as a person pastes them into a shell: `show` shows more of the run, `retry` retries it.

    `retry` is None where the run cannot be retried.
    """

    show: str
    retry: str | None


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


def can_retry(report: Report) -> bool:
    """Whether `--retry-failed` has VMs to retry, and takes the run: a complete one alone."""
    return report["state"] == "complete" and _failed(report) > 0


def _failed(report: Report) -> int:
    outcomes = report["fleet"]["outcomes"]
    return outcomes["failed"] + outcomes["timed_out"]
