"""A Resource Graph request says what is asked of which subscriptions, and never asks about all."""

from __future__ import annotations

import json

import pytest

from fleetscan.engine.graph_request import graph_request

AZURE = "https://management.azure.com"


def test_a_request_names_query_subscriptions_rows_and_page() -> None:
    request = graph_request(AZURE, "resources", ["a", "b"], rows=500, skip_token="t")
    assert (request.method, request.url) == (
        "POST",
        f"{AZURE}/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01",
    )
    assert json.loads(request.body) == {
        "subscriptions": ["a", "b"],
        "query": "resources",
        "options": {"$top": 500, "resultFormat": "objectArray", "$skipToken": "t"},
    }


def test_a_request_about_no_subscription_is_never_built() -> None:
    with pytest.raises(ValueError, match="at least one subscription"):
        graph_request(AZURE, "resources", [])
