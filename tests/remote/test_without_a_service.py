"""Parts, lease and upload over obstore's own memory: lost answers, other writers, missing parts."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from fleetscan.errors import CannotReadRunError, FleetscanError, LockedError, OutputError
from fleetscan.places import Address, directory_of, place_of, stand_in, told
from fleetscan.remote.fetching import digest, fetch
from fleetscan.remote.lease import Lease, sizes_in
from fleetscan.remote.parts import Sizes, parts_of
from fleetscan.remote.publisher import Publisher
from fleetscan.remote.storage import Storage, StorageError

PLACE = Address.of("az://container/night")


class Losing(Storage):
    """Storage that does what it is asked and, where `loses` says so, gives no answer."""

    def __init__(self) -> None:
        super().__init__(PLACE, MemoryStore())
        self.loses = 0

    def _put(self, name: str, data: bytes, mode: Any) -> str:
        tag = super()._put(name, data, mode)
        if self.loses:
            self.loses -= 1
            raise StorageError(PLACE, "no answer")
        return tag


@pytest.fixture
def storage() -> Losing:
    return Losing()


def publisher_of(storage: Storage, directory: Path) -> Publisher:
    """One that uploads what a test asks it to."""
    failures: list[FleetscanError] = []
    return Publisher(
        storage,
        directory,
        Lease.take(storage),
        Sizes(),
        is_packed=False,
        on_lost=failures.append,
        on_late=failures.append,
    )


def test_a_renewal_whose_answer_was_lost_is_known_again(storage: Losing) -> None:
    lease = Lease.take(storage)
    storage.loses = 1
    with pytest.raises(StorageError, match="no answer"):
        lease.renew(Sizes(1, 2))
    lease.renew(Sizes(3, 4))
    found = storage.read("lease")
    assert found is not None
    assert sizes_in(found[0]) == Sizes(3, 4)


def test_a_lease_that_another_holds_is_not_renewed(storage: Losing) -> None:
    lease = Lease.take(storage)
    storage.put("lease", b'{"host":"elsewhere","pid":7,"id":"x"}')
    with pytest.raises(OutputError, match="process 7 on elsewhere has taken it over"):
        lease.renew(Sizes())


def test_a_lease_is_waited_out_and_refused_where_it_is_renewed_meanwhile(
    storage: Losing, quick: None
) -> None:
    Lease.take(storage)
    assert not Lease.take(storage).was_released

    def renewed(_: str) -> None:
        storage.put("lease", b'{"host":"elsewhere","pid":7}')

    with pytest.raises(LockedError, match="is being written by process 7 on elsewhere"):
        Lease.take(storage, renewed)


@pytest.mark.parametrize("lease", [b"", b"no JSON", b"[]", b'{"is_released":1}', b'{"host":["x"],"pid":"y"}'])
def test_a_lease_that_tells_nothing_is_waited_out_as_another_s(
    storage: Losing, quick: None, lease: bytes
) -> None:
    storage.put("lease", lease)
    notes: list[str] = []
    assert not Lease.take(storage, notes.append).was_released
    assert "was held by another process" in notes[0]


def test_a_part_whose_answer_was_lost_is_gone_on_after(storage: Losing, tmp_path: Path) -> None:
    publisher = publisher_of(storage, tmp_path)
    rows = tmp_path / "results.jsonl"
    rows.write_bytes(b"one\n")
    storage.loses = 1
    with pytest.raises(StorageError, match="no answer"):
        publisher._upload()
    rows.write_bytes(b"one\ntwo\nhalf a ro")
    publisher._upload()
    publisher._upload()
    parts = [storage.read(part.name) for part in parts_of("results", names(storage))]
    assert [part[0] for part in parts if part] == [b"one\n", b"two\n"]


def test_a_part_of_another_writer_ends_the_upload(storage: Losing, tmp_path: Path) -> None:
    publisher = publisher_of(storage, tmp_path)
    (tmp_path / "results.jsonl").write_bytes(b"one\n")
    storage.put("results/000000000000000.jsonl", b"another\n")
    with pytest.raises(OutputError, match="has taken it over"):
        publisher._upload()


def test_how_a_run_is_scanned_goes_up_as_soon_as_it_is_written(storage: Losing, tmp_path: Path) -> None:
    publisher = publisher_of(storage, tmp_path)
    (tmp_path / "journal.jsonl").write_bytes(b"begun\n")
    publisher.begin()
    try:
        assert storage.read("run.json") is None
        (tmp_path / "run.json").write_bytes(b"{}")
        until = time.monotonic() + 8.0
        while storage.read("run.json") is None:
            assert time.monotonic() < until, "later than a first second or two"
            time.sleep(0.05)
    finally:
        publisher.end(None, 5.0)


def test_rows_go_up_before_the_journal_that_tells_of_them(storage: Losing, tmp_path: Path) -> None:
    publisher = publisher_of(storage, tmp_path)
    (tmp_path / "results.jsonl").write_bytes(b"row\n")
    (tmp_path / "journal.jsonl").write_bytes(b"line\n")
    storage.loses = 1
    with pytest.raises(StorageError):
        publisher._upload()
    assert [name for name in names(storage) if "/" in name] == ["results/000000000000000.jsonl"]


def test_a_line_longer_than_a_part_goes_up_whole(
    storage: Losing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscan.remote.publisher.MOST_PART_BYTES", 10)
    publisher = publisher_of(storage, tmp_path)
    (tmp_path / "results.jsonl").write_bytes(b"a\nb\n" + b"c" * 50 + b"\nd\n")
    publisher._upload()
    at = [part.begins_at for part in parts_of("results", names(storage))]
    assert at == [0, 4, 55]


@pytest.mark.parametrize(
    ("object_", "data", "why"),
    [
        ("results/000000000000004.jsonl", None, "lacks a part at byte 4"),
        ("results/000000000000002.jsonl", b"x\n", "lacks a part at byte 4"),
        ("results/000000000000012.jsonl", None, "parts of it are missing"),
        ("results/000000000000000.jsonl", None, "lacks a part at byte 0"),
        ("complete", b"no JSON", "its marker cannot be read"),
        ("run.json", b"{}", r"its run\.json is not the one that it was completed with"),
        ("totals.jsonl", None, r"its totals\.jsonl is not the one that it was completed with"),
        ("results/000000000000004.jsonl", b"x\n", "lacks a part at byte 6"),
        ("results/000000000000004.jsonl", b"cow\n", r"parts of its results\.jsonl are not those"),
        ("results/000000000000016.jsonl", b"row\n", r"parts of its results\.jsonl are not those"),
        ("journal/000000000000000.jsonl", b"x\n", r"parts of its journal\.jsonl are not those"),
    ],
)
def test_a_run_of_which_something_is_missing_or_another_s_is_refused(
    storage: Losing, tmp_path: Path, object_: str, data: bytes | None, why: str
) -> None:
    for number in range(4):
        storage.put(f"results/{4 * number:015d}.jsonl", b"row\n")
    for name in ("run.json", "totals.jsonl"):
        storage.put(name, b'{"exit_code":0}')
    digests = dict.fromkeys(("run.json", "totals.jsonl"), digest(b'{"exit_code":0}'))
    digests |= {"results.jsonl": digest(b"row\n" * 4), "journal.jsonl": digest(b"")}
    marker = {"results_bytes": 16, "journal_bytes": 0, "sha256": digests}
    storage.put("complete", json.dumps(marker).encode())
    assert fetch(storage, tmp_path) == Sizes(16, 0)
    if data is None:
        storage.remove(object_)
    else:
        storage.put(object_, data)
    with pytest.raises(CannotReadRunError, match=why):
        fetch(storage, tmp_path)


def test_an_object_larger_than_any_of_a_run_s_is_not_read(
    storage: Losing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscan.remote.storage.MOST_READ_BYTES", 4)
    storage.put("run.json", b"1234")
    assert storage.read("run.json") is not None
    storage.put("run.json", b"12345")
    with pytest.raises(StorageError, match=r"run\.json has 5 bytes, and nothing of a run has so many"):
        storage.read("run.json")


def test_other_objects_beside_a_run_s_are_none_of_it(storage: Losing) -> None:
    hostile = [
        "results/../../etc/passwd",
        "results/1.jsonl",
        "results/\x1b[31m.jsonl",
        "journal/x",
        "results",
    ]
    assert parts_of("results", [*hostile, "results/000000000000000.jsonl"])[0].begins_at == 0
    assert len(parts_of("results", hostile)) == 0


def test_a_directory_stands_for_a_place_and_for_what_lies_in_it() -> None:
    runs = Address.of("s3://bucket/fleet/runs")
    stand_in("/tmp/x1", runs)  # noqa: S108 - no file is touched
    assert directory_of(runs.below("night")) == "/tmp/x1/night"  # noqa: S108
    assert place_of("/tmp/x1/night") == runs.below("night")  # noqa: S108
    assert told("see /tmp/x1/night/run.json") == "see s3://bucket/fleet/runs/night/run.json"
    assert place_of("/tmp/x2/night") is None  # noqa: S108


@pytest.mark.parametrize("text", ["az://con/a/b", "s3://my.bucket/a=1/b@2", "gs://my_bucket", "az:/con/a/b"])
def test_a_place_is_read_and_written_alike(text: str) -> None:
    assert Address.of(str(Address.of(text))) == Address.of(text)
    assert "://" in str(Address.of(text))


@pytest.mark.parametrize(
    "text",
    [
        "az://",
        "az:///x",
        "ftp://b/x",
        "az://con/..",
        "az://con/.hidden",
        "az://con/a//b",
        "s3://b/" + "x" * 2000,
    ],
)
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be az://"):
        Address.of(text)


def names(storage: Storage) -> list[str]:
    """The objects there are."""
    return [each.name for each in storage.listed()]
