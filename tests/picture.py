"""The picture of a report that the README shows: `python -m tests.picture` makes it with Chromium.

It is of the run that the README's other samples are of.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from fleetscan.report.page.write import write_page
from fleetscan.runs.reader import open_run
from tests.page.browser import chromium, open_page, window
from tests.samples import lived_in

PICTURE = Path(__file__).parents[1] / "docs" / "report.png"
WIDE = 1200


def draw() -> None:
    """Write the picture."""
    run = open_run(Path(lived_in().name, "fleetscan-runs", "latest"))
    with TemporaryDirectory() as place:
        page = Path(place, "report.html")
        write_page(run, str(page))
        with chromium() as browser, window(browser, WIDE) as context:
            open_page(context, page).page.screenshot(path=PICTURE)


if __name__ == "__main__":
    draw()
