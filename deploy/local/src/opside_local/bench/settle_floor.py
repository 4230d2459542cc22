"""The floor of `settle_cycle`: the same provider calls and as many statements, nothing between them.

`python -m opside_local.bench.settle_floor PLAN`, where PLAN is the JSON of a `Plan`; DATABASE_URL names
the floor's schema. No locks, no states, no journals: each statement changes one row by its key, and the
commits are as many as ours.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import asyncpg

from opside_local.bench.stripe_sandbox import StripeCaller

TABLE = "CREATE TABLE floor.work (id text PRIMARY KEY, step bigint NOT NULL)"
INSERT = "INSERT INTO work (id, step) VALUES ($1, 0)"
UPDATE = "UPDATE work SET step = step + 1 WHERE id = $1"
READY = "ready"
"""Said once Python has read its modules: that is not what is measured."""
TASKS = 8
"""As many at once as one of our workers."""
AMOUNT_MINOR = 10_000
SHARE_MINOR = 8_000
_NEEDED_CALLS = 5
"""Intent, confirm, is there a transfer, transfer, the processor's fee."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process has to do. `sellers`: (customer, card, account) each."""

    stripe_url: str
    stripe_key: str
    first: int
    count: int
    sellers: list[tuple[str, str, str]]
    transactions: int
    """A commission."""
    statements: int
    """A commission, BEGIN and COMMIT among them."""
    calls: int
    """To Stripe, a commission."""

    def text(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))


async def work(plan: Plan, database_url: str) -> None:
    """All commissions of the plan, a few at once, as soon as a line on standard input says so."""
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.readline()
    waiting = iter(range(plan.first, plan.first + plan.count))
    await asyncio.gather(*(_work_off(plan, database_url, waiting) for _ in range(TASKS)))


async def _work_off(plan: Plan, database_url: str, waiting: Iterator[int]) -> None:
    stripe = StripeCaller(plan.stripe_url, plan.stripe_key)
    database = await asyncpg.connect(database_url)
    for number in waiting:
        name = f"floor_{number}"
        await database.execute(INSERT, name)
        await _call(stripe, name, plan, plan.sellers[number % len(plan.sellers)])
        await _say(database, name, plan)
    await database.close()
    await stripe.close()


async def _call(stripe: StripeCaller, name: str, plan: Plan, seller: tuple[str, str, str]) -> None:
    """What a commission in collection mode `gross` asks Stripe for, and as many fetches as we make more."""
    customer, card, account = seller
    asked: dict[str, Any] = {"amount": AMOUNT_MINOR, "currency": "usd", "customer": customer}
    asked |= {
        "payment_method": card,
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "transfer_group": name,
    }
    intent = await stripe.post("/v1/payment_intents", asked, key=f"{name}:pi")
    path = f"/v1/payment_intents/{intent['id']}"
    confirmed = {"payment_method": card, "off_session": "true"}
    charge_id = (await stripe.post(f"{path}/confirm", confirmed, key=f"{name}:cf"))["latest_charge"]
    await stripe.get("/v1/transfers", {"transfer_group": name})
    share = {"amount": SHARE_MINOR, "currency": "usd", "destination": account}
    share |= {"source_transaction": charge_id, "transfer_group": name}
    await stripe.post("/v1/transfers", share, key=f"{name}:t")
    await stripe.get(f"/v1/charges/{charge_id}", {"expand[]": "balance_transaction"})
    for _ in range(plan.calls - _NEEDED_CALLS):
        await stripe.get(path)


async def _say(database: "asyncpg.Connection", name: str, plan: Plan) -> None:
    updates = plan.statements - 2 * plan.transactions
    for number in range(plan.transactions):
        share = updates * (number + 1) // plan.transactions - updates * number // plan.transactions
        async with database.transaction():
            for _ in range(share):
                await database.execute(UPDATE, name)


def main() -> None:
    """Work the plan off and end."""
    given = json.loads(sys.argv[1])
    given["sellers"] = [tuple(seller) for seller in given["sellers"]]
    asyncio.run(work(Plan(**given), os.environ["DATABASE_URL"]))


if __name__ == "__main__":
    main()
