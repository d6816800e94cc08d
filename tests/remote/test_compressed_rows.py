"""Compressed rows: at the end of a complete run, in uploaded parts, and read everywhere as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import fleetscan
from fleetscan.cli.main import run as fleetscan_with
from fleetscan.errors import CannotReadRunError, CannotResumeError
from fleetscan.runs.pruning import remove
from fleetscan.runs.zstd import FRAME_BYTES, open_rows, pack, packed, unpacked
from tests.face.test_live_scan import TOKEN, azure, settings_for
from tests.remote.test_scans_into_storage import names_in, scanned


async def test_a_complete_run_is_compressed_and_reads_as_it_was(tmp_path: Path) -> None:
    async with azure(machines=9) as (_, endpoint):
        plain, _ = await scanned(endpoint, out=str(tmp_path / "plain"))
        summary, heard = await scanned(endpoint, out=str(tmp_path / "night"), compress="zstd")
    assert (plain.exit_code, summary.exit_code, heard.warnings) == (0, 0, [])
    names = {path.name for path in (tmp_path / "night").iterdir()}
    assert names == {"results.jsonl.zst", "totals.jsonl", "run.json", "journal.jsonl"}
    run, other = fleetscan.open_run(tmp_path / "night"), fleetscan.open_run(tmp_path / "plain")
    assert (run.is_complete, run.incomplete) == (True, [])
    assert {row["resource_id"] for row in run.rows()} == {row["resource_id"] for row in other.rows()}


async def test_a_stopped_run_stays_as_it_can_be_resumed_and_is_compressed_at_its_end(tmp_path: Path) -> None:
    out = tmp_path / "night"
    async with azure(machines=12, speed=100.0) as (_, endpoint):
        settings = settings_for(endpoint, out=str(out), compress="zstd", drain_s=0.0, max_in_flight=4)
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            async for _ in live:
                live.stop()
        assert (out / "results.jsonl").is_file()
        async with fleetscan.resume(out, credential=TOKEN) as rest:
            assert (await rest.finish()).exit_code == 0
    assert not (out / "results.jsonl").exists()
    assert sum(1 for _ in fleetscan.open_run(out).rows()) == 12


async def test_a_compressed_run_that_is_resumed_is_told_to_be_complete_and_stays(tmp_path: Path) -> None:
    out = tmp_path / "night"
    async with azure() as (cloud, endpoint):
        await scanned(endpoint, out=str(out), compress="zstd")
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        summary, _ = await scanned(endpoint, out=str(out), resume=True)
        assert (summary.exit_code, summary.totals["listed"]) == (0, 7)
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before
        (out / "run.json").unlink()
        with pytest.raises(CannotResumeError, match="its rows are compressed, and it is not complete"):
            async with fleetscan.scan(
                settings_for(endpoint, out=str(out), resume=True), credential=TOKEN
            ) as live:
                await live.finish()
        assert cloud.ledger.accepted.total() == 7


async def test_every_command_reads_compressed_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "night")
    async with azure() as (_, endpoint):
        await scanned(endpoint, out=out, compress="zstd")
        again, _ = await scanned(endpoint, out=str(tmp_path / "again"), inventory=out)
    assert again.totals["listed"] == 7
    for command in (
        ["report", out],
        ["show", out],
        ["diff", out, out],
        ["export", out, "--out", f"{out}-csv"],
    ):
        assert fleetscan_with(command) == 0
    capsys.readouterr()
    assert fleetscan_with(["schema", "--sql", out]) == 0
    db = duckdb.connect()
    db.execute(capsys.readouterr().out)
    assert db.execute("SELECT count(*) FROM vm").fetchall() == [(7,)]
    remove(tmp_path / "night")
    assert not (tmp_path / "night").exists()


async def test_parts_in_storage_are_compressed_and_read_and_resumed(container: str) -> None:
    place = f"{container}/night"
    async with azure(machines=12, speed=100.0) as (cloud, endpoint):
        settings = settings_for(endpoint, out=place, compress="zstd", drain_s=0.0, max_in_flight=4)
        async with fleetscan.scan(settings, credential=TOKEN) as live:
            async for _ in live:
                live.stop()
        async with fleetscan.resume(place, credential=TOKEN) as rest:
            assert (await rest.finish()).exit_code == 0
        assert max(cloud.ledger.accepted.values()) == 1
    assert {name.rpartition(".")[2] for name in names_in(place) if name.startswith("results/")} == {"zst"}
    assert sum(1 for _ in fleetscan.open_run(place).rows()) == 12


def test_rows_of_several_frames_are_read_end_to_end_and_damage_is_told(tmp_path: Path) -> None:
    line = json.dumps({"text": "x" * 1000}).encode() + b"\n"
    data = line * (FRAME_BYTES // len(line) + 2)
    (tmp_path / "results.jsonl").write_bytes(data)
    pack(tmp_path)
    with open_rows(tmp_path) as rows:
        assert rows.read() == data
    file = tmp_path / "results.jsonl.zst"
    file.write_bytes(file.read_bytes()[:-5] + b"wrong")
    with open_rows(tmp_path) as rows, pytest.raises(OSError, match="it cannot be unpacked"):
        rows.read()


@pytest.mark.parametrize("frame", [b"", b"no frame", packed(b"x" * 100)[:-3]])
def test_what_is_no_whole_frame_is_refused(frame: bytes) -> None:
    assert unpacked(packed(b"rows\n")) == b"rows\n"
    with pytest.raises(ValueError, match=r"cannot be unpacked|is not packed"):
        unpacked(frame)


def test_a_frame_that_would_unpack_to_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="is not packed as a scan packs it"):
        unpacked(packed(b"\0" * (65 * 1024 * 1024)))


def test_without_the_extra_one_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    missing = "import sys; sys.modules['zstandard'] = sys.modules['obstore'] = None; "
    main = "from fleetscan.cli.main import run; sys.exit(run(sys.argv[1:]))"
    for more in (["--compress", "zstd", "--out", str(tmp_path / "run")], ["--out", "az://container/run"]):
        ended = subprocess.run(
            [sys.executable, "-c", missing + main, "scan", "--endpoint", "http://127.0.0.1:1", *more],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 2
        assert "pip install 'fleetscan[storage]'" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_damaged_file_of_rows_is_no_readable_run(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl.zst").write_bytes(b"no frame")
    with pytest.raises(CannotReadRunError, match=r"it has no run\.json"):
        fleetscan.open_run(tmp_path)
