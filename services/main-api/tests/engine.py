"""The refund engine under test: senders of events, a worker that may die, and a payments service to fake."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from door import APP_URL, INTEGRATIONS, PAYMENTS, Door
from factories import USER
from fakes.payments_fake import FakePayments
from sqlalchemy import text

from main_api.accounts.cases import open_case_for_job
from main_api.worker import handlers
from opside_chassis.database import EVERY_TENANT, transaction
from opside_chassis.http_client import ServiceClient
from opside_chassis.jobs import Handler, Workshop, drain
from opside_chassis.outbox import StagedJob
from opside_chassis.service_token import ServiceTokens
from opside_chassis.testing.fake_wire import FakeWire
from opside_contracts.accounts.client import AccountsClient
from opside_contracts.accounts.messages import EventReceipt
from opside_contracts.events import CommissionChanged, Event
from opside_contracts.payments.client import PaymentsClient

BEFORE, AFTER, AFTER_CALL = "before the job", "after the job", "after the call"


class Crash(BaseException):
    """The worker dies: nothing of it runs any more."""


@dataclass
class MortalPayments:
    """The real client, in a worker that is overtaken, or dies, once its call has come through."""

    client: PaymentsClient
    dies: list[str]
    meanwhile: list[Callable[[], Awaitable[None]]]

    async def charge_commission(self, *args: Any, **keys: Any) -> Any:
        return await self._then(await self.client.charge_commission(*args, **keys))

    async def claw_back(self, *args: Any, **keys: Any) -> Any:
        return await self._then(await self.client.claw_back(*args, **keys))

    async def _then(self, answer: Any) -> Any:
        while self.meanwhile:
            await self.meanwhile.pop()()
        if AFTER_CALL in self.dies:
            self.dies.remove(AFTER_CALL)
            raise Crash
        return answer


@dataclass(repr=False)
class Engine:
    """`dies` names the moments at which the next run of the worker ends; `meanwhile` happens while
    it waits for an answer of payments."""

    door: Door
    payments: FakePayments
    dies: list[str] = field(default_factory=list)
    meanwhile: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    senders: dict[str, AccountsClient] = field(init=False)
    workshop: Workshop = field(init=False)

    def __post_init__(self) -> None:
        self.senders = {name: self._sender(name) for name in (INTEGRATIONS, PAYMENTS)}
        mortal: Any = MortalPayments(self.door.runtime.payments, self.dies, self.meanwhile)
        kinds = handlers(replace(self.door.runtime, payments=mortal))
        self.workshop = Workshop(
            self.door.database.sessions, self._mortal(kinds), open_case_for_job
        )

    def _sender(self, name: str) -> AccountsClient:
        tokens = ServiceTokens(self.door.signing.service(name), name)
        wire = FakeWire(APP_URL, httpx.ASGITransport(self.door.app))
        return AccountsClient(ServiceClient(APP_URL, "main-api", tokens, wire=wire))

    def _mortal(self, kinds: Mapping[str, Handler]) -> dict[str, Handler]:
        async def run(job: StagedJob) -> None:
            self._perhaps_die(BEFORE)
            await kinds[job.kind](job)
            self._perhaps_die(AFTER)

        return dict.fromkeys(kinds, run)

    def _perhaps_die(self, moment: str) -> None:
        if moment in self.dies:
            self.dies.remove(moment)
            raise Crash

    async def tell(self, event: Event) -> EventReceipt:
        """Hand an event over as its sender does."""
        sender = PAYMENTS if isinstance(event, CommissionChanged) else INTEGRATIONS
        return await self.senders[sender].publish(event)

    async def work(self, *, rounds: int = 1) -> None:
        """Run everything that waits, whatever it waits for; leases of the dead run out each round."""
        for _ in range(rounds):
            await self.execute(
                "UPDATE outbox SET due_at = now(), lease_until = now() - interval '1 s'"
            )
            try:
                await drain(self.workshop, ignore_due=True)
            except Crash:
                continue

    async def race(self, *, workers: int = 3) -> None:
        """Several workers at once run everything that waits. None dies, so no lease runs out."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(drain(self.workshop, ignore_due=True))

    async def execute(self, statement: str, **values: object) -> None:
        """Change the database under everybody's feet."""
        async with transaction(self.door.database.sessions, tenant=EVERY_TENANT) as session:
            await session.execute(text(statement), values)

    async def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """Look into the database."""
        async with transaction(self.door.database.sessions, tenant=EVERY_TENANT) as session:
            found = await session.execute(text(query), values)
            return [dict(row) for row in found.mappings()]

    async def recovery(self, recovery_id: str = "777", user_id: str = USER) -> dict[str, Any]:
        """The stored recovery."""
        [row] = await self.rows(
            "SELECT * FROM recoveries WHERE user_id = :user_id AND recovery_id = :recovery_id",
            user_id=user_id,
            recovery_id=recovery_id,
        )
        return row

    async def jobs(self) -> dict[str, int]:
        """How many jobs there are of each kind and status."""
        counted = await self.rows("SELECT kind, status, count(*) n FROM outbox GROUP BY 1, 2")
        return {f"{row['kind']} {row['status']}": row["n"] for row in counted}

    async def failures(self) -> int:
        """How many runs of jobs failed, deaths of workers included."""
        [row] = await self.rows("SELECT coalesce(sum(failures), 0)::int AS n FROM outbox")
        return int(row["n"])
