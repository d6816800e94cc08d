"""Which shard a pod of a Kubernetes Indexed Job scans: its index there counts from 0."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscan.errors import Remedy, UsageError
from fleetscan.shards import Shard

INDEX = "JOB_COMPLETION_INDEX"
# An index has no more digits.
MOST_DIGITS = 5


def of_this_pod(values: Mapping[str, object], environment: Mapping[str, str]) -> Mapping[str, object]:
    """The settings `values`, in which a shard that leaves out its number has that of this pod."""
    shard = values.get("shard")
    if not isinstance(shard, str) or not shard.startswith("/"):
        return values
    name = Remedy(
        f"name the shard, such as {{shard}}, or run it in a job that sets {INDEX}", {"shard": f"1{shard}"}
    )
    if not (index := environment.get(INDEX, "").strip()):
        raise UsageError(f"{shard} does not say which shard this is, and {INDEX} is not set", name)
    if not (index.isascii() and index.isdecimal() and len(index) <= MOST_DIGITS):
        raise UsageError(f"{INDEX} must be a whole number from 0, not {index[:40]!r}", name)
    try:
        return {**values, "shard": str(Shard.of_text(shard, int(index) + 1))}
    except ValueError:
        what = f"{shard} has no shard for {INDEX}={index}, which counts from 0"
        raise UsageError(what, Remedy("give the job as many completions as there are shards")) from None


def unused_index(shard: str | None, environment: Mapping[str, str]) -> str | None:
    """What is said where each pod of a job would scan the whole selection; None where it does not."""
    if shard is not None or INDEX not in environment:
        return None
    return (
        f"{INDEX} is set and no shard is named: if this job has several pods, each scans the whole selection"
    )
