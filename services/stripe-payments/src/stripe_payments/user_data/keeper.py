"""This service's side of export and erasure."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Conflict, NotFound
from opside_chassis.user_data import FileShown, UserTable, erase_rows
from stripe_payments.customers.payer import payer_of
from stripe_payments.roles import AUDITOR, JANITOR
from stripe_payments.runtime import Runtime
from stripe_payments.stripe_api.errors import told_to_callers
from stripe_payments.stripe_api.gateway import Stripe
from stripe_payments.user_data.declared import USER_TABLES

MOST_PAGES_OF_CARDS = 20
"""Nobody has so many; an answer that never gets empty must not hold a request for ever."""

_MOVING = text(
    """
    SELECT count(*) FILTER (WHERE c.deadline_at IS NOT NULL) AS moving,
           count(*) FILTER (WHERE c.state IN ('failed', 'awaiting_customer')) AS unpaid,
           count(*) FILTER (WHERE c.state = 'transfer_blocked') AS blocked,
           (SELECT count(*) FROM clawbacks b WHERE b.user_id = :user_id
               AND b.state NOT IN ('succeeded', 'nothing_due')) AS returning,
           (SELECT count(*) FROM stripe_subscriptions s WHERE s.user_id = :user_id
               AND s.status NOT IN ('refused', 'incomplete_expired', 'canceled')) AS subscribed,
           (SELECT count(*) FROM outbox o WHERE o.tenant = :user_id
               AND o.status IN ('waiting', 'leased')) AS jobs
      FROM commissions c WHERE c.user_id = :user_id
    """
)


class MoneyInFlight(Conflict):
    """Something is owed or on its way, by us or by the seller."""

    code = "money_in_flight"


@dataclass(frozen=True, slots=True)
class PaymentsKeeper:
    """Implements `opside_chassis.user_data.Keeper`."""

    parts: Runtime
    tables: Sequence[UserTable] = USER_TABLES
    reading_role: str | None = AUDITOR

    @property
    def sessions(self) -> Sessions:
        """Of this service's database."""
        return self.parts.database.sessions

    async def files(self, user_id: str) -> Sequence[FileShown]:  # noqa: ARG002 (of all users alike)
        """This service stores no documents."""
        return []

    async def open_file(self, user_id: str, key: str) -> AsyncIterator[bytes]:  # noqa: ARG002
        """Raises `NotFound`."""
        raise NotFound("there is no such document")

    async def held(self, user_id: str) -> list[str]:
        """What must come to rest first, in words for the seller."""
        async with transaction(self.sessions, tenant=user_id, role=AUDITOR) as session:
            found = (await session.execute(_MOVING, {"user_id": user_id})).one()
        reasons = {
            "fees that are being collected or paid out": found.moving,
            "unpaid fees (pay them, or ask us to cancel them)": found.unpaid,
            "payouts to you that wait for your payout account": found.blocked,
            "fees that are being given back to you": found.returning,
            "subscriptions that run (cancel them first)": found.subscribed,
            "unfinished jobs about your payments": found.jobs,
        }
        return [f"{reason}: {count}" for reason, count in reasons.items() if count]

    async def erase(self, user_id: str) -> None:
        """Forget the card and what names the person, here and at Stripe. Again is harmless.

        Raises:
            MoneyInFlight: something is owed or on its way.
            Unavailable: Stripe does not answer.
        """
        if reasons := await self.held(user_id):
            raise MoneyInFlight("; ".join(reasons))
        # Here first: from then on nothing new is charged to the card.
        async with transaction(self.sessions, tenant=user_id, role=JANITOR) as session:
            await erase_rows(session, USER_TABLES, user_id)
        payer = await payer_of(self.sessions, user_id)
        if payer.customer_id is not None:
            with told_to_callers():
                await _forget_at_stripe(self.parts.stripe, payer.customer_id)


async def _forget_at_stripe(stripe: Stripe, customer_id: str) -> None:
    """The customer itself stays: its charges are in both books."""
    for _ in range(MOST_PAGES_OF_CARDS):
        cards = await stripe.cards(customer_id)
        for card in cards:
            await stripe.detach_card(card.id)
        if not cards:
            break
    await stripe.set_customer_email(customer_id, "")
