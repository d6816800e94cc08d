"""The subscriptions that a scan would go through, and how many VMs Resource Graph counts in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from fleetscan.doctor.findings import Finding, name_of, some, subscriptions
from fleetscan.errors import Remedy
from fleetscan.inventory.choice import NOT_FOUND, choose
from fleetscan.inventory.from_file import read_inventory
from fleetscan.inventory.graph_pages import batches
from fleetscan.inventory.pushed import pushed
from fleetscan.inventory.resource_graph import count_machines
from fleetscan.inventory.subscriptions import Subscription, list_subscriptions
from fleetscan.model import InventoryError
from fleetscan.scanner.blocking import unless_stopped
from fleetscan.scanner.selecting import Ask, fleet_in_file, narrowing_in, selection_in
from fleetscan.settings.examining import DoctorSettings
from fleetscan.settings.selecting import ListSettings


@dataclass(frozen=True, slots=True)
class Selected:
    """The subscriptions to look at; `vms_of` counts the VMs of an inventory file by lower-case id."""

    subscriptions: Sequence[Subscription]
    passed_over: Sequence[Subscription] = ()
    errors: Sequence[InventoryError] = ()
    notes: Sequence[str] = ()
    vms_of: Mapping[str, int] | None = None


async def select(settings: ListSettings, ask: Ask, stop: anyio.Event) -> Selected:
    """What `settings` select, by subscription. Raises what a listing raises."""
    if settings.inventory is not None:
        file = await unless_stopped(partial(read_inventory, settings.inventory), stop)
        fleet = await fleet_in_file(settings, file, selection_in(settings), ask)
        vms_of = Counter(target.subscription_id.lower() for target in fleet.targets)
        named = {each.subscription_id.lower(): each for each in fleet.targets}
        found = [Subscription(each.subscription_id, each.subscription_name) for each in named.values()]
        return Selected(found, errors=fleet.errors, notes=fleet.notes, vms_of=vms_of)
    narrowing_of = await narrowing_in(settings, ask)
    [seen] = await ask([list_subscriptions(settings.endpoint)])
    narrowing = narrowing_of(seen.seen).with_note_of_unseen(seen.seen)
    choice = narrowing.narrowed(choose(seen, settings.subscription))
    chosen = [*choice.chosen, *choice.unseen]
    return Selected(chosen, choice.not_enabled, choice.errors, choice.notes)


def findings_of(selected: Selected) -> list[Finding]:
    """What is said of the list of subscriptions and of the selection."""
    found = [Finding("subscriptions", "failed", _told(error), _remedy(error)) for error in selected.errors]
    notes = [Finding("subscriptions", "warning", note) for note in selected.notes]
    if not selected.subscriptions:
        return [*found, *notes, *([] if found else [_none(selected)])]
    what = f"{subscriptions(len(selected.subscriptions))} selected"
    if selected.passed_over:
        over = some([f"{name_of(each)} ({each.state})" for each in selected.passed_over])
        what += f", {len(selected.passed_over):,} passed over: {over}"
    return [Finding("subscriptions", "ok", what), *found, *notes]


def _remedy(error: InventoryError) -> Remedy:
    if error.remedy is not None:
        return Remedy(error.remedy)
    if error.code == NOT_FOUND:
        return Remedy("check {subscription}, and the identity's access to it", {"subscription": None})
    return Remedy("try again; if it stays, see Azure's status page")


def _none(selected: Selected) -> Finding:
    if selected.vms_of is not None:
        return Finding(
            "subscriptions", "failed", "no VM of the file is selected", Remedy("check the file and the rules")
        )
    if selected.passed_over or selected.notes:
        return Finding(
            "subscriptions", "failed", "no subscription is left to scan", Remedy("check the selection")
        )
    remedy = Remedy(
        "assign the identity the custom role of deploy/azure-role.json on a subscription, or check its tenant"
    )
    return Finding("subscriptions", "failed", "the identity sees no subscription", remedy)


def _told(error: InventoryError) -> str:
    said = error.message or error.code or f"HTTP {error.http_status}"
    return f"subscription {error.subscription_id}: {said}" if error.subscription_id else said


async def count_vms(
    settings: DoctorSettings, selected: Selected, ask: Ask
) -> tuple[dict[str, int] | None, Finding]:
    """How many VMs Resource Graph counts, by lower-case subscription id; None where it cannot be asked."""
    where = [clause for _, clause in pushed(selection_in(settings).rules)]
    include_arc = settings.include_arc
    counts = await ask(
        count_machines(settings.endpoint, [each.id for each in batch], where, include_arc=include_arc)
        for batch in batches(selected.subscriptions)
    )
    broken = [count for count in counts if isinstance(count, str)]
    if broken:
        return None, _no_graph(settings, broken[0])
    vms_of = {key: number for count in counts if isinstance(count, dict) for key, number in count.items()}
    vms = sum(vms_of.values())
    what = f"Resource Graph answers and counts {vms:,} {'VM' if vms == 1 else 'VMs'}"
    return vms_of, Finding("resource_graph", "ok", what)


def _no_graph(settings: DoctorSettings, why: str) -> Finding:
    what = f"Resource Graph {why}"
    if settings.cached_only:
        remedy = Remedy(
            "earlier assessments are kept there alone: try again, or leave out {cached_only}",
            {"cached_only": None},
        )
        return Finding("resource_graph", "failed", what, remedy)
    if settings.inventory_source == "resource-graph" and settings.inventory is None:
        remedy = Remedy("list VMs in another way: {inventory_source}", {"inventory_source": "auto"})
        return Finding("resource_graph", "failed", what, remedy)
    remedy = Remedy("a scan lists VMs through Compute then, and does not see which of them are busy")
    return Finding("resource_graph", "warning", what, remedy)
