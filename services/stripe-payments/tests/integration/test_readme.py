"""The README's curl lines do what they say, and leave no endpoint out."""

import json
import re
import shlex
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import pytest
from door import PLATFORM_SECRET, Door, signed
from factories.commission_bench import REQUEST, Bench, ask
from fakes.stripe_fake import DECLINED, GOOD
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction
from opside_contracts import scopes
from stripe_payments.reconciliation.queries import keep_difference
from stripe_payments.reconciliation.rules import Difference
from stripe_payments.roles import AUDITOR, JANITOR
from stripe_payments.stripe_api.gateway import BalanceChange, Card
from stripe_payments.stripe_api.plans import StartedSubscription, StripeSubscription

README = Path(__file__).parents[2] / "README.md"
PAYMENTS = "http://payments"
EVENT = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "data": {"object": {"id": "pi_1"}},
}


@dataclass(frozen=True)
class Call:
    """One line: what is asked, and the status that the README promises."""

    line: str
    status: int

    def parts(self, names: dict[str, str]) -> tuple[str, str, dict[str, str], str | None]:
        words = [Template(word).substitute(names) for word in shlex.split(self.line)[1:]]
        method, body, headers, address = "GET", None, {}, ""
        while words:
            match words.pop(0):
                case "-X":
                    method = words.pop(0)
                case "-H":
                    name, _, value = words.pop(0).partition(": ")
                    headers[name] = value
                case "-d":
                    body = words.pop(0)
                case url:
                    address = url
        return method, address.removeprefix(PAYMENTS), headers, body


def calls() -> list[Call]:
    block = README.read_text().partition("```bash\n")[2].partition("```")[0]
    lines = (line.rpartition("  # ") for line in block.splitlines() if line.startswith("curl"))
    return [Call(line, int(status)) for line, _, status in lines]


def subscription() -> StripeSubscription:
    return StripeSubscription(
        "sub_1", "cus_usr_a", "price_pro", "active", None, None, None, False, None, None
    )


class Shop:
    """What the lines speak of."""

    def __init__(self, door: Door, bench: Bench) -> None:
        self.door, self.bench = door, bench

    async def open(self) -> dict[str, str]:
        """A settled fee and a declined one, an account, a card, breaks and a case."""
        stripe: Any = self.door.stripe
        stripe.create_subscription = self._started
        stripe.subscriptions_of = self._none
        stripe.cancel_at_period_end = self._ending
        await self.bench.save_card(GOOD)
        await ask(self.bench.api, REQUEST.model_copy(update={"claim_id": "clm_8"}), key="first")
        await self.bench.work()
        [settled] = await self._ids("SELECT id FROM commissions")
        await self.bench.save_card(DECLINED)
        await ask(self.bench.api, REQUEST.model_copy(update={"claim_id": "clm_9"}), key="second")
        await self.bench.work()
        [failed] = await self._ids("SELECT id FROM commissions WHERE state = 'failed'")
        stripe.saved_cards[GOOD] = Card(GOOD, "cus_usr_a", "visa", "4242", 12, 2030)
        await self.bench.payout_account(active=True)
        return {
            "TXN": settled,
            "FAILED_TXN": failed,
            "CARD": GOOD,
            **await self._waiting(settled),
        }

    async def _waiting(self, txn: str) -> dict[str, str]:
        moved = BalanceChange("txn_1", "po_1", "payout", 5, "usd", datetime.now(UTC))
        self.bench.stripe.foreign.append(moved)
        async with transaction(self.bench.sessions, tenant=EVERY_TENANT, role=JANITOR) as session:
            for reference, owner in (("ch_x", txn), ("po_1", None)):
                await keep_difference(
                    session, Difference(reference, "usd", 0, 5), cause="x", transaction_id=owner
                )
            await session.execute(
                text(
                    "INSERT INTO cases (id, kind, reference, reason) VALUES ('hum_1', 'x', 'y', '')"
                )
            )
        query = "SELECT id FROM breaks WHERE reference = '{}'"
        return {
            "OUR_BREAK": (await self._ids(query.format("ch_x")))[0],
            "FOREIGN_BREAK": (await self._ids(query.format("po_1")))[0],
            "CASE": "hum_1",
        }

    async def _ids(self, query: str) -> list[str]:
        async with transaction(self.bench.sessions, tenant=EVERY_TENANT, role=AUDITOR) as session:
            return list((await session.execute(text(query))).scalars())

    async def subscription_id(self) -> str:
        found = await self._ids("SELECT id FROM stripe_subscriptions")
        return found[0] if found else ""

    async def _started(self, new: Any, *, idempotency_key: str) -> StartedSubscription:
        return StartedSubscription(replace(subscription(), reference=new.reference), None)

    async def _none(self, _customer_id: str) -> list[StripeSubscription]:
        return []

    async def _ending(self, _subscription_id: str) -> StripeSubscription:
        return replace(subscription(), cancel_at_period_end=True)


async def test_every_line_is_answered_as_promised(door: Door, bench: Bench) -> None:
    shop = Shop(door, bench)
    things = await shop.open()
    event = json.dumps(EVENT)
    stamp, signature = signed(event.encode(), PLATFORM_SECRET)["Stripe-Signature"].split(",")
    answers = {}
    for call in calls():
        charging = f"{scopes.CHARGE_COMMISSION} {scopes.CLAW_BACK_COMMISSION}"
        both = f"{scopes.READ_USER_DATA} {scopes.ERASE_USER}"
        rights = door.service("main-api", both, act_for="usr_a")
        names = {
            "V1": f"{PAYMENTS}/api/v1/stripe",
            "PAYMENTS": PAYMENTS,
            "JSON": "Content-Type: application/json",
            "CHARGE": f"Authorization: {door.service('main-api', charging)['Authorization']}",
            "RIGHTS": f"Authorization: {rights['Authorization']}",
            "SELLER": f"Authorization: {door.person('usr_a')['Authorization']}",
            "ADMIN": f"Authorization: {door.person('usr_x', role='admin')['Authorization']}",
            "SUBSCRIPTION": await shop.subscription_id(),
            "EVENT": event,
            "STAMP": stamp.removeprefix("t="),
            "SIGNATURE": signature.removeprefix("v1="),
            **things,
        }
        method, path, headers, body = call.parts(names)
        answer = await door.ask(method, path, headers=headers, content=body)
        answers[call.line] = (answer.status_code, answer.text[:200])
        assert answer.status_code == call.status, (call.line, answer.text)
    assert len(answers) > 35


async def test_no_endpoint_is_left_out(door: Door) -> None:
    variables = re.findall(r"\$(\w+)", README.read_text())
    names = {name: f"<{name}>" for name in variables}
    names |= {"V1": "/api/v1/stripe", "PAYMENTS": ""}
    told = set()
    for call in calls():
        method, path, _, _ = call.parts(names)
        plain = path.partition("?")[0].replace("/data/commissions", "/data/{}")
        told.add((method, re.sub(r"<\w+>|usr_a", "{}", plain)))
    probes = {"/health/live", "/health/ready", "/metrics"}
    there = {
        (method.upper(), re.sub(r"\{[^}]+\}", "{}", path))
        for path, operations in door.app.openapi()["paths"].items()
        for method in operations
        if path not in probes
    }
    assert there - told == set()


@pytest.mark.parametrize("row", re.findall(r"`(?:POST|GET|DELETE) (/[^`]+)`", README.read_text()))
def test_the_table_names_routes_that_exist(row: str, door: Door) -> None:
    paths = {re.sub(r"\{[^}]+\}", "{}", path) for path in door.app.openapi()["paths"]}
    asked = re.sub(r"\{[^}]+\}", "{}", row.partition("?")[0])
    assert asked in paths or f"/api/v1/stripe{asked}" in paths
