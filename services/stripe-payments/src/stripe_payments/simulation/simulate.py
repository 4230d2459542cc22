"""Say that Stripe sent an event, in test mode: a hint like any other, so that the fetched object decides."""

from typing import Any

from opside_chassis.database import EVERY_TENANT, Sessions, transaction
from opside_chassis.errors import BadRequest, Conflict, NotFound
from opside_chassis.ids import new_id
from opside_chassis.inbox import InboxEvent, receive
from opside_chassis.wire import AnswerModel
from stripe_payments.commissions.access import Commission, peek
from stripe_payments.webhooks.apply import APPLY_STRIPE_EVENT, HANDLERS


class Simulated(AnswerModel):
    """The event is stored; what it does follows from what Stripe says of the object."""

    event_id: str
    event_type: str


async def simulate_event(sessions: Sessions, *, transaction_id: str, event_type: str) -> Simulated:
    """Store an event about one object of a transaction.

    Raises:
        NotFound: there is no such transaction.
        BadRequest: no such event type is handled for transactions.
        Conflict: the transaction has no such object yet.
    """
    async with transaction(sessions, tenant=EVERY_TENANT) as session:
        commission = await peek(session, transaction_id)
        if commission is None:
            raise NotFound("there is no such transaction")
        event_id = new_id("evt")
        found = _object(commission, event_type)
        await receive(
            session,
            InboxEvent(
                source="simulated",
                event_id=event_id,
                type=event_type,
                payload={
                    "reference": {"id": found["id"], "endpoint": "platform"},
                    "event": {"id": event_id, "type": event_type, "data": {"object": found}},
                },
            ),
            kind=APPLY_STRIPE_EVENT,
        )
    return Simulated(event_id=event_id, event_type=event_type)


def _object(commission: Commission, event_type: str) -> dict[str, Any]:
    family = event_type.partition(".")[0]
    ids = {
        "payment_intent": commission.intent_id,
        "charge": commission.charge_id,
        "transfer": commission.transfer_id or commission.id,
    }
    if event_type not in HANDLERS or family not in ids:
        raise BadRequest("eventType is not one of payment_intent.*, charge.* or transfer.*")
    if ids[family] is None:
        raise Conflict(f"this transaction has no {family.replace('_', ' ')} yet")
    return {
        "id": ids[family],
        "payment_intent": commission.intent_id,
        "transfer_group": commission.id,
    }
