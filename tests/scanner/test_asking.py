"""What was asked for: two runs are of one selection where the same VMs were meant, and never by chance."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from fleetscan.model import Json
from fleetscan.records.asked import chosen_by, is_same
from fleetscan.records.machine_row import row
from fleetscan.scanner.asking import selection_of
from fleetscan.settings.declared import Settings
from tests.records.examples import CLOCK, SCAN_ID, assessed, machine, write_run

BYTES = b"/subscriptions/a/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm\n"


def test_an_inventory_file_is_told_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "vms.txt"
    file.write_bytes(BYTES)
    selection = selection_of(Settings(inventory=str(file)))
    assert selection["inventory_sha256"] == hashlib.sha256(BYTES).hexdigest()
    assert is_same(selection, selection)


def test_the_digest_of_a_run_is_that_of_its_rows(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [row(SCAN_ID, machine(), assessed(), CLOCK)])
    rows = (tmp_path / "run" / "results.jsonl").read_bytes()
    for name in ("run", "run/results.jsonl"):
        selection = selection_of(Settings(inventory=str(tmp_path / name)))
        assert selection["inventory_sha256"] == hashlib.sha256(rows).hexdigest()


def test_standard_input_a_pipe_and_a_missing_file_are_never_the_same_and_never_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # To open the pipe would wait for a writer for ever.
    for name in ("-", str(pipe), str(tmp_path / "gone"), str(tmp_path)):
        selection = selection_of(Settings(inventory=name))
        assert selection["inventory_sha256"] is None
        assert not is_same(selection, selection)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"subscription": ["a", "B"]}, {"subscription": ["b", "A"]}, True),
        ({"subscription": ["a"]}, {"subscription": ["a", "b"]}, False),
        ({"limit": 3}, {"limit": 3}, True),
        ({"limit": 3}, {"limit": None}, False),
        ({"endpoint": "https://M.azure.com:443"}, {"endpoint": "https://m.azure.com"}, True),
        ({"endpoint": "https://m.azure.com:444"}, {"endpoint": "https://m.azure.com"}, False),
        ({"endpoint": "nonsense"}, {"endpoint": "https://m.azure.com"}, False),
        # A setting that a later version adds selects nothing where it is not set.
        ({"limit": 3}, {"limit": 3, "name": None}, True),
        ({"limit": 3}, {"limit": 3, "name": "web-*"}, False),
        ({"limit": 3}, {"limit": 3, "retry_skipped": False, "tag": []}, True),
        ({"tag": ["Env=prod", "a"]}, {"tag": ["A", "env=prod"]}, True),
        ({"tag": ["env=prod"]}, {"tag": ["env=Prod"]}, False),
        ({"exclude_tag": ["env!=lab"]}, {"exclude_tag": ["ENV!=lab"]}, True),
        ({"location": ["West Europe"]}, {"location": ["westeurope"]}, True),
        ({"os": ["Windows"]}, {"os": ["windows"]}, True),
        ({"os": ["windows"]}, {"exclude_os": ["windows"]}, False),
        ({"limit": 3}, {"limit": 3, "inventory_source": "auto"}, True),
        ({"limit": 3}, {"limit": 3, "inventory_source": "compute"}, False),
        (
            {"retry_failed": "latest", "retried_scan_id": "1"},
            {"retry_failed": "latest", "retried_scan_id": "2"},
            False,
        ),
    ],
)
def test_selections_are_the_same_where_the_same_vms_are_meant(
    one: dict[str, Json], other: dict[str, Json], same: bool
) -> None:
    assert is_same(one, other) is same
    assert is_same(other, one) is same


def test_the_endpoint_and_what_follows_from_other_settings_choose_no_vms() -> None:
    assert chosen_by(selection_of(Settings())) == []
    asked = Settings(limit=3, subscription=("a",), retry_failed="run", retry_skipped=True)
    assert chosen_by(selection_of(asked)) == ["subscription", "limit", "retry_failed", "retry_skipped"]
