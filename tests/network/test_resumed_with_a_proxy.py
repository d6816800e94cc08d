"""A resumed run has the proxy and certificates of its own process: a run's files may be a stranger's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fleetscan.scanner.named_run import find_run
from tests.scanner.test_named_runs import named_by, stopped, with_facts
from tests.scanner.test_nights import HOUR_S, Nights
from tests.virtual import EPOCH


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """Before the first night."""
    return Nights(tmp_path)


def kept(run: Path) -> dict[str, object]:
    """The settings that run.json has."""
    settings: dict[str, object] = json.loads((run / "run.json").read_text())["settings"]
    return settings


def test_neither_is_taken_from_the_files_and_both_may_be_told(nights: Nights) -> None:
    run = stopped(nights)

    def of_a_stranger(facts: dict[str, dict[str, str]]) -> None:
        facts["settings"] |= {"proxy": "http://evil:3128", "ca_bundle": "evil.pem", "out": "x"}

    with_facts(run, of_a_stranger)
    named = find_run(str(run), str(nights.runs), HOUR_S, EPOCH)
    settings = named.settings(None, {})
    assert (settings.proxy, settings.ca_bundle) == (None, None)
    told = {"proxy": "http://ann:s3cret@ours:3128", "ca_bundle": "ours.pem"}
    settings = named.settings(None, told)
    assert (settings.proxy, settings.ca_bundle) == (told["proxy"], told["ca_bundle"])


def test_a_run_that_began_with_a_proxy_tells_of_it_without_its_login_to_the_end(nights: Nights) -> None:
    run = stopped(nights, proxy="http://ann:s3cret@proxy:3128")
    assert kept(run)["proxy"] == "http://proxy:3128"
    assert named_by(nights, run).settings(None, {}).proxy is None
    summary = nights.resume(str(run), deadline_s=HOUR_S, proxy="http://bob:0ther@new:1")
    assert (summary.exit_code, kept(run)["proxy"]) == (0, "http://proxy:3128")
    told = "".join(path.read_text() for path in run.iterdir() if path.is_file())
    assert "s3cret" not in told
    assert "0ther" not in told
    assert "bob" not in told
