"""GET /subscriptions: everything the identity sees, a page at a time, whatever its state."""

from __future__ import annotations

from urllib.parse import quote

from fleetscan.model import Json
from fleetscan.simulator.call import Call
from fleetscan.simulator.estate import Subscription
from fleetscan.simulator.fleet import Fleet
from fleetscan.simulator.paging import mint_token, read_token
from fleetscan.simulator.replies import Answer, arm_error, compact

SCOPE = "subscriptions"


def list_subscriptions(call: Call, fleet: Fleet, page_size: int, *, is_hollow: bool = False) -> Answer:
    """One page; `nextLink` leads to the next, and in a hollow list on and on."""
    query = call.query
    token = query.get("$skiptoken")
    offset = 0 if token is None else read_token(SCOPE, token)
    if offset is None:
        return arm_error(400, "InvalidSkipToken", "The provided skip token is not valid.")
    everyone = fleet.subscriptions
    page = everyone[offset : offset + page_size]
    body: dict[str, Json] = {
        "value": [_entry(subscription, fleet.estate.tenant_id) for subscription in page],
        "count": {"type": "Total", "value": len(page)},
    }
    if is_hollow or offset + page_size < len(everyone):
        body["nextLink"] = (
            f"{call.base}/subscriptions?api-version={quote(query['api-version'])}"
            f"&%24skiptoken={mint_token(SCOPE, offset + page_size)}"
        )
    return compact(body)


def _entry(subscription: Subscription, tenant_id: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription.subscription_id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.subscription_id,
        "tenantId": tenant_id,
        "displayName": subscription.name,
        "state": subscription.state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }
