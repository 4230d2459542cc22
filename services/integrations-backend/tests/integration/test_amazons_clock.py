"""A sync asks for everything up to Amazon's own now, and what happened there meanwhile closes cases."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.amazon_fake import FakeAmazon
from sandbox import live_amazon, running
from service import ADA, Keys, Service, build, settings_of

from integrations_backend.reports.kinds import ENDED_REPORTS, LEDGER, REQUESTED_REPORTS
from integrations_backend.sync.start import start_sync
from opside_chassis.clock import utc_now
from opside_chassis.database import Database

DAYS = 30


@dataclass
class Ahead:
    """A clock that a test sets forward."""

    days: int = 0

    def __call__(self) -> datetime:
        return utc_now() + timedelta(days=self.days)


def units(rows: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for one in rows:
        found[one["claim_type"], one["order_id"] or one["fnsku"]] += one["quantity"]
    return found


async def open_claims(service: Service) -> Counter[tuple[str, str]]:
    return units(
        await service.rows(
            "SELECT c.* FROM amazon_claims c JOIN refund_engine_cases k ON k.claim_id = c.id"
            " WHERE k.case_status = 'open'"
        )
    )


async def test_after_a_month_the_open_cases_are_again_what_amazon_owes(
    committed_database: Database, tmp_path: Path
) -> None:
    """Some windows have begun and some ended, and Amazon has paid some losses by itself."""
    clock = Ahead()
    with running() as sandbox:
        settings = settings_of(Keys(), tmp_path, **sandbox.settings)
        async with live_amazon(settings) as amazon:
            archive = tmp_path / "archive"
            service = build(
                committed_database, archive, amazon=amazon, clock=clock, **sandbox.settings
            )
            assert await sandbox.consent(service, ADA, "dieter") == "ok"
            await service.work(rounds=60)
            before = sandbox.ask("amazon/truth/dieter")["claimable"]
            assert await open_claims(service) == units(before)
            lost = next(one for one in before if one["claim_type"] == "warehouse_lost")
            sandbox.ask(
                "amazon/desk",
                persona="dieter",
                loss_id=lost["loss_id"],
                answer="stock",
                automatic_after_seconds=86_400,
            )

            sandbox.ask("clock/advance", seconds=DAYS * 86_400)
            clock.days = DAYS
            await start_sync(service.sessions, user_id=ADA, reason="test", clock=clock)
            await service.work(rounds=60)
            after = sandbox.ask("amazon/truth/dieter")["claimable"]
    assert units(after) != units(before)
    assert await open_claims(service) == units(after)
    reasons = await service.rows("SELECT DISTINCT closed_reason AS why FROM refund_engine_cases")
    assert {"Amazon paid without a case of ours", "the time to claim has ended", None} <= {
        one["why"] for one in reasons
    }
    ledger = await asyncio.to_thread(service.runtime.archive.rows, ADA, LEDGER)
    assert ledger is not None
    assert ledger["date"].max() > utc_now().date(), "the ledger is read up to Amazon's now"  # type: ignore[operator]


async def test_only_a_report_that_needs_an_end_has_one_and_it_is_amazons(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.now = datetime(2026, 11, 21, 11, 59, tzinfo=UTC)
    await service.connect(ADA)
    await service.work()
    assert amazon.ends == {
        one: amazon.now if one in ENDED_REPORTS else None for one in REQUESTED_REPORTS
    }
