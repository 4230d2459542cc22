"""What Prometheus would read of a service that has measured everything once: `metrics_page.py PACKAGE`.

A program of its own, since a process has one provider of meters. Every instrument is touched as soon as it
is made, and the real page is printed; a request goes through the chassis' door, for what is measured there.
"""

import asyncio
import importlib
import sys
from typing import Any

import httpx
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from opside_chassis.metrics_page import render


class Touched:
    """A meter whose instruments have measured once."""

    def __init__(self, meter: metrics.Meter) -> None:
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        make = getattr(self._meter, name)

        def made(*arguments: Any, **named: Any) -> Any:
            instrument = make(*arguments, **named)
            for measure in ("add", "record", "set"):
                if hasattr(instrument, measure):
                    getattr(instrument, measure)(1)
            return instrument

        return made


class Provider(MeterProvider):
    """Gives out such meters."""

    def get_meter(self, *arguments: Any, **named: Any) -> Any:
        return Touched(super().get_meter(*arguments, **named))


async def one_request() -> None:
    from opside_local.bench import servers  # noqa: PLC0415 (after the provider is in place)

    app = servers.app("ours", 8080)
    app.state.rate_limiter = None
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://here"
    ) as client:
        (await client.get(servers.PATH)).raise_for_status()


def main() -> None:
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(Provider(metric_readers=[reader], shutdown_on_exit=False))
    for part in ("app", "worker"):
        importlib.import_module(f"{sys.argv[1]}.{part}")
    asyncio.run(one_request())
    sys.stdout.write(render(reader.get_metrics_data()))


if __name__ == "__main__":
    main()
