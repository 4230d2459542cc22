"""Bring one transaction, or one break, back in line with Stripe: fetch everything, apply what is legal."""

from dataclasses import dataclass

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import Conflict, NotFound
from opside_chassis.wire import AnswerModel
from stripe_payments.audit.cases import note_person
from stripe_payments.clawbacks.access import refund_changed
from stripe_payments.commissions.access import (
    Commission,
    find_locked,
    nudge,
    peek,
    settle_by_intent,
)
from stripe_payments.commissions.listing import view
from stripe_payments.reconciliation import queries
from stripe_payments.reconciliation.compare import compare_books
from stripe_payments.roles import ADMIN, JANITOR
from stripe_payments.stripe_api.gateway import Stripe


class Reconciled(AnswerModel):
    """What a reconciliation found and did."""

    transaction_id: str
    state_before: str
    state: str
    intent_status: str | None
    """Stripe's own word, fetched now."""
    changed: bool
    in_line: bool
    """False while something is still on its way or differs; the next step is staged."""


@dataclass(frozen=True, slots=True)
class Mender:
    """Who mends, and with what."""

    sessions: Sessions
    stripe: Stripe
    person: str

    async def transaction(self, transaction_id: str, *, reason: str) -> Reconciled:
        """Fetch what Stripe has of it and take the legal edges; what is left to do is staged.

        Raises:
            NotFound: there is no such transaction.
            OutcomeUnknown: Stripe did not answer.
        """
        before = await self._read(transaction_id)
        intent = await self.stripe.intent(before.intent_id) if before.intent_id else None
        refunds = await self.stripe.refunds_of(before.charge_id) if before.charge_id else ()
        # Every tenant: an admin mends for any seller.
        async with transaction(self.sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
            await note_person(
                session, kind="reconciled", reference=transaction_id, by=self.person, note=reason
            )
            if intent is not None:
                await settle_by_intent(session, intent)
            for refund in refunds:
                await refund_changed(session, refund)
            stored = await find_locked(session, transaction_id)
            if stored is None:
                raise NotFound("there is no such transaction")
            waiting = await nudge(session, stored)
        return Reconciled(
            transaction_id=transaction_id,
            state_before=before.state,
            state=view(stored).state,
            intent_status=intent.status if intent else None,
            changed=stored.state != before.state,
            in_line=not waiting,
        )

    async def mend_break(self, break_id: str, *, note: str) -> None:
        """Reconcile the transaction that a break belongs to, then compare again.

        Raises:
            NotFound: there is no such break.
            Conflict: nothing of ours belongs to it; a person closes it with a note.
        """
        async with transaction(self.sessions, role=JANITOR) as session:
            found = await queries.by_id(session, break_id)
        if found is None:
            raise NotFound("there is no such break")
        if found.transaction_id is None:
            raise Conflict("no transaction of ours belongs to this; close it with a note instead")
        await self.transaction(found.transaction_id, reason=note)
        await compare_books(self.sessions, self.stripe)

    async def close_break(self, break_id: str, *, note: str) -> None:
        """A person says why both sides may differ.

        Raises:
            NotFound: it is not open.
        """
        async with transaction(self.sessions, role=ADMIN) as session:
            if not await queries.close_by_person(session, break_id, by=self.person, note=note):
                raise NotFound("there is no such open break")

    async def _read(self, transaction_id: str) -> Commission:
        async with transaction(self.sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
            found = await peek(session, transaction_id)
        if found is None:
            raise NotFound("there is no such transaction")
        return found
