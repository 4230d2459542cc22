"""Signed deliveries over HTTP, against bare ASGI with the signature check and one committed insert."""

import hmac
import json
import time
import uuid
from hashlib import sha256

import asyncpg

from opside_local.bench import http_load, intake_floor
from opside_local.bench.figures import Figures, middle_round
from opside_local.bench.payments import PaymentsPlace, payments_place

UNIT = "events/s"
COUNT = 1_000
PATH = "/webhooks/stripe"


class EventsLost(Exception):
    """Fewer rows are stored than deliveries were answered."""


async def measure() -> Figures:
    """Two processes each, bursts of COUNT events; raises `EventsLost`."""
    async with payments_place() as payments:
        secret = payments.place.secrets.webhook_secret
        await _run(payments.floor_url("owner"), intake_floor.TABLE)
        await payments.start_ours()
        await payments.start_floor(intake_floor.__name__, {"SECRET": secret})
        sent = 0

        async def ours() -> float:
            nonlocal sent
            sent += COUNT
            return COUNT / await http_load.send_all(payments.our_ports, deliveries(secret, COUNT))

        async def floor() -> float:
            return COUNT / await http_load.send_all(payments.floor_ports, deliveries(secret, COUNT))

        figures = await middle_round(ours, floor)
        await _check_all_stored(payments, sent)
        return figures


def deliveries(secret: str, count: int) -> list[bytes]:
    """Charges that succeeded, as Stripe would send them now: different events, about 1.5 KB each."""
    return [_delivery(secret, number) for number in range(count)]


def _delivery(secret: str, number: int) -> bytes:
    charge = {
        "id": f"ch_{uuid.uuid4().hex}",
        "object": "charge",
        "amount": 2_000 + number,
        "currency": "usd",
        "payment_intent": f"pi_{uuid.uuid4().hex}",
        "metadata": {f"key_{place}": uuid.uuid4().hex for place in range(20)},
    }
    event = {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "type": "charge.succeeded",
        "livemode": False,
        "data": {"object": charge},
    }
    body, stamp = json.dumps(event).encode(), str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, sha256).hexdigest()
    return http_load.post(PATH, body, {"Stripe-Signature": f"t={stamp},v1={signature}"})


async def _check_all_stored(payments: PaymentsPlace, sent: int) -> None:
    stored = await _run(
        payments.admin_url,
        "SELECT least((SELECT count(*) FROM payments.inbox),"
        " (SELECT count(*) FROM payments.outbox WHERE kind = 'apply_stripe_event'))",
    )
    if stored != sent:
        raise EventsLost(f"{sent} deliveries were answered, {stored} are stored")


async def _run(url: str, statement: str) -> int | None:
    connection = await asyncpg.connect(url)
    try:
        found: int | None = await connection.fetchval(statement)
        return found
    finally:
        await connection.close()
