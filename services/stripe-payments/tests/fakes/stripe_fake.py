"""A Stripe in memory, passed in where the services expect one. It refuses to be called in a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import Any

from opside_chassis.database import refuse_open_transaction
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.stripe_api.gateway import (
    Account,
    BalanceChange,
    Card,
    CardSetup,
    Charge,
    Dispute,
    Intent,
    ListedEvents,
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

GOOD, DECLINED, ASKS = "pm_good", "pm_declined", "pm_asks"


class Crash(BaseException):
    """The process dies here: nothing of ours may catch it."""


@dataclass
class FakeStripe:
    """Keeps its answers by idempotency key, as Stripe does. `fail` says where a call breaks."""

    intents: dict[str, Intent] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    transfers: list[SellerTransfer] = field(default_factory=list)
    reversals: list[TransferReversal] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    refund_status: str = "succeeded"
    answers: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, object] = field(default_factory=dict)
    """What each key was first used for: another use of it is refused, as Stripe does."""
    calls: list[str] = field(default_factory=list)
    fail: dict[tuple[str, str], list[BaseException]] = field(default_factory=dict)
    """(operation, "before" or "after") -> errors to raise, one a call."""
    charges: int = 0
    foreign: list[BalanceChange] = field(default_factory=list)
    """What moved the balance without us."""
    disputes: dict[str, Dispute] = field(default_factory=dict)
    endpoints: list[WebhookEndpoint] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """What each endpoint signs with, by its id."""
    saved_cards: dict[str, Card] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    """Of customers."""
    happened: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Events by account, as its list shows them."""
    most_listed: int = 100
    looks: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)
    silent_accounts: set[str] = field(default_factory=set)

    def _point(self, operation: str, where: str) -> None:
        refuse_open_transaction()
        if where == "before":
            self.calls.append(operation)
        waiting = self.fail.get((operation, where), [])
        if waiting:
            raise waiting.pop(0)

    def _same(self, key: str, parameters: object) -> None:
        if self.asked.setdefault(key, parameters) != parameters:
            raise Refused("idempotency_error", "the key was used with other parameters")

    async def create_intent(self, new: NewIntent, *, idempotency_key: str) -> Intent:
        self._point("create_intent", "before")
        self._same(idempotency_key, new)
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

    async def intents_of(self, customer_id: str, *, since: datetime) -> Sequence[Intent]:
        self._point("intents_of", "before")
        return list(self.intents.values())

    def _fee(self, intent: Intent) -> int:
        return intent.amount_minor * 29 // 1000 + 30

    def _lines(self) -> list[BalanceChange]:
        """Stripe's own book, from the objects."""
        now = datetime.now(UTC)

        def line(source: str, kind: str, net: int, currency: str) -> BalanceChange:
            return BalanceChange(f"txn_{source}", source, kind, net, currency, now)

        paid = [one for one in self.intents.values() if one.status == "succeeded"]
        return [
            *(
                line(str(i.latest_charge_id), "charge", i.amount_minor - self._fee(i), i.currency)
                for i in paid
            ),
            *(line(t.id, "transfer", -t.amount_minor, t.currency) for t in self.transfers),
            *(line(r.id, "transfer_refund", r.amount_minor, r.currency) for r in self.reversals),
            *(
                line(r.id, "refund", -r.amount_minor, r.currency)
                for r in self.refunds
                if r.status != "failed"
            ),
            *self.foreign,
        ]

    async def balance_changes(self, *, since: datetime) -> Sequence[BalanceChange]:
        self._point("balance_changes", "before")
        return self._lines()

    async def balance_changes_of(self, source_id: str) -> Sequence[BalanceChange]:
        self._point("balance_changes_of", "before")
        return [one for one in self._lines() if one.source_id == source_id]

    async def balance(self) -> Mapping[str, int]:
        self._point("balance", "before")
        totals: dict[str, int] = {}
        for one in self._lines():
            totals[one.currency] = totals.get(one.currency, 0) + one.net_minor
        return totals

    async def webhook_endpoints(self) -> Sequence[WebhookEndpoint]:
        self._point("webhook_endpoints", "before")
        return list(self.endpoints)

    async def create_webhook_endpoint(
        self, *, url: str, events: Sequence[str], connect: bool, name: str
    ) -> WebhookEndpoint:
        self._point("create_webhook_endpoint", "before")
        number, secret = len(self.secrets), token_urlsafe(24)
        made = WebhookEndpoint(f"we_{name}{number}", name, url, tuple(events), True, secret)
        self.endpoints.append(replace(made, secret=None))
        self.secrets[made.id] = secret
        return made

    async def update_webhook_endpoint(
        self, endpoint_id: str, *, url: str, events: Sequence[str], name: str = ""
    ) -> None:
        self._point("update_webhook_endpoint", "before")
        self.endpoints = [
            replace(one, url=url, events=tuple(events), enabled=True, name=name or one.name)
            if one.id == endpoint_id
            else one
            for one in self.endpoints
        ]

    async def delete_webhook_endpoint(self, endpoint_id: str) -> None:
        self._point("delete_webhook_endpoint", "before")
        self.endpoints = [one for one in self.endpoints if one.id != endpoint_id]

    async def disable_webhook_endpoint(self, endpoint_id: str) -> None:
        self._point("disable_webhook_endpoint", "before")
        self.endpoints = [
            replace(one, enabled=False) if one.id == endpoint_id else one for one in self.endpoints
        ]

    async def cards(self, customer_id: str) -> Sequence[Card]:
        self._point("cards", "before")
        return [one for one in self.saved_cards.values() if one.customer_id == customer_id]

    async def card(self, payment_method_id: str) -> Card:
        self._point("card", "before")
        return self.saved_cards[payment_method_id]

    async def detach_card(self, payment_method_id: str) -> None:
        self._point("detach_card", "before")
        card = self.saved_cards[payment_method_id]
        self.saved_cards[payment_method_id] = replace(card, customer_id=None)

    async def charge(self, charge_id: str) -> Charge:
        self._point("charge", "before")
        ours = [one for one in self.intents.values() if one.latest_charge_id == charge_id]
        if not ours:  # made in the dashboard
            return Charge(charge_id, None, 0, "usd", 0)
        intent = ours[0]
        return Charge(charge_id, intent.id, intent.amount_minor, intent.currency, self._fee(intent))

    async def cancel_intent(self, intent_id: str, *, idempotency_key: str) -> Intent:
        self._point("cancel_intent", "before")
        intent = self.intents[intent_id]
        if intent.status == "succeeded":
            raise Refused("payment_intent_unexpected_state", "it succeeded")
        self.intents[intent_id] = replace(intent, status="canceled")
        self._point("cancel_intent", "after")
        return self.intents[intent_id]

    async def create_customer(self, *, user_id: str, idempotency_key: str) -> str:
        self._point("create_customer", "before")
        return f"cus_{user_id}"

    async def set_customer_email(self, customer_id: str, email: str) -> None:
        self._point("set_customer_email", "before")
        self.emails[customer_id] = email

    async def create_setup(self, customer_id: str, *, idempotency_key: str) -> CardSetup:
        self._point("create_setup", "before")
        return CardSetup("seti_1", "requires_payment_method", "secret", customer_id, None)

    async def setup(self, setup_id: str) -> CardSetup:
        self._point("setup", "before")
        return CardSetup(setup_id, "succeeded", "secret", "cus_usr_a", GOOD)

    async def set_account_email(self, account_id: str, email: str) -> None:
        self._point("set_account_email", "before")

    async def dispute(self, dispute_id: str) -> Dispute:
        self._point("dispute", "before")
        return self.disputes[dispute_id]

    async def create_account(self, *, user_id: str, country: str, idempotency_key: str) -> Account:
        self._point("create_account", "before")
        self._same(idempotency_key, (user_id, country))
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
        self._same(idempotency_key, new)
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

    async def refund(self, new: NewRefund, *, idempotency_key: str) -> Refund:
        self._point("refund", "before")
        self._same(idempotency_key, new)
        if idempotency_key not in self.answers:
            intent = next(i for i in self.intents.values() if i.latest_charge_id == new.charge_id)
            given = sum(r.amount_minor for r in self.refunds if r.status != "failed")
            if new.amount_minor + given > intent.amount_minor:
                raise Refused("charge_already_refunded", "more than was charged")
            made = Refund(
                f"re_{len(self.refunds) + 1}",
                new.charge_id,
                new.amount_minor,
                intent.currency,
                self.refund_status,
                metadata={"clawback": new.clawback_id, "attempt": str(new.attempt)},
            )
            self.refunds.append(made)
            self.answers[idempotency_key] = made
        self._point("refund", "after")
        return self.answers[idempotency_key]

    async def fetch_refund(self, refund_id: str) -> Refund:
        self._point("fetch_refund", "before")
        return next(one for one in self.refunds if one.id == refund_id)

    async def refunds_of(self, charge_id: str) -> Sequence[Refund]:
        self._point("refunds_of", "before")
        return [one for one in self.refunds if one.charge_id == charge_id]

    async def reverse_transfer(self, new: NewReversal, *, idempotency_key: str) -> TransferReversal:
        self._point("reverse_transfer", "before")
        self._same(idempotency_key, new)
        if idempotency_key not in self.answers:
            made = TransferReversal(
                f"trr_{len(self.reversals) + 1}",
                new.transfer_id,
                new.amount_minor,
                "usd",
                metadata={"clawback": new.clawback_id},
            )
            self.reversals.append(made)
            self.answers[idempotency_key] = made
        self._point("reverse_transfer", "after")
        return self.answers[idempotency_key]

    async def reversals_of(self, transfer_id: str) -> Sequence[TransferReversal]:
        self._point("reversals_of", "before")
        return [one for one in self.reversals if one.transfer_id == transfer_id]

    async def events(
        self, account: str, *, since: datetime, before: datetime | None, types: Sequence[str] = ()
    ) -> ListedEvents:
        self._point("events", "before")
        self.looks.append((account, since, before))
        if account in self.silent_accounts:
            raise OutcomeUnknown("PermissionError 403")
        found = [
            event
            for event in sorted(self.happened.get(account, ()), key=lambda one: one["created"])
            if int(since.timestamp()) <= event["created"]
            and (before is None or event["created"] < int(before.timestamp()))
            and (not types or event["type"] in types)
        ]
        return ListedEvents(found[-self.most_listed :], whole=len(found) <= self.most_listed)

    async def ping(self) -> None:
        self._point("ping", "before")


def unknown() -> OutcomeUnknown:
    """A timeout."""
    return OutcomeUnknown("timeout")
