"""The views of `fleetscan schema --sql` in DuckDB itself: types, paths, tags, patches and torn lines."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, TypedDict

import duckdb
import orjson
import pytest

from fleetscan.model import Json
from fleetscan.records.duckdb_views import literal_path, views_of
from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.shapes import Count, Tally, UtcTime
from fleetscan.records.sql_types import column_types
from fleetscan.runs.reader import open_run
from fleetscan.runs.zstd import packed
from tests.records.examples import failed, write_run
from tests.records.odd_runs import ODD_RUNS, TITLE, missing, patch, vm
from tests.report.test_terminal_summary import FLEET

VIEWS = ("vm", "vm_patch", "totals", "run")


class Inner(TypedDict):
    """A record inside."""

    list: Annotated[str | None, "A word of SQL."]


class Outer(TypedDict):
    """A record."""

    word: Literal["a", "b"] | None
    count: Annotated[Count | None, "So many."]
    share: float
    flag: Annotated[bool | None, "Whether."]
    time: Annotated[UtcTime | None, "When."]
    tally: Tally
    tags: dict[str, str]
    anything: Annotated[dict[str, Json] | None, "Anything."]
    inner: Inner | None
    inners: Annotated[list[Inner], "Several."]


def test_each_kind_of_field_has_its_type() -> None:
    assert column_types(Outer) == {
        "word": "VARCHAR",
        "count": "BIGINT",
        "share": "DOUBLE",
        "flag": "BOOLEAN",
        "time": "TIMESTAMPTZ",
        "tally": "MAP(VARCHAR, BIGINT)",
        "tags": "MAP(VARCHAR, VARCHAR)",
        "anything": "JSON",
        "inner": 'STRUCT("list" VARCHAR)',
        "inners": 'STRUCT("list" VARCHAR)[]',
    }


@contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the views of the run in `path`."""
    totals = path / "totals.jsonl"
    views = views_of(
        str(path / "results.jsonl"), str(totals) if totals.exists() else None, str(path / "run.json")
    )
    assert views.isascii()
    with duckdb.connect() as db:
        db.execute(views)
        yield db


def types_in(path: Path) -> list[tuple[object, ...]]:
    with opened(path) as db:
        return [row[:2] for view in VIEWS for row in db.execute(f"DESCRIBE {view}").fetchall()]


def test_the_types_are_the_same_whatever_the_rows_hold(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ODD_RUNS["case twins"](tmp_path / "other")
    (tmp_path / "other" / "totals.jsonl").write_bytes(orjson.dumps(FLEET) + b"\n")
    types = types_in(tmp_path / "other")
    assert ("tags", "MAP(VARCHAR, VARCHAR)") in types
    assert ("assessed_at", "TIMESTAMP WITH TIME ZONE") in types
    for case, write in ODD_RUNS.items():
        write(tmp_path / case)
        assert types_in(tmp_path / case) == types, case


def test_tags_that_differ_in_case_alone_are_all_there(tmp_path: Path) -> None:
    ODD_RUNS["case twins"](tmp_path / "run")
    with opened(tmp_path / "run") as db:
        assert db.execute("SELECT tags['Env'], tags['env'], tags['ENV'] FROM vm").fetchall() == [
            ("a", "b", "c"),
            (None, "d", None),
            (None, None, None),
            (None, None, None),
        ]


def as_columns(known: Patch) -> tuple[object, ...]:
    told = asdict(known)
    return (
        told["key"],
        told["name"],
        told["kb"],
        told["version"],
        list(known.classifications),
        known.is_critical_or_security,
        told["reboot_behavior"],
        told["published_on"],
    )


FIELDS = (
    "patch",
    "patch_name",
    "kb",
    "version",
    "classifications",
    "is_critical_or_security",
    "reboot_behavior",
    "published_on::VARCHAR",
)
TIMES = (
    "2026-11-10T23:30:00-05:00",
    "2026-11-10T23:30:00.1234567",
    "2026-11-10t00:30:00+0530",
    "2026-11-10 12:00:00z",
    "2026-11-10",
    "0001-01-01T00:00:00",
    "2026-02-30T00:00:00Z",
    "soon",
    "",
    None,
)


@pytest.mark.parametrize("os_type", ["Windows", "Linux", None])
def test_patches_read_as_the_reader_of_patches_reads_them(tmp_path: Path, os_type: str | None) -> None:
    words: list[Json] = [["Critical"], ["Updates", "SECURITY"], [], None, ["", "Other"], ["Definition"]]
    entries: list[dict[str, Json]] = [
        *(patch(str(number), publishedDate=time) for number, time in enumerate(TIMES, start=1)),
        *(patch(f"KB{number}", classifications=word) for number, word in enumerate(words, start=100)),
        patch("kb 7", "", rebootBehavior="NeverReboots", version="1.2~\u00fc"),
        patch("000", TITLE),
        patch(None, None, patchName="other", publishedDateTime=TIMES[0]),
        patch("12a", ""),
        {"patchId": "id"},
        {},
        {},
    ]
    write_run(tmp_path / "run", [vm("vm-1", missing(*entries), os_type=os_type)])
    [row] = open_run(tmp_path / "run").rows()
    patches = PatchReader().of(row)
    once = {known.key: known for known in reversed(patches)}
    with opened(tmp_path / "run") as db:
        listed = (
            f"SELECT {', '.join(f'p.{field}' for field in FIELDS)} FROM (SELECT unnest(patches) AS p FROM vm)"
        )
        assert db.execute(listed).fetchall() == [as_columns(known) for known in patches]
        found = db.execute(f"SELECT {', '.join(FIELDS)} FROM vm_patch").fetchall()
    assert sorted(found, key=repr) == sorted(map(as_columns, once.values()), key=repr)


def test_entries_that_are_no_objects_are_patches_without_a_name(tmp_path: Path) -> None:
    odd: list[Json] = [None, "text", 7, [], {"name": {"a": 1}, "classifications": "Security"}]
    rows = [vm("vm-1", missing()), vm("vm-2", missing())]
    rows[0]["assessment"], rows[1]["assessment"] = {"availablePatches": odd}, {"availablePatches": "none"}
    write_run(tmp_path / "run", rows)
    with opened(tmp_path / "run") as db:
        found = db.execute("SELECT len(patches), patches[1].patch FROM vm").fetchall()
    assert found == [(5, "(unnamed)"), (None, None)]


def test_a_vm_that_was_not_assessed_misses_nothing_that_is_known(tmp_path: Path) -> None:
    row = vm("vm-1", failed())
    row["source"], row["assessment"] = "operation", {"availablePatches": [patch()]}
    write_run(tmp_path / "run", [row])
    with opened(tmp_path / "run") as db:
        assert db.execute("SELECT len(patches) FROM vm").fetchall() == [(1,)]
        assert db.execute("SELECT count(*) FROM vm_patch").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "name",
    [
        "it's",
        'a "b"',
        "[a]",
        "run*",
        "run?",
        "{a,b}",
        "back\\slash",
        "a\nb",
        "ü \u202e\U0001f642",
        "--",
        "$x",
    ],
)
def test_any_name_of_a_directory_is_that_directory(tmp_path: Path, name: str) -> None:
    for number, place in enumerate((name, "a", "run-1", "runs", "b"), start=1):
        ODD_RUNS["skipped first"](tmp_path / place)
        with (tmp_path / place / "results.jsonl").open("ab") as results:
            results.write((tmp_path / place / "results.jsonl").read_bytes() * (number - 1))
    with opened(tmp_path / name) as db:
        assert db.execute("SELECT count(*) FROM vm").fetchall() == [(501,)]


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        literal_path("/runs/\udcff")


def test_a_run_without_totals_has_an_empty_view_of_them(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [], None)
    with opened(tmp_path / "run") as db:
        assert db.execute("SELECT listed FROM totals WHERE scope = 'fleet'").fetchall() == []
        assert db.execute("SELECT is_complete, exit_code FROM run").fetchall() == [(False, None)]


def test_many_nights_are_read_each_once(tmp_path: Path) -> None:
    for night in ("20261122T020000Z-a", "20261123T020000Z-b"):
        ODD_RUNS["case twins"](tmp_path / night)
    (tmp_path / "latest").symlink_to("20261123T020000Z-b", target_is_directory=True)
    with opened(tmp_path / "latest") as db:
        counted = "SELECT count(*) FROM vm_in('{}/{}/results.jsonl')"
        assert db.execute(counted.format(tmp_path, "2*")).fetchall() == [(8,)]
        assert db.execute(counted.format(tmp_path, "*")).fetchall() == [(12,)]


def test_compressed_nights_and_plain_ones_are_read_by_one_pattern(tmp_path: Path) -> None:
    for night in ("20261122T020000Z-a", "20261123T020000Z-b"):
        ODD_RUNS["case twins"](tmp_path / night)
    plain = tmp_path / "20261122T020000Z-a" / "results.jsonl"
    (plain.parent / "results.jsonl.zst").write_bytes(packed(plain.read_bytes()))
    plain.unlink()
    page = Path(__file__).parents[2] / "docs" / "sql.md"
    [pattern] = set(re.findall(r"vm_(?:patch_)?in\('fleetscan-runs/(.*?)'\)", page.read_text()))
    with opened(tmp_path / "20261123T020000Z-b") as db:
        for table, rows in (("vm_in", 8), ("vm_patch_in", 2 * len(db.execute("FROM vm_patch").fetchall()))):
            assert db.execute(f"SELECT count(*) FROM {table}('{tmp_path}/{pattern}')").fetchall() == [(rows,)]


def test_a_run_that_grows_is_read_as_it_is(tmp_path: Path) -> None:
    ODD_RUNS["torn 0"](tmp_path / "run")
    with opened(tmp_path / "run") as db:
        assert db.execute("SELECT count(*) FROM vm").fetchall() == [(1,)]
        ODD_RUNS["case twins"](tmp_path / "more")
        shutil.copy(tmp_path / "more" / "results.jsonl", tmp_path / "run" / "results.jsonl")
        assert db.execute("SELECT count(*) FROM vm").fetchall() == [(4,)]
