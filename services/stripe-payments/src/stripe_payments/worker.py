"""The worker of stripe-payments: collects, transfers, applies events, sweeps."""

import asyncio
from collections.abc import Mapping

from opside_chassis import process
from opside_chassis.jobs import Handler, Workshop
from opside_chassis.outbox import StagedJob
from opside_chassis.relay import Relay, run_worker
from opside_contracts.events import EVENT
from stripe_payments.audit.cases import open_case_for_job
from stripe_payments.clawbacks.perform import Performer
from stripe_payments.commissions.book_fee import book_fee
from stripe_payments.commissions.collect import Collector
from stripe_payments.commissions.move import (
    BOOK_FEE,
    COLLECT,
    PERFORM_CLAWBACKS,
    PUBLISH_EVENT,
    TRANSFER,
)
from stripe_payments.reconciliation.compare import COMPARE_BOOKS, compare_books
from stripe_payments.reconciliation.measure import Measurer
from stripe_payments.reconciliation.poll import Poller
from stripe_payments.reconciliation.sweep import (
    POLL_ACCOUNTS,
    POLL_EVENTS,
    SCHEDULES,
    SWEEP_OVERDUE,
    sweep_overdue,
)
from stripe_payments.roles import WORKER
from stripe_payments.runtime import SCHEMA, SERVICE, Runtime, open_runtime
from stripe_payments.settings import Settings
from stripe_payments.subscriptions.keep import BOOK_INVOICE, book_invoice
from stripe_payments.transfers.transfer import ShareSender
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, apply_stripe_event


def handlers(runtime: Runtime) -> Mapping[str, Handler]:
    """A handler for every kind of job this service stages."""
    sessions, stripe, clock = runtime.database.sessions, runtime.stripe, runtime.clock

    async def publish(job: StagedJob) -> None:
        await runtime.accounts.publish(EVENT.validate_python(dict(job.payload)))

    async def compare(_job: StagedJob) -> None:
        await compare_books(sessions, stripe)

    return {
        COLLECT: lambda job: Collector(sessions, stripe, job).run(),
        TRANSFER: lambda job: ShareSender(sessions, stripe, job, clock).run(),
        PERFORM_CLAWBACKS: lambda job: Performer(sessions, stripe, job, clock).run(),
        BOOK_FEE: lambda job: book_fee(sessions, stripe, job),
        APPLY_STRIPE_EVENT: lambda job: apply_stripe_event(sessions, stripe, job),
        PUBLISH_EVENT: publish,
        SWEEP_OVERDUE: lambda _job: sweep_overdue(sessions),
        COMPARE_BOOKS: compare,
        BOOK_INVOICE: lambda job: book_invoice(sessions, stripe, job),
        POLL_EVENTS: lambda _job: Poller(sessions, stripe, clock).platform(),
        POLL_ACCOUNTS: lambda _job: Poller(sessions, stripe, clock).accounts(),
    }


async def work(settings: Settings) -> None:
    """Run jobs until told to stop."""
    async with open_runtime(settings, role=WORKER) as runtime:
        workshop = Workshop(
            runtime.database.sessions, handlers(runtime), open_case_for_job, SCHEDULES
        )
        relay = Relay(
            service=SERVICE,
            schema=SCHEMA,
            database=runtime.database,
            redis_url=settings.redis_url,
            workshop=workshop,
        )
        measuring = asyncio.create_task(Measurer(runtime.database.sessions).run())
        try:
            await run_worker(relay)
        finally:
            measuring.cancel()
            await asyncio.gather(measuring, return_exceptions=True)


def main() -> None:
    """Work until told to stop."""
    process.run_worker(SERVICE, Settings, work)


if __name__ == "__main__":
    main()
