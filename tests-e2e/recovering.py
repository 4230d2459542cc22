"""One seller's way from the first sync to settled fees, through the front door."""

from typing import Any

from proof import control

from opside_local.journey.browser import Browser
from opside_local.journey.filing import enter_costs, file_cases, wait_for_decisions
from opside_local.journey.settling import wait_until_settled
from opside_local.journey.syncing import sync_again, wait_for_sync
from opside_local.system import System


async def charges(system: System) -> int:
    journals = await control(system, "stripe/books/journals")
    return sum(journal["kind"] == "charge" for journal in journals)


async def recover(system: System, seller: Browser) -> list[dict[str, Any]]:
    """From the first sync to settled commissions; answers the statement lines."""
    await wait_for_sync(seller)
    await enter_costs(seller, system.urls.amazon)
    await file_cases(seller, system.urls.amazon)
    decisions = await wait_for_decisions(seller, system.urls.amazon)
    await sync_again(seller)
    paid = [one["reimbursementId"] for one in decisions if one["reimbursementId"]]
    return await wait_until_settled(seller, paid)
