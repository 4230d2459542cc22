"""`make demo`: the main job from sign-in to balanced books, played through the front door.

Every step looks first: a second run charges nothing twice, an interrupted run goes on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from opside_local import report
from opside_local.books import Comparison, compare
from opside_local.journey.browser import Browser
from opside_local.journey.cards import finish_onboarding, payout_account, save_card
from opside_local.journey.filing import enter_costs, file_cases, wait_for_decisions
from opside_local.journey.listing import everything
from opside_local.journey.people import GROSS, OLGA, SELLERS, Person
from opside_local.journey.settling import wait_until_settled
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.journey.syncing import sync_again, wait_for_sync
from opside_local.journey.waiting import PATIENCE_SECONDS, POLL_SECONDS
from opside_local.progress import Progress
from opside_local.system import System, running


@dataclass(slots=True)
class Seller:
    """One seller's part in the demo, and what became of it."""

    person: Person
    browser: Browser
    user_id: str = ""
    decisions: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Demo:
    """The system and the people in it."""

    system: System
    admin: Browser
    sellers: tuple[Seller, ...]
    progress: Progress

    async def each(self, act: Callable[[Seller], Awaitable[Any]]) -> list[Any]:
        """All sellers at once, as in life."""
        return await asyncio.gather(*(act(seller) for seller in self.sellers))


async def run(state: Path, console: Console) -> int:
    """The exit code: 0 only if the proof holds. Raises `JourneyFailed`, `StartFailed`, ..."""
    progress = Progress(console)
    progress.heading("Starting Opside on this machine")
    async with running(state, progress=progress) as system, AsyncExitStack() as stack:
        browsers = [
            await stack.enter_async_context(Browser(system.urls.main_api))
            for _ in range(1 + len(SELLERS))
        ]
        sellers = tuple(map(Seller, SELLERS, browsers[1:]))
        demo = Demo(system, browsers[0], sellers, progress)
        charged_before = await _charges(system)
        await _sign_in(demo)
        await _prepare_payment(demo)
        await _find_and_file(demo)
        await _recover(demo)
        with progress.step("both books compared"):
            proof = await _prove(demo)
        charged = await _charges(system)
    report.show(sellers, proof, console)
    new = charged - charged_before
    console.print(f"charges at Stripe: {charged}, of these new in this run: {new}", highlight=False)
    console.print(
        f"{'proof holds' if not proof.differences else 'PROOF FAILS'}"
        f" · {progress.seconds:.0f} s · data and logs: {state}",
        highlight=False,
    )
    return 1 if proof.differences else 0


async def _sign_in(demo: Demo) -> None:
    progress = demo.progress
    progress.heading("Signing in with Amazon")
    with progress.step("Olga signs in and is made an admin"):
        await sign_in_admin(demo.admin, OLGA, demo.system)

    async def enter(seller: Seller) -> None:
        seller.user_id = (await sign_in(seller.browser, seller.person))["userId"]

    names = ", ".join(seller.person.name for seller in demo.sellers)
    with progress.step(f"{names} sign in and connect their selling accounts"):
        await demo.each(enter)


async def _prepare_payment(demo: Demo) -> None:
    progress, urls = demo.progress, demo.system.urls
    progress.heading("Getting ready to be paid")
    with progress.step("Stripe Connect accounts made silently"):
        await demo.each(lambda seller: payout_account(seller.browser, seller.user_id))
    key = demo.system.place.secrets.stripe_publishable_key
    with progress.step("cards saved through Stripe's own form"):
        await demo.each(
            lambda seller: save_card(seller.browser, stripe_url=urls.stripe, publishable_key=key)
        )
    for seller in demo.sellers:
        if seller.person.collection == GROSS:
            with progress.step(f"{seller.person.name}: gross collection, payout account completed"):
                await demo.admin.send(
                    "PUT",
                    f"/api/admin/users/{seller.user_id}/collection",
                    body={"mode": GROSS},
                )
                await finish_onboarding(seller.browser, seller.user_id)


async def _find_and_file(demo: Demo) -> None:
    progress, amazon = demo.progress, demo.system.urls.amazon
    progress.heading("Finding what Amazon owes")
    with progress.step("first sync: reports requested, read, searched for losses"):
        await demo.each(lambda seller: wait_for_sync(seller.browser))
    with progress.step("unit costs entered from the sellers' own papers") as step:
        counts = await demo.each(lambda seller: enter_costs(seller.browser, amazon))
        step.say(f"{sum(counts)} products")
    with progress.step("cases filed at Seller Central by a person") as step:
        filed = await demo.each(lambda seller: file_cases(seller.browser, amazon))
        step.say(f"{sum(filed)} new")


async def _recover(demo: Demo) -> None:
    progress, amazon = demo.progress, demo.system.urls.amazon
    progress.heading("Being paid")

    async def decide(seller: Seller) -> None:
        seller.decisions = await wait_for_decisions(seller.browser, amazon)

    async def settle(seller: Seller) -> None:
        paid = [case["reimbursementId"] for case in seller.decisions if case["reimbursementId"]]
        seller.lines = await wait_until_settled(seller.browser, paid)
        seller.cases = await everything(seller.browser, "/api/cases")

    with progress.step("Amazon decides") as step:
        await demo.each(decide)
        step.say(_counted([case["decision"] for s in demo.sellers for case in s.decisions]))
    with progress.step("second sync: reimbursements read, matched to cases"):
        await demo.each(lambda seller: sync_again(seller.browser))
    with progress.step("fees charged, settled by signed webhooks") as step:
        await demo.each(settle)
        billable = [line for seller in demo.sellers for line in seller.lines if line["billable"]]
        step.say(_counted([line["commissionStatus"] for line in billable]))


async def _prove(demo: Demo) -> Comparison:
    """Stripe books its fee a moment after the charge: wait for both books to be at rest."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        proof = await demo.admin.get("/api/v1/stripe/ledger/proof")
        found = compare(proof, await _control(demo.system, "books"))
        if not found.differences or time.monotonic() > deadline:
            return found
        await asyncio.sleep(POLL_SECONDS)


async def _charges(system: System) -> int:
    """How many charges Stripe's books have."""
    journals = await _control(system, "books/journals")
    return sum(journal["kind"] == "charge" for journal in journals)


async def _control(system: System, path: str) -> Any:  # noqa: ANN401 (any JSON)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{system.urls.control}/control/stripe/{path}")
        return answer.raise_for_status().json()


def _counted(words: list[str]) -> str:
    counts = {word: words.count(word) for word in sorted(set(words))}
    return ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in counts.items())
