"""What assessments find: the truth the ledger tells, the lists, and where a list is cut short."""

from __future__ import annotations

import statistics
from dataclasses import replace

import pytest

from fleetscan.model import Json
from fleetscan.simulator.scenario import Scenario
from tests.simulator.simulated_cloud import CALM, cloud_of, get, result_in, start

UNLIMITED = replace(CALM, machines=500, limits_speed=0)


def results(scenario: Scenario) -> list[dict[str, Json]]:
    """What every machine of a fleet gives, read over the wire."""
    cloud = cloud_of(scenario)
    urls = [start(cloud, machine).headers["azure-asyncoperation"] for machine in cloud.fleet]
    return [result_in(get(cloud, url, 1e6)) for url in urls]


def patches(result: dict[str, Json]) -> list[dict[str, Json]]:
    found = result["availablePatches"]
    assert isinstance(found, list)
    return [patch for patch in found if isinstance(patch, dict)]


def counts(result: dict[str, Json]) -> tuple[int, int]:
    pressing, other = result["criticalAndSecurityPatchCount"], result["otherPatchCount"]
    assert isinstance(pressing, int)
    assert isinstance(other, int)
    return pressing, other


def test_the_ledger_tells_the_result_that_went_over_the_wire() -> None:
    cloud = cloud_of(CALM)
    for machine in cloud.fleet:
        assert cloud.ledger.result_of(machine.key) is None
        url = start(cloud, machine).headers["azure-asyncoperation"]
        assert cloud.ledger.result_of(machine.resource_id) == result_in(get(cloud, url, 300.0))


def test_counts_are_of_the_classifications_in_the_list() -> None:
    for result in results(UNLIMITED):
        words = [str(word) for patch in patches(result) for word in as_list(patch["classifications"])]
        pressing = sum(word in ("Critical", "Security") for word in words)
        assert counts(result) == (pressing, len(words) - pressing)


def test_the_mean_list_is_as_long_as_the_scenario_says() -> None:
    lengths = [len(patches(result)) for result in results(replace(UNLIMITED, machines=3000))]
    assert statistics.mean(lengths) == pytest.approx(20, rel=0.06)
    assert lengths.count(0) > 200


def test_no_patch_is_listed_twice() -> None:
    for result in results(replace(UNLIMITED, patches=60)):
        names = [patch["name"] for patch in patches(result)]
        assert len(names) == len(set(names))


def test_windows_patches_name_their_kb_in_the_title() -> None:
    windows = [patch for result in results(UNLIMITED) for patch in patches(result) if "kbId" in patch]
    assert windows
    assert all(f"(KB{patch['kbId']})" in str(patch["name"]) for patch in windows)


def test_a_truncated_list_is_shorter_than_its_counts_and_says_so() -> None:
    for result in results(replace(UNLIMITED, truncated_pct=100)):
        assert len(patches(result)) < sum(counts(result))
        assert result["status"] == "CompletedWithWarnings"
        assert "PACKAGE_LIST_TRUNCATED" in str(result["error"])


def test_a_warned_assessment_keeps_its_counts() -> None:
    for result in results(replace(UNLIMITED, warned_pct=100)):
        assert result["status"] == "CompletedWithWarnings"
        assert len(patches(result)) == sum(counts(result))


def test_nobody_misses_anything_where_the_mean_is_0() -> None:
    assert {counts(result) for result in results(replace(UNLIMITED, patches=0))} == {(0, 0)}


def as_list(value: Json) -> list[Json]:
    assert isinstance(value, list)
    return value
