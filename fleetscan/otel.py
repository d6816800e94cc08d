"""A scan for OpenTelemetry, as hooks: one span with its phases as child spans, and its figures as metrics.

    async with fleetscan.scan(settings, hooks=OpenTelemetryHooks(tracer_provider, meter_provider)) as live:

The providers are the caller's: where spans and metrics go, and when they are sent, is theirs to say. Those of
the command line are `sending`: by OTLP, as the standard OTEL_* variables say.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fleetscan import places
from fleetscan.errors import Remedy, UsageError
from fleetscan.records.run import COMPLETE
from fleetscan.redacting import Secrets
from fleetscan.report.sanitize import sanitize
from fleetscan.scanner.hooks import Conclusion, Hooks, Opening
from fleetscan.telemetry.figures import figures
from fleetscan.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

NAME = "fleetscan"
LONGEST_TEXT = 500
log = logging.getLogger(NAME)
# What a collector that does not answer may cost a scan at its end.
SENT_WITHIN_S = 5.0
# The standard word for no exporter.
OFF = "none"


class OpenTelemetryHooks(Hooks):
    """Tells `tracer_provider` and `meter_provider` of one scan; None is OpenTelemetry's global one.

    No attribute has a secret of `secrets` in it; None are those of the environment.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        secrets: Secrets | None = None,
    ) -> None:
        from opentelemetry.metrics import get_meter_provider
        from opentelemetry.trace import get_tracer_provider

        self._tracer = (tracer_provider or get_tracer_provider()).get_tracer(NAME, __version__)
        self._meter = (meter_provider or get_meter_provider()).get_meter(NAME, __version__)
        self._secrets = secrets or Secrets.of(os.environ)
        self._scan: Span | None = None
        self._phase: Span | None = None

    def phase(self, name: str) -> None:
        """See Hooks."""
        from opentelemetry.trace import set_span_in_context

        self._end_phase()
        self._phase = self._tracer.start_span(name, set_span_in_context(self._span()))

    def opened(self, opening: Opening) -> None:
        """See Hooks."""
        self._span().set_attribute("fleetscan.scan_id", opening.scan_id)
        if opening.directory is not None:
            self._span().set_attribute("fleetscan.directory", self._safe(places.told(str(opening.directory))))

    def counted(self, vms: int, subscriptions: int) -> None:
        """See Hooks."""
        self._span().set_attributes({"fleetscan.vms": vms, "fleetscan.subscriptions": subscriptions})

    def concluded(self, conclusion: Conclusion) -> None:
        """See Hooks."""
        from opentelemetry.trace import StatusCode

        self._end_phase()
        span = self._span()
        span.set_attribute("fleetscan.exit_code", conclusion.exit_code)
        if conclusion.totals is not None:
            for outcome, number in conclusion.totals["outcomes"].items():
                span.set_attribute(f"fleetscan.vms.{outcome}", int(str(number)))
        if conclusion.exit_code not in COMPLETE:
            span.set_status(StatusCode.ERROR, self._safe(conclusion.error or "the scan is not complete"))
        span.end()
        self._measure(conclusion)

    def _measure(self, conclusion: Conclusion) -> None:
        for figure in figures(conclusion.exit_code, conclusion.totals, conclusion.requests):
            gauge = self._meter.create_gauge(figure.name.replace("_", ".", 1), figure.unit, figure.help)
            for label, value in figure.values.items():
                gauge.set(value, {figure.label: label} if figure.label else {})

    def _span(self) -> Span:
        if self._scan is None:
            self._scan = self._tracer.start_span(
                "fleetscan.scan", attributes={"fleetscan.version": __version__}
            )
        return self._scan

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._phase.end()
            self._phase = None

    def _safe(self, text: str) -> str:
        return sanitize(self._secrets.hide(text), LONGEST_TEXT)


@contextmanager
def sending(environment: Mapping[str, str]) -> Iterator[OpenTelemetryHooks]:
    """Hooks that send by OTLP over HTTP as the OTEL_* variables say, and have sent once the block is left.

    Raises UsageError where the extra is not installed, or a variable cannot be used.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as missing:
        remedy = Remedy("install it: pip install 'fleetscan[otel]', or leave {otel} out", {"otel": True})
        raise UsageError("OpenTelemetry is not installed", remedy) from missing
    resource = Resource.create({} if environment.get("OTEL_SERVICE_NAME") else {"service.name": NAME})
    try:
        spans = TracerProvider(resource=resource, shutdown_on_exit=False)
        if environment.get("OTEL_TRACES_EXPORTER") != OFF:
            spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        is_metered = environment.get("OTEL_METRICS_EXPORTER") != OFF
        readers = [PeriodicExportingMetricReader(OTLPMetricExporter())] if is_metered else []
        meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    except ValueError as refusal:
        raise UsageError(f"OpenTelemetry cannot use an OTEL_* variable: {refusal}") from None
    # Each try of a collector that is down would be a line.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    try:
        yield OpenTelemetryHooks(spans, meters)
    finally:
        _send_rest(spans.shutdown, meters.shutdown)


def _send_rest(*shutdowns: Callable[[], None]) -> None:
    """Send what is left, each in a thread of its own: a collector that does not answer is left behind."""
    threads = [
        threading.Thread(target=shutdown, name="fleetscan-otel", daemon=True) for shutdown in shutdowns
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + SENT_WITHIN_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if any(thread.is_alive() for thread in threads):
        log.warning("OpenTelemetry: the collector did not take all within %.0f s", SENT_WITHIN_S)
