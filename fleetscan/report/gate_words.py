"""How a run stands to its gates, in words: how many it does not pass, or that it passes all."""

from __future__ import annotations

from fleetscan.records.report import Report
from fleetscan.report.age_words import ages_of
from fleetscan.report.not_counted import marked


def verdict(report: Report) -> str:
    """One line on all gates; empty where none was judged."""
    gates, breaches = report["gates"], report["breaches"]
    if not gates or breaches is None:
        return ""
    if breaches:
        # (Each sentence says what its figure leaves out.)
        return f"{len(breaches):,} of {len(gates):,} not passed"
    passed = "1 gate passed" if len(gates) == 1 else f"all {len(gates):,} gates passed"
    since = ages["history_since"] if (ages := ages_of(report)) is not None else None
    if since is not None and any(gate.startswith("age") for gate in gates):
        passed = f"{passed}; what the history saw first on {since} may be older"
    return marked(passed, report)
