"""Operations in number: what they keep while they run and after, and what their URLs share."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from difflib import SequenceMatcher
from urllib.parse import parse_qs, urlsplit

from fleetscan.simulator.cloud import Cloud
from tests.simulator.simulated_cloud import CALM, cloud_of, get, start

CROWD = replace(CALM, machines=2000, limits_speed=100.0)


def assess_all(cloud: Cloud, now: float) -> None:
    """Starts every machine, a thousand a second, and reads each operation at once and long after its end."""
    urls = [
        start(cloud, machine, now + number / 1000).headers["azure-asyncoperation"]
        for number, machine in enumerate(cloud.fleet)
    ]
    for at in (now + 100.0, now + 1e5):
        assert all(get(cloud, url, at + number / 1000).status == 200 for number, url in enumerate(urls))


def test_an_operation_keeps_half_a_kilobyte_however_often_and_late_it_is_read() -> None:
    # Catalogues are made once a process, when first needed.
    assess_all(cloud_of(CROWD), 0.0)
    cloud = cloud_of(CROWD)
    gc.collect()
    tracemalloc.start()
    try:
        assess_all(cloud, 0.0)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / len(cloud.fleet) < 550


def test_two_operations_urls_share_the_certificate_and_nothing_else_of_the_tail() -> None:
    cloud = cloud_of(CALM)
    one, other, *_ = cloud.fleet
    tails = [
        {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        for url in (
            start(cloud, one, 1.0).headers["azure-asyncoperation"],
            start(cloud, other, 2.0).headers["azure-asyncoperation"],
        )
    ]
    assert {name for name in tails[0] if tails[0][name] == tails[1][name]} == {"api-version", "c"}
    assert len(tails[0]["c"]) == 2615
    for name in ("s", "h"):
        matcher = SequenceMatcher(None, tails[0][name], tails[1][name], autojunk=False)
        assert matcher.find_longest_match().size <= 4


def test_a_machines_own_limit_is_the_same_after_two_thousand_others() -> None:
    cloud = cloud_of(replace(CALM, machines=2000, limits_speed=20.0))
    first, *others = cloud.fleet
    # Twenty times six starts at once, and forty a minute again.
    assert [start(cloud, first).status for _ in range(121)] == [202] * 120 + [429]
    for machine in others:
        start(cloud, machine, 1.0)
    reply = start(cloud, first, 3.0)
    assert reply.headers["x-ms-ratelimit-remaining-resource"].endswith("VMGuestPatchOperationResource;1")
