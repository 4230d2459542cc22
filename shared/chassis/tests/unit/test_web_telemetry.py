"""Traces follow a request through our services and hold no secrets; Sentry gets clean reports."""

import json
import logging

import httpx
import pytest
import sentry_sdk
from fastapi import APIRouter, Depends
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.transport import Transport
from web_parts import HERE, Keys, app_with, client_of, settings

from opside_chassis import access
from opside_chassis.error_reports import configure_error_reports
from opside_chassis.http_client import ServiceClient
from opside_chassis.service_token import ServiceTokens
from opside_chassis.telemetry import JsonFormatter, configure
from opside_chassis.testing.fake_wire import FakeWire

CANARY = "canary7Qx2"
router = APIRouter(prefix="/t", dependencies=[Depends(access.public())])


@router.get("/items/{item_id}")
async def _item(item_id: str) -> str:
    return item_id


@pytest.fixture(scope="module")
def exporter():
    """The process-wide providers can be set once only; logging is put back afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    telemetry = configure("main-api", settings())
    root.handlers[:], root.level = before[0], before[1]
    exporter = InMemorySpanExporter()
    telemetry.tracers.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    telemetry.shutdown()


async def test_a_call_is_one_trace_from_the_caller_to_the_route(exporter) -> None:
    exporter.clear()
    keys = Keys()
    wire = FakeWire("http://here.test", httpx.ASGITransport(app=app_with(router)))
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    client = ServiceClient("http://here.test", HERE, tokens, wire=wire)
    with trace.get_tracer("test").start_as_current_span("job"):
        await client.request("GET", "/t/items/7", scope="s", query={"code": CANARY})
    await client.close()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    server = spans["GET /t/items/{item_id}"]
    outgoing = spans[f"GET {HERE}"]
    assert server.kind is trace.SpanKind.SERVER
    assert outgoing.kind is trace.SpanKind.CLIENT
    assert server.parent is not None
    assert server.parent.span_id == outgoing.context.span_id
    assert len({span.context.trace_id for span in spans.values()}) == 1
    assert server.attributes["http.response.status_code"] == 200
    assert CANARY not in str([dict(span.attributes) for span in spans.values()])


async def test_a_clients_trace_is_continued_and_its_baggage_is_not(exporter) -> None:
    exporter.clear()
    headers = {"Traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "Baggage": "role=admin"}
    async with client_of(app_with(router)) as client:
        await client.get("/t/items/7", headers=headers)
    server = exporter.get_finished_spans()[-1]
    assert f"{server.context.trace_id:032x}" == "1" * 32
    assert "role" not in str(server.attributes)


async def test_log_lines_carry_the_trace(exporter) -> None:
    with trace.get_tracer("test").start_as_current_span("job") as span:
        record = logging.LogRecord("x", logging.INFO, __file__, 1, "hello", None, None)
        line = json.loads(JsonFormatter("s").format(record))
    assert line["traceId"] == f"{span.get_span_context().trace_id:032x}"
    assert line["spanId"] == f"{span.get_span_context().span_id:016x}"


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def capture_envelope(self, envelope) -> None:
        self.sent.append(envelope.serialize().decode())


@pytest.fixture
def sentry():
    kept = Kept()
    dsn = "https://" + "a" * 32 + "@sentry.invalid/1"
    configure_error_reports(HERE, dsn=dsn, environment="test", transport=kept)
    yield kept
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)


def fail(secret_of_the_frame: str) -> None:
    raise ValueError(f"password={secret_of_the_frame}")


def test_an_error_is_reported_once_and_clean(sentry) -> None:
    logger = logging.getLogger("opside.test")
    logger.warning("a crumb with token=%s", CANARY)
    try:
        fail(CANARY)
    except ValueError:
        logger.exception("it broke", extra={"authorization": CANARY})
    sentry_sdk.flush()
    [report] = sentry.sent
    assert "ValueError" in report
    assert "it broke" in report
    assert CANARY not in report


def test_without_a_dsn_nothing_is_set_up() -> None:
    configure_error_reports(HERE, dsn="", environment="test")
    assert not sentry_sdk.get_client().is_active()
