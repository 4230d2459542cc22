"""A worker of stripe-payments over a fake Stripe, and requests for it."""

import secrets
from datetime import UTC, datetime, timedelta

from fakes.stripe_fake import Crash, FakeStripe
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.jobs import Workshop, drain
from opside_chassis.outbox import StagedJob
from opside_chassis.service_token import ServiceIdentity
from opside_contracts.events import EVENT, CommissionChanged
from opside_contracts.payments.messages import ChargeCommission, Collection
from stripe_payments.audit.cases import open_case_for_job
from stripe_payments.clawbacks.perform import Performer
from stripe_payments.commissions.access import resume_collecting
from stripe_payments.commissions.book_fee import book_fee
from stripe_payments.commissions.charge import Accepted, FeePolicy, charge_commission
from stripe_payments.commissions.collect import Collector
from stripe_payments.commissions.move import (
    BOOK_FEE,
    COLLECT,
    PERFORM_CLAWBACKS,
    PUBLISH_EVENT,
    TRANSFER,
)
from stripe_payments.ledger.proof import prove
from stripe_payments.reconciliation.compare import COMPARE_BOOKS, compare_books
from stripe_payments.roles import API
from stripe_payments.stripe_api.gateway import Account
from stripe_payments.subscriptions.keep import BOOK_INVOICE, book_invoice
from stripe_payments.transfers.transfer import ShareSender
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, apply_stripe_event

POLICY = FeePolicy(2_000, Collection.FEE_ONLY)
REQUEST = ChargeCommission(
    user_id="usr_a",
    claim_id="clm_1",
    recovery_id="777",
    amount_recovered_cents=10_000,
    currency="usd",
)


def service() -> ServiceIdentity:
    return ServiceIdentity(
        service="main-api",
        scopes=frozenset({"commissions:charge"}),
        act_for=None,
        act_role=None,
        token_id=secrets.token_hex(8),
        expires_at=datetime.now(UTC) + timedelta(seconds=60),
    )


async def ask(
    sessions: Sessions, request: ChargeCommission = REQUEST, *, key: str = "key-1"
) -> Accepted:
    return await charge_commission(sessions, request, key=key, service=service(), policy=POLICY)


class Bench:
    """A worker over a fake Stripe; events for main-api are kept.

    `sessions` are the worker's, `api` the app's.
    """

    def __init__(self, sessions: Sessions, api: Sessions, stripe: FakeStripe) -> None:
        self.sessions, self.api, self.stripe = sessions, api, stripe
        self.events: list[CommissionChanged] = []
        self.ahead = timedelta()
        self.workshop = Workshop(
            sessions,
            {
                COLLECT: lambda job: Collector(sessions, stripe, job).run(),
                TRANSFER: lambda job: ShareSender(sessions, stripe, job, self.now).run(),
                PERFORM_CLAWBACKS: lambda job: Performer(sessions, stripe, job, self.now).run(),
                APPLY_STRIPE_EVENT: lambda job: apply_stripe_event(sessions, stripe, job),
                COMPARE_BOOKS: self.compare,
                BOOK_INVOICE: lambda job: book_invoice(sessions, stripe, job),
                BOOK_FEE: lambda job: book_fee(sessions, stripe, job),
                PUBLISH_EVENT: self.publish,
            },
            open_case_for_job,
        )

    def now(self) -> datetime:
        """The worker's clock."""
        return datetime.now(UTC) + self.ahead

    async def wait(self, *, hours: float) -> None:
        """So much time passes for the worker; whatever is due by then was done."""
        self.ahead += timedelta(hours=hours)
        await self.work()

    async def compare(self, _job: StagedJob) -> None:
        await compare_books(self.sessions, self.stripe)

    async def publish(self, job: StagedJob) -> None:
        event = EVENT.validate_python(dict(job.payload))
        assert isinstance(event, CommissionChanged)
        self.events.append(event)

    async def work(self, *, rounds: int = 8, days: int = 0) -> None:
        """Until nothing is left to do now, or in so many days; a dead worker's leases included."""
        for _ in range(rounds):
            async with transaction(self.sessions) as session:
                await session.execute(
                    text(
                        "UPDATE outbox SET due_at = now(), lease_until = now() - interval '1 s'"
                        " WHERE due_at < now() + make_interval(days => :days, hours => 2)"
                    ),
                    {"days": days},
                )
            try:
                if not await drain(self.workshop):
                    return
            except Crash:
                continue

    async def save_card(self, card: str) -> None:
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            await session.execute(
                text(
                    "INSERT INTO stripe_customers (user_id, customer_id, payment_method_id)"
                    " VALUES ('usr_a', 'cus_usr_a', :card)"
                    " ON CONFLICT (user_id) DO UPDATE SET payment_method_id = :card"
                ),
                {"card": card},
            )
            await resume_collecting(session, "usr_a")

    async def payout_account(self, *, active: bool) -> None:
        self.stripe.accounts["a"] = Account("acct_usr_a", active, active, active, active)
        async with transaction(self.sessions, tenant=EVERY_TENANT, role=API) as session:
            await session.execute(
                text(
                    "INSERT INTO stripe_accounts (user_id, account_id, country, transfers_active)"
                    " VALUES ('usr_a', 'acct_usr_a', 'US', :active)"
                    " ON CONFLICT (user_id) DO UPDATE SET transfers_active = :active"
                ),
                {"active": active},
            )

    async def row(self) -> dict[str, object]:
        async with transaction(self.sessions, tenant=EVERY_TENANT) as session:
            rows = (await session.execute(text("SELECT * FROM commissions"))).mappings().all()
        assert len(rows) == 1
        return dict(rows[0])

    async def proof(self) -> dict[str, int]:
        proof = await prove(self.sessions)
        assert proof.unbalanced_journals == 0
        return proof.totals["usd"].model_dump() if proof.totals else {}


GROSS = REQUEST.model_copy(update={"collection": Collection.GROSS})
