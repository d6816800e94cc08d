"""OpenTelemetry, by the SDK's own in-memory exporters: the spans of a scan, its figures, and its failures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

import fleetscan
from fleetscan.otel import OpenTelemetryHooks
from fleetscan.records.fleet_facts import RequestCounts
from fleetscan.redacting import Secrets
from fleetscan.scanner.beside_hooks import BesideHooks
from fleetscan.scanner.hooks import Conclusion, Hooks
from tests.cli.processes import CHECKOUT, TOKEN, begun, ended, scanning, simulation, spoken
from tests.face.test_live_scan import azure, settings_for


class Memory:
    """Providers that keep everything, and hooks that tell them."""

    def __init__(self, secrets: Secrets | None = None) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._meters = MeterProvider([self._reader], shutdown_on_exit=False)
        self.hooks = OpenTelemetryHooks(tracers, self._meters, secrets=secrets)

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._spans.get_finished_spans()}

    def metrics(self) -> dict[str, float]:
        """Each value by its name and label."""
        data = self._reader.get_metrics_data()
        self._meters.shutdown()
        points: list[tuple[str, Any]] = [
            (metric.name, point)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]
        return {"/".join((name, *map(str, point.attributes.values()))): point.value for name, point in points}


async def scanned(memory: Memory, **more: Any) -> fleetscan.ScanSummary:
    async with (
        azure(**more) as (_, endpoint),
        fleetscan.scan(settings_for(endpoint), credential="sesame", hooks=memory.hooks) as live,
    ):
        return await live.finish()


async def test_a_scan_is_one_span_with_its_phases_below_it() -> None:
    memory = Memory()
    summary = await scanned(memory)
    spans = memory.spans()
    assert set(spans) == {"fleetscan.scan", "listing", "scanning"}
    scan = spans["fleetscan.scan"]
    for phase in ("listing", "scanning"):
        assert spans[phase].parent == scan.context
        assert scan.start_time <= spans[phase].start_time <= spans[phase].end_time <= scan.end_time  # type: ignore[operator]
    attributes = dict(scan.attributes or {})
    assert attributes["fleetscan.exit_code"] == summary.exit_code == 0
    assert (attributes["fleetscan.vms"], attributes["fleetscan.vms.assessed"]) == (7, 7)
    assert attributes["fleetscan.scan_id"] == summary.totals["scan_id"]
    assert scan.status.status_code is StatusCode.UNSET


async def test_its_figures_are_those_of_the_metrics_file() -> None:
    memory = Memory()
    totals = (await scanned(memory)).totals
    found = memory.metrics()
    assert found["fleetscan.vms/assessed"] == totals["outcomes"]["assessed"] == 7
    assert found["fleetscan.requests/start"] == totals["requests"]["start"]
    assert found["fleetscan.missing_patches/other"] == totals["other_count"]
    assert found["fleetscan.coverage_ratio"] == 1.0
    assert found["fleetscan.exit_code"] == 0


async def test_a_scan_that_fails_ends_its_spans_as_failed_without_the_secret_it_was_told() -> None:
    memory = Memory(Secrets(["hunter2hunter2"]))
    with pytest.raises(fleetscan.CannotScanError):
        await scanned(memory, token="hunter2hunter2")
    scan = memory.spans()["fleetscan.scan"]
    assert scan.status.status_code is StatusCode.ERROR
    assert dict(scan.attributes or {})["fleetscan.exit_code"] == 4
    assert memory.metrics()["fleetscan.exit_code"] == 4
    other = Memory(Secrets(["hunter2hunter2"]))
    why = "https://h/x?t=1&sig=abc says\nhunter2hunter2"
    other.hooks.concluded(Conclusion(5, None, None, RequestCounts().told(), why))
    status = other.spans()["fleetscan.scan"].status
    assert status.description == "https://h/x?t=<hidden>&sig=<hidden> says <hidden>"


async def test_hooks_that_stand_beside_end_nothing_where_they_break() -> None:
    class Broken(Hooks):
        def phase(self, name: str) -> None:
            raise ZeroDivisionError

    class Phases(Hooks):
        def __init__(self) -> None:
            self.names: list[str] = []

        def phase(self, name: str) -> None:
            self.names.append(name)

    phases = Phases()
    async with azure() as (_, endpoint):
        hooks = BesideHooks(phases, Broken())
        async with fleetscan.scan(settings_for(endpoint), credential="sesame", hooks=hooks) as live:
            assert (await live.finish()).exit_code == 0
    assert phases.names == ["listing", "scanning"]


@contextmanager
def collector() -> Iterator[tuple[str, list[str]]]:
    """A collector on loopback: its address, and the paths that were posted to."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", paths
    finally:
        server.shutdown()
        server.server_close()


def test_the_command_line_sends_by_otlp_only_where_it_is_told_to(tmp_path: Path) -> None:
    with simulation() as endpoint, collector() as (where, paths):
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": where}
        assert ended(begun(environment, *scanning(endpoint, tmp_path / "off")))[0] == 0
        assert paths == []
        assert ended(begun(environment, *scanning(endpoint, tmp_path / "on"), "--otel"))[0] == 0
    assert set(paths) == {"/v1/traces", "/v1/metrics"}


def test_a_collector_that_is_down_costs_no_exit_code_and_no_last_line(tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    with simulation() as endpoint:
        code, _, words = ended(begun(environment, *scanning(endpoint, tmp_path / "run"), "--otel"))
    assert code == 0
    assert spoken(words).splitlines()[-1].startswith("exit 0 (complete)")
    assert "OpenTelemetry: the collector did not take all within 5 s" in words


def test_without_the_extra_one_sentence_says_how_to_install_it(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "from fleetscan.cli.main import run\n"
        f"line = ['scan', '--endpoint', 'http://127.0.0.1:9', '--out', {str(tmp_path / 'r')!r}]\n"
        "sys.exit(run([*line, '--otel']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=CHECKOUT,
        env={"FLEETSCAN_ACCESS_TOKEN": TOKEN, "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 2
    assert spoken(done.stderr) == (
        "OpenTelemetry is not installed; install it: pip install 'fleetscan[otel]', or leave --otel out\n"
    )
    assert not (tmp_path / "r").exists()
