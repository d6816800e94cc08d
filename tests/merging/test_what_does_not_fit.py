"""What cannot be merged: each case is one sentence with what to do, exit code 2, and no directory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleetscan.errors import CannotReadRunError, CannotWriteError, FleetscanError, UsageError
from fleetscan.merging.given import given
from fleetscan.merging.merge import merge
from fleetscan.records.run import ShardSubscription
from tests.merging.shard_runs import Made, id_of, subscription_id, write
from tests.records.examples import assessed, machine

ONE, TWO = subscription_id(1), subscription_id(2)
SEEN = [
    ShardSubscription(subscription_id=each, name=None, vms=1, shard=number)
    for number, each in ((1, ONE), (2, TWO))
]


def vms(*names: str, subscription: str = ONE) -> list[Any]:
    """Assessed VMs."""
    made = (machine(name, subscription_id=subscription) for name in names)
    return [(replace(each, resource_id=id_of(subscription, each.name)), assessed()) for each in made]


def shard(number: int, of: int = 2, by: str = "subscription", **more: Any) -> Made:
    """A shard with a VM in a subscription of its own."""
    own = vms(f"vm-{number}", subscription=subscription_id(number))
    return Made(
        f"{number}d000000-0000-4000-8000-000000000000", own, shard=(number, of, by), seen=SEEN, **more
    )


def whole(number: int, **more: Any) -> Made:
    """A scan that is no shard."""
    own = vms(f"vm-{number}", subscription=subscription_id(number))
    return Made(f"{number}e000000-0000-4000-8000-000000000000", own, **more)


def edited(path: Path, **changed: Any) -> None:
    """Change keys of run.json."""
    facts = orjson.loads((path / "run.json").read_bytes())
    (path / "run.json").write_bytes(orjson.dumps({**facts, **changed}))


def refusal(place: Path, *made: Made, edit: Callable[[list[Path]], None] = lambda _: None) -> str:
    """What is said of runs that do not fit together; no directory is made."""
    paths = [write(place / f"r{number}", each) for number, each in enumerate(made, start=1)]
    edit(paths)
    with pytest.raises(FleetscanError) as refused:
        merge([given(path.name, path) for path in paths], place / "out")
    assert refused.value.exit_code == 2
    assert refused.value.remedy is not None or isinstance(refused.value, CannotReadRunError)
    assert not (place / "out").exists()
    return str(refused.value).replace(f"{place}/", "")


def with_principal(tenant_id: str | None) -> Any:
    """Whose token it was."""
    return {"object_id": None, "app_id": None, "tenant_id": tenant_id, "name": None}


def test_two_selections_are_refused_by_name(tmp_path: Path) -> None:
    said = refusal(tmp_path, shard(1), shard(2, selection={"tag": ["env=prod"], "limit": 3}))
    assert said == (
        "shard 1/2 (r1) and shard 2/2 (r2) have two selections: they differ in limit, tag; "
        "merge the runs of one fleet alone"
    )


def test_the_same_selection_in_other_words_is_the_same(tmp_path: Path) -> None:
    one = shard(1, selection={"subscription": [ONE, TWO], "endpoint": "https://management.azure.com/"})
    two = shard(2, selection={"subscription": [TWO.lower(), ONE.lower()]})
    paths = [write(tmp_path / name, made) for name, made in (("r1", one), ("r2", two))]
    assert merge([given(path.name, path) for path in paths], tmp_path / "out").facts["exit_code"] == 0


def test_an_inventory_file_is_known_by_its_content(tmp_path: Path) -> None:
    def of(path: str, digest: str) -> dict[str, Any]:
        return {"inventory": path, "inventory_sha256": digest}

    said = refusal(tmp_path, shard(1, selection=of("a", "1")), shard(2, selection=of("a", "2")))
    assert "they differ in inventory sha256; " in said
    paths = [
        write(tmp_path / f"s{number}", shard(number, selection=of(f"host-{number}/vms", "1")))
        for number in (1, 2)
    ]
    assert merge([given(path.name, path) for path in paths], tmp_path / "out").facts["exit_code"] == 0


def test_two_endpoints_and_two_tenants_are_refused(tmp_path: Path) -> None:
    other = {"endpoint": "https://management.chinacloudapi.cn"}
    assert refusal(tmp_path / "a", shard(1), shard(2, selection=other)) == (
        "r1 asked https://management.azure.com, and r2 https://management.chinacloudapi.cn; "
        "merge the runs of one fleet alone"
    )

    def tenants(paths: list[Path]) -> None:
        for path, tenant_id in zip(paths, ("T1", None, "t2"), strict=True):
            edited(path, principal=with_principal(tenant_id))

    said = refusal(tmp_path / "b", shard(1, 3), shard(2, 3), shard(3, 3), edit=tenants)
    assert said == "r1 is of the tenant t1, and r3 of t2; merge the runs of one fleet alone"


def test_shards_that_were_divided_in_two_ways_are_refused(tmp_path: Path) -> None:
    once = "; merge shards that were divided in one way alone, or scan the others again"
    assert refusal(tmp_path / "a", shard(1, 2), shard(2, 3)) == (
        f"shard 1/2 (r1) and shard 2/3 (r2) are of scans that were divided into other numbers of shards{once}"
    )
    assert refusal(tmp_path / "b", shard(1), shard(2, by="size")) == (
        f"shard 1/2 (r1) was divided by subscription, and shard 2/2 (r2) by size{once}"
    )
    assert refusal(tmp_path / "c", whole(1), shard(2)) == (
        f"shard 2/2 (r2) is a part of a scan, and r1 is not{once}"
    )


def test_the_same_run_and_the_same_shard_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a", shard(1), shard(1)) == (
        "r1 and r2 are the same run (1d000000-0000-4000-8000-000000000000); name each run once"
    )
    again = replace(shard(1), scan_id="9d000000-0000-4000-8000-000000000000")
    assert refusal(tmp_path / "b", shard(1), again) == (
        "shard 1/2 (r1) and r2 are the same shard; name the one that is to count"
    )


def test_whole_scans_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, whole(1), whole(2)) == (
        "r1 and r2 are two scans: neither is a shard, or a retry of the other; `fleetscan diff` compares them"
    )


def test_what_was_merged_of_some_shards_is_not_merged_with_another(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"r{number}", shard(number)) for number in (1, 2))
    merge([given("r1", one)], tmp_path / "some")
    with pytest.raises(UsageError) as refused:
        merge([given("some", tmp_path / "some"), given("r2", two)], tmp_path / "out")
    assert str(refused.value) == (
        "shard 2/2 (r2) is a part of a scan, and some is not; "
        "merge all shards at once, and not what was merged of some"
    )


def test_a_vm_that_two_shards_have_is_refused_whatever_the_case_of_its_id(tmp_path: Path) -> None:
    one, two = (replace(shard(number, by="vm"), vms=vms("vm-0", f"vm-{number}")) for number in (1, 2))
    target, ending = two.vms[0]
    upper = replace(target, resource_id=target.resource_id.upper())
    two = replace(two, vms=[(upper, ending), two.vms[1]])
    said = refusal(tmp_path, one, two)
    assert said == (
        f"shard 1/2 (r1) and shard 2/2 (r2) both have the VM {upper.resource_id}; leave one of the two out"
    )


@pytest.mark.parametrize("is_first", [True, False])
def test_a_vm_that_a_killed_shard_listed_is_its_own(tmp_path: Path, is_first: bool) -> None:
    killed = [(vms("vm-0")[0][0], None)]
    one, two = (replace(shard(number, by="vm"), vms=vms("vm-0", f"vm-{number}")) for number in (1, 2))
    made = (
        (replace(one, vms=killed, end="killed"), two)
        if is_first
        else (one, replace(two, vms=killed, end="killed"))
    )
    assert "shard 1/2 (r1) and shard 2/2 (r2) both have the VM " in refusal(tmp_path, *made)


def test_a_subscription_that_two_shards_scanned_is_refused_unless_divided_by_vm(tmp_path: Path) -> None:
    two = replace(shard(2), vms=vms("vm-2", subscription=ONE.upper()))
    said = refusal(tmp_path / "a", shard(1), two)
    assert said == (
        f"shard 1/2 (r1) and shard 2/2 (r2) both have the subscription {ONE.upper()}; "
        "leave one of the two out"
    )
    by_vm = [replace(shard(number, by="vm"), vms=vms(f"vm-{number}")) for number in (1, 2)]
    paths = [write(tmp_path / f"s{number}", made) for number, made in enumerate(by_vm)]
    merged = merge([given(path.name, path) for path in paths], tmp_path / "out")
    assert merged.totals["listed"] == 2


def test_an_empty_subscription_that_two_shards_scanned_is_refused(tmp_path: Path) -> None:
    both = [ShardSubscription(subscription_id=TWO, name=None, vms=0, shard=number) for number in (1, 2)]
    one, two = (
        replace(shard(number), vms=vms("x", subscription=subscription_id(number + 5))) for number in (1, 2)
    )
    said = refusal(tmp_path, replace(one, seen=[both[0]]), replace(two, seen=[both[1]]))
    assert said.startswith(f"shard 1/2 (r1) and shard 2/2 (r2) both have the subscription {TWO}; ")


def test_two_rows_of_a_vm_in_one_run_are_refused(tmp_path: Path) -> None:
    twice = replace(shard(1), vms=vms("vm-1", "vm-1"))
    said = refusal(tmp_path, twice, shard(2))
    assert said == f"r1 cannot be read as a run: it has two rows of the VM {id_of(ONE, 'vm-1')}"


def test_a_retry_without_the_run_that_it_retried_is_refused(tmp_path: Path) -> None:
    retry = replace(whole(1), retries="7e000000-0000-4000-8000-000000000000")
    said = refusal(tmp_path / "a", retry, shard(2))
    assert said == (
        "r1 scanned VMs of the run 7e000000-0000-4000-8000-000000000000 again, which is not among the runs; "
        "name that run too"
    )
    one, two = whole(1), whole(2)
    in_circle = replace(one, retries=two.scan_id), replace(two, retries=one.scan_id)
    assert "is not among the runs" in refusal(tmp_path / "b", *in_circle)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": "fleetscan.run/2"}, "run.json is of schema fleetscan.run/2; use the version"),
        ({"started_at": "yesterday"}, "run.json tells a time that is none"),
        ({"scan_id": "another"}, "results.jsonl has a row of another run ('1d0"),
    ],
)
def test_a_run_json_that_cannot_be_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    found = refusal(tmp_path, shard(1), shard(2), edit=lambda paths: edited(paths[0], **changed))
    assert found.startswith("r1 cannot be read as a run: ")
    assert said in found


@pytest.mark.parametrize(("number", "of"), [(0, 2), (3, 2), (1, 10**12)])
def test_a_shard_that_cannot_be_is_refused(tmp_path: Path, number: int, of: int) -> None:
    def edit(paths: list[Path]) -> None:
        facts = orjson.loads((paths[0] / "run.json").read_bytes())
        facts["scope"]["shard"] |= {"number": number, "of": of}
        (paths[0] / "run.json").write_bytes(orjson.dumps(facts))

    assert f"says that it is shard {number}/{of}, and no scan is divided so" in refusal(
        tmp_path, shard(1), edit=edit
    )


def test_more_rows_than_the_totals_count_are_refused(tmp_path: Path) -> None:
    def edit(paths: list[Path]) -> None:
        more = replace(shard(1), vms=vms("vm-1", "vm-9"))
        write(tmp_path / "more", more)
        (tmp_path / "more" / "results.jsonl").replace(paths[0] / "results.jsonl")

    said = refusal(tmp_path, shard(1), shard(2), edit=edit)
    assert said == "r1 cannot be read as a run: it has more rows than its totals.jsonl counts VMs"


def test_a_shard_that_was_killed_before_its_first_run_json_is_told(tmp_path: Path) -> None:
    said = refusal(tmp_path, shard(1), shard(2), edit=lambda paths: (paths[1] / "run.json").unlink())
    assert said.startswith("r2 cannot be read as a run: it has no run.json; it may have been stopped before ")
    assert said.endswith("; resume it first, or leave it out: a shard that is left out counts as missing")


def test_a_directory_that_holds_a_run_is_never_written_to(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"r{number}", shard(number)) for number in (1, 2)]
    for out in (paths[0], tmp_path / "other"):
        out.mkdir(exist_ok=True)
        (out / "journal.jsonl").touch()
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(UsageError, match="already holds a run; name another directory"):
            merge([given(path.name, path) for path in paths], out)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_run_is_never_written_into_one_that_it_is_made_of(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"r{number}", shard(number)) for number in (1, 2)]
    (tmp_path / "link").symlink_to(paths[1])
    for out in (paths[0] / "out", paths[0] / "a" / "b", tmp_path / "link" / "out"):
        with pytest.raises(UsageError, match=r"is inside the run r[12]; name a directory outside"):
            merge([given(path.name, path) for path in paths], out)
    assert not [*tmp_path.glob("r?/out"), *tmp_path.glob("r?/a")]
    assert merge([given(path.name, path) for path in paths], tmp_path / "r1b").facts["exit_code"] == 0


def test_a_disk_that_refuses_is_exit_code_4_and_leaves_nothing(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"r{number}", shard(number)) for number in (1, 2)]
    (tmp_path / "file").touch()
    with pytest.raises(CannotWriteError, match="or name another directory with out"):
        merge([given(path.name, path) for path in paths], tmp_path / "file" / "out")
    assert (tmp_path / "file").read_bytes() == b""
