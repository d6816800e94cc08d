"""The files in deploy/ that scan in shards, as data."""

from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

from azure.mgmt.appcontainers import models

from tests.deploy.files import DEPLOY, Document, documents

KUBERNETES = DEPLOY / "kubernetes-shards.yaml"
CONTAINER_APPS = DEPLOY / "container-apps-shards.json"
GITHUB = DEPLOY / "github-actions-shards.yml"


def manifest(kind: str) -> Document:
    """The object of this kind in the Kubernetes file, which has one of each."""
    [found] = [each for each in documents(KUBERNETES) if each["kind"] == kind]
    return found


def pod_job() -> Document:
    """What the CronJob makes each night."""
    spec: Document = manifest("CronJob")["spec"]["jobTemplate"]["spec"]
    return spec


def pod_environment() -> dict[str, str]:
    """The variables of a pod whose values stand in the file."""
    [container] = pod_job()["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def template() -> Document:
    """The template of Container Apps jobs."""
    told: Document = json.loads(CONTAINER_APPS.read_text(encoding="utf-8"))
    return told


def app_script(name: str) -> str:
    """What `sh -c` gets of the template's variable: `join(variables(...))`."""
    lines: list[str] = template()["variables"][name]
    return "\n".join(lines)


def workflow_scripts(job: str) -> list[tuple[str, str]]:
    """The scripts of a job of the workflow with the names of their steps; none that installs fleetscan."""
    [workflow] = documents(GITHUB)
    steps = workflow["jobs"][job]["steps"]
    return [
        (str(step["name"]), str(step["run"])) for step in steps if "run" in step and step["name"] != "Install"
    ]


def expanded(value: Any, variables: Document) -> Any:
    """A template's value with the variables that stand alone in the place of their expressions."""
    match value:
        case dict():
            return {key: expanded(each, variables) for key, each in value.items()}
        case list():
            return [expanded(each, variables) for each in value]
        case str() if value.startswith("[variables('") and value.endswith("')]"):
            return expanded(variables[value.removeprefix("[variables('").removesuffix("')]")], variables)
        case _:
            return value


def strangers(value: Any, model: Any, place: str = "") -> list[str]:
    """The places in a resource that the model of Azure's own library does not know."""
    if isinstance(value, list):
        return [one for each in value for one in strangers(each, model, place)]
    if not isinstance(value, dict) or not _is_model(model):
        return []
    # A model learns its fields' names as its first object is made.
    known = {field._rest_name: name for name, field in model()._attr_to_rest_field.items()}
    hints = get_type_hints(model, {**vars(models), "_models": models})
    found = [f"{place}.{key}" for key in value if key not in known]
    for key in (key for key in value if key in known):
        found += strangers(value[key], _inner(hints[known[key]]), f"{place}.{key}")
    return found


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and hint.__module__.startswith(models.__name__) and hasattr(hint, "as_dict")


def _inner(hint: Any) -> Any:
    """The model that a hint such as Optional[list[Model]] is about."""
    return next((inner for each in get_args(hint) if _is_model(inner := _inner(each))), hint)
