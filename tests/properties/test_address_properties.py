"""What holds for every id and URL: requests go to the endpoint's origin, whatever an id or a header says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from posixpath import normpath
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetscan.addresses import Origin, VmId, parse_vm_id
from fleetscan.azure.transport import _Gate
from fleetscan.engine.latest_assessment import latest_assessment_query
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.engine.urls import assess_url, follow, view_url
from fleetscan.model import Json, Reply, Target
from fleetscan.records.journal import OperationMoved, event_of
from tests.properties.strategies import (
    headers,
    json_values,
    names,
    subscription_ids,
    targets,
    texts,
    urls,
    vm_ids,
)
from tests.virtual import ENDPOINT

ORIGIN = Origin.of(ENDPOINT)
GATE = _Gate(ORIGIN)
endpoints = st.sampled_from(
    (ENDPOINT, "https://management.usgovcloudapi.net", "http://127.0.0.1:8080", "http://[::1]:8080/arm")
)


def is_sent_as_it_is(url: str) -> bool:
    """Whether the wire lets `url` through to Azure, byte for byte."""
    sent = GATE.url(url)
    return sent is not None and (sent.raw_host or "").lower() == ORIGIN.host


@given(vm_ids())
def test_an_id_is_parsed_whatever_its_case_and_its_key_names_the_same_machine(
    told: tuple[str, str, str, str],
) -> None:
    text, subscription_id, group, name = told
    assert parse_vm_id(text) == VmId(subscription_id, group, name)
    target = Target(text, subscription_id, group, name)
    assert parse_vm_id(target.key) == VmId(subscription_id.lower(), group.lower(), name.lower())
    assert Target(target.key, subscription_id, group, name).key == target.key


ODD = (".", "..", "", "a/b", "a?b", "a#b", "%2e%2e", "a\\b", "a b", "half \ud800", "half\udfff", "x" * 129)


@given(subscription_ids, names, names, st.integers(0, 2), texts | st.sampled_from(ODD))
@example("s-1", "rg", "vm", 2, "..")
@example("s-1", "rg", "vm", 1, "a?b")
def test_what_is_taken_for_an_id_can_be_asked_for_and_all_else_is_a_value_error(
    subscription_id: str, group: str, name: str, place: int, odd: str
) -> None:
    parts = [subscription_id, group, name]
    parts[place] = odd
    text = "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Compute/virtualMachines/{}".format(*parts)
    try:
        told = parse_vm_id(text)
    except ValueError:
        return
    assert [told.subscription_id, told.resource_group, told.name] == parts
    assert not set("?#%\\ ") & set(text)
    assert normpath(text) == text
    assert is_sent_as_it_is(assess_url(ENDPOINT, text, "2022-08-01"))


@pytest.mark.parametrize("name", ["vm-<token>", "<token>", "vm\ufffd"])
def test_an_id_that_was_another_before_it_was_read_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="not a virtual machine's resource id"):
        parse_vm_id(f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/{name}")


@given(targets(), endpoints)
def test_a_machines_own_urls_lead_to_it_at_the_endpoint(target: Target, endpoint: str) -> None:
    base = urlsplit(endpoint)
    for url, tail in (
        (assess_url(endpoint, target.resource_id, "2022-08-01"), "/assessPatches"),
        (view_url(endpoint, target.resource_id, "2022-08-01"), ""),
    ):
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.fragment) == (base.scheme, base.netloc, "")
        assert unquote(parts.path) == f"{base.path}{target.resource_id}{tail}"
        assert _Gate(Origin.of(endpoint)).url(url) is not None
    assert latest_assessment_query(endpoint, target).url.startswith(f"{endpoint}/providers/")


@given(urls, urls)
def test_a_url_is_followed_to_the_endpoint_or_not_at_all(url: str, base: str) -> None:
    base_url = follow(base, f"{ENDPOINT}/", ORIGIN) or f"{ENDPOINT}/a/b?c"
    followed = follow(url, base_url, ORIGIN)
    assert followed is None or is_sent_as_it_is(followed)
    if followed is not None and "://" in url[:8]:
        assert followed == url


@given(st.lists(headers, max_size=5))
def test_an_operation_is_followed_at_the_endpoint_alone(course: list[Mapping[str, str]]) -> None:
    urls = OperationUrls()
    for told in course:
        if urls.take(Reply(202, told), ENDPOINT, ORIGIN) is not None:
            return
        for url in (urls.status_url, urls.location_url()):
            assert url == "" or is_sent_as_it_is(url)


@given(st.lists(headers, max_size=5))
def test_a_trail_reads_back_as_it_was_written(course: list[Mapping[str, str]]) -> None:
    urls = OperationUrls()
    for told in course:
        if urls.take(Reply(202, told), ENDPOINT, ORIGIN) is not None:
            return
    again = OperationUrls.of(urls.told(), ENDPOINT, ORIGIN)
    if not urls.status_url and not urls.location_url():
        assert again is None
    else:
        assert again is not None
        assert (again.status_url, again.location_url()) == (urls.status_url, urls.location_url())


locations = st.one_of(
    urls,
    json_values,
    st.fixed_dictionaries({"at": st.integers() | json_values, "text": urls | json_values}),
)


@given(urls | json_values, locations)
def test_urls_out_of_a_file_lead_to_the_endpoint_or_are_refused(status_url: Json, location: Json) -> None:
    told: Json = {"status_url": status_url, "location": location}
    try:
        event = event_of({"event": "moved", "vm": 0, "urls": told})
    except ValueError:
        return
    assert isinstance(event, OperationMoved)
    urls = OperationUrls.of(event.urls, ENDPOINT, ORIGIN)
    if urls is not None:
        found = [url for url in (urls.status_url, urls.location_url()) if url]
        assert found
        assert all(map(is_sent_as_it_is, found))


@given(st.integers(), st.text("ab&=%", max_size=40))
def test_a_location_is_told_by_what_it_adds_and_found_again(seed: int, added: str) -> None:
    status = f"{ENDPOINT}/operations/1?p=" + "ab&=%" * 30
    at = random.Random(seed).randint(len(ENDPOINT) + 1, len(status))
    location = status[:at] + added + status[at:]
    urls = OperationUrls()
    assert (
        urls.take(Reply(202, {"azure-asyncoperation": status, "location": location}), ENDPOINT, ORIGIN)
        is None
    )
    assert urls.location_url() == location
    assert len(str(urls.told()["location"])) < len(added) + 60 or not added
