"""The settings that say which VMs, for every command that lists: where to look, and by which rules.

Values of one setting are alternatives, different settings must all hold. Each rule that includes has a twin
that excludes; one exclusion that holds is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.settings.place import OnDisk
from fleetscan.settings.proxy_url import ProxyUrl
from fleetscan.settings.setting import Group, setting
from fleetscan.settings.shard_form import ShardForm
from fleetscan.settings.sign_in import SignInSettings
from fleetscan.settings.types import Number, OneOf, Switch, Text, ValueType, Whole
from fleetscan.settings.words import OS, PATCH_MODE, POWER_STATE

SUBSCRIPTION = Text("ID|NAME", "a subscription's id or name", r"\S(.{0,510}\S)?", may_repeat=True)
MANAGEMENT_GROUP = Text(
    "ID",
    "a management group's id, such as corp-prod",
    r"[A-Za-z0-9_.()-]{0,89}[A-Za-z0-9_()-]",
    may_repeat=True,
)
# No text is forbidden here but what no command line can hold: what looks like a query is a name all the same.
RESOURCE_GROUP = Text("GLOB", "a resource group's name or a glob over it", r"(?s)\S.*", may_repeat=True)
NAME = Text("GLOB", "a VM's name or a glob over it, such as 'web-*'", r"(?s)\S.*", may_repeat=True)
LOCATION = Text("REGION", "a region, such as westeurope or 'West Europe'", r"\S.*", may_repeat=True)
TAG = Text(
    "NAME=VALUE",
    "NAME=VALUE, NAME or NAME!=VALUE, such as env=prod",
    r"(?s)\s*(?!!?=)[^=\s].*",
    may_repeat=True,
)


def _rule(form: ValueType, help: str, why: str = "") -> tuple[str, ...]:
    return setting((), form, help, why, is_whom=True, group=Group.WHAT)


def _exclusion(form: ValueType, help: str) -> tuple[str, ...]:
    return setting((), form, help, is_whom=True, group=Group.EXCLUDED)


@dataclass(frozen=True, slots=True)
class ListSettings(SignInSettings):
    """What every command that lists VMs shares: which VMs, and how Azure is asked for them."""

    subscription: tuple[str, ...] = _rule(
        SUBSCRIPTION,
        "Scan only this subscription, such as 00000000-0000-0000-0000-000000000000 or 'Shop Production'; "
        "repeat the flag for several.",
        "Default: every subscription the identity can see, except those that are disabled or warned.",
    )
    management_group: tuple[str, ...] = _rule(
        MANAGEMENT_GROUP, "Only subscriptions below this management group, at any depth; its id."
    )
    resource_group: tuple[str, ...] = _rule(
        RESOURCE_GROUP, "Only VMs in this resource group, or in those of names like 'rg-shop-*'."
    )
    location: tuple[str, ...] = _rule(LOCATION, "Only VMs in this region, such as westeurope.")
    os: tuple[str, ...] = _rule(OS, "Only VMs with this operating system.")
    tag: tuple[str, ...] = _rule(
        TAG,
        "Only VMs with this tag: env=prod, env (any value) or env!=lab (not this value, or no such tag).",
        "Case counts in values alone. Values of one tag are alternatives; different tags must all hold.",
    )
    name: tuple[str, ...] = _rule(NAME, "Only VMs of this name, or of names like 'web-*'.")
    power_state: tuple[str, ...] = _rule(POWER_STATE, "Only VMs in this power state, such as running.")
    patch_mode: tuple[str, ...] = _rule(
        PATCH_MODE, f"Only VMs of this patch mode: {', '.join(PATCH_MODE.words)}."
    )
    exclude_subscription: tuple[str, ...] = _exclusion(
        SUBSCRIPTION,
        "Leave out this subscription. Each of these flags can be repeated; one that holds is enough.",
    )
    exclude_management_group: tuple[str, ...] = _exclusion(
        MANAGEMENT_GROUP, "Leave out all subscriptions below this management group."
    )
    exclude_resource_group: tuple[str, ...] = _exclusion(RESOURCE_GROUP, "Leave out this resource group.")
    exclude_location: tuple[str, ...] = _exclusion(LOCATION, "Leave out VMs in this region.")
    exclude_os: tuple[str, ...] = _exclusion(OS, "Leave out VMs with this operating system.")
    exclude_tag: tuple[str, ...] = _exclusion(
        TAG, "Leave out VMs with this tag, such as env=lab or decommissioned."
    )
    exclude_name: tuple[str, ...] = _exclusion(NAME, "Leave out VMs of this name.")
    exclude_power_state: tuple[str, ...] = _exclusion(POWER_STATE, "Leave out VMs in this power state.")
    exclude_patch_mode: tuple[str, ...] = _exclusion(PATCH_MODE, "Leave out VMs of this patch mode.")
    include_arc: bool = setting(
        False,
        Switch(),
        "List Arc servers, too, and assess those that are connected.",
        "An assessed Arc server can be billed: $0.16 a server and day when this was written.",
        is_whom=True,
        group=Group.WHAT,
    )
    inventory: str | None = setting(
        None,
        Text("FILE", "a file's path, or - for standard input"),
        "Read the VMs from this file (- for standard input) instead of listing them: resource IDs, one per "
        "line or in a CSV, JSON lines, what az vm list or az graph query print, or an earlier run.",
        is_whom=True,
        group=Group.WHAT,
    )
    inventory_source: str = setting(
        "auto",
        OneOf(("resource-graph", "compute", "auto")),
        "Where VMs are listed. auto: Resource Graph, and Compute where that cannot be relied on.",
        "Compute alone costs a request per 500 VMs and subscription, and is never seconds behind.",
        is_whom=True,
        group=Group.EXPERT,
    )
    limit: int | None = setting(
        None,
        Whole(1),
        "Scan at most this many VMs.",
        "Useful for a first try: Azure installs an extension on a VM when it first assesses it.",
        is_whom=True,
        group=Group.WHAT,
    )
    shard: str | None = setting(
        None,
        ShardForm(),
        "Scan one of N parts of the selection, such as 2/4; other processes scan the others.",
        "/N takes the part from JOB_COMPLETION_INDEX, which counts from 0 in the pods of an Indexed Job.",
        is_whom=True,
        group=Group.WHAT,
    )
    shard_by: str = setting(
        "subscription",
        OneOf(("subscription", "size", "vm")),
        "How shards are cut: by whole subscription; by size, from one --inventory file; or VM by VM.",
        "vm divides one giant subscription: each shard keeps to 1/N of every rate limit.",
        is_whom=True,
        group=Group.EXPERT,
    )
    proxy: str | None = setting(
        None,
        ProxyUrl(),
        "HTTP proxy for Azure and for sign-in, instead of the one in HTTPS_PROXY; NO_PROXY still counts.",
        "Others on this computer can see flags: put a proxy with a password into FLEETSCAN_PROXY.",
        is_of_process=True,
        group=Group.EXPERT,
    )
    ca_bundle: str | None = setting(
        None,
        OnDisk("FILE", "a file's path"),
        "Trust the CA certificates in this PEM file alone, for Azure and for sign-in.",
        "Default: the file in SSL_CERT_FILE, else in REQUESTS_CA_BUNDLE, else what the system trusts.",
        is_of_process=True,
        group=Group.EXPERT,
    )
    max_in_flight: int = setting(
        64,
        Whole(1, 10_000),
        "Maximum number of concurrent HTTP requests.",
        "Azure's rate limits usually apply first; raise it only if replies are slow.",
        group=Group.PACE,
    )
    rate_share: float = setting(
        1.0,
        Number(0.01, 1.0, percent=0.01),
        "Share of Azure's rate limits this scan may use; 50% (or 0.5) leaves half to others.",
        group=Group.PACE,
    )
    quiet: bool = setting(
        False,
        Switch(),
        "Hide progress and summary; still show notes, warnings and errors.",
        group=Group.OUTPUT,
        letter="q",
    )


@dataclass(frozen=True, slots=True)
class InventorySettings(ListSettings):
    """How `fleetscan inventory` prints a listing."""

    format: str = setting(
        "jsonl",
        OneOf(("jsonl", "json", "table", "csv", "markdown")),
        "jsonl, or json, is one object a line; csv is safe for spreadsheets.",
        group=Group.OUTPUT,
        command="inventory",
    )
    show_excluded: bool = setting(
        False,
        Switch(),
        "Print the VMs that are not selected instead, each with the rule that leaves it out.",
        "They are listed without filters, which takes longer.",
        group=Group.OUTPUT,
    )
