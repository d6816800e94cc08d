"""GET .../managementGroups/{id}/descendants: the groups and subscriptions below one, a page at a time.

Below the root is `corp` with a group for each business unit, and `sandbox` with the subscriptions that have
no machines. Groups compare without case. Facts: Microsoft's documents on management groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from fleetscan.model import Json
from fleetscan.simulator.call import Call
from fleetscan.simulator.estate import UNITS, Estate, Subscription
from fleetscan.simulator.paging import mint_token, read_token
from fleetscan.simulator.replies import Answer, arm_error, compact

PATH = "/providers/Microsoft.Management/managementGroups"
CORP, SANDBOX = "corp", "sandbox"


class ManagementGroups:
    """The groups of one estate; a group's id is its unit's name in lower case, with hyphens."""

    def __init__(self, estate: Estate) -> None:
        self._groups: dict[str, list[str]] = {estate.tenant_id: [CORP, SANDBOX], CORP: [], SANDBOX: []}
        self._subscriptions: dict[str, list[Subscription]] = {SANDBOX: [*estate.empty, estate.disabled]}
        for subscription in estate.subscriptions:
            unit = next(unit for unit in UNITS if subscription.name.startswith(unit))
            self._subscriptions.setdefault(id_of(unit), []).append(subscription)
        units = [id_of(unit) for unit in UNITS if id_of(unit) in self._subscriptions]
        self._groups[CORP] = units
        self._groups |= {unit: [] for unit in units}

    def descendants(self, call: Call, group_id: str, page_size: int) -> Answer:
        """One page of what is below the group; `nextLink` leads to the next."""
        if group_id not in self._groups:
            return arm_error(404, "NotFound", f"'{PATH}/{group_id}' not found")
        token = call.query.get("$skiptoken")
        scope = f"group:{group_id}"
        offset = 0 if token is None else read_token(scope, token)
        if offset is None:
            return arm_error(400, "InvalidSkipToken", "The provided skip token is not valid.")
        everything = list(self._below(group_id))
        body: dict[str, Json] = {"value": [*everything[offset : offset + page_size]]}
        if offset + page_size < len(everything):
            body["nextLink"] = (
                f"{call.base}{PATH}/{group_id}/descendants?api-version={quote(call.query['api-version'])}"
                f"&%24skiptoken={mint_token(scope, offset + page_size)}"
            )
        return compact(body)

    def _below(self, group_id: str) -> Iterator[Json]:
        for child in self._groups[group_id]:
            yield _entry(f"{PATH}/{child}", "Microsoft.Management/managementGroups", child, group_id)
            yield from self._below(child)
        for each in self._subscriptions.get(group_id, ()):
            yield _entry(f"/subscriptions/{each.subscription_id}", "/subscriptions", each.name, group_id)


def id_of(unit: str) -> str:
    """The id of a business unit's group."""
    return unit.lower().replace(" ", "-")


def _entry(resource_id: str, kind: str, display_name: str, parent: str) -> Json:
    return {
        "id": resource_id,
        "type": kind,
        "name": resource_id.rpartition("/")[2],
        "properties": {"displayName": display_name, "parent": {"id": f"{PATH}/{parent}"}},
    }
