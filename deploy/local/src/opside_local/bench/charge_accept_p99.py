"""How long 99 of 100 charge requests take at most, at 100 a second; lower is better."""

from opside_local.bench import charge_requests, http_load
from opside_local.bench.charge_accept import both_running
from opside_local.bench.figures import Figures

UNIT = "ms"
PER_SECOND = 100
ROUNDS = 5
COUNT = 200
"""A round: two seconds of each, in turns."""
PERCENTILE = 0.99


async def measure() -> Figures:
    """Over all requests of all rounds, from the moment each was due."""
    ours: list[float] = []
    floor: list[float] = []
    async with both_running() as payments:
        await http_load.send_all(payments.our_ports, charge_requests.for_us(payments, COUNT))
        await http_load.send_all(payments.floor_ports, charge_requests.for_floor(COUNT))
        for _ in range(ROUNDS):
            requests = charge_requests.for_us(payments, COUNT)
            ours += await http_load.send_paced(payments.our_ports, requests, per_second=PER_SECOND)
            requests = charge_requests.for_floor(COUNT)
            floor += await http_load.send_paced(
                payments.floor_ports, requests, per_second=PER_SECOND
            )
    return Figures(_percentile_ms(ours), _percentile_ms(floor))


def _percentile_ms(took_seconds: list[float]) -> float:
    return sorted(took_seconds)[int(len(took_seconds) * PERCENTILE)] * 1_000
