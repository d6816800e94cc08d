"""The files in deploy/ are what their systems take, and hold to their word on rights and exit codes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.config_file import read_config
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import settings_of
from tests.deploy import files as deploy
from tests.deploy.files import AZURE, CHECKOUT, GITHUB, KUBERNETES, SYSTEMD, Document

PROGRAMS = Path(sys.executable).parent
LONG_S = 60.0
# Where an exit code of fleetscan says that it ended by itself.
OWN_CODES = {1, 2, 3, 4, 5, 70}
KILLED, TERMINATED = 137, 143


def ended(*command: str) -> subprocess.CompletedProcess[str]:
    """How a checker ends, with all it says."""
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=LONG_S, check=False)


def pipelines_text(value: Any, *, is_task: bool = False) -> Any:
    """A pipeline as the schema of Azure Pipelines sees it: what is not of a task is text."""
    if isinstance(value, dict):
        return {key: pipelines_text(each, is_task=is_task or "task" in value) for key, each in value.items()}
    if isinstance(value, list):
        return [pipelines_text(each, is_task=is_task) for each in value]
    if is_task or isinstance(value, str):
        return value
    return str(value).lower()


def test_kubernetes_takes_every_object() -> None:
    told = ended(str(PROGRAMS / "kubernetes-validate"), "--strict", str(KUBERNETES))
    assert told.returncode == 0, told.stdout + told.stderr
    assert (
        (told.stdout + told.stderr).count(" passed for resource ") == len(deploy.documents(KUBERNETES)) == 6
    )


def test_a_word_that_kubernetes_does_not_know_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(KUBERNETES.read_text().replace("concurrencyPolicy", "concurencyPolicy"))
    assert ended(str(PROGRAMS / "kubernetes-validate"), "--strict", str(wrong)).returncode != 0


def test_github_takes_the_workflow() -> None:
    arguments = ("--regex-variant", "nonunicode", "--builtin-schema", "vendor.github-workflows", str(GITHUB))
    told = ended(str(PROGRAMS / "check-jsonschema"), *arguments)
    assert told.returncode == 0, told.stdout


def test_azure_pipelines_takes_the_pipeline_and_the_inputs_of_its_tasks() -> None:
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "azure-pipelines.json"
    validator = jsonschema_rs.validator_for(json.loads(schema.read_text(encoding="utf-8")))
    [pipeline] = deploy.documents(AZURE)
    assert validator.is_valid(pipelines_text(pipeline))
    [scan] = [step for step in deploy.steps(AZURE) if step.get("task") == "AzureCLI@2"]
    scan["inputs"]["keepSessionActive"] = True
    [pipeline["jobs"][0]["steps"]] = [[scan]]
    assert not validator.is_valid(pipelines_text(pipeline))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not on this computer")
def test_systemd_takes_the_units_and_finds_little_exposed(tmp_path: Path) -> None:
    for path in SYSTEMD.iterdir():
        folder = tmp_path / "fleetscan.service.d" if path.suffix == ".conf" else tmp_path
        folder.mkdir(exist_ok=True)
        own = path.read_text().replace("/opt/fleetscan/bin/fleetscan", str(PROGRAMS / "fleetscan"))
        (folder / path.name).write_text(own)
    service, timer = str(tmp_path / "fleetscan.service"), str(tmp_path / "fleetscan.timer")
    told = ended("systemd-analyze", "verify", "--man=no", service, timer)
    assert (told.returncode, told.stderr) == (0, "")
    # In tenths: 10.0 is a service without any bound.
    told = ended("systemd-analyze", "security", "--offline=true", "--threshold=20", service)
    assert told.returncode == 0, told.stdout


def test_systemd_starts_again_after_a_kill_alone_and_waits_for_the_drain() -> None:
    told = deploy.unit("fleetscan.service")
    assert told["Restart"] == ["on-abnormal"]
    assert told["SuccessExitStatus"] == ["3"]
    assert not {"RestartForceExitStatus", "RestartPreventExitStatus"} & set(told)
    assert told["TimeoutStopSec"] == ["60s"]
    assert told["KillMode"] == ["mixed"]
    assert Settings().drain_s + 10.0 <= 60.0
    timer = deploy.unit("fleetscan.timer")
    assert (timer["Persistent"], timer["OnCalendar"]) == (["yes"], ["*-*-* 02:00:00 UTC"])


def test_a_pod_that_is_killed_or_taken_away_is_replaced_and_one_that_ends_by_itself_is_not() -> None:
    job = deploy.manifest("CronJob")["spec"]["jobTemplate"]["spec"]
    disruption, kill, own = job["podFailurePolicy"]["rules"]
    assert disruption == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert (kill["action"], set(kill["onExitCodes"]["values"])) == ("Count", {KILLED, TERMINATED})
    assert (own["action"], set(own["onExitCodes"]["values"])) == ("FailJob", OWN_CODES)
    assert {rule["onExitCodes"]["operator"] for rule in (kill, own)} == {"In"}
    names = [container["name"] for container in deploy.pod_of("fleetscan")["containers"]]
    assert [rule["onExitCodes"]["containerName"] for rule in (kill, own)] == names * 2
    # What the policy needs: a pod that has ended is not started again in its place.
    assert (job["podReplacementPolicy"], job["backoffLimit"]) == ("Failed", 6)


@pytest.mark.parametrize("name", ["fleetscan", "fleetscan-prune"])
def test_a_pod_has_no_rights_and_one_volume_to_write_to(name: str) -> None:
    cron, pod = deploy.manifest("CronJob", name), deploy.pod_of(name)
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["restartPolicy"] == "Never"
    assert not pod["automountServiceAccountToken"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 10001
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    claim = deploy.manifest("PersistentVolumeClaim")["metadata"]["name"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim
    assert container["volumeMounts"][0]["mountPath"] == container["workingDir"] == "/var/lib/fleetscan"


def test_the_scan_s_pod_has_an_identity_time_to_drain_and_an_end() -> None:
    job = deploy.manifest("CronJob")["spec"]["jobTemplate"]["spec"]
    pod = deploy.pod_of("fleetscan")
    assert job["template"]["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    account = deploy.manifest("ServiceAccount")["metadata"]
    assert pod["serviceAccountName"] == account["name"]
    assert "azure.workload.identity/client-id" in account["annotations"]
    assert pod["terminationGracePeriodSeconds"] >= Settings().drain_s + 10.0
    # `--deadline 4h`, and so long again for pods that take its place.
    assert job["activeDeadlineSeconds"] == 21_600 < Settings().resume_within_s
    assert "4h" in pod["containers"][0]["args"]


def test_the_config_map_has_the_settings_of_the_nightly_file_that_matter_there(tmp_path: Path) -> None:
    told = deploy.manifest("ConfigMap")["data"]["nightly.toml"]
    path = tmp_path / "nightly.toml"
    path.write_text(told)
    assert read_config(str(path), Settings)
    nightly = tomllib.loads((CHECKOUT / "configs" / "nightly.toml").read_text())
    nightly.pop("quiet", None)
    assert tomllib.loads(told) == nightly


def test_the_container_is_not_root_s_and_each_package_is_pinned() -> None:
    told = deploy.instructions()
    words = [word for word, _ in told]
    assert words.count("FROM") == 2
    assert dict(told)["USER"] == "10001:10001"
    assert words.index("USER") > len(words) - 1 - words[::-1].index("RUN")
    base = next(rest for word, rest in told if word == "ARG")
    assert ":" in base
    assert "latest" not in base
    pinned = dict(told[: words.index("RUN")])["ENV"]
    assert pinned.split() == [
        "PIP_CONSTRAINT=/src/configs/constraints.txt",
        "PIP_BUILD_CONSTRAINT=/src/configs/constraints.txt",
    ]
    assert "pip install" in next(rest for word, rest in told if word == "RUN")


def test_what_the_container_copies_is_enough_to_build_the_package(tmp_path: Path) -> None:
    copies = [rest.split() for word, rest in deploy.instructions() if word == "COPY" and "--from" not in rest]
    for *sources, target in copies[:4]:
        for source in sources:
            place = tmp_path / target / Path(source).name if target.endswith("/") else tmp_path / target
            place.parent.mkdir(exist_ok=True, parents=True)
            if (CHECKOUT / source).is_dir():
                shutil.copytree(CHECKOUT / source, place)
            else:
                shutil.copy(CHECKOUT / source, place)
    out = tmp_path / "dist"
    told = ended(
        sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(out), str(tmp_path)
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert [path.name for path in out.iterdir()] == ["fleetscan-0.1.0-py3-none-any.whl"]
    assert (tmp_path / "configs" / "constraints.txt").exists()


def test_every_command_line_has_commands_and_flags_that_there_are() -> None:
    lines = deploy.all_command_lines()
    assert len(lines) >= 9
    for program, name, *words in lines:
        assert program.rpartition("/")[2] == "fleetscan"
        settings = COMMANDS[name].settings
        assert settings is not None
        known = {"--config", *(setting.flag for setting in settings_of(settings()))}
        assert {word for word in words if word.startswith("--")} <= known
    scans = [words for _, name, *words in lines if name == "scan"]
    assert len(scans) == 5
    assert all("--resume" in words and "--deadline" in words for words in scans)


def test_pipelines_have_no_secret_and_ask_for_an_identity_token() -> None:
    [workflow] = deploy.documents(GITHUB)
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["scan"]["permissions"] == {"contents": "read", "id-token": "write"}
    texts = [path.read_text(encoding="utf-8") for path in (GITHUB, AZURE)]
    assert not [text for text in texts if "secrets." in text or "CLIENT_SECRET" in text]
    [scan] = [step for step in deploy.steps(AZURE) if step.get("task") == "AzureCLI@2"]
    assert scan["inputs"]["keepAzSessionActive"] is True
    minutes: list[Document] = [workflow["jobs"]["scan"], deploy.documents(AZURE)[0]["jobs"][0]]
    # `--deadline 5h`, 300 minutes, ends before the job does.
    assert [minutes[0]["timeout-minutes"], minutes[1]["timeoutInMinutes"]] == [330, 330]
