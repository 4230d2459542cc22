"""The real client against the Stripe sandbox over HTTP: what we believe of Stripe is what it answers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from door import settings_of
from factories.commission_bench import GROSS, REQUEST, Bench, ask
from sandbox import SECRET_KEY, Sandbox, running
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, Database, Sessions, transaction
from opside_chassis.errors import NotFound
from opside_chassis.testing.plugin import Signing
from opside_contracts.payments.messages import ClawBackCommission, ConnectAccount
from stripe_payments.clawbacks.request import Orderer, request_clawback
from stripe_payments.connected_accounts.connect import connect_account, onboarding_page
from stripe_payments.customers.cards import detach_card, list_cards
from stripe_payments.customers.open_setup import open_setup
from stripe_payments.reconciliation.compare import compare_books
from stripe_payments.reconciliation.poll import Poller
from stripe_payments.roles import AUDITOR
from stripe_payments.stripe_api.errors import ACCOUNT_GONE, Refused
from stripe_payments.stripe_api.live import LiveStripe
from stripe_payments.subscriptions.cancel import cancel_subscription
from stripe_payments.subscriptions.start import CardMissing, start_subscription
from stripe_payments.webhooks.register import register_webhooks

USER = "usr_a"
EVERYTHING = """
    SELECT 'heard' AS what, id, status FROM inbox
    UNION ALL SELECT 'told', id, status || ' ' || attempt FROM outbox
    ORDER BY what, id
"""
"""Two rounds that leave it the same have nothing more to hear or to do."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@dataclass
class Shop:
    """A worker over the real client; events are polled, as when every delivery is lost."""

    bench: Bench
    stripe: LiveStripe
    sandbox: Sandbox

    @property
    def poller(self) -> Poller:
        return Poller(self.sessions, self.stripe, self.bench.now)

    @property
    def sessions(self) -> Sessions:
        return self.bench.sessions

    async def work(self, *, rounds: int = 6) -> None:
        """Hear of everything and do everything, until it stands still."""
        before = None
        for _ in range(rounds):
            await self.poller.platform()
            await self.poller.accounts()
            await self.bench.work(rounds=2)
            now = await self.rows(EVERYTHING)
            if now == before:
                return
            before = now
            await asyncio.sleep(0.3)

    async def save_card(self, card: str = "pm_card_visa") -> None:
        form = await open_setup(self.sessions, self.stripe, user_id=USER, email="ada@example.com")
        await asyncio.to_thread(
            self.sandbox.save_card, form.setup_intent_id, form.setup_client_secret, card
        )
        await self.work()

    async def break_next(self, operation: str, kind: str) -> None:
        """The next call of this operation fails so."""
        fault = {"operation": operation, "kind": kind, "relative": True}
        await asyncio.to_thread(self.sandbox.ask, "stripe/faults", **fault)

    async def calls(self, operation: str) -> int:
        """How often the sandbox was asked for it."""
        answer = await asyncio.to_thread(self.sandbox.ask, "stripe/faults")
        return int(answer["calls"].get(operation, 0))

    async def wait(self, *, hours: float) -> None:
        """So much time passes, here and at Stripe."""
        self.bench.ahead += timedelta(hours=hours)
        await asyncio.to_thread(self.sandbox.ask, "clock/advance", seconds=hours * 3600)

    async def charge_gross(self) -> None:
        """A fee collected together with the seller's share, who has an account."""
        await self.save_card()
        await connect_account(self.sessions, self.stripe, ConnectAccount(user_id=USER))
        page = await onboarding_page(
            self.sessions, self.stripe, user_id=USER, app_url="https://app.opside.test"
        )
        await asyncio.to_thread(self.sandbox.onboard, page.url)
        await ask(self.bench.api, GROSS)

    async def agree(self) -> None:
        """Both books say the same about everything."""
        result = await compare_books(self.sessions, self.stripe)
        assert (result.objects > 0, result.differences) == (True, 0)

    async def rows(self, query: str) -> list[dict[str, object]]:
        async with transaction(self.sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
            return [dict(row) for row in (await session.execute(text(query))).mappings()]


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    committed_sessions: Sessions, api_database: Database, signing: Signing, sandbox: Sandbox
) -> AsyncIterator[Shop]:
    await asyncio.to_thread(sandbox.ask, "reset", snapshot=None)
    settings = settings_of(
        signing, stripe_secret_key=SECRET_KEY, stripe_api_base_url=sandbox.stripe
    )
    stripe = LiveStripe(settings)
    yield Shop(Bench(committed_sessions, api_database.sessions, stripe), stripe, sandbox)  # type: ignore[arg-type]
    await stripe.close()


async def test_a_fee_is_charged_and_a_part_given_back(shop: Shop) -> None:
    await shop.save_card()
    await ask(shop.bench.api, REQUEST)
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    assert (row["state"], row["collected_minor"]) == ("settled", 2_000)
    await shop.agree()
    request = ClawBackCommission(
        transaction_id=str(row["id"]),
        reversal_id="rev-1",
        reason="Amazon took it back",
        refund_amount_cents=2_500,
    )
    await request_clawback(shop.sessions, request, key="k", orderer=Orderer("usr_admin"))
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    assert (row["state"], row["refunded_minor"]) == ("settled", 500)
    await shop.agree()


async def test_gross_is_transferred_and_taken_back_from_the_sellers_account(shop: Shop) -> None:
    await shop.charge_gross()
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    assert (row["state"], row["transferred_minor"]) == ("settled", 8_000)
    await shop.agree()
    request = ClawBackCommission(
        transaction_id=str(row["id"]),
        reversal_id="rev-1",
        reason="Amazon took it back",
        refund_amount_cents=10_000,
    )
    await request_clawback(shop.sessions, request, key="k", orderer=Orderer("usr_admin"))
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    assert (row["state"], row["reversed_minor"], row["refunded_minor"]) == (
        "refunded",
        8_000,
        10_000,
    )
    await shop.agree()


async def test_a_refund_that_fails_later_asks_a_person(shop: Shop) -> None:
    await shop.save_card("pm_card_refundFail")
    await ask(shop.bench.api, REQUEST)
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    request = ClawBackCommission(
        transaction_id=str(row["id"]),
        reversal_id="rev-1",
        reason="Amazon took it back",
        refund_amount_cents=10_000,
    )
    await request_clawback(shop.sessions, request, key="k", orderer=Orderer("usr_admin"))
    await shop.work()
    await asyncio.sleep(1.2)  # the sandbox's bank takes a second
    await shop.work()
    assert (await shop.rows("SELECT state FROM commissions"))[0]["state"] == "reversal_needed"
    assert (await shop.rows("SELECT kind FROM cases"))[0]["kind"] == "clawback_blocked"
    await shop.agree()


@pytest.mark.parametrize("kind", ["500_before", "500_after"])
async def test_a_failure_that_stripe_saves_under_the_key_does_not_hold_a_fee_up(
    shop: Shop, kind: str
) -> None:
    await shop.save_card()
    await shop.break_next("payment_intents.create", kind)
    await ask(shop.bench.api)
    await shop.work()
    [row] = await shop.rows("SELECT state, intent_id, customer_id FROM commissions")
    assert row["state"] == "settled"
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    intents = await shop.stripe.intents_of(str(row["customer_id"]), since=hour_ago)
    assert [intent.id for intent in intents] == [row["intent_id"]]


GIVEN_BACK = ("transfers.reversals.create", "refunds.create")


@pytest.mark.parametrize("operation", ["transfers.create", *GIVEN_BACK])
@pytest.mark.parametrize("kind", ["500_before", "500_after", "reset", "reset_after"])
async def test_no_money_moves_twice_whatever_stripe_saves_or_loses(
    shop: Shop, operation: str, kind: str
) -> None:
    await shop.break_next(operation, kind)
    await shop.charge_gross()
    await shop.work(rounds=4)
    if operation in GIVEN_BACK:
        request = ClawBackCommission(
            transaction_id=str((await shop.rows("SELECT id FROM commissions"))[0]["id"]),
            reversal_id="rev-1",
            reason="Amazon took it back",
            refund_amount_cents=5_000,
        )
        await request_clawback(shop.sessions, request, key="k", orderer=Orderer("usr_admin"))
        await shop.work(rounds=4)
    waits = kind == "500_before"  # Stripe keeps a failure, and nothing was made
    [row] = await shop.rows("SELECT * FROM commissions")
    assert (row["state"] == "settled") is not waits
    if waits:
        asked = await shop.calls(operation)
        await shop.wait(hours=0.9)
        await shop.work(rounds=1)
        assert await shop.calls(operation) == asked
        await shop.wait(hours=0.2)
        await shop.work(rounds=4)
    [row] = await shop.rows("SELECT * FROM commissions")
    back = operation in GIVEN_BACK
    assert row["state"] == "settled"
    assert (row["transferred_minor"], row["reversed_minor"], row["refunded_minor"]) == (
        (8_000, 4_000, 5_000) if back else (8_000, 0, 0)
    )
    [transfer] = await shop.stripe.transfers_of(str(row["id"]))
    assert len(await shop.stripe.reversals_of(transfer.id)) == int(back)
    assert len(await shop.stripe.refunds_of(str(row["charge_id"]))) == int(back)
    await shop.agree()


async def test_a_card_that_declines_is_a_state(shop: Shop) -> None:
    await shop.save_card("pm_card_chargeCustomerFail")
    await ask(shop.bench.api, REQUEST)
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    assert (row["state"], row["next_step"]) == ("failed", "replace_payment_method")
    await shop.save_card()
    await shop.work()
    assert (await shop.rows("SELECT state FROM commissions"))[0]["state"] == "settled"


async def test_a_fee_taken_back_before_a_card_was_saved_is_cancelled_there(shop: Shop) -> None:
    await ask(shop.bench.api, REQUEST)
    await shop.work()
    row = (await shop.rows("SELECT * FROM commissions"))[0]
    request = ClawBackCommission(
        transaction_id=str(row["id"]),
        reversal_id="rev-1",
        reason="Amazon took it back",
        refund_amount_cents=10_000,
    )
    await request_clawback(shop.sessions, request, key="k", orderer=Orderer("usr_admin"))
    await shop.work()
    assert (await shop.rows("SELECT state FROM commissions"))[0]["state"] == "cancelled"
    intent = await shop.stripe.intent(str(row["intent_id"]))
    assert intent.status == "canceled"


def price(sandbox: Sandbox) -> str:
    product = sandbox.api.v1.products.create({"name": "Opside Pro"})
    made = sandbox.api.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 4_900,
            "recurring": {"interval": "month"},
        }
    )
    return str(made.id)


async def test_a_subscription_is_started_once_invoiced_booked_and_runs_out(shop: Shop) -> None:
    plan = await asyncio.to_thread(price, shop.sandbox)
    with pytest.raises(CardMissing):
        await start_subscription(
            shop.sessions, shop.stripe, user_id=USER, customer_id=None, price_id=plan
        )
    await shop.save_card()
    first, _ = await start_subscription(
        shop.sessions, shop.stripe, user_id=USER, customer_id=None, price_id=plan
    )
    again, _ = await start_subscription(
        shop.sessions, shop.stripe, user_id=USER, customer_id=None, price_id=plan
    )
    assert (first.subscription_id, first.status) == (again.subscription_id, "active")
    await shop.work()
    invoices = await shop.rows("SELECT * FROM stripe_invoices")
    assert [(one["status"], one["amount_paid_minor"]) for one in invoices] == [("paid", 4_900)]
    kinds = await shop.rows("SELECT kind FROM journals ORDER BY kind")
    assert [one["kind"] for one in kinds] == ["processor_fee", "subscription_charge"]
    await shop.agree()
    ending = await cancel_subscription(
        shop.sessions, shop.stripe, tenant=USER, subscription_id=first.id
    )
    assert ending.cancel_at_period_end
    await asyncio.to_thread(shop.sandbox.ask, "clock/advance", seconds=32 * 24 * 3600)
    await shop.work()
    row = (await shop.rows("SELECT * FROM stripe_subscriptions"))[0]
    assert row["status"] == "canceled"
    trail = await shop.rows(
        f"SELECT to_state FROM transaction_audit WHERE object_id = '{first.id}' ORDER BY id"  # noqa: S608
    )
    assert [trail[0]["to_state"], trail[-1]["to_state"]] == ["starting", "canceled"]


async def test_a_price_that_is_not_there_is_refused_and_the_next_try_begins_anew(
    shop: Shop,
) -> None:
    await shop.save_card()
    for _ in range(2):
        with pytest.raises(Refused):
            await start_subscription(
                shop.sessions, shop.stripe, user_id=USER, customer_id=None, price_id="price_none"
            )
    rows = await shop.rows("SELECT status FROM stripe_subscriptions")
    assert [row["status"] for row in rows] == ["refused", "refused"]


async def test_an_account_that_is_not_ours_is_refused_for_good(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        await shop.stripe.account("acct_of_somebody_else")
    assert refused.value.code == ACCOUNT_GONE


async def test_cards_are_listed_and_forgotten(shop: Shop) -> None:
    await shop.save_card()
    saved = await list_cards(shop.sessions, shop.stripe, user_id=USER)
    assert [(card.brand, card.charged_by_default) for card in saved.cards] == [("visa", True)]
    await detach_card(
        shop.sessions,
        shop.stripe,
        user_id=USER,
        payment_method_id=saved.cards[0].payment_method_id,
    )
    assert (await list_cards(shop.sessions, shop.stripe, user_id=USER)).cards == []


@pytest.mark.parametrize(
    "nonsense", ["pm_\n", "Q\U000f9776f\nq\xe5", "../customers", "pm_1?expand=x", "", "x" * 256]
)
async def test_what_is_no_id_is_no_card_and_not_asked_of_stripe(shop: Shop, nonsense: str) -> None:
    await shop.save_card()
    with pytest.raises(NotFound):
        await detach_card(shop.sessions, shop.stripe, user_id=USER, payment_method_id=nonsense)


async def test_the_endpoints_are_registered_at_stripe_once(shop: Shop) -> None:
    url = "https://payments.example.com/webhooks/stripe"
    await register_webhooks(shop.stripe, url=url)
    lines = await register_webhooks(shop.stripe, url=url)
    assert all("as it should be" in line for line in lines), lines
    assert len(await shop.stripe.webhook_endpoints()) == 2
