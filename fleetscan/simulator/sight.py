"""What the identity may see: Resource Graph leaves out, without an error, what Compute would show or refuse.

Resource Graph has no rows, and counts none, for what one may not read (MicrosoftDocs/azure-docs#28370).
"""

from __future__ import annotations

from fleetscan.simulator.chances import chances
from fleetscan.simulator.estate import Estate
from fleetscan.simulator.fleet import Machine
from fleetscan.simulator.refusals import denied
from fleetscan.simulator.replies import Answer, arm_error
from fleetscan.simulator.roles import Roles
from fleetscan.simulator.scenario import Scenario

_UNREGISTERED = (
    "The subscription is not registered to use namespace 'Microsoft.Compute'. "
    "See https://aka.ms/rps-not-found for how to register subscriptions."
)


class Sight:
    """Which subscriptions and machines the listings of one cloud show."""

    def __init__(self, scenario: Scenario, estate: Estate, roles: Roles) -> None:
        ids = [subscription.subscription_id for subscription in estate.subscriptions]
        self._roles = roles
        self._hidden = frozenset(ids[: scenario.hidden_subscriptions])
        # Every second subscription without machines never had any to do with Compute.
        self._unregistered = frozenset(each.subscription_id for each in estate.empty[::2])
        self._seed = scenario.seed
        self._hidden_pct = scenario.hidden_pct

    def is_in_graph(self, machine: Machine) -> bool:
        """Whether Resource Graph shows a machine and its patches."""
        if not self.is_shown(machine.subscription.subscription_id):
            return False
        return (
            not self._hidden_pct or chances(f"{self._seed}:{machine.key}:hidden")[0] * 100 >= self._hidden_pct
        )

    def is_shown(self, subscription_id: str) -> bool:
        """Whether Resource Graph shows anything of a subscription."""
        return subscription_id not in self._hidden and not self._roles.hides(subscription_id)

    def is_registered(self, subscription_id: str) -> bool:
        """Whether a subscription is registered for Microsoft.Compute."""
        return subscription_id not in self._unregistered

    def refusal_of_list(
        self, subscription_id: str, action: str = "Microsoft.Compute/virtualMachines/read"
    ) -> Answer | None:
        """How a provider refuses to list a subscription's machines; None where it lists them."""
        if self._roles.hides(subscription_id):
            return denied(action, f"/subscriptions/{subscription_id}")
        if not self.is_registered(subscription_id):
            return arm_error(409, "MissingSubscriptionRegistration", _UNREGISTERED)
        return None
