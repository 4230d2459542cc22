"""A seller's saved cards: Stripe holds them, we show and forget them."""

import re

from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.wire import AnswerModel
from stripe_payments.customers import queries
from stripe_payments.customers.payer import Payer, payer_of
from stripe_payments.stripe_api.gateway import Stripe

_AN_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
"""What Stripe's ids are made of: nothing else may become a part of an address at Stripe."""


class SavedCard(AnswerModel):
    """As much of a card as may be shown."""

    payment_method_id: str
    brand: str
    last_four: str
    expiry_month: int
    expiry_year: int
    charged_by_default: bool


class SavedCards(AnswerModel):
    """Newest first."""

    customer_id: str | None
    cards: list[SavedCard]


async def list_cards(sessions: Sessions, stripe: Stripe, *, user_id: str) -> SavedCards:
    """Empty for a seller who never opened a card form.

    Raises:
        OutcomeUnknown: Stripe did not answer.
    """
    payer = await payer_of(sessions, user_id)
    if payer.customer_id is None:
        return SavedCards(customer_id=None, cards=[])
    return SavedCards(
        customer_id=payer.customer_id,
        cards=[
            SavedCard(
                payment_method_id=card.id,
                brand=card.brand,
                last_four=card.last_four,
                expiry_month=card.expiry_month,
                expiry_year=card.expiry_year,
                charged_by_default=card.id == payer.payment_method_id,
            )
            for card in await stripe.cards(payer.customer_id)
        ],
    )


async def detach_card(
    sessions: Sessions, stripe: Stripe, *, user_id: str, payment_method_id: str
) -> None:
    """Forget it here first: from then on nothing new is charged to it.

    Raises:
        NotFound: it is not a card of this seller.
        OutcomeUnknown: Stripe did not answer; asking again is safe.
    """
    payer: Payer = await payer_of(sessions, user_id)
    if payer.customer_id is None or not _AN_ID.fullmatch(payment_method_id):
        raise NotFound("this is not one of your cards")
    card = await stripe.card(payment_method_id)
    if card.customer_id != payer.customer_id:
        raise NotFound("this is not one of your cards")
    async with transaction(sessions, tenant=user_id) as session:
        await queries.forget_card(session, user_id, payment_method_id)
    await stripe.detach_card(payment_method_id)
