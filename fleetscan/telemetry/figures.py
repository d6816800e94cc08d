"""The figures of a scan for monitoring, declared once: for the metrics file and for OpenTelemetry.

The number of series is the same for every fleet: no figure has a label for a VM, a subscription or a tag.
What is not known has no series, because 0 would be a finding: nothing of patches where no VM was assessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fleetscan.records.run import COMPLETE
from fleetscan.records.totals import Requests, Totals


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `name` as Prometheus writes it, what its one label is called, and each value by its label.

    A figure without a label has one value, by "". `unit` is as OpenTelemetry writes it.
    """

    name: str
    help: str
    values: dict[str, float]
    label: str = ""
    unit: str = "1"


def figures(exit_code: int, totals: Totals | None, requests: Requests) -> Iterator[Figure]:
    """The figures of a scan that ended so; without totals those of its VMs are left out."""
    yield Figure("fleetscan_exit_code", "How the last run ended: its exit code.", {"": exit_code})
    complete = float(exit_code in COMPLETE)
    yield Figure(
        "fleetscan_complete", "1 where the last run was complete (exit code 0, 1 or 3).", {"": complete}
    )
    yield from _of_requests(requests)
    if totals is not None:
        yield from _of_vms(totals)
        if totals["outcomes"]["assessed"]:
            yield from _of_assessed(totals)
        yield from _of_shares(totals)
        yield Figure(
            "fleetscan_duration_seconds",
            "How long the last run took; resumed processes add up.",
            {"": totals["duration_s"]},
            unit="s",
        )


def is_success(exit_code: int) -> bool:
    """Whether a run counts as the last success: it is complete, whatever it found."""
    return exit_code in COMPLETE


def _of_requests(requests: Requests) -> Iterator[Figure]:
    kinds = ("list", "start", "poll", "other")
    by_kind = {kind: float(requests[kind]) for kind in kinds}  # type: ignore[literal-required]
    yield Figure(
        "fleetscan_requests", "Requests that the last run sent, by kind.", by_kind, "kind", "{request}"
    )
    yield Figure(
        "fleetscan_requests_throttled",
        "Of these, answered with 429.",
        {"": requests["throttled"]},
        unit="{request}",
    )
    yield Figure(
        "fleetscan_requests_retried", "Of these, sent again.", {"": requests["retried"]}, unit="{request}"
    )


def _of_vms(totals: Totals) -> Iterator[Figure]:
    outcomes = {name: float(number) for name, number in totals["outcomes"].items()}  # type: ignore[arg-type]
    yield Figure("fleetscan_vms", "VMs of the last run, by outcome.", outcomes, "outcome", "{vm}")
    yield Figure(
        "fleetscan_vms_listed", "VMs that the last run selected.", {"": totals["listed"]}, unit="{vm}"
    )
    for name, help, parts in (
        ("subscriptions_passed_over", "Subscriptions passed over for their state.", totals["not_scanned"]),
        ("parts_not_listed", "Parts of the fleet that could not be listed.", totals["inventory_errors"]),
    ):
        yield Figure(f"fleetscan_{name}", help, {"": len(parts)})


def _of_assessed(totals: Totals) -> Iterator[Figure]:
    """What assessments told; nothing where there was none."""
    for name, help, number in (
        ("reboot_pending", "Assessed VMs where a restart is due.", totals["reboot_pending"]),
        (
            "missing_critical_or_security",
            "Assessed VMs that miss a critical or security patch.",
            totals["vms_with_critical_or_security"],
        ),
    ):
        yield Figure(f"fleetscan_vms_{name}", help, {"": number}, unit="{vm}")
    by_class = {
        "critical_and_security": float(totals["critical_and_security_count"]),
        "other": float(totals["other_count"]),
    }
    yield Figure(
        "fleetscan_missing_patches",
        "Patches missing on assessed VMs, by class.",
        by_class,
        "class",
        "{patch}",
    )


def _of_shares(totals: Totals) -> Iterator[Figure]:
    for name, help, percent in (
        ("coverage", "Assessed VMs, of those listed.", totals["coverage_pct"]),
        (
            "compliance",
            "VMs that miss no critical or security patch, of those listed.",
            totals["compliance_pct"],
        ),
    ):
        if percent is not None:
            yield Figure(f"fleetscan_{name}_ratio", help, {"": round(percent / 100, 6)})
