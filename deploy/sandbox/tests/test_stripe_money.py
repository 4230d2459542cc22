"""No money from nothing: charges, refunds, disputes, transfers and payouts in any order.

The machine does not predict every outcome. After each act it checks what must hold whatever has
happened: bounds, the book's own sums, and that the API's balances say the same as the book.
"""

import time
from collections.abc import Iterator
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
from sandbox_process import Sandbox, running, until
from stripe_acts import NO_REDIRECTS, onboarded

AMOUNTS = st.sampled_from([500, 1000, 20_000])
PARTS = st.one_of(st.sampled_from([1, 400, 500, 600, 1000]), st.integers(1, 20_000))
CARDS = st.sampled_from(
    [
        "pm_card_visa",
        "pm_card_bypassPending",
        "pm_card_createDispute",
        "pm_card_createDisputeInquiry",
        "pm_card_refundFail",
        "pm_card_pendingRefund",
    ]
)
EVIDENCE = st.sampled_from(
    ["winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "He has it."]
)
DAY = 24 * 3600


@pytest.fixture(scope="module")
def alone() -> Iterator[Sandbox]:
    """A sandbox that nobody else uses: its book is compared whole."""
    with running() as sandbox:
        yield sandbox


def test_money_is_neither_made_nor_lost(alone):
    api = client_of(alone)

    def machine() -> RuleBasedStateMachine:
        made = Money()
        made.attach(alone, api)
        return made

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            phases=[Phase.generate],  # shrinking over HTTP would take minutes
        ),
    )


class Money(RuleBasedStateMachine):
    """A platform, an account paid out by hand, and one that is paid out daily."""

    charges = Bundle("charges")
    transfers = Bundle("transfers")
    payouts = Bundle("payouts")

    def attach(self, sandbox: Sandbox, api: stripe.StripeClient) -> None:
        self.api = api
        self.control = httpx.Client(base_url=f"{sandbox.control}/control")

    def teardown(self) -> None:
        self.every_charge_stays_within_itself()
        self.every_payout_has_left_or_come_back()
        self.control.close()

    @initialize()
    def empty(self) -> None:
        self.control.post("/reset").raise_for_status()
        self.accounts = [onboarded(self.api).id for _ in range(2)]
        self.api.v1.accounts.update(
            self.accounts[0], {"settings": {"payouts": {"schedule": {"interval": "manual"}}}}
        )

    def act(self, call: Any, *args: Any) -> Any:
        """None when Stripe refuses; anything but a refusal or an answer fails the test."""
        try:
            return call(*args)
        except (stripe.InvalidRequestError, stripe.CardError):
            return None

    @rule(target=charges, amount=AMOUNTS, card=CARDS, share=st.sampled_from([None, 0.5, 1]))
    def charge(self, amount: int, card: str, share: float | None) -> Any:
        """Captured at once, or (with a share) by hand, whole or in part."""
        intent = self.api.v1.payment_intents.create(
            {
                "amount": amount,
                "currency": "usd",
                "payment_method": card,
                "automatic_payment_methods": NO_REDIRECTS,
                "capture_method": "automatic" if share is None else "manual",
                "confirm": True,
            }
        )
        if share is not None:
            taken = {"amount_to_capture": int(amount * share)}
            self.api.v1.payment_intents.capture(intent.id, taken)
            assert self.act(self.api.v1.payment_intents.capture, intent.id) is None
        if "Dispute" in card:
            self.wait(2)
        return intent.latest_charge

    @rule(charge=charges, amount=PARTS)
    def refund(self, charge: str, amount: int) -> None:
        self.act(self.api.v1.refunds.create, {"charge": charge, "amount": amount})

    @rule(target=transfers, charge=st.one_of(st.none(), charges), amount=PARTS,
          which=st.integers(0, 1))  # fmt: skip
    def transfer(self, charge: str | None, amount: int, which: int) -> Any:
        params = {"amount": amount, "currency": "usd", "destination": self.accounts[which]}
        if charge is not None:
            params["source_transaction"] = charge
        done = self.act(self.api.v1.transfers.create, params)
        return done.id if done else multiple()

    @rule(transfer=transfers, amount=PARTS)
    def reverse(self, transfer: str, amount: int) -> None:
        self.act(self.api.v1.transfers.reversals.create, transfer, {"amount": amount})

    @rule(target=payouts, amount=PARTS, which=st.sampled_from([None, 0, 1]))
    def pay_out(self, amount: int, which: int | None) -> Any:
        there = {} if which is None else {"stripe_account": self.accounts[which]}
        params = {"amount": amount, "currency": "usd"}
        done = self.act(self.api.v1.payouts.create, params, there)
        return (done.id, there) if done else multiple()

    @rule(target=transfers, amount=st.sampled_from([500, 1000]), back=st.booleans())
    def share_that_leaves(self, amount: int, back: bool) -> Any:
        """A share that is at the seller's bank before anybody asks for it back."""
        charge = self.charge(2 * amount, "pm_card_bypassPending", None)
        transfer = self.transfer(charge, amount, 0)
        payout = self.pay_out(amount, 0)
        self.wait(3700)
        self.wait(5 * DAY)
        if back and isinstance(payout, tuple):
            self.take_back(payout, "reverse")
            self.take_back(payout, "reverse")
        return transfer

    @rule(target=charges, card=CARDS, part=PARTS)
    def charge_and_refund(self, card: str, part: int) -> Any:
        """Refunded while a dispute of it is open, if its card disputes."""
        charge = self.charge(1000, card, None)
        self.refund(charge, part)
        return charge

    @rule(payout=payouts, how=st.sampled_from(["cancel", "reverse", "fail"]))
    def take_back(self, payout: Any, how: str) -> None:
        payout_id, there = payout
        if how == "fail":
            account = there.get("stripe_account", "none")
            answer = self.control.post(
                f"/stripe/payouts/{payout_id}/fail", params={"account": account}
            )
            assert answer.status_code in {200, 404, 409}
            return
        self.act(getattr(self.api.v1.payouts, how), payout_id, {}, there)

    @rule(text=EVIDENCE)
    def answer(self, text: str) -> None:
        for dispute in self.api.v1.disputes.list({"limit": 3}).data:
            evidence = {"evidence": {"uncategorized_text": text}}
            self.act(self.api.v1.disputes.update, dispute.id, evidence)

    @rule()
    def give_up(self) -> None:
        for dispute in self.api.v1.disputes.list({"limit": 1}).data:
            self.act(self.api.v1.disputes.close, dispute.id)

    @rule(seconds=st.sampled_from([2, 3700, DAY, 3 * DAY, 70 * DAY]))
    def wait(self, seconds: int) -> None:
        """Time passes, and all that was due has been done."""
        self.control.post("/clock/advance", json={"seconds": seconds}).raise_for_status()
        until(self.nothing_is_due)

    def nothing_is_due(self) -> bool:
        jobs = self.control.get("/stripe/jobs").json()
        assert jobs["failed"] == []
        offset = self.control.get("/clock").json()["offsetSeconds"]
        return all(one["due_at"] > time.time() + offset for one in jobs["waiting"])

    @invariant()
    def the_book_and_the_api_agree(self) -> None:
        if not hasattr(self, "accounts"):
            return
        for _ in range(20):  # a job may run between two calls: then look again
            book = self.books()
            platform = self.balance({})
            connected = {one: self.balance({"stripe_account": one}) for one in self.accounts}
            if book == self.books():
                break
        usd = book["currencies"].get("usd")
        assert book["unbalanced"] == 0
        if usd is None:
            assert platform == 0
            return
        assert platform == usd["platform_balance"]
        assert connected == {one: usd["connected_balances"].get(one, 0) for one in self.accounts}
        self.bounds(usd)

    def books(self) -> dict[str, Any]:
        return self.control.get("/stripe/books").json()

    def balance(self, there: dict[str, str]) -> int:
        balance = self.api.v1.balance.retrieve(options=there)
        return sum(one.amount for one in [*balance.available, *balance.pending])

    def bounds(self, usd: dict[str, Any]) -> None:
        held = usd["platform_balance"] + sum(usd["connected_balances"].values())
        fees = usd["fees"] + usd["payout_fees"] + usd["dispute_fees"]
        back = usd["refunds"] + usd["disputes"]
        assert usd["sum"] == 0
        assert usd["charges_gross"] == held + fees + back + usd["payouts"]
        assert 0 <= back <= usd["charges_gross"]
        assert 0 <= usd["reversals"] <= usd["transfers"]
        assert all(one >= 0 for one in usd["connected_balances"].values())
        assert usd["payouts"] >= 0

    def every_payout_has_left_or_come_back(self) -> None:
        usd = self.books()["currencies"].get("usd", {"payouts": 0})
        homes = [{}, *({"stripe_account": one} for one in self.accounts)]
        known = [
            one for there in homes for one in self.api.v1.payouts.list({"limit": 100}, there).data
        ]
        gone = [one for one in known if one.status not in {"failed", "canceled"}]
        assert sum(one.amount for one in gone) == usd["payouts"]
        for one in known:
            back = [other for other in known if other.original_payout == one.id]
            assert len(back) <= 1
            assert all(other.amount == -one.amount for other in back)

    def every_charge_stays_within_itself(self) -> None:
        """Refunds and chargebacks of a charge within it; its transfers too."""
        transfers = self.api.v1.transfers.list({"limit": 100}).data
        for charge in self.api.v1.charges.list({"limit": 100}).data:
            refunds = self.api.v1.refunds.list({"charge": charge.id, "limit": 100}).data
            given = sum(one.amount for one in refunds if one.status != "failed")
            disputes = self.api.v1.disputes.list({"charge": charge.id}).data
            taken = sum(-part.amount for one in disputes for part in one.balance_transactions)
            assert given + taken <= charge.amount_captured
            moved = [one for one in transfers if one.source_transaction == charge.id]
            assert sum(one.amount - one.amount_reversed for one in moved) <= charge.amount_captured
