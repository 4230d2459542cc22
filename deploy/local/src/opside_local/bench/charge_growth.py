"""Accepting commissions over a million old ones; the floor is the same service over ten thousand.

A ratio of 1 says that a commission costs the same however many there are. Two copies of service and
Postgres run side by side and take turns.
"""

from opside_local.bench import charge_requests, http_load, old_rows
from opside_local.bench.figures import Figures, middle_round
from opside_local.bench.payments import PaymentsPlace, payments_place

UNIT = "requests/s"
FEW_ROWS = 10_000
MANY_ROWS = 1_000_000
COUNT = 500


async def measure(many_rows: int = MANY_ROWS, few_rows: int = FEW_ROWS) -> Figures:
    """Two processes of stripe-payments each, without a worker, as fast as they answer."""
    async with payments_place() as many, payments_place() as few:
        for payments, rows in ((many, many_rows), (few, few_rows)):
            await old_rows.fill(payments.admin_url, rows)
            await payments.start_ours()
        figures = await middle_round(lambda: _per_second(many), lambda: _per_second(few))
    return figures._replace(notes=f"over {many_rows:,} rows in each table; floor: {few_rows:,}")


async def _per_second(payments: PaymentsPlace) -> float:
    requests = charge_requests.for_us(payments, COUNT)
    return COUNT / await http_load.send_all(payments.our_ports, requests)
