"""From a reimbursement to a settled commission, as the seller's page shows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from opside_local.journey.browser import Browser
from opside_local.journey.listing import everything
from opside_local.journey.waiting import until

Recovery = Mapping[str, Any]


async def billing_lines(browser: Browser) -> list[dict[str, Any]]:
    """Every recovery with the state of our fee."""
    return await everything(browser, "/api/billing/recoveries")


async def wait_until_settled(browser: Browser, recovery_ids: Iterable[str]) -> list[dict[str, Any]]:
    """The seller's lines, once all of these recoveries are among them and every fee is at rest."""
    wanted = set(recovery_ids)
    return await until(
        lambda: billing_lines(browser),
        done=lambda lines: (
            wanted <= {line["recoveryId"] for line in lines}
            and all(line["settled"] for line in lines if line["billable"])
        ),
        what="the settling of every commission",
    )
