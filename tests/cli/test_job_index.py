"""A pod of an Indexed Job is told its shard by its index, which counts from 0."""

from __future__ import annotations

import pytest

from fleetscan.cli.job_index import of_this_pod, unused_index
from fleetscan.cli.main import run
from fleetscan.errors import UsageError


@pytest.mark.parametrize(
    ("shard", "environment", "meant"),
    [
        ("/4", {"JOB_COMPLETION_INDEX": "0"}, "1/4"),
        ("/4", {"JOB_COMPLETION_INDEX": "3"}, "4/4"),
        ("2/4", {"JOB_COMPLETION_INDEX": "3"}, "2/4"),
        ("2/4", {}, "2/4"),
        (None, {"JOB_COMPLETION_INDEX": "3"}, None),
    ],
)
def test_the_index_stands_for_the_number_that_is_left_out(
    shard: str | None, environment: dict[str, str], meant: str | None
) -> None:
    assert of_this_pod({"shard": shard, "quiet": True}, environment) == {"shard": meant, "quiet": True}


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (None, "JOB_COMPLETION_INDEX is not set; name the shard, such as --shard 1/4"),
        ("", "JOB_COMPLETION_INDEX is not set"),
        ("4", "/4 has no shard for JOB_COMPLETION_INDEX=4, which counts from 0"),
        ("-1", "JOB_COMPLETION_INDEX must be a whole number from 0, not '-1'"),
        ("\u0663", "must be a whole number"),
        ("9" * 5000, "must be a whole number"),
    ],
)
def test_an_index_that_names_no_shard_is_refused(
    index: str | None, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOB_COMPLETION_INDEX", raising=False)
    if index is not None:
        monkeypatch.setenv("JOB_COMPLETION_INDEX", index)
    assert run(["plan", "--shard", "/4"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "shard", ["0/4", "5/4", "4", "a/b", "1/0", "/0", "1/10001", "1/2/3", "\u0661/4", "-1/4"]
)
def test_what_is_no_shard_is_refused(shard: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", f"--shard={shard}"]) == 2
    assert "--shard must be a shard such as 2/4" in capsys.readouterr().err


def test_a_job_whose_pods_would_all_scan_everything_is_warned_of() -> None:
    assert unused_index(None, {"JOB_COMPLETION_INDEX": "1"}) is not None
    assert unused_index("1/2", {"JOB_COMPLETION_INDEX": "1"}) is None
    assert unused_index(None, {}) is None


def test_a_program_names_its_shard_in_full() -> None:
    from fleetscan.settings.declared import Settings

    with pytest.raises(UsageError, match="must be a shard such as 2/4"):
        Settings(shard="/4")
