"""A Stripe in memory, passed in where the services expect one. It refuses to be called in a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from opside_chassis.database import refuse_open_transaction
from stripe_payments.stripe_api.errors import OutcomeUnknown
from stripe_payments.stripe_api.gateway import (
    Account,
    CardSetup,
    Charge,
    Intent,
    NewIntent,
    NewTransfer,
    OnboardingLink,
    SellerTransfer,
)

GOOD, DECLINED, ASKS = "pm_good", "pm_declined", "pm_asks"


class Crash(BaseException):
    """The process dies here: nothing of ours may catch it."""


@dataclass
class FakeStripe:
    """Keeps its answers by idempotency key, as Stripe does. `fail` says where a call breaks."""

    intents: dict[str, Intent] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    transfers: list[SellerTransfer] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail: dict[tuple[str, str], list[BaseException]] = field(default_factory=dict)
    """(operation, "before" or "after") -> errors to raise, one a call."""
    charges: int = 0

    def _point(self, operation: str, where: str) -> None:
        refuse_open_transaction()
        if where == "before":
            self.calls.append(operation)
        waiting = self.fail.get((operation, where), [])
        if waiting:
            raise waiting.pop(0)

    async def create_intent(self, new: NewIntent, *, idempotency_key: str) -> Intent:
        self._point("create_intent", "before")
        if idempotency_key not in self.answers:
            made = Intent(
                f"pi_{len(self.intents) + 1}",
                "requires_confirmation" if new.payment_method_id else "requires_payment_method",
                new.amount_minor,
                new.currency,
                metadata={"commission": new.commission_id},
            )
            self.intents[made.id] = self.answers[idempotency_key] = made
        self._point("create_intent", "after")
        return self.answers[idempotency_key]

    async def confirm_intent(
        self, intent_id: str, *, payment_method_id: str, idempotency_key: str
    ) -> Intent:
        self._point("confirm_intent", "before")
        intent = self.intents[intent_id]
        if idempotency_key not in self.answers and intent.status != "succeeded":
            self.intents[intent_id] = self._confirmed(intent, payment_method_id)
        self.answers[idempotency_key] = self.intents[intent_id]
        self._point("confirm_intent", "after")
        return self.intents[intent_id]

    def _confirmed(self, intent: Intent, card: str) -> Intent:
        if card == ASKS:
            return replace(intent, status="requires_action")
        self.charges += 1
        charge = f"ch_{self.charges}"
        if card == DECLINED:
            return replace(
                intent,
                status="requires_payment_method",
                latest_charge_id=charge,
                failure_code="generic_decline",
            )
        return replace(intent, status="succeeded", latest_charge_id=charge, failure_code=None)

    async def intent(self, intent_id: str) -> Intent:
        self._point("intent", "before")
        return self.intents[intent_id]

    async def charge(self, charge_id: str) -> Charge:
        self._point("charge", "before")
        intent = next(one for one in self.intents.values() if one.latest_charge_id == charge_id)
        fee = intent.amount_minor * 29 // 1000 + 30
        return Charge(charge_id, intent.id, intent.amount_minor, intent.currency, fee)

    async def create_customer(
        self, *, user_id: str, email: str | None, idempotency_key: str
    ) -> str:
        self._point("create_customer", "before")
        return f"cus_{user_id}"

    async def create_setup(self, customer_id: str, *, idempotency_key: str) -> CardSetup:
        self._point("create_setup", "before")
        return CardSetup("seti_1", "requires_payment_method", "secret", customer_id, None)

    async def setup(self, setup_id: str) -> CardSetup:
        self._point("setup", "before")
        return CardSetup(setup_id, "succeeded", "secret", "cus_usr_a", GOOD)

    async def create_account(
        self, *, user_id: str, email: str | None, country: str, idempotency_key: str
    ) -> Account:
        self._point("create_account", "before")
        made = self.accounts.setdefault(
            idempotency_key, Account(f"acct_{user_id}", False, False, False, False)
        )
        self._point("create_account", "after")
        return made

    async def account(self, account_id: str) -> Account:
        self._point("account", "before")
        return next(one for one in self.accounts.values() if one.id == account_id)

    async def onboarding_link(
        self, account_id: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink:
        self._point("onboarding_link", "before")
        return OnboardingLink("https://connect.example/link", 0)

    async def create_transfer(self, new: NewTransfer, *, idempotency_key: str) -> SellerTransfer:
        self._point("create_transfer", "before")
        if idempotency_key not in self.answers:
            made = SellerTransfer(
                f"tr_{len(self.transfers) + 1}",
                new.amount_minor,
                new.currency,
                new.destination,
                new.commission_id,
            )
            self.transfers.append(made)
            self.answers[idempotency_key] = made
        self._point("create_transfer", "after")
        return self.answers[idempotency_key]

    async def transfers_of(self, commission_id: str) -> Sequence[SellerTransfer]:
        self._point("transfers_of", "before")
        return [one for one in self.transfers if one.group == commission_id]

    async def events_since(self, since: datetime) -> Sequence[Mapping[str, Any]]:
        self._point("events_since", "before")
        return []

    async def ping(self) -> None:
        self._point("ping", "before")


def unknown() -> OutcomeUnknown:
    """A timeout."""
    return OutcomeUnknown("timeout")
