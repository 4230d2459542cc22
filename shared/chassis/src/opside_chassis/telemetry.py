"""Traces, metrics and logs of a process: OpenTelemetry out, one JSON object a log line on stdout.

FastAPI opens the server spans and measures request durations by itself; here the providers are
put in place. Without OTEL_EXPORTER_OTLP_ENDPOINT nothing is sent, but trace ids still tie the
logs of all services together. With METRICS_PORT, Prometheus may read the metrics of the process there.
"""

import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    InMemoryMetricReader,
    MetricReader,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from opside_chassis.error_reports import configure_error_reports
from opside_chassis.metrics_page import MetricsPage
from opside_chassis.redaction import MAX_TEXT_CHARACTERS, redact, redact_text
from opside_chassis.request_context import request_id
from opside_chassis.settings import ServiceSettings

METRICS_EVERY_SECONDS = 15
# They log each request with its full URL, OAuth codes included, below WARNING.
_TALKATIVE = ("httpx", "httpcore", "stripe", "urllib3", "asyncio")
_UVICORN_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "color_message",
}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The providers of this process; `shutdown` sends what is still waiting."""

    tracers: TracerProvider
    meters: MeterProvider | None
    page: MetricsPage | None = None

    def shutdown(self) -> None:
        """Flush and stop; bounded by the exporters' own timeouts."""
        if self.page is not None:
            self.page.close()
        self.tracers.shutdown()
        if self.meters is not None:
            self.meters.shutdown()


def configure(service: str, settings: ServiceSettings) -> Telemetry:
    """Set up logs, traces and metrics for the whole process; call once, before anything logs.

    Raises:
        WrongSetting: METRICS_PORT cannot be opened.
    """
    configure_logging(service, level=settings.log_level)
    configure_error_reports(service, dsn=settings.sentry_dsn, environment=settings.environment)
    resource = Resource.create(
        {"service.name": service, "deployment.environment.name": settings.environment}
    )
    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/")
    page, readers = None, _sent(endpoint)
    if settings.metrics_port:
        scraped = InMemoryMetricReader()
        page = MetricsPage(scraped, host=settings.host, port=settings.metrics_port)
        readers.append(scraped)
    meters = (
        MeterProvider(resource=resource, metric_readers=readers, shutdown_on_exit=False)
        if readers
        else None
    )
    telemetry = Telemetry(_tracers(resource, endpoint), meters, page)
    trace.set_tracer_provider(telemetry.tracers)
    if telemetry.meters is not None:
        metrics.set_meter_provider(telemetry.meters)
    # Only the trace crosses borders: baggage of a client must not travel through our services.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    return telemetry


def _tracers(resource: Resource, endpoint: str) -> TracerProvider:
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(QueryRedaction())
    if endpoint:
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        tracers.add_span_processor(BatchSpanProcessor(exporter))
    return tracers


def _sent(endpoint: str) -> list[MetricReader]:
    """Readers that send the metrics to a collector."""
    if not endpoint:
        return []
    exporter = OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics")
    every_ms = METRICS_EVERY_SECONDS * 1000
    return [PeriodicExportingMetricReader(exporter, export_interval_millis=every_ms)]


class QueryRedaction(SpanProcessor):
    """Keeps one-time codes of OAuth redirects out of traces (FastAPI records `url.query`)."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Replace the query by one without secrets."""
        del parent_context
        query = (span.attributes or {}).get("url.query")
        if isinstance(query, str):
            span.set_attribute("url.query", redact_text(query))


def configure_logging(service: str, *, level: str) -> None:
    """Send every logger of the process through one redacting JSON handler on stdout."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for name in _UVICORN_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


_ESCAPED = {
    code: f"\\u{code:04x}"
    for first, last in ((0x7F, 0x9F), (0x2028, 0x202E), (0x2066, 0x2069))
    for code in range(first, last + 1)
}
"""DEL and the C1 controls, line and paragraph separators, and what turns the direction of writing."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with request and trace ids, and without secrets."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Render a record; fields given as `extra` become members."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": redact_text(record.getMessage()),
        }
        own_request_id = request_id()
        if own_request_id is not None:
            line["requestId"] = own_request_id
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            line["traceId"] = f"{span.trace_id:032x}"
            line["spanId"] = f"{span.span_id:016x}"
        for name, value in vars(record).items():
            if name not in _STANDARD_FIELDS and name not in line:
                line[name] = redact({name: value})[name]
        if record.exc_info:
            # The end of a traceback says what happened; the middle may be cut.
            text = self.formatException(record.exc_info)
            line["exception"] = redact_text(text[-MAX_TEXT_CHARACTERS:])
        # json.dumps escapes line feeds and ESC. Other characters begin a line or an order, too, for
        # programs that read logs and for terminals; outside of texts JSON has none of them.
        return json.dumps(line, ensure_ascii=False).translate(_ESCAPED)
