"""The run that the README shows: a simulated fleet scanned in virtual time, the same each time.

`python -m tests.shown_run` makes docs/report.png of it with Chromium.
"""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from fleetscan.report.commands import Spelled
from fleetscan.report.digest import report_of
from fleetscan.report.page.write import write_page
from fleetscan.report.terminal import print_report
from fleetscan.runs.reader import Run, open_run
from fleetscan.settings.declared import Settings
from fleetscan.simulator.scenario import Scenario
from tests.virtual import ENDPOINT, cloud_of
from tests.virtual_scan import Clock, scan_in_virtual_time

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
# A run's own name has the time of day in it.
NAME = "fleetscan-runs/20260101T000000Z-5c1f2a90"
SPELLED = Spelled(
    f"fleetscan show {NAME}", f"fleetscan scan --retry-failed {NAME}", f"fleetscan resume {NAME}"
)
FLEET = Scenario(machines=300, speed=1.0, regions=3, seed=7, failing_pct=3.0, long_pct=0.0)
# Those of a row that a newcomer understands.
FIELDS = frozenset(
    [
        "resource_id",
        "subscription_name",
        "location",
        "os_type",
        "tags",
        "outcome",
        "reason",
        "critical_and_security_count",
        "other_count",
        "reboot_pending",
        "patch_count",
        "assessed_at",
        "error",
    ]
)
INDENT = "    "
WIDE = 1200


def scanned(directory: Path) -> Run:
    """The run, in `directory`."""
    settings = Settings(endpoint=ENDPOINT, out=str(directory / "run"), ignore_busy=True)
    scan_in_virtual_time(cloud_of(FLEET), Clock(), settings)
    return open_run(directory / "run")


def summary() -> str:
    """What `fleetscan report` shows of it at 80 columns, as a block of Markdown."""
    with TemporaryDirectory() as directory:
        screen = io.StringIO()
        print_report(report_of(scanned(Path(directory))), stream=screen, spelled=SPELLED)
    lines = screen.getvalue().strip("\n").splitlines()
    return "".join(f"{INDENT}{line}".rstrip() + "\n" for line in lines)


def one_row() -> str:
    """Some fields of the row of a VM that misses something, a field a line."""
    with TemporaryDirectory() as directory:
        rows = scanned(Path(directory)).rows()
        row = next(row for row in rows if row["critical_and_security_count"])
        shown = {name: value for name, value in row.items() if name != "assessment"}
    text = orjson.dumps(
        shown | {"scan_id": "5c1f2a90-8d5e-4b6b-9d3f-0c5b1f7e2a11"}, option=orjson.OPT_INDENT_2
    )
    return "".join(f"{INDENT}{line}\n" for line in text.decode().splitlines())


if __name__ == "__main__":
    from tests.page.browser import chromium, open_page, window

    with TemporaryDirectory() as place:
        file = Path(place) / "report.html"
        write_page(scanned(Path(place)), str(file))
        with chromium() as browser, window(browser, WIDE) as context:
            open_page(context, file).page.screenshot(path=PICTURE)
