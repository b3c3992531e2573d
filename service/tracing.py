"""Traces by OpenTelemetry: FastAPI's span of a request, and inside it queue, generate and encode.

The standard OTEL_… variables say where spans go, by OTLP over HTTP, and which are kept.
"""

from __future__ import annotations

from threading import Thread
from time import perf_counter_ns, time_ns
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    OTELResourceDetector,
    Resource,
    get_aggregated_resources,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from service.job import Done

# Probes and scrapes come every few seconds for ever, and tell nothing.
UNTRACED = ("/livez", "/readyz", "/v2/health/live", "/v2/health/ready", "/metrics")
CLOSE_S = 3.0  # for the last spans, where the exporter itself would try for 10


class Tracing:
    """Makes spans, and sends them from a thread of its own."""

    def __init__(self) -> None:
        named = Resource.create({SERVICE_NAME: "pbgen"})
        resource = get_aggregated_resources([OTELResourceDetector()], named)  # OTEL_… wins
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("pbgen")

    @property
    def config(self) -> TelemetryConfig:
        """What makes FastAPI open a span for each request, within its caller's trace if it has
        one."""
        return {
            "tracer_provider": self._provider,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "exclude": lambda scope: scope["path"] in UNTRACED,
        }

    def open(self, request_id: str) -> Trace | None:
        """The trace of the request at hand; None if it is not kept."""
        span = trace.get_current_span()
        if not span.is_recording():
            return None
        span.set_attribute("pbgen.request_id", request_id)
        return Trace(self._tracer, span, request_id)

    def close(self) -> None:
        """Sends what is left, for CLOSE_S at most; blocks."""
        sending = Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(CLOSE_S)


class Trace:
    """The spans of one request."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span, request_id: str) -> None:
        self.id = trace.format_trace_id(span.get_span_context().trace_id)
        self._tracer = tracer
        self._span = span
        self._inside = trace.set_span_in_context(span)
        self._request_id = request_id
        self._epoch_ns = time_ns() - perf_counter_ns()

    def name_variant(self, variant: str) -> None:
        self._span.set_attribute("pbgen.variant", variant)

    def add_stages(self, done: Done[Any], variant: str, images: int) -> None:
        """Adds the spans of a job, as it told its times."""
        attributes: dict[str, str | int] = {
            "pbgen.request_id": self._request_id,
            "pbgen.variant": variant,
            "pbgen.images": images,
        }
        begin_ns = self._epoch_ns + int(done.queued_at * 1e9)
        for name, duration_s in done.stages.items():
            end_ns = begin_ns + int(duration_s * 1e9)
            span = self._tracer.start_span(
                name, self._inside, attributes=attributes, start_time=begin_ns
            )
            span.end(end_ns)
            begin_ns = end_ns
