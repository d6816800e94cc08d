"""A scheduler off this computer has to speak TLS, and what a cluster cannot do is refused at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fleetscan.cluster.address import refuse_open
from fleetscan.cluster.live import check
from fleetscan.errors import SettingError, UsageError
from fleetscan.settings.declared import Settings
from tests.cli.processes import begun, ended

HERE = "tcp://127.0.0.1:8786"


@pytest.mark.parametrize(
    "address",
    [HERE, "tcp://localhost:8786", "tcp://[::1]:8786", "tls://10.0.0.7:8786", "tls://dask.example:8786"],
)
def test_loopback_and_tls_are_taken(address: str) -> None:
    refuse_open(address)


@pytest.mark.parametrize(
    "address",
    [
        *("tcp://10.0.0.7:8786", "tcp://dask.example:8786", "tcp://0.0.0.0:8786"),
        *("tcp://127.0.0.1.example:1", "tcp://localhost.example:8786", "tcp://[::2]:8786"),
    ],
)
def test_a_scheduler_without_tls_beyond_this_computer_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="who reaches it can run code there"):
        refuse_open(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1:8786", "http://127.0.0.1:8786", "ucx://127.0.0.1:1", "tcp://a b:1", "tcp://127.0.0.1"),
        *("tcp://127.0.0.1@dask.example:1", "tcp://dask.example:1@127.0.0.1:1", "tls://dask.example:1/x"),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match="scheduler must be a Dask scheduler's address"):
        Settings(engine="dask", scheduler=address)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scheduler": None}, "no scheduler was named"),
        ({"scheduler": "tcp://10.0.0.7:8786"}, "without TLS"),
        ({"limit": 5}, "limit is not for a scan on a cluster"),
        ({"shard": "1/2"}, "shard is not for a scan on a cluster"),
        ({"retry_failed": "latest"}, "retry-failed is not for a scan on a cluster"),
        ({"compress": "zstd"}, "compress is not for a scan on a cluster"),
        ({"out": "az://account/runs/tonight"}, "and not in object storage"),
        ({"inventory": "-"}, "workers cannot read this process's standard input"),
        ({"out": "-"}, "is kept in a directory"),
        ({"out": None, "runs": None}, "is kept in a directory"),
        ({"out": None, "runs": "runs", "resume": True}, "is resumed in its directory"),
    ],
)
def test_what_a_scan_on_a_cluster_cannot_do_is_refused(more: dict[str, object], words: str) -> None:
    told = {"engine": "dask", "scheduler": HERE, "out": "nowhere", **more}
    with pytest.raises(UsageError, match=words):
        check(Settings(**told))  # type: ignore[arg-type]


def test_a_scan_in_this_process_has_no_scheduler() -> None:
    with pytest.raises(UsageError, match="are for a scan on a Dask cluster"):
        Settings(scheduler=HERE).check_together()


def test_a_directory_of_another_scan_s_shards_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shards" / "1-of-2").mkdir(parents=True)
    with pytest.raises(UsageError, match="already holds the shards of a scan"):
        check(Settings(engine="dask", scheduler=HERE, out=str(tmp_path)))


def test_without_the_extra_one_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "distributed.py").write_text("raise ImportError('not here')\n")
    environment = {"PYTHONPATH": str(blocked)}
    out = str(tmp_path / "run")
    told = ended(begun(environment, "scan", "--engine", "dask", "--scheduler", HERE, "--out", out))
    code, data, words = told
    assert (code, data) == (2, "")
    assert "needs distributed; run: pip install 'fleetscan[dask]'" in words
    assert "Traceback" not in words
    assert not Path(out).exists()


def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    line = ("scan", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9", "--out", str(tmp_path / "run"))
    code, _, words = ended(begun(environment, *line))
    assert code == 4, words
    assert "the scheduler tcp://127.0.0.1:9 cannot be reached" in words
    assert "Traceback" not in words
    assert sys.executable not in words
