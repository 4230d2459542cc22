"""The three flows of the source document (authentication, payment, data sync), each service away in turn.

Step by step as a front end takes them, through the gateway alone. A service and its workers stop in the
middle of a flow: what needs it says so, the rest works; once it is back the flow ends as if nothing had been.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from charging import fee_on
from house import SECOND_WORKER, House, open_house
from proof import control, differences

from opside_local.journey.browser import Browser, Refused
from opside_local.journey.cards import finish_onboarding, payout_account, save_card
from opside_local.journey.filing import amazon_cases, file_cases, wait_for_decisions
from opside_local.journey.listing import everything
from opside_local.journey.pages import Page
from opside_local.journey.people import BEN, CLEO, GROSS, Person
from opside_local.journey.settling import billing_lines, wait_until_settled
from opside_local.journey.signing_in import SELLER_CONSENT, START, sign_in
from opside_local.journey.syncing import sync_again, wait_for_sync
from opside_local.journey.waiting import until
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS
from opside_local.system import worker_of

PROGRAMS = {
    MAIN_API: (MAIN_API, worker_of(MAIN_API)),
    INTEGRATIONS: (INTEGRATIONS, worker_of(INTEGRATIONS)),
    PAYMENTS: (PAYMENTS, worker_of(PAYMENTS), SECOND_WORKER),
}
READS = {
    MAIN_API: "/api/billing/recoveries",
    INTEGRATIONS: "/api/cases",
    PAYMENTS: "/api/v1/stripe/payment-methods",
}
"""What a page reads of each service."""
CHLOE = Person("chloe", "Chloe")
CASES_A_ROUND = 3
DETECTED = ("warehouse_lost", "warehouse_damaged", "customer_return", "removal_lost")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(recording: Path) -> AsyncIterator[House]:
    async with open_house(record=recording) as opened:
        await opened.start(worker_of(MAIN_API))
        yield opened


@asynccontextmanager
async def away(house: House, service: str, browser: Browser) -> AsyncIterator[None]:
    """The service and its workers are stopped during the block, which `browser` is told on entering."""
    await asyncio.gather(*(house.system.stop(program) for program in PROGRAMS[service]))
    try:
        await _told_clearly(browser, service)
        yield
    finally:
        await asyncio.gather(*(house.start(program) for program in PROGRAMS[service]))


async def _told_clearly(browser: Browser, service: str) -> None:
    if service == MAIN_API:
        with pytest.raises(httpx.ConnectError):
            await browser.get("/api/me")
        return
    try:
        await browser.get("/api/me")
    except Refused as refused:
        assert refused.status == httpx.codes.UNAUTHORIZED  # noqa: PT017 - he may be signing in
        return
    for asked, path in READS.items():
        if asked != service:
            await browser.get(path)
            continue
        with pytest.raises(Refused) as refusal:
            await browser.get(path)
        assert (refusal.value.status, refusal.value.code) == (503, "unavailable")
        assert f"{service} is not available right now" in str(refusal.value)


# Authentication and data sync


@pytest.mark.parametrize(
    ("person", "at_sign_in", "at_sync"),
    [
        (CHLOE, MAIN_API, INTEGRATIONS),
        (CLEO, INTEGRATIONS, PAYMENTS),
        (BEN, PAYMENTS, MAIN_API),
    ],
    ids=["main-api, integrations", "integrations, payments", "payments, main-api"],
)
async def test_a_seller_signs_in_and_all_he_is_owed_is_found(
    house: House, person: Person, at_sign_in: str, at_sync: str
) -> None:
    async with Browser(house.system.urls.main_api) as browser:
        page = await browser.open(START)
        async with away(house, at_sign_in, browser):
            page = await _consent(browser, page, person, at_sign_in)
        page = await _go_on(browser, page)
        await _give_the_account(browser, page, person)
        # The first sync runs since the account was given.
        async with away(house, at_sync, browser):
            if at_sync == PAYMENTS:
                await _goes_on(browser)
        await wait_for_sync(browser)
        silently = PAYMENTS not in {at_sign_in, at_sync}
        await _connected_once(house, browser, person, silently=silently)
        await _found_once(house, browser, person)


async def _consent(browser: Browser, page: Page, person: Person, away: str) -> Page:
    """Say yes at Amazon; where the browser is then. Without main-api it stands before a dead door."""
    form = page.form(offering="persona")
    if away == MAIN_API:
        with pytest.raises(httpx.ConnectError) as nobody:
            await browser.submit(form, persona=person.persona, decision="allow")
        return Page(str(nobody.value.request.url), 0, "")
    page = await browser.submit(form, persona=person.persona, decision="allow")
    assert (await browser.who_am_i())["email"] == person.email
    await _told_clearly(browser, away)
    if away == PAYMENTS:
        with pytest.raises(Refused) as refused:
            await browser.send("POST", "/api/v1/stripe/create-customer-setup", body={})
        assert refused.value.status == httpx.codes.SERVICE_UNAVAILABLE
    if away == INTEGRATIONS:
        assert page.url.endswith("/dashboard?connect=unavailable")
        return page
    await _give_the_account(browser, page, person)
    return page


async def _go_on(browser: Browser, page: Page) -> Page:
    """What a person does when all is well again: he loads the page again, or clicks on "connect"."""
    if page.status == 0:
        page = await browser.open(page.url)
    if page.url.endswith("connect=unavailable"):
        await browser.who_am_i()
        page = await browser.open((await browser.get("/api/amazon/auth"))["consentUrl"])
    return page


async def _give_the_account(browser: Browser, page: Page, person: Person) -> None:
    connected = (await browser.who_am_i())["amazonSellerId"]
    if connected is None and SELLER_CONSENT in page.url:
        form = page.form(offering="decision")
        page = await browser.submit(form, persona=person.persona, decision="allow")
        assert page.url.endswith("/dashboard?connect=ok")


async def _goes_on(browser: Browser) -> None:
    """The first sync needs nothing of payments."""

    async def asked() -> int:
        [sync] = await everything(browser, "/api/sync/history")
        percent: int = sync["percent"]
        return percent

    before = await asked()
    await until(asked, done=lambda now: now in range(before + 1, 101), what="a step of the sync")


async def _connected_once(
    house: House, browser: Browser, person: Person, *, silently: bool
) -> None:
    """One person, one connection, one first sync, one account at Stripe."""
    me = await until(
        browser.who_am_i, done=lambda me: bool(me["amazonSellerId"]), what="the news of the account"
    )
    assert len(await everything(browser, "/api/sync/history")) == 1
    if not silently:
        # The three silent tries may be used up; then the page asks, which changes nothing otherwise.
        await browser.send("POST", "/api/v1/stripe/connect", body={"userId": me["userId"]})
    account = await payout_account(browser, me["userId"])
    at_stripe = await _listed(house, "accounts")
    assert [one["id"] for one in at_stripe if one["metadata"]["user"] == me["userId"]] == [
        account["stripeAccountId"]
    ]
    async with Browser(house.system.urls.main_api) as elsewhere:
        assert (await sign_in(elsewhere, person))["userId"] == me["userId"]


async def _found_once(house: House, browser: Browser, person: Person) -> None:
    """Every loss that may be claimed is one case, with all its units."""
    cases = await everything(browser, "/api/cases", status="open")
    truth = await control(house.system, f"amazon/truth/{person.persona}")
    assert _units(cases, "claimType") == _units(truth["claimable"], "claim_type")
    assert len({case["claimId"] for case in cases}) == len(cases)


def _units(found: list[dict[str, Any]], kind: str) -> Counter[str]:
    units: Counter[str] = Counter()
    for one in found:
        if one[kind] in DETECTED:
            units[one[kind]] += one["quantity"]
    return units


# Payment


async def test_a_recovery_is_charged_and_paid_out_once_whoever_was_away(house: House) -> None:
    async with Browser(house.system.urls.main_api) as browser:
        me = await sign_in(browser, BEN)
        await wait_for_sync(browser)
        await _prepare_payment(house, browser, me["userId"])
        paid = await _round(house, browser, _charge_waits_for_payments)
        paid |= await _round(house, browser, _news_wait_for_main_api)
        paid |= await _round(house, browser, _settles_without_integrations)
        lines = await wait_until_settled(browser, paid)
        await _charged_and_sent_once(house, lines, paid)
    assert await differences(house.system, house.admin) == []
    assert (await house.admin.get("/api/v1/stripe/queue-stats"))["dead"] == 0


async def _prepare_payment(house: House, browser: Browser, user_id: str) -> None:
    """A card and a payout account."""
    await house.admin.send("PUT", f"/api/admin/users/{user_id}/collection", body={"mode": GROSS})
    await save_card(
        browser,
        stripe_url=house.system.urls.stripe,
        publishable_key=house.system.place.secrets.stripe_publishable_key,
    )
    await finish_onboarding(browser, user_id)


Rest = Callable[[House, Browser, set[str]], Awaitable[None]]


async def _round(house: House, browser: Browser, rest: Rest) -> set[str]:
    """File some cases, let Amazon decide, and go on from there; what Amazon paid for them."""
    amazon, known = house.system.urls.amazon, await _paid(house, browser)
    assert await file_cases(browser, amazon, most=CASES_A_ROUND) == CASES_A_ROUND
    await wait_for_decisions(browser, amazon)
    fresh = await _paid(house, browser) - known
    assert fresh
    await rest(house, browser, fresh)
    await wait_until_settled(browser, fresh)
    return fresh


async def _paid(house: House, browser: Browser) -> set[str]:
    cases = await amazon_cases(browser, house.system.urls.amazon)
    return {case["reimbursementId"] for case in cases if case["reimbursementId"]}


async def _charge_waits_for_payments(house: House, browser: Browser, paid: set[str]) -> None:
    async with away(house, PAYMENTS, browser):
        await sync_again(browser)
        lines = await until(
            lambda: billing_lines(browser),
            done=lambda lines: paid <= {line["recoveryId"] for line in lines},
            what="the confirmed recoveries",
        )
        waiting = [line for line in lines if line["recoveryId"] in paid and line["billable"]]
        assert [line for line in waiting if line["settled"]] == []


async def _news_wait_for_main_api(house: House, browser: Browser, paid: set[str]) -> None:
    started = await browser.send("POST", "/api/sync/start", body={})
    async with away(house, MAIN_API, browser):
        pass
    await wait_for_sync(browser, started["syncId"])


async def _settles_without_integrations(house: House, browser: Browser, paid: set[str]) -> None:
    await sync_again(browser)
    async with away(house, INTEGRATIONS, browser):
        # What it has told by now is charged to the end without it.
        await until(
            lambda: billing_lines(browser),
            done=lambda lines: all(line["settled"] for line in lines if line["billable"]),
            what="the fees that were under way",
        )


async def _charged_and_sent_once(house: House, lines: list[dict[str, Any]], paid: set[str]) -> None:
    """One charge of all that Amazon paid, one transfer of what is not our fee, a payment."""
    mine = [line for line in lines if line["recoveryId"] in paid]
    assert Counter(line["recoveryId"] for line in mine) == Counter(paid)
    assert {line["commissionStatus"] for line in mine} == {"transferred"}
    for line in mine:
        fee = fee_on(line["amountCents"])
        assert line["collectedCents"] == line["amountCents"]
        assert line["transferredCents"] == line["amountCents"] - fee
    intents = await _listed(house, "payment_intents")
    assert Counter((one["id"], one["status"], one["amount_received"]) for one in intents) == (
        Counter((line["paymentIntentId"], "succeeded", line["amountCents"]) for line in mine)
    )
    journals = await control(house.system, "stripe/books/journals")
    kinds = Counter(journal["kind"] for journal in journals)
    assert (kinds["charge"], kinds["transfer"]) == (len(mine), len(mine))


async def _listed(house: House, objects: str) -> list[dict[str, Any]]:
    """Objects of a kind, asked of Stripe itself."""
    key = house.system.place.secrets.stripe_secret_key
    async with httpx.AsyncClient(
        base_url=house.system.urls.stripe, auth=(key, ""), trust_env=False
    ) as stripe:
        answer = await stripe.get(f"/v1/{objects}", params={"limit": "100"})
        found: list[dict[str, Any]] = answer.raise_for_status().json()["data"]
        return found
