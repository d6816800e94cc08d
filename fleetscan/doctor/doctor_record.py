"""What was found as one record of schema fleetscan.doctor/1."""

from __future__ import annotations

from datetime import UTC, datetime

from fleetscan.doctor.access import Access
from fleetscan.doctor.actions import Duty
from fleetscan.doctor.findings import Directory, Examined, Finding, Identity
from fleetscan.doctor.groups import Groups
from fleetscan.errors import Spelling
from fleetscan.records.doctor import (
    SCHEMA,
    Doctor,
    DoctorCheck,
    DoctorDirectory,
    DoctorGroups,
    DoctorIdentity,
    DoctorSubscription,
)
from fleetscan.records.times import utc_text
from fleetscan.version import __version__


def doctor_record(examined: Examined, endpoint: str, at: datetime, spell: Spelling) -> Doctor:
    """The record of what was `examined` at the moment `at`; settings are named as `spell` writes them."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "endpoint": endpoint,
        "examined_at": utc_text(at),
        "exit_code": 4 if examined.has_failed else 0,
        "checks": [_check(each, spell) for each in examined.findings],
        "identity": None if examined.identity is None else _identity(examined.identity),
        "clock_ahead_s": None if examined.clock_ahead_s is None else round(examined.clock_ahead_s, 3),
        "vms": examined.vms,
        "subscriptions": [_subscription(each, examined) for each in examined.access],
        "not_scanned": [
            {"subscription_id": each.id, "name": each.name, "state": each.state or ""}
            for each in examined.passed_over
        ],
        "quotas": examined.quotas,
        "directory": None if examined.directory is None else _directory(examined.directory),
    }


def _check(finding: Finding, spell: Spelling) -> DoctorCheck:
    return {
        "check": finding.check,
        "status": finding.status,
        "what": finding.what,
        "remedy": None if finding.remedy is None else finding.remedy.told(spell),
        "command": finding.command,
        "details": [*finding.details],
    }


def _identity(identity: Identity) -> DoctorIdentity:
    told = identity.principal
    at = identity.expires_at
    return {
        "name": told["name"],
        "object_id": told["object_id"],
        "app_id": told["app_id"],
        "tenant_id": told["tenant_id"],
        "expires_at": None if at is None else utc_text(datetime.fromtimestamp(at, UTC)),
    }


def _subscription(access: Access, examined: Examined) -> DoctorSubscription:
    subscription, error = access.subscription, access.error
    groups = examined.groups_of.get(subscription.key)
    vms = None if examined.vms is None else examined.vms_of.get(subscription.key, 0)
    return {
        "subscription_id": subscription.id,
        "name": subscription.name,
        "state": subscription.state,
        "vms": vms,
        "may_list": access.permitted.get(Duty.LIST),
        "may_start": access.permitted.get(Duty.START),
        "may_poll": access.permitted.get(Duty.POLL),
        "missing_actions": [*access.missing],
        "resource_groups": None if groups is None else _groups(groups),
        "compute_registered": access.is_registered,
        "error": None if error is None else error.message or error.code or f"HTTP {error.http_status}",
    }


def _groups(groups: Groups) -> DoctorGroups:
    return {
        "with_vms": groups.with_vms,
        "may_start": [*groups.starting],
        "may_not_start": [*groups.refusing],
    }


def _directory(directory: Directory) -> DoctorDirectory:
    return {
        "path": directory.path,
        "is_writable": directory.is_writable,
        "locks_work": directory.locks_work,
        "free_bytes": directory.free_bytes,
        "needed_bytes": directory.needed_bytes,
    }
