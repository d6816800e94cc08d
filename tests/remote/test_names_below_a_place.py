"""How a run below a place of runs is named; what no place is; and what a wrong environment is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fleetscan
from fleetscan.cli.main import run as fleetscan_with
from fleetscan.errors import UsageError
from fleetscan.places import Address
from fleetscan.remote.storage import Storage, StorageError
from tests.face.test_live_scan import TOKEN, azure, settings_for
from tests.remote.azurite import KEY, Azurite

# A scan that lists anything fails there.
NOTHING_SERVES = "http://127.0.0.1:9"


async def scanned(endpoint: str, **more: Any) -> int:
    """How a scan ended."""
    async with fleetscan.scan(settings_for(endpoint, **more), credential=TOKEN) as live:
        return (await live.finish()).exit_code


async def test_a_run_to_retry_is_named_among_the_runs_at_a_place(container: str) -> None:
    runs = f"{container}/runs"
    async with azure(machines=12, failing_pct=50.0) as (_, endpoint):
        assert await scanned(endpoint, runs=runs) == 3
        name = Path(fleetscan.open_run(f"{runs}/latest").path).name
        for retried in ("latest", name, name[:-4], f"{runs}/latest"):
            assert await scanned(endpoint, runs=runs, retry_failed=retried) == 3


async def test_a_folder_that_has_the_name_of_latest_is_no_run(
    container: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = f"{container}/runs"
    async with azure() as (_, endpoint):
        assert await scanned(endpoint, runs=runs) == 0
    Storage.open(Address.of(f"{runs}/latest")).put("run.json", b"{}")
    assert fleetscan_with(["report", "--runs", runs]) == 0
    assert fleetscan_with(["report", "2", "--runs", runs]) == 0
    capsys.readouterr()


async def test_no_scan_writes_its_run_to_the_name_of_latest(container: str) -> None:
    with pytest.raises(UsageError, match="is no place of a run"):
        await scanned(NOTHING_SERVES, out=f"{container}/runs/latest")
    assert list(Storage.open(Address.of(container)).listed()) == []


@pytest.mark.parametrize("setting", ["out", "runs"])
async def test_a_container_that_is_not_there_ends_the_scan_before_it_lists(
    azurite: Azurite, setting: str
) -> None:
    with pytest.raises(StorageError, match="404 ContainerNotFound"):
        await scanned(NOTHING_SERVES, **{setting: "az://no-such/runs"})


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AZURE_STORAGE_ACCOUNT_KEY", "not base64: secret", "the account's key is not base64"),
        ("AZURE_STORAGE_ENDPOINT", "secret", "its endpoint is not a URL"),
        ("AZURE_STORAGE_SAS_TOKEN", "%secret", "the SAS token is not one"),
    ],
)
def test_a_wrong_environment_is_told_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    if variable == "AZURE_STORAGE_ENDPOINT":
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    monkeypatch.setenv(variable, value)
    with pytest.raises(StorageError, match=told) as refused:
        Storage.open(Address.of("az://container/x"))
    assert "secret" not in f"{refused.value} {refused.value.why}"


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be opened"), ("{}", "is not one")])
def test_a_wrong_file_of_credentials_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, why: str
) -> None:
    if content is not None:
        (tmp_path / "key.json").write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    with pytest.raises(StorageError, match=f"the file of credentials {why}"):
        Storage.open(Address.of("gs://bucket/x"))
