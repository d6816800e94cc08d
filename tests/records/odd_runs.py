"""Runs that readers of JSON lines load wrongly when they guess: one for each way they were seen to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscan.model import Ending, Json, Outcome
from fleetscan.records.machine_row import encode, row
from fleetscan.records.row import Row
from tests.records.examples import CLOCK, SCAN_ID, assessed, failed, machine, skipped, trace, write_run

KB = "5034441"
PATCHLESS = 21_000
MISSING = 30
TITLE = "=HYPERLINK(\"x\"), the 'monthly'\n\trollup \\ \u202e \U0001f642 ü\r\n"
VERSIONS = ("22.10", "1e5", "007", "null", "", "2026-11-23", "true")
# What a dying process, a power cut and a full disk leave behind the last whole row.
TAILS = (
    b'{"schema":"fleetscan.result/1","scan_id":"4f1c',
    b'{"schema":"fleetscan.result/1","tags":{"a',
    b"\0" * 64,
)


def vm(name: str, ending: Ending, **more: object) -> Row:
    """A row of the VM `name`, with `more` in the place of its fields."""
    return {**row(SCAN_ID, machine(name, os_type="Windows"), ending, CLOCK), **more}  # type: ignore[typeddict-item]


def missing(*patches: Mapping[str, Json]) -> Ending:
    """An assessment that lists `patches`."""
    return assessed(len(patches), 0, availablePatches=[{**patch} for patch in patches])


def patch(kb: Json = KB, name: Json = TITLE, **more: Json) -> dict[str, Json]:
    """An entry of Azure's list."""
    told: dict[str, Json] = {"kbId": kb, "name": name, "version": None, "classifications": ["Security"]}
    return told | more


def in_graph(name: str) -> Row:
    """A row whose assessment came from Resource Graph, where the fields have other names."""
    told = {"patches": [{"kbId": KB, "patchName": TITLE, "publishedDateTime": "2026-11-10T00:00:00Z"}]}
    return vm(name, Ending(Outcome.ASSESSED, None, {}, None, trace())) | {  # type: ignore[return-value]
        "source": "graph",
        "assessment": told,
        "critical_and_security_count": 1,
    }


def late_patches(path: Path) -> None:
    """So many rows without a patch come first that no sample sees one; then some miss one."""
    some = [vm(f"late-{number}", missing(patch())) for number in range(MISSING - 10)]
    write_run(path, [*some, *(in_graph(f"graph-{number}") for number in range(10))])
    results = path / "results.jsonl"
    line = encode(vm("vm-NUMBER", assessed(0, 0, availablePatches=None)))
    early = b"".join([line.replace(b"NUMBER", b"%d" % number) for number in range(PATCHLESS)])
    results.write_bytes(early + results.read_bytes())


def skipped_first(path: Path) -> None:
    """An ordinary run: VMs that do not run end first, and have null everywhere."""
    write_run(path, [*(vm(f"off-{number}", skipped()) for number in range(500)), vm("on", missing(patch()))])


def without_errors(path: Path) -> None:
    """No row has an error, an operation or a tag."""
    bare = vm("vm-1", skipped())
    write_run(path, [bare, bare | {"resource_id": "/other"}])


def case_twins(path: Path) -> None:
    """Names of tags that differ in their case alone, in one row and in two; a tag named as a column."""
    tags: tuple[dict[str, str], ...] = (
        {"Env": "a", "env": "b", "ENV": "c"},
        {"env": "d", "owner": "22.10"},
        {"Owner": "o", "name": "n"},
        {},
    )
    write_run(path, [vm(f"vm-{number}", missing(patch()), tags=each) for number, each in enumerate(tags)])


def odd_titles(path: Path) -> None:
    """Every kind of text in a patch, and entries that say little, twice or nothing."""
    entries: list[dict[str, Json]] = [
        patch(),
        patch("kb5034441", "the same again"),
        patch(" KB12 ", "spaced"),
        patch("000", "no number"),
        patch(None, "a name alone", publishedDate="2026-11-10T23:30:00-05:00"),
        patch("", "", patchId="an id alone"),
        {},
    ]
    write_run(path, [vm(TITLE, missing(*entries)), vm("linux", missing(*entries), os_type="Linux")])


def text_versions(path: Path) -> None:
    """Texts that look like something else."""
    rows = [vm(f"vm-{version}", failed(), os_version=version) for version in VERSIONS]
    write_run(path, [*rows, vm("vm-none", skipped(), os_version=None)])


def torn(tail: bytes) -> Callable[[Path], None]:
    """A run whose last line is not finished."""

    def write(path: Path) -> None:
        write_run(path, [vm("whole", missing(patch()))], None, tail)

    return write


def nothing_yet(path: Path) -> None:
    """A run that has no row."""
    write_run(path, [], None)


ODD_RUNS: Mapping[str, Callable[[Path], None]] = {
    "late patches": late_patches,
    "skipped first": skipped_first,
    "without errors": without_errors,
    "case twins": case_twins,
    "odd titles": odd_titles,
    "text versions": text_versions,
    **{f"torn {number}": torn(tail) for number, tail in enumerate(TAILS)},
    "nothing yet": nothing_yet,
}
