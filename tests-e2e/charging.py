"""What main-api asks of stripe-payments, straight and in numbers: fees, some of them given back."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from house import House, Payer

from opside_chassis.errors import Unavailable
from opside_contracts.payments.messages import (
    ChargeCommission,
    ClawBackCommission,
    Collection,
)
from opside_local.journey.browser import Refused
from opside_local.journey.waiting import until

PAUSE_SECONDS = 0.06
"""Between two fees; about as many a second as two workers collect here."""
PATIENCE_SECONDS = 45.0
"""A request is repeated for so long, as main-api's outbox would for days."""
AGAIN_SECONDS = 0.3
EACH_GROSS, EACH_REPEATED, EACH_TAKEN_BACK, EACH_SENT_FIRST = 4, 5, 6, 24
"""Every so manieth fee is gross; is asked for several times at once; has half of it taken back, at once
or after the share was sent."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee that stripe-payments accepted, and what must have come of it."""

    transaction_id: str
    payer: Payer
    recovered: int
    taken_back: int

    @property
    def gross(self) -> bool:
        """Is the seller's share sent to him?"""
        return self.payer.collection is Collection.GROSS

    @property
    def collected(self) -> int:
        """What the card was charged."""
        return self.recovered if self.gross else fee_on(self.recovered)

    @property
    def refunded(self) -> int:
        """What the card got back."""
        return self.taken_back if self.gross else fee_on(self.taken_back)

    @property
    def sent(self) -> int:
        """What the seller's account keeps of his share."""
        if not self.gross:
            return 0
        return self.recovered - self.taken_back - fee_on(self.recovered) + fee_on(self.taken_back)


def fee_on(recovered: int) -> int:
    """20 %, half a cent rounded up."""
    return (recovered * 20 + 50) // 100


@dataclass(slots=True)
class Charging:
    """Every fee asked of one system so far, whatever happened to it meanwhile."""

    house: House
    accepted: list[Fee] = field(default_factory=list)
    _asked: int = 0

    @asynccontextmanager
    async def going_on(self, *, at_least: int) -> AsyncIterator[None]:
        """Ask for fee after fee for as long as the block takes, and for at least so many."""
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask_until(over, at_least))
            yield
            over.set()

    async def _ask_until(self, over: asyncio.Event, at_least: int) -> None:
        first = self._asked
        async with asyncio.TaskGroup() as group:
            while not over.is_set() or self._asked - first < at_least:
                self._asked += 1
                group.create_task(self._ask(self._asked))
                await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self, number: int) -> None:
        payer = self.house.gross if number % EACH_GROSS == 0 else self.house.net
        request = ChargeCommission(
            user_id=payer.user_id,
            claim_id=f"claim-{number}",
            recovery_id=f"recovery-{number}",
            amount_recovered_cents=1_000 + 37 * number,
            currency="usd",
            collection=payer.collection,
        )
        keys = [f"fee-{number}"]
        if number % EACH_REPEATED == 0:
            keys += [f"fee-{number}", f"again-{number}"]
        [transaction_id] = set(await asyncio.gather(*(self._charge(request, key) for key in keys)))
        recovered, taken_back = request.amount_recovered_cents, 0
        if number % EACH_TAKEN_BACK == 0:
            taken_back = recovered // 2
            if number % EACH_SENT_FIRST == 0:
                await self._sent(transaction_id)
            await self._take_back(transaction_id, taken_back)
        self.accepted.append(Fee(transaction_id, payer, recovered, taken_back))

    async def _charge(self, request: ChargeCommission, key: str) -> str:
        accepted = await insist(
            lambda: self.house.payments.charge_commission(request, idempotency_key=key)
        )
        return accepted.transaction_id

    async def _sent(self, transaction_id: str) -> None:
        """Wait for the transfer of the seller's share."""

        async def is_sent() -> bool:
            path = f"/api/v1/stripe/transactions/{transaction_id}"
            try:
                found = await self.house.admin.get(path)
            except Refused:  # a part of the house is down
                return False
            return bool(found["transferId"])

        await until(is_sent, done=bool, what=f"the transfer of {transaction_id}")

    async def _take_back(self, transaction_id: str, minor: int) -> None:
        request = ClawBackCommission(
            transaction_id=transaction_id,
            reversal_id=f"reversal-{transaction_id}",
            reason="Amazon took half of it back",
            refund_amount_cents=minor,
        )
        await insist(
            lambda: self.house.payments.claw_back(request, idempotency_key=f"back-{transaction_id}")
        )


async def insist(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask again, under the same key, for as long as the service cannot answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(AGAIN_SECONDS)
