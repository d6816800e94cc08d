"""What a VM weighs: bytes on the wire and on the disk, requests, by a whole scan in virtual time.

`python -m benchmarks.weights` prints a table for docs/design/scale.md. The wire is what the simulated Azure
sends, uncompressed; each request carries 2,200 bytes of headers besides, a token of 1.9 kB among them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fleets import fleet
from benchmarks.markdown import markdown
from fleetscan.model import Reply, Request, RequestKind
from fleetscan.scanner.live import scan_over
from fleetscan.settings.declared import Settings
from fleetscan.simulator.cloud import Cloud
from tests.virtual import ENDPOINT, EPOCH
from tests.virtual_scan import Clock, Transport, run_to_end, virtual

VMS = 2_000
OWN_HEADERS = 2_200


class Scales(Transport):
    """Weighs what goes over the wire, by the kind of request."""

    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        super().__init__(cloud, clock)
        self.requests: Counter[RequestKind | None] = Counter()
        self.up: Counter[RequestKind | None] = Counter()
        self.down: Counter[RequestKind | None] = Counter()

    async def exchange(self, request: Request) -> Reply:
        """The cloud's reply."""
        reply = await super().exchange(request)
        self.requests[request.kind] += 1
        self.up[request.kind] += len(request.url) + len(request.body) + OWN_HEADERS
        self.down[request.kind] += len(reply.body) + sum(
            len(k) + len(v) + 4 for k, v in reply.headers.items()
        )
        return reply


def weigh(patches: int, vms: int = VMS) -> list[list[str]]:
    """The lines of the table for VMs with so many patches missing on average."""
    cloud, clock = Cloud(fleet(vms, "lognormal", subscriptions=2, patches=patches), epoch=EPOCH), Clock()
    scales = Scales(cloud, clock)
    with TemporaryDirectory() as name:
        out = Path(name, "run")
        with virtual(clock):
            run_to_end(scan_over(scales, Settings(endpoint=ENDPOINT, out=str(out))), clock)
        files = {path.name: path.stat().st_size for path in sorted(out.iterdir()) if path.is_file()}
    lines = []
    for kind, count in scales.requests.most_common():
        up, down = scales.up[kind] / count, scales.down[kind] / count
        what = "?" if kind is None else kind.value
        lines.append(
            [
                f"{patches}",
                what,
                f"{count / vms:.3f}",
                f"{up:,.0f}",
                f"{down:,.0f}",
                f"{(scales.up[kind] + scales.down[kind]) / vms:,.0f}",
            ]
        )
    lines += [[f"{patches}", file, "", "", "", f"{size / vms:,.0f}"] for file, size in files.items()]
    return lines


def main() -> None:
    """Weigh, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patches", type=int, nargs="+", default=[20, 50])
    lines = [line for patches in parser.parse_args().patches for line in weigh(patches)]
    names = ["patches a VM", "what", "requests a VM", "bytes up each", "bytes down each", "bytes a VM"]
    print(markdown(names, lines, words=("what",)))


if __name__ == "__main__":
    main()
