"""Subscriptions, resource groups and machines on which every start is refused: locked, disabled or denied.

Which ones is drawn from the scenario's seed. Reads are answered as ever: a lock is read-only, and a disabled
subscription was enabled when it was listed.
"""

from __future__ import annotations

import random

from fleetscan.simulator.fleet import Fleet, Machine
from fleetscan.simulator.refusals import denied, disabled, locked
from fleetscan.simulator.replies import Answer
from fleetscan.simulator.scenario import Scenario

ASSESS = "Microsoft.Compute/virtualMachines/assessPatches/action"
ASSESS_ARC = "Microsoft.HybridCompute/machines/assessPatches/action"


class Locks:
    """The scopes that refuse every start: each id as Azure writes it, by itself in lower case.

    No scope is drawn inside another.
    """

    def __init__(self, scenario: Scenario, fleet: Fleet) -> None:
        draw = random.Random(f"{scenario.seed}:locks")
        self.denied: dict[str, str] = {}
        self.locked: dict[str, str] = {}
        subscriptions = _shuffled(draw, {subscription_of(machine) for machine in fleet})
        self.disabled = _taken(subscriptions, scenario.disabled_subscriptions)
        self.locked |= _taken(subscriptions, scenario.locked_subscriptions)
        groups = _shuffled(draw, {group_of(machine) for machine in fleet if not self._is_within(machine)})
        self.locked |= _taken(groups, scenario.locked_groups)
        self.denied = _taken(groups, scenario.denied_groups)
        machines = _shuffled(draw, {machine.resource_id for machine in fleet if not self._is_within(machine)})
        self.locked |= _taken(machines, scenario.locked_machines)

    def refusal(self, machine: Machine) -> Answer | None:
        """The error that a start of `machine` meets because of where it is; None where it meets none."""
        scopes = scopes_of(machine)
        if any(scope in self.denied for scope in scopes):
            return denied(ASSESS_ARC if machine.is_arc else ASSESS, machine.resource_id)
        if scopes[0] in self.disabled:
            return disabled(machine.subscription.subscription_id)
        named = [self.locked[scope] for scope in scopes if scope in self.locked]
        return locked(machine.resource_id, named) if named else None

    def _is_within(self, machine: Machine) -> bool:
        """Whether the machine is in one of the scopes already drawn."""
        known = {*self.locked, *self.disabled, *self.denied}
        return not known.isdisjoint(scopes_of(machine))


def subscription_of(machine: Machine) -> str:
    """The id of a machine's subscription."""
    return f"/subscriptions/{machine.subscription.subscription_id}"


def group_of(machine: Machine) -> str:
    """The id of a machine's resource group."""
    return f"{subscription_of(machine)}/resourceGroups/{machine.resource_group}"


def scopes_of(machine: Machine) -> tuple[str, str, str]:
    """The ids of its subscription, its group and itself, in lower case."""
    return subscription_of(machine).lower(), group_of(machine).lower(), machine.key


def _shuffled(draw: random.Random, ids: set[str]) -> list[str]:
    ordered = sorted(ids)
    draw.shuffle(ordered)
    return ordered


def _taken(ids: list[str], count: int) -> dict[str, str]:
    """The first `count` ids, by themselves in lower case; they are taken out of the list."""
    taken = ids[:count]
    del ids[:count]
    return {each.lower(): each for each in taken}
