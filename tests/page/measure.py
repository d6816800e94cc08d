"""The page of a large run measured: making it, its size, and in Chromium each step of its reader.

`python -m tests.page.measure` makes the run of 20,000 VMs with 50 patches each; `--vms` and `--patches` make
others, `--run` takes one that is there, with a `--history` where that is given. Each figure is the median of
`--rounds`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser

from tests.big_run import write_big_run
from tests.page.browser import Opened, chromium, open_page, window

MAKE = """
import resource, sys, time
began, cpu = time.perf_counter(), time.process_time()
from pathlib import Path
from fleetscan.report.page.render import Beside
from fleetscan.report.page.write import write_page
from fleetscan.runs.reader import open_run
beside = Beside(history=Path(sys.argv[3]) if len(sys.argv) > 3 else None)
size = write_page(open_run(sys.argv[1]), sys.argv[2], beside).size_bytes
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(time.perf_counter() - began, time.process_time() - cpu, peak, size / 1e6)
"""
# Until the browser has drawn what an action changed.
DRAWN = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
ACTIONS = {
    "sort by name": "document.querySelector('#list-vms thead th button').click()",
    "sort by region": "document.querySelectorAll('#list-vms thead th button')[3].click()",
    "sort by age": "document.querySelectorAll('#list-vms thead th button')[8].click()",
    "search": "const field = document.querySelector('#filters [name=q]'); field.value = 'erp-1';"
    " field.dispatchEvent(new Event('input', {bubbles: true}))",
}


def measured(opened: Opened, act: str) -> float:
    """Milliseconds until what `act` changes is drawn."""
    began, told = "const began = performance.now()", "return performance.now() - began"
    return float(opened.look(f"(async () => {{ {began}; {act}; {DRAWN}; {told}; }})()"))


def in_browser(browser: Browser, page: Path) -> dict[str, float]:
    """Milliseconds until the page is ready, and of each action in it."""
    with window(browser) as context:
        opened = open_page(context, page)
        # The script tells when it had drawn its first view, in milliseconds since the page was opened.
        told = {"ready": float(opened.look("Number(document.body.dataset.ready)"))}
        told["all VMs"] = measured(opened, "location.hash = '#vms'")
        told |= {name: measured(opened, act) for name, act in ACTIONS.items()}
        link = "document.querySelector('#list-vms tbody th a').click()"
        told["a VM"] = measured(opened, link)
        told["all patches"] = measured(opened, "location.hash = '#patches'")
        told["a patch"] = measured(opened, "document.querySelector('#list-patches tbody th a').click()")
        assert opened.complaints() == []
        return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=20_000)
    parser.add_argument("--patches", type=int, default=50)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--history", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as within:
        run = asked.run or Path(within) / "run"
        if asked.run is None:
            write_big_run(run, asked.vms, asked.patches)
        page = Path(within) / "report.html"
        made = []
        for _ in range(asked.rounds):
            history = [] if asked.history is None else [str(asked.history)]
            arguments = [sys.executable, "-c", MAKE, str(run), str(page), *history]
            told = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
            made.append([float(each) for each in told])
        wall_s, cpu_s, peak_mb, size_mb = (median(each) for each in zip(*made, strict=True))
        sys.stdout.write(
            f"made in {wall_s:.1f} s ({cpu_s:.1f} s CPU), {peak_mb:.0f} MB, page of {size_mb:.2f} MB\n"
        )
        with chromium() as browser:
            rounds = [in_browser(browser, page) for _ in range(asked.rounds)]
        for name in rounds[0]:
            sys.stdout.write(f"{name:15} {median(each[name] for each in rounds):6.0f} ms\n")


if __name__ == "__main__":
    main()
