"""The files in deploy/ as data: units, manifests, pipelines, the Containerfile."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CHECKOUT = Path(__file__).parents[2]
DEPLOY = CHECKOUT / "deploy"
SYSTEMD = DEPLOY / "systemd"
KUBERNETES = DEPLOY / "kubernetes.yaml"
GITHUB = DEPLOY / "github-actions.yml"
AZURE = DEPLOY / "azure-pipelines.yml"
CONTAINER = DEPLOY / "Containerfile"
ROLES = (DEPLOY / "azure-role.json", DEPLOY / "azure-role-arc.json")

Document = dict[str, Any]


def documents(path: Path) -> list[Document]:
    """The documents of a YAML file."""
    return list(YAML(typ="safe").load_all(path.read_text(encoding="utf-8")))


def manifest(kind: str, name: str = "fleetscan") -> Document:
    """One object of the Kubernetes file."""
    [found] = [
        each for each in documents(KUBERNETES) if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def pod_of(name: str) -> Document:
    """What a CronJob has in each pod's spec."""
    spec: Document = manifest("CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def unit(name: str) -> dict[str, list[str]]:
    """The values of each key of a unit file; its keys are of one section each."""
    told: dict[str, list[str]] = {}
    for line in (SYSTEMD / name).read_text(encoding="utf-8").splitlines():
        key, is_set, value = line.partition("=")
        if is_set and not line.startswith("#"):
            told.setdefault(key, []).append(value)
    return told


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile with what follows each."""
    lines = CONTAINER.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    told = [line.partition(" ") for line in lines if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in told]


def container_command() -> list[str]:
    """What a container runs where nothing else is said."""
    told = dict(instructions())
    return [*json.loads(told["ENTRYPOINT"]), *json.loads(told["CMD"])]


def steps(path: Path) -> list[Document]:
    """The steps of a pipeline's one job."""
    [document] = documents(path)
    jobs = document["jobs"]
    [job] = jobs.values() if isinstance(jobs, dict) else jobs
    found: list[Document] = job["steps"]
    return found


def scripts(path: Path) -> Iterator[tuple[str, str]]:
    """The scripts of a pipeline with the names of their steps, in order; none that installs fleetscan."""
    for step in steps(path):
        script = step.get("run") or step.get("bash") or step.get("script")
        script = script or step.get("inputs", {}).get("inlineScript")
        name = step.get("name") or step.get("displayName")
        if script and name != "Install":
            yield str(name), str(script)


def unit_commands() -> list[list[str]]:
    """What the service runs, one after the other."""
    told = unit("fleetscan.service")
    lines = [line.removeprefix("-") for line in (*told["ExecStartPre"], *told["ExecStart"])]
    return [shlex.split(line) for line in lines]


def pod_commands() -> list[list[str]]:
    """What the pods of the scan run, by the image's entry point."""
    [entry] = [json.loads(rest) for word, rest in instructions() if word == "ENTRYPOINT"]
    return [[*entry, *container["args"]] for container in pod_of("fleetscan")["containers"]]


def all_command_lines() -> list[list[str]]:
    """Every command line of fleetscan in deploy/, as words."""
    lines = [*unit_commands(), *pod_commands(), container_command()]
    lines.append(["fleetscan", *pod_of("fleetscan-prune")["containers"][0]["args"]])
    for path in (GITHUB, AZURE):
        for _, script in scripts(path):
            lines += [
                shlex.split(line.partition("||")[0].partition(">")[0])
                for line in script.splitlines()
                if line.startswith("fleetscan ")
            ]
    return lines
