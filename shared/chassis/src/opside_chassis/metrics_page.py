"""A process's metrics as Prometheus reads them, on a port of their own (METRICS_PORT).

The same instruments that are sent to a collector. The port is for the inside of the network: it asks for
no token, and the doors of the services do not lead to it.
"""

import errno
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.sdk.metrics.export import (
    HistogramDataPoint,
    InMemoryMetricReader,
    Metric,
    MetricsData,
    NumberDataPoint,
    Sum,
)

from opside_chassis.settings import WrongSetting

PATH = "/metrics"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_UNITS = {"s": "_seconds", "By": "_bytes"}
_NOT_IN_A_NAME = re.compile("[^a-zA-Z0-9_]")


class MetricsPage:
    """Serves `reader`'s metrics in a thread of its own, so that a busy loop does not hide them."""

    def __init__(self, reader: InMemoryMetricReader, *, host: str, port: int) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path.partition("?")[0] == PATH
                page = render(reader.get_metrics_data()).encode() if found else b""
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", MEDIA_TYPE)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                """A scrape every few seconds is no news."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            problem = "is in use" if error.errno == errno.EADDRINUSE else "cannot be opened"
            raise WrongSetting(
                "METRICS_PORT", f"{port} {problem}", "choose a free port above 1023, or 0 for none"
            ) from error
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def render(data: MetricsData | None) -> str:
    """Prometheus' text format, version 0.0.4."""
    lines: list[str] = []
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                lines += _metric(metric)
    return "\n".join([*lines, ""])


def _metric(metric: Metric) -> Iterator[str]:
    counts = isinstance(metric.data, Sum) and metric.data.is_monotonic
    name = _name(metric.name) + _UNITS.get(metric.unit or "", "") + ("_total" if counts else "")
    points = list(metric.data.data_points)
    histogram = bool(points) and isinstance(points[0], HistogramDataPoint)
    kind = "histogram" if histogram else "counter" if counts else "gauge"
    yield f"# HELP {name} {_escaped(metric.description or '')}"
    yield f"# TYPE {name} {kind}"
    for point in points:
        if isinstance(point, HistogramDataPoint):
            yield from _histogram(name, point)
        elif isinstance(point, NumberDataPoint):
            yield f"{name}{_labels(point.attributes)} {point.value}"


def _histogram(name: str, point: HistogramDataPoint) -> Iterator[str]:
    counted = 0
    bounds = [*map(str, point.explicit_bounds), "+Inf"]
    for bound, count in zip(bounds, point.bucket_counts, strict=True):
        counted += count
        yield f"{name}_bucket{_labels(point.attributes, le=bound)} {counted}"
    yield f"{name}_sum{_labels(point.attributes)} {point.sum}"
    yield f"{name}_count{_labels(point.attributes)} {point.count}"


def _labels(attributes: Any, **more: str) -> str:  # noqa: ANN401 - OpenTelemetry's own mapping
    pairs = {**{_name(name): str(value) for name, value in (attributes or {}).items()}, **more}
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items())
    return f"{{{inner}}}" if inner else ""


def _name(name: str) -> str:
    return _NOT_IN_A_NAME.sub("_", name)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
