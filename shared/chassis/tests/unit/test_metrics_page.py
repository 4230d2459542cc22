"""The page that Prometheus reads: every request by route and status, its time, what runs now."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from opside_chassis.metrics_page import MetricsPage, render
from opside_chassis.settings import WrongSetting
from opside_chassis.testing.engines import free_port


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def port(reader: InMemoryMetricReader) -> Iterator[int]:
    number = free_port()
    page = MetricsPage(reader, host="127.0.0.1", port=number)
    yield number
    page.close()


def test_each_kind_of_instrument_is_written_as_prometheus_wants_it(
    reader: InMemoryMetricReader,
) -> None:
    meter = MeterProvider([reader]).get_meter("tests")
    meter.create_counter("opside.jobs.finished", unit="{job}", description="Runs").add(
        2, {"kind": 'a "b"\n', "outcome": "done"}
    )
    meter.create_gauge("opside.jobs.queued").set(7, {"state": "due"})
    meter.create_up_down_counter("opside.open").add(-1)
    seconds = meter.create_histogram(
        "opside.jobs.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1.0]
    )
    for took in (0.05, 0.5, 5.0):
        seconds.record(took, {"kind": "a"})
    lines = render(reader.get_metrics_data()).splitlines()
    assert "# HELP opside_jobs_finished_total Runs" in lines
    assert "# TYPE opside_jobs_finished_total counter" in lines
    assert 'opside_jobs_finished_total{kind="a \\"b\\"\\n",outcome="done"} 2' in lines
    assert 'opside_jobs_queued{state="due"} 7' in lines
    assert "# TYPE opside_open gauge" in lines
    assert "opside_open -1" in lines
    assert "# TYPE opside_jobs_duration_seconds histogram" in lines
    assert 'opside_jobs_duration_seconds_bucket{kind="a",le="0.1"} 1' in lines
    assert 'opside_jobs_duration_seconds_bucket{kind="a",le="1.0"} 2' in lines
    assert 'opside_jobs_duration_seconds_bucket{kind="a",le="+Inf"} 3' in lines
    assert 'opside_jobs_duration_seconds_count{kind="a"} 3' in lines
    assert 'opside_jobs_duration_seconds_sum{kind="a"} 5.55' in lines


def test_nothing_measured_is_an_empty_page(reader: InMemoryMetricReader, port: int) -> None:
    MeterProvider([reader])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.read() == b""


def test_there_is_nothing_else_on_its_port(port: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/health")
    assert refused.value.code == 404


def test_a_port_in_use_is_said(reader: InMemoryMetricReader, port: int) -> None:
    with pytest.raises(WrongSetting, match="METRICS_PORT"):
        MetricsPage(reader, host="127.0.0.1", port=port)
