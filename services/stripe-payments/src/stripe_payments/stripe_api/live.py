"""Stripe over its SDK: pinned version, no retries of its own, an answer in our types."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import stripe

from stripe_payments.settings import Settings
from stripe_payments.stripe_api.calls import Declined, answer, key
from stripe_payments.stripe_api.gateway import (
    Account,
    Card,
    CardSetup,
    Charge,
    Dispute,
    Intent,
    NewIntent,
    NewRefund,
    NewReversal,
    NewTransfer,
    OnboardingLink,
    Refund,
    SellerTransfer,
    TransferReversal,
    WebhookEndpoint,
)
from stripe_payments.stripe_api.live_books import PAGE, LiveBooks
from stripe_payments.stripe_api.plans import (
    NewSubscription,
    StartedSubscription,
    StripeInvoice,
    StripeSubscription,
)
from stripe_payments.stripe_api.shapes import (
    account_of,
    card_of,
    dispute_of,
    intent_of,
    invoice_of,
    refund_of,
    reversal_of,
    setup_of,
    started_subscription_of,
    subscription_of,
    transfer_of,
    webhook_endpoint_of,
)

TIMEOUT_SECONDS = 12.0
"""Under the 20 s a job may take, so that an unknown outcome can still be written down."""

stripe.enable_telemetry = False


class LiveStripe(LiveBooks):
    """The real thing, or a sandbox behind the same address."""

    def __init__(self, settings: Settings) -> None:
        self._http = stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
        client = stripe.StripeClient(
            settings.stripe_secret_key.get_secret_value(),
            stripe_version=settings.stripe_api_version,
            base_addresses={"api": settings.stripe_api_base_url},
            max_network_retries=0,
            http_client=self._http,
        )
        super().__init__(client)
        self._api_version = settings.stripe_api_version

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def create_intent(self, new: NewIntent, *, idempotency_key: str) -> Intent:
        """An intent that is not confirmed yet."""
        parameters: Any = {
            "amount": new.amount_minor,
            "currency": new.currency,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"commission": new.commission_id},
            "transfer_group": new.commission_id,
        }
        if new.customer_id:
            parameters["customer"] = new.customer_id
        if new.payment_method_id:
            parameters["payment_method"] = new.payment_method_id
        made = await answer(self._v1.payment_intents.create_async(parameters, key(idempotency_key)))
        return intent_of(made)

    async def confirm_intent(
        self, intent_id: str, *, payment_method_id: str, idempotency_key: str
    ) -> Intent:
        """Charge the saved card; a decline comes as 402 with the intent inside."""
        try:
            confirmed = await answer(
                self._v1.payment_intents.confirm_async(
                    intent_id,
                    {"payment_method": payment_method_id, "off_session": True},
                    key(idempotency_key),
                )
            )
        except Declined as decline:
            return intent_of(decline.intent)
        return intent_of(confirmed)

    async def intent(self, intent_id: str) -> Intent:
        """Fetch."""
        return intent_of(await answer(self._v1.payment_intents.retrieve_async(intent_id)))

    async def intents_of(self, customer_id: str, *, since: datetime) -> Sequence[Intent]:
        """Every intent of a customer from that moment on, with its metadata."""
        query = {"customer": customer_id, "created": {"gte": int(since.timestamp())}}
        return [
            intent_of(one) for one in await self._pages(self._v1.payment_intents.list_async, query)
        ]

    async def cancel_intent(self, intent_id: str, *, idempotency_key: str) -> Intent:
        """Cancel an intent that nothing was charged on."""
        return intent_of(
            await answer(self._v1.payment_intents.cancel_async(intent_id, {}, key(idempotency_key)))
        )

    async def charge(self, charge_id: str) -> Charge:
        """Fetch, with its balance transaction."""
        found = await answer(
            self._v1.charges.retrieve_async(charge_id, {"expand": ["balance_transaction"]})
        )
        booked = found.get("balance_transaction")
        return Charge(
            id=found["id"],
            intent_id=found.get("payment_intent"),
            amount_minor=found["amount"],
            currency=found["currency"],
            fee_minor=booked["fee"] if isinstance(booked, Mapping) else None,
        )

    async def create_customer(self, *, user_id: str, idempotency_key: str) -> str:
        """A customer; answers its id."""
        parameters: Any = {"metadata": {"user": user_id}}
        made = await answer(self._v1.customers.create_async(parameters, key(idempotency_key)))
        return str(made["id"])

    async def set_customer_email(self, customer_id: str, email: str) -> None:
        """Where Stripe sends receipts."""
        await answer(self._v1.customers.update_async(customer_id, {"email": email}))

    async def cards(self, customer_id: str) -> Sequence[Card]:
        """The saved cards of a customer, newest first."""
        found = await answer(
            self._v1.customers.payment_methods.list_async(
                customer_id, {"type": "card", "limit": PAGE}
            )
        )
        return [card_of(one) for one in found["data"]]

    async def card(self, payment_method_id: str) -> Card:
        """Fetch."""
        return card_of(await answer(self._v1.payment_methods.retrieve_async(payment_method_id)))

    async def detach_card(self, payment_method_id: str) -> None:
        """Forget a card for good."""
        await answer(self._v1.payment_methods.detach_async(payment_method_id))

    async def create_setup(self, customer_id: str, *, idempotency_key: str) -> CardSetup:
        """A SetupIntent for charging later without the customer."""
        parameters: Any = {
            "customer": customer_id,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        made = await answer(self._v1.setup_intents.create_async(parameters, key(idempotency_key)))
        return setup_of(made)

    async def setup(self, setup_id: str) -> CardSetup:
        """Fetch."""
        return setup_of(await answer(self._v1.setup_intents.retrieve_async(setup_id)))

    async def create_account(self, *, user_id: str, country: str, idempotency_key: str) -> Account:
        """An Express account that may receive transfers once it is onboarded."""
        parameters: Any = {
            "type": "express",
            "country": country,
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"user": user_id},
        }
        return account_of(
            await answer(self._v1.accounts.create_async(parameters, key(idempotency_key)))
        )

    async def set_account_email(self, account_id: str, email: str) -> None:
        """Prefills the onboarding page."""
        await answer(self._v1.accounts.update_async(account_id, {"email": email}))

    async def account(self, account_id: str) -> Account:
        """Fetch."""
        return account_of(await answer(self._v1.accounts.retrieve_async(account_id)))

    async def onboarding_link(
        self, account_id: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        """A fresh link; making one again is harmless."""
        made = await answer(
            self._v1.account_links.create_async(
                {
                    "account": account_id,
                    "type": "account_onboarding",
                    "return_url": return_url,
                    "refresh_url": refresh_url,
                }
            )
        )
        return OnboardingLink(made["url"], made["expires_at"])

    async def create_transfer(self, new: NewTransfer, *, idempotency_key: str) -> SellerTransfer:
        """Move collected money to the seller's account."""
        made = await answer(
            self._v1.transfers.create_async(
                {
                    "amount": new.amount_minor,
                    "currency": new.currency,
                    "destination": new.destination,
                    "source_transaction": new.charge_id,
                    "transfer_group": new.commission_id,
                    "metadata": {"commission": new.commission_id},
                },
                key(idempotency_key),
            )
        )
        return transfer_of(made)

    async def transfers_of(self, commission_id: str) -> Sequence[SellerTransfer]:
        """All transfers of a commission."""
        found = await answer(
            self._v1.transfers.list_async({"transfer_group": commission_id, "limit": PAGE})
        )
        return [transfer_of(one) for one in found["data"]]

    async def refund(self, new: NewRefund, *, idempotency_key: str) -> Refund:
        """Give money back to the card that was charged."""
        made = await answer(
            self._v1.refunds.create_async(
                {
                    "charge": new.charge_id,
                    "amount": new.amount_minor,
                    "metadata": {"clawback": new.clawback_id, "attempt": str(new.attempt)},
                },
                key(idempotency_key),
            )
        )
        return refund_of(made)

    async def fetch_refund(self, refund_id: str) -> Refund:
        """Fetch."""
        return refund_of(await answer(self._v1.refunds.retrieve_async(refund_id)))

    async def refunds_of(self, charge_id: str) -> Sequence[Refund]:
        """All refunds of a charge."""
        found = await answer(self._v1.refunds.list_async({"charge": charge_id, "limit": PAGE}))
        return [refund_of(one) for one in found["data"]]

    async def reverse_transfer(self, new: NewReversal, *, idempotency_key: str) -> TransferReversal:
        """Take a part of a transfer back from the connected account."""
        made = await answer(
            self._v1.transfers.reversals.create_async(
                new.transfer_id,
                {"amount": new.amount_minor, "metadata": {"clawback": new.clawback_id}},
                key(idempotency_key),
            )
        )
        return reversal_of(made)

    async def reversals_of(self, transfer_id: str) -> Sequence[TransferReversal]:
        """All reversals of a transfer."""
        found = await answer(self._v1.transfers.reversals.list_async(transfer_id, {"limit": PAGE}))
        return [reversal_of(one) for one in found["data"]]

    async def create_subscription(
        self, new: NewSubscription, *, idempotency_key: str
    ) -> StartedSubscription:
        """Subscribe, and charge the first period to the saved card."""
        parameters: Any = {
            "customer": new.customer_id,
            "items": [{"price": new.price_id}],
            "default_payment_method": new.payment_method_id,
            "off_session": True,
            "payment_behavior": "allow_incomplete",
            "metadata": {"reference": new.reference},
            "expand": ["latest_invoice.confirmation_secret"],
        }
        made = await answer(self._v1.subscriptions.create_async(parameters, key(idempotency_key)))
        return started_subscription_of(made)

    async def cancel_at_period_end(self, subscription_id: str) -> StripeSubscription:
        """Let it run out; asking again changes nothing."""
        changed = await answer(
            self._v1.subscriptions.update_async(subscription_id, {"cancel_at_period_end": True})
        )
        return subscription_of(changed)

    async def started_subscription(self, subscription_id: str) -> StartedSubscription:
        """Fetch, with the secret of a first payment that waits for its owner."""
        found = await answer(
            self._v1.subscriptions.retrieve_async(
                subscription_id, {"expand": ["latest_invoice.confirmation_secret"]}
            )
        )
        return started_subscription_of(found)

    async def subscriptions_of(self, customer_id: str) -> Sequence[StripeSubscription]:
        """All of a customer that have not ended."""
        found = await self._pages(self._v1.subscriptions.list_async, {"customer": customer_id})
        return [subscription_of(one) for one in found]

    async def subscription(self, subscription_id: str) -> StripeSubscription:
        """Fetch."""
        return subscription_of(await answer(self._v1.subscriptions.retrieve_async(subscription_id)))

    async def invoice(self, invoice_id: str) -> StripeInvoice:
        """Fetch, with its payments."""
        found = await answer(self._v1.invoices.retrieve_async(invoice_id, {"expand": ["payments"]}))
        return invoice_of(found)

    async def dispute(self, dispute_id: str) -> Dispute:
        """Fetch."""
        return dispute_of(await answer(self._v1.disputes.retrieve_async(dispute_id)))

    async def webhook_endpoints(self) -> Sequence[WebhookEndpoint]:
        """All of this account."""
        found = await self._pages(self._v1.webhook_endpoints.list_async, {})
        return [webhook_endpoint_of(one) for one in found]

    async def create_webhook_endpoint(
        self, *, url: str, events: Sequence[str], connect: bool, name: str
    ) -> WebhookEndpoint:
        """A new one, with its secret."""
        parameters: Any = {
            "url": url,
            "enabled_events": list(events),
            "connect": connect,
            "api_version": self._api_version,
            "description": name,
            "metadata": {"opside": name},
        }
        return webhook_endpoint_of(
            await answer(self._v1.webhook_endpoints.create_async(parameters))
        )

    async def update_webhook_endpoint(
        self, endpoint_id: str, *, url: str, events: Sequence[str], name: str = ""
    ) -> None:
        """Deliver there from now on, and switch it on; `name`, when given, is its new one."""
        parameters: Any = {"url": url, "enabled_events": list(events), "disabled": False}
        if name:
            parameters |= {"description": name, "metadata": {"opside": name}}
        await answer(self._v1.webhook_endpoints.update_async(endpoint_id, parameters))

    async def disable_webhook_endpoint(self, endpoint_id: str) -> None:
        """Deliver there no more, until it is updated."""
        parameters: Any = {"disabled": True}
        await answer(self._v1.webhook_endpoints.update_async(endpoint_id, parameters))

    async def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        """Deliver there never again."""
        await answer(self._v1.webhook_endpoints.delete_async(endpoint_id))

    async def ping(self) -> None:
        """Raises when Stripe does not answer."""
        await answer(self._v1.balance.retrieve_async())
