"""charge-commission over HTTP, against a plain FastAPI + SQLAlchemy app doing the same three inserts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import create_async_engine

from opside_chassis.database import asyncpg_url
from opside_local.bench import charge_floor, charge_requests, http_load
from opside_local.bench.figures import Figures, middle_round
from opside_local.bench.payments import PaymentsPlace, payments_place

UNIT = "requests/s"
COUNT = 1_000


async def measure() -> Figures:
    """Two processes each, as fast as they answer."""
    async with both_running() as payments:

        async def ours() -> float:
            requests = charge_requests.for_us(payments, COUNT)
            return COUNT / await http_load.send_all(payments.our_ports, requests)

        async def floor() -> float:
            requests = charge_requests.for_floor(COUNT)
            return COUNT / await http_load.send_all(payments.floor_ports, requests)

        return await middle_round(ours, floor)


@asynccontextmanager
async def both_running() -> AsyncIterator[PaymentsPlace]:
    """stripe-payments without its worker, and the floor."""
    async with payments_place() as payments:
        engine = create_async_engine(asyncpg_url(payments.floor_url("owner")))
        async with engine.begin() as connection:
            await connection.run_sync(charge_floor.Base.metadata.create_all)
        await engine.dispose()
        await payments.start_ours()
        await payments.start_floor(charge_floor.__name__, {})
        yield payments
