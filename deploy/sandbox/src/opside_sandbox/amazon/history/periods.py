"""Settlement periods, and the tax in what they book: facts of an account, whatever file shows them."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from opside_sandbox.amazon.history.model import History

PERIOD_DAYS = 14
_LAST_END_BEFORE_BIRTH_DAYS = 2
_TAX_BP = {"GB": 2000, "DE": 1900, "CA": 1300, "JP": 1000}
"""Fee rows include tax outside the US (20 % in the UK), as the real Canadian ones do."""


@dataclass(frozen=True, slots=True)
class Period:
    """One settlement: from `start` (inclusive) to `end` (exclusive)."""

    settlement_id: str
    start: datetime
    end: datetime


def ending(history: History, end: datetime) -> Period:
    """The period that ends at this moment."""
    name = f"{history.persona.seller_id}/{end.isoformat()}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:6], "big") % 9 * 10**10
    number += int.from_bytes(hashlib.sha256(name).digest()[6:12], "big") % 10**10
    return Period(str(10**10 + number), end - timedelta(days=PERIOD_DAYS), end)


def period_of(history: History, at: datetime) -> Period:
    """The settlement period of a moment, closed or not."""
    born = datetime.combine(history.born, time(7, 7, 19), UTC)
    an_end, length = born - timedelta(days=_LAST_END_BEFORE_BIRTH_DAYS), timedelta(days=PERIOD_DAYS)
    return ending(history, an_end + ((at - an_end) // length + 1) * length)


def with_tax(history: History, amount_minor: int) -> int:
    """A fee as it is booked, half up."""
    rate = _TAX_BP.get(history.persona.store.country, 0)
    return amount_minor + (amount_minor * rate + 5000) // 10000
