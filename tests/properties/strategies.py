"""What Azure, a proxy or an enemy might send: texts, JSON, ids, URLs, headers, bodies and whole replies."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from hypothesis import strategies as st

from fleetscan.json_text import whole
from fleetscan.model import Fault, Json, Reply, RequestKind, Target
from fleetscan.records.machine_facts import shared_facts
from fleetscan.records.row import MachineFacts
from tests.hostile import HOSTILE
from tests.virtual import ENDPOINT

SHORT_HOSTILE = [text for text in HOSTILE.values() if len(text) < 1000]
SUBSCRIPTION = "3f8c0d5e-1111-2222-3333-444444444444"

# Lone surrogates too, which hypothesis leaves out by itself.
wild_texts = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.sampled_from(SHORT_HOSTILE),
    st.sampled_from(("half \ud800", "\udfff", "\udc80\udbff")),
)
# What has been read has none any more.
texts = wild_texts.map(whole)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)


def _boxes(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)


# Values where none of their kind belongs, and any value; hypothesis' own recursion is several times as slow.
oddities = scalars | _boxes(scalars)
json_values = st.one_of(oddities, wild_texts, _boxes(oddities | wild_texts), _boxes(_boxes(oddities)))


def any_of(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """One of these, all of which draw values of JSON."""
    return st.one_of(*strategies)


def mostly(*plausible: Json) -> st.SearchStrategy[Json]:
    """One of the values that are plausible here, or sometimes anything."""
    return st.sampled_from(plausible) | st.sampled_from(plausible) | oddities


def objects(**fields: st.SearchStrategy[Json]) -> st.SearchStrategy[dict[str, Json]]:
    """An object in which any of these fields may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


# Names as resource ids have them, and as they might: no separator of a URL, no blank, no control.
names = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zs"), exclude_characters="/?#%\\"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
subscription_ids = st.uuids().map(str) | st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True)


CASES: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper)


@st.composite
def vm_ids(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """A virtual machine's id with its words in any case; the subscription, group and name in it."""
    subscription_id, group, name = draw(subscription_ids), draw(names), draw(names)
    in_case = draw(st.sampled_from(CASES))
    vm = in_case("/providers/Microsoft.Compute/virtualMachines/")
    text = f"{in_case('/subscriptions/')}{subscription_id}{in_case('/resourceGroups/')}{group}{vm}{name}"
    return text, subscription_id, group, name


@st.composite
def targets(draw: st.DrawFn) -> Target:
    """Any machine that an inventory could hold."""
    resource_id, subscription_id, group, name = draw(vm_ids())
    facts = {name: draw(st.none() | texts) for name in MachineFacts.__annotations__}
    return Target(
        resource_id,
        subscription_id,
        group,
        name,
        location=draw(st.none() | texts),
        subscription_name=draw(st.none() | texts),
        os_type=draw(st.sampled_from((None, "Windows", "Linux"))),
        power_state=draw(st.sampled_from((None, "running", "deallocated")) | texts),
        tags=draw(st.dictionaries(texts, texts, max_size=3)),
        facts=shared_facts(facts),
    )


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1971, 1, 1), datetime(9990, 1, 1), timezones=OFFSETS)  # noqa: DTZ001
times = st.sampled_from(("2026-01-01T00:00:00.1234567+00:00", "0001-01-01T00:00:00", "2023-02-22T04:01:54Z"))
http_dates = moments.map(lambda moment: format_datetime(moment.astimezone(UTC), usegmt=True))

# Where a URL may lead that is not where it seems to.
AUTHORITIES = (
    ENDPOINT,
    ENDPOINT.upper(),
    f"{ENDPOINT}:443",
    f"{ENDPOINT}:8443",
    f"{ENDPOINT}.example.net",
    f"{ENDPOINT}@example.net",
    f"{ENDPOINT}\\@example.net",
    "https://user:pass@management.azure.com",
    "http://management.azure.com",
    "https://example.net",
    "//example.net",
    "///example.net",
    "https:/example.net",
    "https:example.net",
    "/\\example.net",
    "\t//example.net",
    "https://management.azure.com\n.example.net",
    "https://[::1]",
    "https://[",
    "file://",
    "",
)
PATHS = ("/operations/1?t=1&c=%20a+b", "/operations/1?t=1&monitor=true", "/..//x", "/", "/?p=1#f")
urls = st.one_of(
    st.builds("{}{}".format, st.sampled_from(AUTHORITIES), st.sampled_from(PATHS)),
    st.builds("{}/operations/{}?{}".format, st.just(ENDPOINT), texts, texts),
    st.sampled_from((f"{ENDPOINT}/operations/1?t=1", f"{ENDPOINT}/operations/1?t=1&monitor=true")),
    st.sampled_from(("operations/2", "../3", "?p=1", "#f")),
    texts,
)

retry_afters = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.decimals(-10, 10_000, places=3).map(str),
    st.integers(1, 500).map(lambda digits: "9" * digits),
    http_dates,
    texts,
)
policies = st.sampled_from(("PatchOperation3Min", "GetOperationResource", "Resource")) | st.text(max_size=5)
quotas = st.one_of(
    st.lists(st.builds("Microsoft.Compute/{};{}".format, policies, st.integers().map(str) | texts)).map(
        ",".join
    ),
    st.integers(-5, 10**12).map(str),
    texts,
)

headers = st.fixed_dictionaries(
    {},
    optional={
        "retry-after": retry_afters,
        "retry-after-ms": retry_afters,
        "x-ms-retry-after-ms": retry_afters,
        "date": http_dates | texts,
        "location": urls,
        "azure-asyncoperation": urls,
        "x-ms-correlation-request-id": texts,
        "x-ms-ratelimit-remaining-resource": quotas,
        "x-ms-ratelimit-remaining-subscription-writes": quotas,
        "x-ms-ratelimit-remaining-subscription-global-reads": quotas,
        "x-ms-user-quota-remaining": quotas,
        "x-ms-user-quota-resets-after": st.from_regex(r"[0-9]{1,4}:[0-9]{1,4}:[0-9]{1,5}", fullmatch=True)
        | texts,
    },
)

_error_fields = {
    "code": mostly("TooManyRequests", "SubscriptionRequestsThrottled", "OperationNotAllowed", "Success", ""),
    "message": mostly("no", "the VM is not running", ""),
    "target": mostly("VMGuestPatchOperationResource"),
}
_error: st.SearchStrategy[Json] = objects(**_error_fields) | oddities
_nested = objects(**_error_fields, details=st.lists(_error, max_size=2), innererror=_error, error=_error)
errors: st.SearchStrategy[Json] = st.one_of(
    _error,
    _nested,
    objects(**_error_fields, details=st.lists(_nested, max_size=2), innererror=_nested, error=_nested),
)
patches = any_of(
    st.lists(objects(name=mostly("KB1"), kbId=mostly("1"), classifications=oddities), max_size=3),
    oddities,
)
counts = mostly(0, 1, 17, -1, 2.5, "3", 2**31, 2**63)
small = st.integers(0, 3)
odd_results = objects(
    status=mostly("Succeeded", "CompletedWithWarnings", "Failed", "Unknown", "InProgress"),
    criticalAndSecurityPatchCount=counts,
    otherPatchCount=counts,
    rebootPending=mostly(True, False),
    startDateTime=times | oddities,
    lastModifiedDateTime=times | oddities,
    availablePatches=patches,
    error=errors,
)
good_results = st.fixed_dictionaries(
    {
        "status": st.sampled_from(("Succeeded", "CompletedWithWarnings")),
        "criticalAndSecurityPatchCount": small,
        "otherPatchCount": small,
    },
    optional={"availablePatches": patches, "error": errors, "rebootPending": st.booleans()},
)
results: st.SearchStrategy[dict[str, Any]] = st.one_of(good_results, odd_results)
graph_results = objects(
    status=mostly("Succeeded", "Failed", "InProgress"),
    startDateTime=times | oddities,
    availablePatchCountByClassification=st.dictionaries(
        st.sampled_from(("critical", "security", "other", "updates")), small | counts
    )
    | oddities,
    patches=patches,
    errorDetails=errors,
)
statuses = objects(
    status=mostly("InProgress", "Succeeded", "FAILED", "canceled", "Running"),
    startTime=times | oddities,
    endTime=times | oddities,
    properties=any_of(objects(output=any_of(results, oddities)), oddities),
    error=errors,
)
_summary = objects(
    status=mostly("InProgress", "Succeeded"), startTime=times | oddities, assessmentActivityId=texts
)
views = st.builds(
    lambda summary: {"properties": {"instanceView": {"patchStatus": {"availablePatchSummary": summary}}}},
    _summary | oddities,
)
SUMMARY_TYPE = "Microsoft.Compute/virtualMachines/patchAssessmentResults"
graph_rows = objects(
    id=st.just(f"/subscriptions/{SUBSCRIPTION}/x/patchAssessmentResults/latest") | oddities,
    type=mostly(SUMMARY_TYPE, f"{SUMMARY_TYPE}/softwarePatches"),
    properties=graph_results | oddities,
)
graph_pages = objects(
    totalRecords=mostly(0, 1, 2),
    data=st.lists(graph_rows | oddities, max_size=3) | oddities,
    **{"$skipToken": mostly("", "a", "b", None)},
)
_entry = objects(
    id=vm_ids().map(lambda told: told[0]) | oddities,
    subscriptionId=mostly(SUBSCRIPTION),
    displayName=oddities,
    state=mostly("Enabled"),
    tags=oddities,
    properties=oddities,
)
_entries = st.lists(_entry | oddities, max_size=3)
lists = st.one_of(
    st.fixed_dictionaries({"value": _entries}, optional={"nextLink": urls}),
    objects(value=any_of(_entries, oddities), nextLink=urls | oddities),
)


def written(values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    """Values as the body of a reply."""
    return values.map(lambda value: json.dumps(value).encode())


bodies = st.one_of(
    st.just(b""),
    st.binary(max_size=30),
    written(st.one_of(statuses, results, views, graph_pages, lists, errors, json_values)),
)
USUAL = (200, 200, 202, 202, 204, 400, 401, 403, 404, 408, 409, 410, 429, 500, 502, 503)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Anything an exchange may bring."""
    if draw(st.integers(0, 9)) == 0:
        return Reply(0, fault=draw(st.sampled_from(tuple(Fault))), detail=draw(texts))
    return Reply(draw(st.sampled_from(USUAL) | st.integers(100, 599)), draw(headers), draw(bodies))


FOLLOWED = {
    "azure-asyncoperation": f"{ENDPOINT}/operations/1?t=1",
    "location": f"{ENDPOINT}/operations/1?t=1&monitor=true",
    "date": "Thu, 01 Jan 2026 00:00:00 GMT",
}
# What Azure answers when it is well, by what it was asked.
SENSIBLE: dict[RequestKind, st.SearchStrategy[Reply]] = {
    RequestKind.START: st.just(Reply(202, FOLLOWED)) | st.builds(Reply, st.just(202), headers),
    RequestKind.POLL: st.builds(Reply, st.just(200), st.just({}), written(statuses)),
    RequestKind.RESULT: st.builds(Reply, st.sampled_from((200, 202)), st.just({}), written(results)),
    RequestKind.VIEW: st.builds(Reply, st.just(200), st.just(FOLLOWED), written(views)),
    RequestKind.QUERY_PATCHES: st.builds(Reply, st.just(200), st.just(FOLLOWED), written(graph_pages)),
}
refusals = st.sampled_from((403, 404, 409, 429, 500, 503)).map(Reply) | st.just(Reply(0, fault=Fault.CUT))


def courses() -> st.SearchStrategy[dict[RequestKind, list[Reply]]]:
    """What each kind of request is answered in turn, sensibly or not."""
    return st.fixed_dictionaries(
        {
            kind: st.lists(sensible | refusals | replies(), min_size=1, max_size=4)
            for kind, sensible in SENSIBLE.items()
        }
    )


# Pages of a listing, of either kind.
pages = st.builds(Reply, st.just(200), st.just({}), written(lists | graph_pages))
