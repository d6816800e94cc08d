"""The files in deploy/ that scan in shards are what their systems take, and no shard's end ends another."""

from __future__ import annotations

import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from azure.mgmt.appcontainers import models

from fleetscan.cli.commands import COMMANDS
from fleetscan.cli.config_file import read_config
from fleetscan.settings.declared import Settings
from fleetscan.settings.setting import settings_of
from tests.deploy import files as deploy
from tests.deploy import shard_files as shards
from tests.deploy.files import CHECKOUT, Document
from tests.deploy.shard_files import GITHUB, KUBERNETES, strangers
from tests.deploy.test_files import KILLED, OWN_CODES, TERMINATED, ended

PROGRAMS = Path(sys.executable).parent


def app_jobs() -> list[Document]:
    """The two resources of the template as Azure gets them, but for what is of the template alone."""
    told = shards.template()
    return [
        shards.expanded(
            {key: each[key] for key in each if key not in ("apiVersion", "copy")}, told["variables"]
        )
        for each in told["resources"]
    ]


def command_lines(script: str) -> list[list[str]]:
    """The command lines of fleetscan in a script."""
    joined = script.replace("\\\n", " ").replace("|| ", "\n").replace("exec ", "\n")
    return [
        shlex.split(line) for line in map(str.strip, joined.splitlines()) if line.startswith("fleetscan ")
    ]


def all_scripts() -> list[str]:
    """Every script that runs fleetscan."""
    scripts = [shards.manifest("ConfigMap")["data"]["pod.sh"], *map(shards.app_script, ("scan", "merge"))]
    return scripts + [script for job in ("scan", "merge") for _, script in shards.workflow_scripts(job)]


def test_kubernetes_takes_every_object() -> None:
    told = ended(str(PROGRAMS / "kubernetes-validate"), "--strict", str(KUBERNETES))
    assert told.returncode == 0, told.stdout + told.stderr
    assert (told.stdout + told.stderr).count(" passed for resource ") == 5


def test_github_takes_the_workflow() -> None:
    arguments = ("--regex-variant", "nonunicode", "--builtin-schema", "vendor.github-workflows", str(GITHUB))
    told = ended(str(PROGRAMS / "check-jsonschema"), *arguments)
    assert told.returncode == 0, told.stdout


def test_azure_s_own_library_knows_every_word_of_the_container_apps_jobs() -> None:
    for job in app_jobs():
        job["identity"].pop("userAssignedIdentities")
        assert strangers(job, models.Job) == []
        [volume] = job["properties"]["template"]["volumes"]
        assert volume["storageType"] in {each.value for each in models.StorageType}
        job["properties"]["configuration"]["replicaRetries"] = 1
        volume["storage"] = "fleetscan"
        assert strangers(job, models.Job) == [
            ".properties.configuration.replicaRetries",
            ".properties.template.volumes.storage",
        ]


def test_each_shard_has_an_index_and_the_last_one_is_the_merge_s() -> None:
    job, told = shards.pod_job(), shards.pod_environment()
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == int(told["SHARDS"]) + 1
    # The merge waits past the deadline of every shard, and is done before all pods are ended.
    assert 4 * 60 < int(told["MERGE_AFTER_MIN"]) < job["activeDeadlineSeconds"] / 60
    assert job["activeDeadlineSeconds"] < Settings().resume_within_s
    assert shards.manifest("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteMany"]


def test_a_pod_is_replaced_as_in_the_job_of_one_pod_and_ends_no_other() -> None:
    job, whole = shards.pod_job(), deploy.manifest("CronJob")["spec"]["jobTemplate"]["spec"]
    disruption, kill, own = job["podFailurePolicy"]["rules"]
    assert disruption == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert (kill["action"], set(kill["onExitCodes"]["values"])) == ("Count", {KILLED, TERMINATED})
    assert (own["action"], set(own["onExitCodes"]["values"])) == ("FailIndex", OWN_CODES)
    assert job["backoffLimitPerIndex"] == whole["backoffLimit"]
    assert job["podReplacementPolicy"] == "Failed"
    assert "maxFailedIndexes" not in job


def test_a_pod_has_the_rights_and_the_identity_of_the_job_of_one_pod() -> None:
    pod, whole = shards.pod_job()["template"]["spec"], deploy.pod_of("fleetscan")
    [container], [known] = pod["containers"], whole["containers"]
    for name in (
        "restartPolicy",
        "serviceAccountName",
        "automountServiceAccountToken",
        "securityContext",
        "volumes",
    ):
        assert pod[name] == whole[name]
    assert pod["terminationGracePeriodSeconds"] == whole["terminationGracePeriodSeconds"]
    for name in ("image", "workingDir", "securityContext", "volumeMounts"):
        assert container[name] == known[name]
    assert {"name": "FLEETSCAN_AUTH", "value": "workload-identity"} in container["env"]


def test_the_settings_of_a_shard_are_the_nightly_ones_that_are_a_shard_s(tmp_path: Path) -> None:
    told = shards.manifest("ConfigMap")["data"]["shard.toml"]
    path = tmp_path / "shard.toml"
    path.write_text(told)
    assert read_config(str(path), Settings)
    nightly = tomllib.loads((CHECKOUT / "configs" / "nightly.toml").read_text())
    assert tomllib.loads(told).items() <= nightly.items()
    assert nightly.keys() - tomllib.loads(told).keys() == {"last-run", "history", "sla"}


def test_a_container_apps_job_is_made_for_each_shard_and_one_for_the_merge() -> None:
    scan, merge = shards.template()["resources"]
    assert scan["copy"]["count"] == "[parameters('shards')]"
    assert "copy" not in merge
    for job in (scan, merge):
        told = job["properties"]["configuration"]
        assert told["scheduleTriggerConfig"]["parallelism"] == 1
        # Container Apps kills a job's replica 30 s after SIGTERM.
        assert Settings().drain_s < 30
        # It ends before the day by UTC does, which is the night's name.
        assert told["replicaTimeout"] * (told["replicaRetryLimit"] + 1) < 22 * 3600


def test_a_workflow_has_as_many_shards_as_it_says_and_merges_what_there_is() -> None:
    [workflow] = deploy.documents(GITHUB)
    scan, merge = workflow["jobs"]["scan"], workflow["jobs"]["merge"]
    assert len(scan["strategy"]["matrix"]["shard"]) == scan["env"]["SHARDS"] == 4
    assert not scan["strategy"]["fail-fast"]
    assert (merge["needs"], merge["if"]) == ("scan", "${{ !cancelled() }}")
    assert workflow["permissions"] == {}
    assert scan["permissions"] == {"contents": "read", "id-token": "write"}
    assert merge["permissions"] == {"contents": "read"}
    assert "secrets." not in GITHUB.read_text()
    # Else one artifact goes into `path` itself, and several each into a directory of its own.
    loads = [
        step["with"] for job in (scan, merge) for step in job["steps"] if "download" in step.get("uses", "")
    ]
    assert [(each["merge-multiple"], each["path"]) for each in loads] == [(True, "shards")] * 2


def test_every_command_line_has_commands_and_flags_that_there_are() -> None:
    lines = [line for script in all_scripts() for line in command_lines(script)]
    assert sorted({name for _, name, *_ in lines}) == ["history", "merge", "prune", "report", "scan"]
    for _, name, *words in lines:
        if name == "history":
            continue
        settings = COMMANDS[name].settings
        assert settings is not None
        known = {"--config", *(setting.flag for setting in settings_of(settings()))}
        assert {word for word in words if word.startswith("--")} <= known
    scans = [words for _, name, *words in lines if name == "scan"]
    assert len(scans) == 3
    for words in scans:
        assert {"--shard", "--out", "--resume", "--deadline"} <= set(words)


@pytest.mark.parametrize("script", all_scripts()[:3])
def test_a_script_of_a_pod_is_one_that_sh_can_read(script: str) -> None:
    told = ended("sh", "-n", "-c", script)
    assert (told.returncode, told.stderr) == (0, "")
