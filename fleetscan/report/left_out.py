"""What a scan was asked for and what it left out, in a few words: a part must not look like the whole.

Names and ids are foreign text and go through `sanitize`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetscan.addresses import Origin
from fleetscan.model import Json
from fleetscan.records.asked import chosen_by
from fleetscan.records.totals import NotListed, NotScanned
from fleetscan.report.figures import counted
from fleetscan.report.sanitize import sanitize

SHOWN = 3
VALUE_LIMIT_CHARS = 120


def selection_words(selection: Mapping[str, Json]) -> str:
    """What chose the VMs: "limit 3, subscription a and 2 more"; empty where nothing did."""
    return ", ".join(_setting_words(name, selection[name]) for name in chosen_by(selection))


def elsewhere(selection: Mapping[str, Json]) -> str | None:
    """The endpoint that was asked where it is none of Azure's clouds; None where it is, or is not told."""
    endpoint = selection.get("endpoint")
    if not isinstance(endpoint, str):
        return None
    try:
        return None if Origin.of(endpoint).is_azure else endpoint
    except ValueError:
        return endpoint


def elsewhere_words(endpoint: str | None) -> str:
    """What is said of such an endpoint: "endpoint http://127.0.0.1:8080"; empty for None."""
    return "" if endpoint is None else f"endpoint {sanitize(endpoint, VALUE_LIMIT_CHARS)}"


def passed_over_words(not_scanned: Sequence[NotScanned]) -> str:
    """The subscriptions passed over: "2 subscriptions: Sandbox (Disabled), Old (Warned)"; empty for none."""
    if not not_scanned:
        return ""
    names = [f"{each['name'] or each['subscription_id']} ({each['state']})" for each in not_scanned]
    return f"{counted(len(names), 'subscription', 'subscriptions')}: {_some(names, ', ')}"


def unseen_words(uniform_scale_set_vms: int | None) -> str:
    """The VMs that no listing has: "12 VMs in scale sets of uniform mode, ..."; empty for none known."""
    if not uniform_scale_set_vms:
        return ""
    vms = counted(uniform_scale_set_vms, "VM", "VMs")
    return f"{vms} in scale sets of uniform mode, which Azure cannot assess"


def billing_words(arc_servers: int) -> str:
    """That Arc servers are assessed, and what Azure may ask for it; empty for none."""
    if not arc_servers:
        return ""
    return f"{arc_servers:,} to assess: each can be billed, $0.16 a day when this was written"


def is_whole(
    selection: Mapping[str, Json],
    listed: int,
    not_scanned: Sequence[NotScanned],
    errors: Sequence[NotListed] | None,
) -> bool:
    """Whether nothing is known to be missing among the VMs listed, but for what was said to be excluded.

    What could not be listed (`errors`) may be unknown: None.
    """
    return not (unlisted_words(selection, listed) or not_scanned or errors or errors is None)


def unlisted_words(selection: Mapping[str, Json], listed: int) -> str:
    """What the selection left out without a list to say it: VMs beyond a limit, or of other shards."""
    limit, parts = selection.get("limit"), list[str]()
    if isinstance(limit, int) and listed >= limit:
        parts.append(f"VMs beyond the limit of {limit:,}")
    if selection.get("retry_failed"):
        parts.append("VMs that did not need the retry")
    if selection.get("shard"):
        parts.append("VMs of the other shards")
    return ", ".join(parts)


def _setting_words(name: str, value: Json) -> str:
    shown = name.replace("_", "-")
    if value is True:
        return shown
    values = value if isinstance(value, list) else [value]
    return f"{shown} {_some([str(each) for each in values], ', ')}"


def _some(words: Sequence[str], between: str) -> str:
    told = between.join(sanitize(word, VALUE_LIMIT_CHARS) for word in words[:SHOWN])
    return f"{told} and {len(words) - SHOWN:,} more" if len(words) > SHOWN else told
