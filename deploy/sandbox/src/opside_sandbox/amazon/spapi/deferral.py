"""Which sales Amazon holds back for a while (delivery date policy, DD7), and until when."""

import zlib
from datetime import datetime, timedelta

from opside_sandbox.amazon.history.model import Order

DAYS = 7
_ONE_IN = 4


def matures(order: Order) -> datetime | None:
    """When the money of a deferred sale is released; None for a sale that never was deferred."""
    deferred = zlib.crc32(order.order_id.encode()) % _ONE_IN == 0
    return order.at + timedelta(days=DAYS) if deferred else None


def posted(order: Order, now: datetime) -> bool:
    """Whether finances v0 shows the sale: deferred ones are absent until released."""
    until = matures(order)
    return until is None or until <= now
