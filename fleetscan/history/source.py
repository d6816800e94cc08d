"""Whose fleet a history is of: one Azure and one tenant, so that a wrong file never mixes two fleets."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from fleetscan.errors import HistoryError
from fleetscan.history.file import NAME_ANOTHER
from fleetscan.records.asked import is_same_value
from fleetscan.records.run import RunFacts


def check_source(db: sqlite3.Connection, path: Path, facts: RunFacts) -> None:
    """Raise HistoryError where the history is of another endpoint than a run, or of another known tenant."""
    run = f"and the run {facts['scan_id'][:8]} of"
    asked, tenant_found = _endpoint_of(facts), _tenant_of(facts)
    for endpoint, tenant_id in db.execute("SELECT endpoint, tenant_id FROM source"):
        if None not in (endpoint, asked) and not is_same_value("endpoint", endpoint, asked):
            raise HistoryError(str(path), f"is of {endpoint}, {run} {asked}", NAME_ANOTHER)
        if None not in (tenant_id, tenant_found) and tenant_id != tenant_found:
            raise HistoryError(str(path), f"is of the tenant {tenant_id}, {run} {tenant_found}", NAME_ANOTHER)


def claim_source(db: sqlite3.Connection, path: Path, facts: RunFacts) -> None:
    """Check, and keep what the first runs tell of their Azure."""
    check_source(db, path, facts)
    found = _endpoint_of(facts), _tenant_of(facts)
    if db.execute("SELECT 1 FROM source").fetchone() is None:
        db.execute("INSERT INTO source VALUES (?, ?)", found)
    else:
        db.execute(
            "UPDATE source SET endpoint = coalesce(endpoint, ?), tenant_id = coalesce(tenant_id, ?)", found
        )


def _endpoint_of(facts: RunFacts) -> str | None:
    endpoint = facts["selection"].get("endpoint")
    return endpoint if isinstance(endpoint, str) else None


def _tenant_of(facts: RunFacts) -> str | None:
    """The token's tenant, else that of all subscriptions listed; None where several or none are told."""
    principal = facts["principal"]
    if principal is not None and principal["tenant_id"]:
        return principal["tenant_id"].lower()
    tenants = {(each["tenant_id"] or "").lower() for each in facts["scope"]["subscriptions"]}
    return next(iter(tenants)) or None if len(tenants) == 1 else None
