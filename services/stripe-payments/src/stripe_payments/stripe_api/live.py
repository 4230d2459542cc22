"""Stripe over its SDK: pinned version, no retries of its own, an answer in our types."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Any

import stripe

from opside_chassis.database import refuse_open_transaction
from stripe_payments.settings import Settings
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import (
    Account,
    CardSetup,
    Charge,
    Intent,
    NewIntent,
    NewRefund,
    NewReversal,
    NewTransfer,
    OnboardingLink,
    Refund,
    SellerTransfer,
    TransferReversal,
)

TIMEOUT_SECONDS = 12.0
"""Under the 20 s a job may take, so that an unknown outcome can still be written down."""
MOST_EVENTS = 1_000
PAGE = 100

stripe.enable_telemetry = False


class LiveStripe:
    """The real thing, or a sandbox behind the same address."""

    def __init__(self, settings: Settings) -> None:
        self._http = stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
        self._client = stripe.StripeClient(
            settings.stripe_secret_key.get_secret_value(),
            stripe_version=settings.stripe_api_version,
            base_addresses={"api": settings.stripe_api_base_url},
            max_network_retries=0,
            http_client=self._http,
        )
        self._v1 = self._client.v1

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
        made = await _answer(
            self._v1.payment_intents.create_async(parameters, _key(idempotency_key))
        )
        return _intent(made)

    async def confirm_intent(
        self, intent_id: str, *, payment_method_id: str, idempotency_key: str
    ) -> Intent:
        """Charge the saved card; a decline comes as 402 with the intent inside."""
        try:
            confirmed = await _answer(
                self._v1.payment_intents.confirm_async(
                    intent_id,
                    {"payment_method": payment_method_id, "off_session": True},
                    _key(idempotency_key),
                )
            )
        except _Declined as decline:
            return _intent(decline.intent)
        return _intent(confirmed)

    async def intent(self, intent_id: str) -> Intent:
        """Fetch."""
        return _intent(await _answer(self._v1.payment_intents.retrieve_async(intent_id)))

    async def cancel_intent(self, intent_id: str, *, idempotency_key: str) -> Intent:
        """Cancel an intent that nothing was charged on."""
        return _intent(
            await _answer(
                self._v1.payment_intents.cancel_async(intent_id, {}, _key(idempotency_key))
            )
        )

    async def charge(self, charge_id: str) -> Charge:
        """Fetch, with its balance transaction."""
        found = await _answer(
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
        made = await _answer(self._v1.customers.create_async(parameters, _key(idempotency_key)))
        return str(made["id"])

    async def set_customer_email(self, customer_id: str, email: str) -> None:
        """Where Stripe sends receipts."""
        await _answer(self._v1.customers.update_async(customer_id, {"email": email}))

    async def create_setup(self, customer_id: str, *, idempotency_key: str) -> CardSetup:
        """A SetupIntent for charging later without the customer."""
        parameters: Any = {
            "customer": customer_id,
            "usage": "off_session",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
        made = await _answer(self._v1.setup_intents.create_async(parameters, _key(idempotency_key)))
        return _setup(made)

    async def setup(self, setup_id: str) -> CardSetup:
        """Fetch."""
        return _setup(await _answer(self._v1.setup_intents.retrieve_async(setup_id)))

    async def create_account(
        self, *, user_id: str, email: str | None, country: str, idempotency_key: str
    ) -> Account:
        """An Express account that may receive transfers once it is onboarded."""
        parameters: Any = {
            "type": "express",
            "country": country,
            "capabilities": {"transfers": {"requested": True}},
            "metadata": {"user": user_id},
        }
        if email:
            parameters["email"] = email
        return _account(
            await _answer(self._v1.accounts.create_async(parameters, _key(idempotency_key)))
        )

    async def account(self, account_id: str) -> Account:
        """Fetch."""
        return _account(await _answer(self._v1.accounts.retrieve_async(account_id)))

    async def onboarding_link(
        self, account_id: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        """A fresh link; making one again is harmless."""
        made = await _answer(
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
        made = await _answer(
            self._v1.transfers.create_async(
                {
                    "amount": new.amount_minor,
                    "currency": new.currency,
                    "destination": new.destination,
                    "source_transaction": new.charge_id,
                    "transfer_group": new.commission_id,
                    "metadata": {"commission": new.commission_id},
                },
                _key(idempotency_key),
            )
        )
        return _transfer(made)

    async def transfers_of(self, commission_id: str) -> Sequence[SellerTransfer]:
        """All transfers of a commission."""
        found = await _answer(
            self._v1.transfers.list_async({"transfer_group": commission_id, "limit": PAGE})
        )
        return [_transfer(one) for one in found["data"]]

    async def refund(self, new: NewRefund, *, idempotency_key: str) -> Refund:
        """Give money back to the card that was charged."""
        made = await _answer(
            self._v1.refunds.create_async(
                {
                    "charge": new.charge_id,
                    "amount": new.amount_minor,
                    "metadata": {"clawback": new.clawback_id, "attempt": str(new.attempt)},
                },
                _key(idempotency_key),
            )
        )
        return _refund(made)

    async def fetch_refund(self, refund_id: str) -> Refund:
        """Fetch."""
        return _refund(await _answer(self._v1.refunds.retrieve_async(refund_id)))

    async def refunds_of(self, charge_id: str) -> Sequence[Refund]:
        """All refunds of a charge."""
        found = await _answer(self._v1.refunds.list_async({"charge": charge_id, "limit": PAGE}))
        return [_refund(one) for one in found["data"]]

    async def reverse_transfer(self, new: NewReversal, *, idempotency_key: str) -> TransferReversal:
        """Take a part of a transfer back from the connected account."""
        made = await _answer(
            self._v1.transfers.reversals.create_async(
                new.transfer_id,
                {"amount": new.amount_minor, "metadata": {"clawback": new.clawback_id}},
                _key(idempotency_key),
            )
        )
        return _reversal(made)

    async def reversals_of(self, transfer_id: str) -> Sequence[TransferReversal]:
        """All reversals of a transfer."""
        found = await _answer(self._v1.transfers.reversals.list_async(transfer_id, {"limit": PAGE}))
        return [_reversal(one) for one in found["data"]]

    async def events_since(self, since: datetime) -> Sequence[Mapping[str, Any]]:
        """The platform's events from that moment on, oldest first."""
        events: list[Mapping[str, Any]] = []
        after: Any = {}
        while len(events) < MOST_EVENTS:
            query: Any = {"created": {"gte": int(since.timestamp())}, "limit": PAGE, **after}
            page = await _answer(self._v1.events.list_async(query))
            events += page["data"]
            if not page["has_more"]:
                break
            after = {"starting_after": page["data"][-1]["id"]}
        return events[::-1]

    async def ping(self) -> None:
        """Raises when Stripe does not answer."""
        await _answer(self._v1.balance.retrieve_async())


class _Declined(Exception):
    def __init__(self, intent: Mapping[str, Any]) -> None:
        self.intent = intent


def _key(idempotency_key: str) -> Any:  # noqa: ANN401 - the SDK's options type is a TypedDict
    return {"idempotency_key": idempotency_key}


async def _answer(call: Awaitable[Any]) -> dict[str, Any]:
    """The answer as plain data, or one of our two errors."""
    refuse_open_transaction()
    try:
        answer = await call
    except stripe.CardError as error:
        intent = error.error.payment_intent if error.error else None
        if intent is None:
            raise Refused(error.code or "card_error", str(error.user_message)) from error
        raise _Declined(_plain(intent)) from error
    except (
        stripe.InvalidRequestError,
        stripe.AuthenticationError,
        stripe.PermissionError,
    ) as error:
        raise Refused(error.code or type(error).__name__, str(error.user_message)) from error
    except stripe.IdempotencyError as error:
        raise Refused("idempotency_error", str(error.user_message)) from error
    except stripe.StripeError as error:
        raise OutcomeUnknown(f"{type(error).__name__} {error.http_status}") from error
    return _plain(answer)


def _plain(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the SDK built
    found: dict[str, Any] = answer if isinstance(answer, dict) else answer.to_dict()
    return found


def _intent(found: Mapping[str, Any]) -> Intent:
    last_error = found.get("last_payment_error") or {}
    latest = found.get("latest_charge")
    return Intent(
        id=found["id"],
        status=found["status"],
        amount_minor=found["amount"],
        currency=found["currency"],
        latest_charge_id=latest["id"] if isinstance(latest, Mapping) else latest,
        failure_code=last_error.get("decline_code") or last_error.get("code"),
        metadata=found.get("metadata") or {},
    )


def _setup(found: Mapping[str, Any]) -> CardSetup:
    return CardSetup(
        id=found["id"],
        status=found["status"],
        client_secret=found["client_secret"],
        customer_id=found.get("customer"),
        payment_method_id=found.get("payment_method"),
    )


def _account(found: Mapping[str, Any]) -> Account:
    requirements = found.get("requirements") or {}
    return Account(
        id=found["id"],
        charges_enabled=bool(found.get("charges_enabled")),
        payouts_enabled=bool(found.get("payouts_enabled")),
        details_submitted=bool(found.get("details_submitted")),
        transfers_active=(found.get("capabilities") or {}).get("transfers") == "active",
        requirements_due=tuple(requirements.get("currently_due") or ()),
    )


def _transfer(found: Mapping[str, Any]) -> SellerTransfer:
    return SellerTransfer(
        id=found["id"],
        amount_minor=found["amount"],
        currency=found["currency"],
        destination=found["destination"],
        group=found.get("transfer_group"),
    )


def _refund(found: Mapping[str, Any]) -> Refund:
    return Refund(
        id=found["id"],
        charge_id=found["charge"],
        amount_minor=found["amount"],
        currency=found["currency"],
        status=found["status"],
        failure_reason=found.get("failure_reason"),
        metadata=found.get("metadata") or {},
    )


def _reversal(found: Mapping[str, Any]) -> TransferReversal:
    return TransferReversal(
        id=found["id"],
        transfer_id=found["transfer"],
        amount_minor=found["amount"],
        currency=found["currency"],
        metadata=found.get("metadata") or {},
    )
