"""The ages of patches in the tables: by publication, else by a history's first sight, else null."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fleetscan.errors import HistoryError
from fleetscan.export.exporting import Format, export_run
from fleetscan.history.seen import seen_by
from fleetscan.history.taking_in import take_in
from fleetscan.judgement.standards import NO_STANDARDS
from fleetscan.records.flat_tables import TABLES
from fleetscan.report.digest import report_of
from fleetscan.runs.reader import open_run
from tests.export.exported import FORMATS, exported
from tests.history.nights import Look, random_nights
from tests.history.test_taking_in import night
from tests.records.odd_runs import ODD_RUNS
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm

NAMES: Mapping[str, list[str]] = {table.name: list(table.columns) for table in TABLES}


def told(run: Path, out: Path, form: Format = "csv", history: Path | None = None) -> dict[str, Any]:
    """By "vm" and by "vm patch": the cells that tell ages."""
    tables = exported(run, out, form, history)
    vms = [dict(zip(NAMES["vm"], row, strict=True)) for row in tables["vm"]]
    found: dict[str, Any] = {
        str(each["name"]): (each["oldest_patch_days"], each["oldest_patch_basis"]) for each in vms
    }
    for row in tables["vm_patch"]:
        each = dict(zip(NAMES["vm_patch"], row, strict=True))
        name = vms[int(str(each["vm_id"])) - 1]["name"]
        found[f"{name} {each['patch']}"] = each["age_days"], each["age_basis"], each["first_seen_on"]
    return found


def begun(path: Path, day: str) -> Path:
    """The run at `path`, which began on this day."""
    edit_facts(path, started_at=f"{day}T23:59:59.000000Z")
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_without_a_history_publication_alone_tells_an_age(tmp_path: Path, form: Format) -> None:
    rows = [
        vm("a", 2, 0, [kb(1, day="2026-08-01"), kb(2, day="2026-07-02")]),
        vm("b", 1, 0, [package("bash")], os_type="Linux"),
        vm("c"),
        unassessed("d"),
    ]
    run = begun(small_run(tmp_path / "run", rows), "2026-08-31")
    assert told(run, tmp_path / "out", form) == {
        "a": (60, "published"),
        "a KB1": (30, "published", None),
        "a KB2": (60, "published", None),
        "b": (None, None),
        "b bash": (None, None, None),
        "c": (None, None),
        "d": (None, None),
    }


@pytest.mark.parametrize("form", FORMATS)
def test_an_age_stands_in_its_bucket_and_an_unknown_one_in_none(tmp_path: Path, form: Format) -> None:
    days = ("2026-08-01", "2026-07-31", "2026-03-04", "2026-03-03")
    rows = [vm("a", 4, 0, [kb(place, day=day) for place, day in enumerate(days, 1)])]
    rows.append(vm("b", 1, 0, [package("bash")], os_type="Linux"))
    tables = exported(begun(small_run(tmp_path / "run", rows), "2026-08-31"), tmp_path / "out", form, None)
    at = NAMES["vm_patch"].index("age_bucket")
    assert [row[at] for row in tables["vm_patch"]] == ["0-30", "31-60", "121-180", ">180", None]
    at = NAMES["vm"].index("oldest_patch_bucket")
    assert [row[at] for row in tables["vm"]] == [">180", None]


@pytest.mark.parametrize("form", FORMATS)
def test_a_history_tells_the_first_sight_and_an_age_where_azure_tells_no_day(
    tmp_path: Path, form: Format
) -> None:
    history = tmp_path / "history.db"
    first = night(tmp_path, 0, {"m0": Look({"KB5034400"}), "m2": Look({"bash"})})
    second = night(
        tmp_path, 9, {"m0": Look({"KB5034400"}), "m2": Look({"bash", "curl"}), "m3": Look({"curl"})}
    )
    take_in(open_run(first), history)
    found = told(second, tmp_path / "out", form, history)
    assert found["m2 bash"] == (9, "first_seen", "2026-08-01")
    # What the history does not have was first seen by this run.
    assert found["m2 curl"] == found["m3 curl"] == (0, "first_seen", "2026-08-10")
    assert found["m2"] == (9, "first_seen")
    days, basis, first_seen_on = found["m0 KB5034400"]
    assert (basis, first_seen_on) == ("published", "2026-08-01")
    assert found["m0"] == (days, "published")


def test_of_a_patch_that_a_list_has_twice_the_older_entry_tells_the_age(tmp_path: Path) -> None:
    twice = [kb(1, title="new", day="2026-08-20"), kb(1, title="old", day="2026-08-01")]
    run = begun(small_run(tmp_path / "run", [vm("a", 2, 0, twice)]), "2026-08-31")
    tables = exported(run, tmp_path / "out", "csv")
    [row] = tables["vm_patch"]
    each = dict(zip(NAMES["vm_patch"], row, strict=True))
    assert (each["patch_name"], each["published_on"]) == ("new (KB1)", "2026-08-20")
    assert each["age_days"] == tables["vm"][0][NAMES["vm"].index("oldest_patch_days")] == 30


def test_a_day_that_has_not_come_yet_is_an_age_of_0(tmp_path: Path) -> None:
    run = begun(small_run(tmp_path / "run", [vm("a", 1, 0, [kb(1, day="2026-09-30")])]), "2026-08-31")
    assert told(run, tmp_path / "out")["a"] == (0, "published")


def test_the_tables_of_random_nights_agree_with_their_histories_and_reports(tmp_path: Path) -> None:
    for seed in range(8):
        (tmp_path / str(seed)).mkdir()
        nights = random_nights(seed, tmp_path / str(seed))
        history = tmp_path / f"{seed}.db"
        for each in nights:
            take_in(open_run(each.path), history)
        chosen = random.Random(seed).choice(nights)
        form = FORMATS[seed % 3]
        found = told(chosen.path, tmp_path / f"{seed}-out", form, history)
        run = open_run(chosen.path)
        with seen_by(history, run.facts) as seen:
            first = {row["name"]: seen.first_seen(row["resource_id"]) for row in run.rows()}
        missing = {key: cells for key, cells in found.items() if " " in key}
        on = chosen.began.date()
        for pair, (days, basis, first_seen_on) in missing.items():
            name, key = pair.split(" ")
            assert first_seen_on == first[name].get(key, on).isoformat(), seed
            if basis == "first_seen":
                assert days == (on - date.fromisoformat(first_seen_on)).days, seed
        judged = report_of(run, NO_STANDARDS, history)["judged"]
        assert judged is not None
        oldest = judged["ages"]["oldest"]
        by_vm = [days for pair, (days, *_) in found.items() if " " not in pair and days is not None]
        assert max(by_vm, default=None) == (None if oldest is None else oldest["days"]), seed
        assert max((days for days, *_ in missing.values()), default=None) == max(by_vm, default=None), seed


@pytest.mark.parametrize("case", ["torn 0", "case twins"])
def test_the_types_are_the_same_with_a_history_that_knows_nothing_of_the_run(
    tmp_path: Path, case: str
) -> None:
    ODD_RUNS[case](tmp_path / "run")
    history = tmp_path / "history.db"
    other = small_run(tmp_path / "other", [vm("z")])
    for run in (other, tmp_path / "run"):
        edit_facts(run, selection={"endpoint": "https://management.azure.com"})
    take_in(open_run(other), history)
    export_run(open_run(tmp_path / "run"), tmp_path / "out", "parquet", history=history)
    with closing(duckdb.connect()) as db:
        for table, names in (("vm", ["oldest_patch_days"]), ("vm_patch", ["age_days", "first_seen_on"])):
            path = str(tmp_path / "out" / f"{table}.parquet")
            kinds = {
                row[0]: row[1] for row in db.execute("DESCRIBE FROM read_parquet($1)", [path]).fetchall()
            }
            assert [kinds[name] for name in names] == ["BIGINT", "DATE"][: len(names)]


def test_a_history_of_another_fleet_is_refused_and_no_file_is_left(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run", [vm("a")])
    edit_facts(run, selection={"endpoint": "https://management.azure.com"})
    take_in(open_run(run), tmp_path / "history.db")
    edit_facts(run, selection={"endpoint": "http://127.0.0.1:8080"})
    with pytest.raises(HistoryError, match=r"and the run .* of http://127"):
        export_run(open_run(run), tmp_path / "out", "csv", history=tmp_path / "history.db")
    assert not (tmp_path / "out").exists()
    with pytest.raises(HistoryError, match="does not exist"):
        export_run(open_run(run), tmp_path / "out", "csv", history=tmp_path / "absent.db")
    assert not (tmp_path / "out").exists()
