"""Which subscriptions are listed, and what is said of those that are not."""

from __future__ import annotations

import pytest

from fleetscan.errors import UsageError
from fleetscan.inventory.choice import choose
from fleetscan.inventory.subscriptions import Subscription, Subscriptions, list_subscriptions
from fleetscan.model import Fault, InventoryError, Json, ListRequest, Reply, Request, RequestKind
from tests.inventory.listing_driver import AZURE, A, B, ok, page, played, refused

FIRST_URL = f"{AZURE}/subscriptions?api-version=2022-12-01"
PROD = Subscription(A, "Production", "Enabled", "t")
OLD = Subscription(B, "Old", "Disabled", "t")


def entry(subscription: Subscription) -> Json:
    return {
        "subscriptionId": subscription.id,
        "displayName": subscription.name,
        "state": subscription.state,
        "tenantId": subscription.tenant_id,
        "authorizationSource": "RoleBased",
    }


def test_pages_are_followed_to_the_end() -> None:
    found, asks = played(
        list_subscriptions(AZURE),
        page([entry(PROD)], f"{AZURE}/subscriptions?%24skiptoken=x%3D"),
        page([entry(OLD)], ""),
    )
    assert found == Subscriptions((PROD, OLD))
    assert asks == [
        ListRequest(RequestKind.LIST_SUBSCRIPTIONS, Request("GET", FIRST_URL)),
        ListRequest(
            RequestKind.LIST_SUBSCRIPTIONS, Request("GET", f"{AZURE}/subscriptions?%24skiptoken=x%3D")
        ),
    ]


def test_a_relative_next_link_leads_on() -> None:
    _, asks = played(list_subscriptions(AZURE), page([], "/subscriptions?p=2"), page([]))
    assert asks[1].request.url == f"{AZURE}/subscriptions?p=2"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/subscriptions",
        "http://management.azure.com/x",
        f"{AZURE}@evil.test/",
        f"{AZURE}:0/subscriptions?p=2",
        f"{AZURE}:/subscriptions?p=2",
        5,
        {},
        "http://[",
    ],
)
def test_a_next_link_that_leads_away_is_not_followed_and_is_an_error(link: Json) -> None:
    found, _ = played(list_subscriptions(AZURE), page([entry(PROD)], link))
    assert found.seen == (PROD,)
    assert found.error is not None
    assert (found.error.code, found.error.message) == (
        "MalformedReply",
        "a nextLink leads outside Azure's endpoint, or is not a URL",
    )


def test_a_next_link_that_repeated_our_token_is_an_error_and_not_followed_without_it() -> None:
    found, asks = played(list_subscriptions(AZURE), page([entry(PROD)], f"{AZURE}/s?p=2&t=<token>"))
    assert (len(asks), found.seen) == (1, (PROD,))
    assert found.error is not None
    assert found.error.message == "a nextLink repeats the token that was sent, and is not followed without it"


def test_a_next_link_that_comes_again_is_an_error_and_ends_the_list() -> None:
    found, asks = played(
        list_subscriptions(AZURE), page([], f"{AZURE}/s?p=2"), page([entry(PROD)], f"{AZURE}/s?p=2")
    )
    assert len(asks) == 2
    assert found.seen == (PROD,)
    assert found.error == InventoryError(
        None, "MalformedReply", "a nextLink leads back to a page that was read already", 200
    )


@pytest.mark.parametrize("body", [[], None, {}, {"value": None}, {"value": {}}, {"value": "x"}, "x", 5])
def test_a_page_without_values_is_an_error(body: Json) -> None:
    found, _ = played(list_subscriptions(AZURE), ok(body))
    assert found == Subscriptions(
        (), InventoryError(None, "MalformedReply", "a page has no list of values", 200)
    )


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (refused(403, "AuthorizationFailed"), InventoryError(None, "AuthorizationFailed", "no", 403)),
        (Reply(0, fault=Fault.NOT_SENT, detail="refused"), InventoryError(None, "not_sent", "refused", None)),
        (Reply(503), InventoryError(None, None, None, 503)),
        (Reply(204), InventoryError(None, None, None, 204)),
        (Reply(302), InventoryError(None, None, None, 302)),
    ],
)
def test_what_came_before_a_failure_is_kept_and_the_failure_shows(
    reply: Reply, error: InventoryError
) -> None:
    found, _ = played(list_subscriptions(AZURE), page([entry(PROD)], f"{AZURE}/s?p=2"), reply)
    assert found == Subscriptions((PROD,), error)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, {"subscriptionId": None}, {"subscriptionId": "../x"}])
def test_an_entry_without_an_id_is_an_error_beside_the_others(odd: Json) -> None:
    found, _ = played(list_subscriptions(AZURE), page([odd, entry(PROD)]))
    assert found.seen == (PROD,)
    assert found.error == InventoryError(None, "MalformedReply", "a listed subscription has no id", 200)


def test_a_subscription_listed_twice_is_one() -> None:
    found, _ = played(list_subscriptions(AZURE), page([entry(PROD), {"subscriptionId": A.upper()}]))
    assert found.seen == (PROD,)


def test_the_enabled_ones_are_chosen_and_the_others_told() -> None:
    choice = choose(Subscriptions((PROD, OLD)), [])
    assert (choice.chosen, choice.not_enabled, choice.errors) == ((PROD,), (OLD,), ())


@pytest.mark.parametrize(
    ("state", "works"),
    [
        ("enabled", True),
        (None, True),
        ("PastDue", True),
        ("pastdue", True),
        ("Warned", False),
        ("Disabled", False),
        ("Deleted", False),
    ],
)
def test_enabled_and_past_due_subscriptions_work_whatever_the_case_of_the_word(
    state: str | None, works: bool
) -> None:
    assert Subscription(A, state=state).is_working is works


def test_those_named_are_chosen_whatever_their_state_and_the_case_of_their_id() -> None:
    choice = choose(Subscriptions((PROD, OLD)), [B.upper(), A, B])
    assert set(choice.chosen) == {OLD, PROD}
    assert len(choice.chosen) == 2
    assert (choice.not_enabled, choice.errors) == ((), ())


def test_one_named_that_is_not_visible_is_an_error() -> None:
    choice = choose(Subscriptions((PROD,)), [A, B])
    assert choice.chosen == (PROD,)
    [error] = choice.errors
    assert (error.subscription_id, error.code, error.http_status) == (B, "SubscriptionNotFound", None)


def test_one_named_is_tried_while_the_list_itself_is_in_doubt() -> None:
    doubt = InventoryError(None, "AuthorizationFailed", "no", 403)
    choice = choose(Subscriptions((PROD,), doubt), [A, B])
    assert (choice.chosen, choice.unseen, choice.errors) == ((PROD,), (Subscription(B),), ())
    assert choice.notes == (
        "the subscriptions could not all be listed (AuthorizationFailed): those named are tried anyway",
    )


def test_a_list_in_doubt_is_an_error_when_nobody_is_named() -> None:
    doubt = InventoryError(None, "AuthorizationFailed", "no", 403)
    choice = choose(Subscriptions((PROD,), doubt), [])
    assert (choice.chosen, choice.errors) == ((PROD,), (doubt,))


C = "cccccccc-0000-0000-0000-000000000003"
SHOP = Subscription(C, "Shop, \u00c4lt 'n' \x1b[31m more", "Enabled", "t")
SEEN = Subscriptions((PROD, OLD, SHOP))


@pytest.mark.parametrize(
    ("named", "ids"),
    [
        (["Production"], {A}),
        (["PRODUCTION"], {A}),
        (["old"], {B}),
        ([SHOP.name or ""], {C}),
        (["SHOP, a\u0308LT 'N' \x1b[31m MORE"], {C}),
        (["production", A, "Production", A.upper()], {A}),
        (["Production", "Old"], {A, B}),
    ],
)
def test_a_subscription_may_be_named_by_its_name_whatever_its_case_and_state(
    named: list[str], ids: set[str]
) -> None:
    choice = choose(SEEN, named)
    assert ({each.id for each in choice.chosen}, len(choice.chosen), choice.errors) == (ids, len(ids), ())


def test_a_name_that_is_written_exactly_so_is_meant_before_one_of_another_case() -> None:
    lower = Subscription(B, "production")
    assert choose(Subscriptions((PROD, lower)), ["production"]).chosen == (lower,)
    assert choose(Subscriptions((PROD, lower)), ["Production"]).chosen == (PROD,)
    with pytest.raises(UsageError, match=f"2 subscriptions have the name 'PRODUCTION': {A}, {B}"):
        choose(Subscriptions((PROD, lower)), ["PRODUCTION"])


def test_a_name_that_two_subscriptions_have_is_refused_with_both_ids() -> None:
    with pytest.raises(UsageError) as refused:
        choose(Subscriptions((PROD, Subscription(B, "Production"))), ["Production"])
    assert str(refused.value) == (
        f"2 subscriptions have the name 'Production': {A}, {B}; "
        "give the id of the one that is meant with subscription"
    )
    assert refused.value.exit_code == 2


def test_an_id_is_never_a_name() -> None:
    choice = choose(Subscriptions((Subscription(A, B),)), [B])
    assert (choice.chosen, choice.errors[0].subscription_id) == ((), B)


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (["Prodution"], f"; the nearest name is 'Production' ({A})"),
        (["prodution"], f"; the nearest name is 'Production' ({A})"),
        (["Olde"], f"; the nearest name is 'Old' ({B})"),
        ([A[:-1] + "9"], f"; the nearest id is 'Production' ({A})"),
        (["{" + A + "}"], f"; the nearest name is 'Production' ({A})"),
        ([A.replace("-", "")], f"; the nearest name is 'Production' ({A})"),
        ([f"/subscriptions/{A}"], f"; the nearest name is 'Production' ({A})"),
        (["shop,"], f' more" ({C})'),
        (["sho"], "check it and the access to it"),
        (["Staging"], "check it and the access to it"),
        (["3f8c0d5e-1111-2222-3333-444444444444"], "check it and the access to it"),
    ],
)
def test_one_that_is_not_visible_is_an_error_with_the_nearest_where_it_is_near(
    named: list[str], told: str
) -> None:
    [error] = choose(SEEN, named).errors
    assert error.code == "SubscriptionNotFound"
    assert (error.message or "").endswith(told)


def test_a_part_of_a_name_that_two_have_is_near_to_neither() -> None:
    two = Subscriptions((Subscription(A, "Online Web Europe"), Subscription(B, "Online Shop Europe")))
    [error] = choose(two, ["europe"]).errors
    assert (error.message or "").endswith("check it and the access to it")
    [error] = choose(two, ["shop"]).errors
    assert (error.message or "").endswith(f"; the nearest name is 'Online Shop Europe' ({B})")


def test_one_that_is_named_and_does_not_work_is_told_with_its_state() -> None:
    off = Subscription(B, "Old", "Disabled")
    assert choose(Subscriptions((PROD, off)), ["Production", "old"]).notes == (
        f"subscription 'Old' ({B}) is Disabled: Azure may refuse to assess its VMs",
    )
    assert choose(Subscriptions((PROD, Subscription(B, "Old", "PastDue"))), ["old"]).notes == ()


def test_the_names_that_are_found_are_listed_beside_one_that_is_not() -> None:
    choice = choose(SEEN, ["Production", "Staging", "staging"])
    assert choice.chosen == (PROD,)
    assert [(error.subscription_id, error.message) for error in choice.errors] == [
        (
            None,
            "a subscription named 'Staging' is not among the subscriptions that the identity can see; "
            "check it and the access to it",
        )
    ]


def test_a_name_cannot_be_looked_up_while_the_list_is_in_doubt_and_an_id_is_tried() -> None:
    doubt = InventoryError(None, "AuthorizationFailed", "no", 403)
    choice = choose(Subscriptions((PROD,), doubt), ["Production", A, B])
    assert (choice.chosen, choice.unseen) == ((PROD,), (Subscription(B),))
    assert choice.errors == (
        InventoryError(
            None,
            "AuthorizationFailed",
            "the subscriptions could not all be listed (AuthorizationFailed), "
            "so the name 'Production' cannot be looked up",
            403,
        ),
    )
