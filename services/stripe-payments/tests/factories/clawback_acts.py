"""Short ways to what Amazon takes back, and to what came of it."""

import secrets

from factories.commission_bench import GROSS, REQUEST, Bench, ask, service
from fakes.stripe_fake import GOOD
from sqlalchemy import text

from opside_chassis.database import EVERY_TENANT, transaction
from opside_contracts.payments.messages import ClawBackCommission
from stripe_payments.clawbacks.request import Accepted, Orderer, request_clawback
from stripe_payments.ledger.proof import prove


async def charged(bench: Bench, *, gross: bool, transferred: bool = True) -> str:
    """A collected commission over 100.00; answers its id."""
    await bench.save_card(GOOD)
    await bench.payout_account(active=transferred)
    await ask(bench.api, GROSS if gross else REQUEST)
    await bench.work()
    return str((await bench.row())["id"])


async def take_back(
    bench: Bench, commission_id: str, amount: int, *, reversal: str = "rev-1", key: str = ""
) -> Accepted:
    request = ClawBackCommission(
        transaction_id=commission_id,
        reversal_id=reversal,
        reason="Amazon took it back",
        refund_amount_cents=amount,
    )
    return await request_clawback(
        bench.sessions,
        request,
        key=key or secrets.token_hex(8),
        orderer=Orderer("main-api", service()),
    )


async def clawbacks(bench: Bench) -> list[dict[str, object]]:
    async with transaction(bench.sessions, tenant=EVERY_TENANT) as session:
        rows = await session.execute(text("SELECT * FROM clawbacks ORDER BY id"))
        return [dict(row) for row in rows.mappings()]


async def open_cases(bench: Bench) -> list[str]:
    async with transaction(bench.sessions) as session:
        return list((await session.execute(text("SELECT kind FROM cases"))).scalars())


async def balances(bench: Bench) -> dict[str, int]:
    proof = await prove(bench.sessions)
    assert proof.unbalanced_journals == 0
    return {row.account: row.balance_minor for row in proof.accounts if row.balance_minor}
