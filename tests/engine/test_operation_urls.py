"""An operation's URLs: byte for byte, the newest of each, and small while they wait."""

from __future__ import annotations

import random
import string

import pytest

from fleetscan.addresses import Origin
from fleetscan.engine.operation_urls import OperationUrls
from fleetscan.model import Reply

ARM = "https://management.azure.com"
ORIGIN = Origin.of(ARM)
SIGNATURE = "".join(random.Random(1).choices(string.ascii_letters + "%-_.", k=3000))
STATUS_URL = f"{ARM}/subscriptions/s/operations/7?p=1&api-version=2022-08-01&t=1&c={SIGNATURE}"


def trail_of(status_url: str, location: str) -> OperationUrls:
    urls = OperationUrls()
    headers = {"azure-asyncoperation": status_url, "location": location}
    assert urls.take(Reply(202, {name: url for name, url in headers.items() if url}), ARM, ORIGIN) is None
    return urls


def test_both_urls_come_back_byte_for_byte() -> None:
    chance = random.Random(3)
    for _ in range(500):
        at, text = (
            chance.randrange(len(STATUS_URL)),
            "".join(chance.choices("&=abtx", k=chance.randrange(20))),
        )
        location = STATUS_URL[:at] + text + STATUS_URL[at:] if at > len(ARM) else STATUS_URL + text
        urls = trail_of(STATUS_URL, location)
        assert (urls.status_url, urls.location_url()) == (STATUS_URL, location)


def test_a_location_that_is_signed_apart_comes_back_too() -> None:
    location = STATUS_URL.replace("p=1", "p=1&monitor=true")[:-40] + "x" * 40
    assert trail_of(STATUS_URL, location).location_url() == location


def test_a_recorded_location_is_kept_as_the_few_bytes_it_adds() -> None:
    urls = trail_of(STATUS_URL, STATUS_URL.replace("p=1", "p=1&monitor=true"))
    assert "monitor=true" in repr(urls._location)
    assert len(repr(urls._location)) < 100


@pytest.mark.parametrize("header", ["azure-asyncoperation", "location"])
@pytest.mark.parametrize("url", [f"{ARM}/a?t=<token>", "/a?t=<token>", f"{ARM}/<token>/a"])
def test_a_url_that_repeated_our_token_is_refused_in_a_sentence(header: str, url: str) -> None:
    urls = OperationUrls()
    assert urls.take(Reply(202, {header: url}), ARM, ORIGIN) == (
        f"{header} repeats the token that was sent, and is not followed without it"
    )
    assert (urls.status_url, urls.location_url()) == ("", "")
    assert OperationUrls.of({"status_url": url, "location": ""}, ARM, ORIGIN) is None


def test_a_location_alone_is_kept_whole() -> None:
    assert trail_of("", STATUS_URL).location_url() == STATUS_URL


def test_a_newer_status_url_leaves_the_location_as_it_was() -> None:
    urls = trail_of(STATUS_URL, STATUS_URL + "&monitor=true")
    newer = Reply(200, {"azure-asyncoperation": f"{ARM}/newer"})
    assert urls.take(newer, ARM, ORIGIN) is None
    assert (urls.status_url, urls.location_url()) == (f"{ARM}/newer", STATUS_URL + "&monitor=true")


def test_urls_told_to_a_journal_come_back_byte_for_byte() -> None:
    status_url, location = f"{ARM}/op?a=1&s=x", f"{ARM}/op?a=1&m=t&s=x"
    told = trail_of(status_url, location).told()
    assert told["status_url"] == status_url
    assert len(str(told["location"])) < 40
    back = OperationUrls.of(told, ARM, ORIGIN)
    assert back is not None
    assert (back.status_url, back.location_url()) == (status_url, location)


@pytest.mark.parametrize(
    ("status_url", "location"),
    [("https://evil.example/op", ""), (f"{ARM}/op", "https://evil.example/op"), ("", "")],
)
def test_journalled_urls_that_lead_elsewhere_are_none(status_url: str, location: str) -> None:
    assert OperationUrls.of({"status_url": status_url, "location": location}, ARM, ORIGIN) is None
