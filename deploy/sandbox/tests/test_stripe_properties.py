"""The book holds whatever is done: random acts, each perhaps repeated, against a model."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import stripe
from conftest import client_of
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sandbox_process import Sandbox, running
from stripe_acts import onboarded

AMOUNTS = st.sampled_from([50, 500, 1000, 20_000])
PARTS = st.one_of(st.sampled_from([1, 400, 500, 600, 1000]), st.integers(1, 1200))
CARDS = st.sampled_from(["pm_card_visa", "pm_card_bypassPending", "pm_card_chargeCustomerFail"])


@pytest.fixture(scope="module")
def alone() -> Iterator[Sandbox]:
    """A sandbox that nobody else uses: its book is compared whole."""
    with running() as sandbox:
        yield sandbox


@dataclass
class Model:
    """What should have happened, in minor units."""

    charges: dict[str, int] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    transfers: dict[str, tuple[str, int]] = field(default_factory=dict)
    reversed: dict[str, int] = field(default_factory=dict)

    def net_of(self, charge: str) -> int:
        mine = [name for name, (source, _) in self.transfers.items() if source == charge]
        return sum(self.transfers[name][1] - self.reversed.get(name, 0) for name in mine)


def test_no_act_makes_money_from_nothing(alone):
    api = client_of(alone)
    run_state_machine_as_test(
        lambda: _machine(alone, api),
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            phases=[Phase.generate],  # shrinking over HTTP would take minutes
        ),
    )


def _machine(sandbox: Sandbox, api: stripe.StripeClient) -> RuleBasedStateMachine:
    machine = Books()
    machine.attach(sandbox, api)
    return machine


class Books(RuleBasedStateMachine):
    """Charges, refunds, transfers and reversals in any order, with any repetition."""

    charges = Bundle("charges")
    transfers = Bundle("transfers")

    def attach(self, sandbox: Sandbox, api: stripe.StripeClient) -> None:
        self.api = api
        self.control = httpx.Client(base_url=f"{sandbox.control}/control")

    def teardown(self) -> None:
        self.control.close()

    @initialize()
    def empty(self) -> None:
        self.control.post("/reset").raise_for_status()
        self.model = Model()
        self.sent: list[tuple[Any, tuple[Any, ...], str]] = []
        self.account = onboarded(self.api)
        self.customer = self.api.v1.customers.create({})

    def act(self, call: Any, *args: Any) -> Any:
        """Send with a key of its own; None when Stripe refuses."""
        key = f"key-{len(self.sent)}"
        self.sent.append((call, args, key))
        try:
            return call(*args, {"idempotency_key": key})
        except (stripe.InvalidRequestError, stripe.CardError):
            return None

    @rule(target=charges, amount=AMOUNTS, card=CARDS)
    def charge(self, amount: int, card: str) -> Any:
        method = self.api.v1.payment_methods.attach(card, {"customer": self.customer.id})
        done = self.act(
            self.api.v1.payment_intents.create,
            {
                "amount": amount,
                "currency": "usd",
                "customer": self.customer.id,
                "payment_method": method.id,
                "capture_method": "automatic",
                "confirm": True,
                "off_session": True,
                "return_url": "https://app.test",
            },
        )
        if card == "pm_card_chargeCustomerFail":
            assert done is None
            return multiple()
        self.model.charges[done.latest_charge] = amount
        return done.latest_charge

    @rule(charge=charges, amount=PARTS)
    def refund(self, charge: str, amount: int) -> None:
        left = self.model.charges[charge] - self.model.refunded.get(charge, 0)
        done = self.act(self.api.v1.refunds.create, {"charge": charge, "amount": amount})
        assert (done is not None) == (amount <= left)
        if done is not None:
            self.model.refunded[charge] = self.model.refunded.get(charge, 0) + amount

    @rule(target=transfers, charge=charges, amount=PARTS)
    def transfer(self, charge: str, amount: int) -> Any:
        left = self.model.charges[charge] - self.model.net_of(charge)
        done = self.act(
            self.api.v1.transfers.create,
            {
                "amount": amount,
                "currency": "usd",
                "destination": self.account.id,
                "source_transaction": charge,
            },
        )
        assert (done is not None) == (amount <= left)
        if done is None:
            return multiple()
        self.model.transfers[done.id] = (charge, amount)
        return done.id

    @rule(transfer=transfers, amount=PARTS)
    def reverse(self, transfer: str, amount: int) -> None:
        left = self.model.transfers[transfer][1] - self.model.reversed.get(transfer, 0)
        done = self.act(self.api.v1.transfers.reversals.create, transfer, {"amount": amount})
        assert (done is not None) == (amount <= left)
        if done is not None:
            self.model.reversed[transfer] = self.model.reversed.get(transfer, 0) + amount

    @rule(place=st.integers(min_value=0, max_value=1000))
    def repeat(self, place: int) -> None:
        """Whatever was sent is sent again: the same answer, no second effect."""
        if not self.sent:
            return
        call, args, key = self.sent[place % len(self.sent)]
        try:
            headers = call(*args, {"idempotency_key": key}).last_response.headers
        except (stripe.InvalidRequestError, stripe.CardError) as refused:
            headers = refused.headers
        assert headers["idempotent-replayed"] == "true"

    @invariant()
    def the_book_says_what_happened(self) -> None:
        if not hasattr(self, "model"):
            return
        book = self.control.get("/stripe/books").json()
        model = self.model
        assert book["unbalanced"] == 0
        if not model.charges:
            assert book["currencies"] == {}
            return
        usd = book["currencies"]["usd"]
        moved = sum(amount for _, amount in model.transfers.values())
        back = sum(model.reversed.values())
        assert usd["sum"] == 0
        assert usd["charges_gross"] == sum(model.charges.values())
        assert usd["refunds"] == sum(model.refunded.values())
        assert (usd["transfers"], usd["reversals"]) == (moved, back)
        assert usd["connected_balances"].get(self.account.id, 0) == moved - back
        assert usd["platform_balance"] == (
            usd["charges_gross"] - usd["fees"] - usd["refunds"] - moved + back
        )
        self.the_balances_agree(usd)

    def the_balances_agree(self, usd: dict[str, Any]) -> None:
        """The API's balances, which come from balance transactions, equal the book's."""

        def total(options: dict[str, str] | None = None) -> int:
            balance = self.api.v1.balance.retrieve(options=options)
            return sum(one.amount for one in [*balance.available, *balance.pending])

        assert total() == usd["platform_balance"]
        there = {"stripe_account": self.account.id}
        assert total(there) == usd["connected_balances"].get(self.account.id, 0)
