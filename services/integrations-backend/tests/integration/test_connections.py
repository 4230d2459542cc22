"""Connecting a selling account: one consent, one browser, one user, one exchange."""

import asyncio

import httpx
import pytest
from fakes.amazon_fake import FakeAmazon
from service import ADA, BEN, BROWSER, Service

from integrations_backend.amazon_api.errors import (
    AccessDenied,
    AmazonUnavailable,
    GrantRefused,
    Throttled,
)
from opside_chassis.testing.plugin import FrozenClock
from opside_contracts import scopes


async def status_of(service: Service, user_id: str) -> tuple[str, str | None]:
    async with service.as_user(user_id) as browser:
        listed = (await browser.get("/api/connections")).json()
    amazon = next(one for one in listed if one["provider"] == "amazon")
    assert {one["provider"] for one in listed} == {"amazon", "gmail", "stripe"}
    return amazon["status"], amazon.get("accountId")


async def test_a_consent_connects_onboards_and_syncs(service: Service) -> None:
    assert await status_of(service, ADA) == ("not_connected", None)
    await service.connect(ADA)
    assert await status_of(service, ADA) == ("connected", f"SELLER-{ADA}")
    await service.work()
    (event,) = service.neighbours.events
    assert (event.type, event.status) == ("connection.changed", "connected")
    assert service.neighbours.onboarded == [{"userId": ADA, "country": "US"}]
    (sync,) = await service.rows("SELECT user_id, status FROM sync_jobs")
    assert sync == {"user_id": ADA, "status": "done"}


async def test_a_connected_account_needs_no_consent(service: Service) -> None:
    await service.connect(ADA)
    assert await service.begin_consent(ADA) == ""


async def test_tokens_are_stored_sealed_and_the_state_only_as_its_hash(service: Service) -> None:
    state = await service.begin_consent(ADA)
    (attempt,) = await service.rows("SELECT * FROM consent_attempts")
    assert state not in str(attempt)
    await service.returned(ADA, state)
    (row,) = await service.rows("SELECT * FROM oauth_tokens")
    assert row["access_token"].startswith("v1.vault-1.")
    assert "access-1" not in str(row)
    assert "refresh-1" not in str(row)


async def test_a_state_is_good_once(service: Service, amazon: FakeAmazon) -> None:
    state = await service.begin_consent(ADA)
    assert await service.returned(ADA, state) == "ok"
    assert await service.returned(ADA, state) == "consent_refused"
    assert amazon.calls.count("exchange") == 1


async def test_racing_returns_exchange_once(service: Service, amazon: FakeAmazon) -> None:
    state = await service.begin_consent(ADA)
    outcomes = await asyncio.gather(*(service.returned(ADA, state) for _ in range(8)))
    assert sorted(outcomes) == ["consent_refused"] * 7 + ["ok"]
    assert amazon.calls.count("exchange") == 1


@pytest.mark.parametrize(("minutes", "outcome"), [(10, "ok"), (10.01, "consent_refused")])
async def test_a_state_lives_ten_minutes(
    service: Service, clock: FrozenClock, minutes: float, outcome: str
) -> None:
    state = await service.begin_consent(ADA)
    clock.advance(seconds=60 * minutes)
    assert await service.returned(ADA, state) == outcome


async def test_a_forged_state_is_refused_without_asking_amazon(
    service: Service, amazon: FakeAmazon
) -> None:
    await service.begin_consent(ADA)
    assert await service.returned(ADA, "x" * 43) == "consent_refused"
    assert amazon.calls == []


async def test_another_users_state_is_refused_and_stays_his(service: Service) -> None:
    state = await service.begin_consent(ADA)
    assert await service.returned(BEN, state) == "consent_refused"
    assert await status_of(service, BEN) == ("not_connected", None)
    assert await service.returned(ADA, state) == "ok"


async def test_a_state_is_bound_to_the_browser_that_began(service: Service) -> None:
    state = await service.begin_consent(ADA)
    query = {"state": state, "spapi_oauth_code": "c", "selling_partner_id": "S"}
    foreign = {"X-Opside-Browser-Binding": f"{BROWSER}-someone-else"}
    async with service.client(service.gateway_token(ADA), **foreign) as browser:
        answer = await browser.get("/api/amazon/callback", params=query)
    assert answer.headers["location"].endswith("connect=consent_refused")
    assert await service.returned(ADA, state) == "consent_refused", "and it is spent"


async def test_the_binding_is_believed_from_the_gateway_only(service: Service) -> None:
    state = await service.begin_consent(ADA)
    query = {"state": state, "spapi_oauth_code": "c", "selling_partner_id": "S"}
    binding = {"X-Opside-Browser-Binding": f"{BROWSER}-{ADA}"}
    async with service.client(service.user_token(ADA), **binding) as direct:
        answer = await direct.get("/api/amazon/callback", params=query)
    assert answer.status_code == 403


async def test_a_return_without_a_code_connects_nothing(service: Service) -> None:
    """The seller pressed Cancel, and the browser came back without what a grant brings."""
    state = await service.begin_consent(ADA)
    async with service.as_user(ADA) as browser:
        answer = await browser.get("/api/amazon/callback", params={"state": state})
    assert answer.status_code in {400, 422}
    assert await status_of(service, ADA) == ("not_connected", None)
    assert await service.returned(ADA, state) == "ok", "he may change his mind"


@pytest.mark.parametrize("call", ["exchange", "marketplaces"])
@pytest.mark.parametrize(
    "error",
    [GrantRefused(), AccessDenied("x"), AmazonUnavailable("x"), Throttled("x")],
    ids=lambda error: type(error).__name__,
)
async def test_a_grant_that_does_not_work_connects_nothing(
    service: Service, amazon: FakeAmazon, call: str, error: Exception
) -> None:
    amazon.fail[call] = [error]
    assert await service.returned(ADA, await service.begin_consent(ADA)) == "not_granted"
    assert await status_of(service, ADA) == ("not_connected", None)
    assert await service.rows("SELECT * FROM oauth_tokens") == []
    assert await service.returned(ADA, await service.begin_consent(ADA)) == "ok"


async def test_an_account_in_no_marketplace_is_not_connected(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.stores = ()
    assert await service.returned(ADA, await service.begin_consent(ADA)) == "not_granted"


async def test_the_first_store_that_we_know_is_taken(service: Service, amazon: FakeAmazon) -> None:
    """Amazon also lists stores that are none, such as its sandbox' and non-Amazon ones."""
    amazon.stores = ("A000000000000X", "A1F83G8C2ARO7P")
    await service.connect(ADA)
    (row,) = await service.rows("SELECT marketplace_id FROM connections")
    assert row["marketplace_id"] == "A1F83G8C2ARO7P"


async def test_a_selling_account_belongs_to_one_user(service: Service) -> None:
    await service.connect(ADA)
    state = await service.begin_consent(BEN)
    outcome = await service.returned(BEN, state, selling_partner_id=f"SELLER-{ADA}")
    assert outcome == "account_taken"
    assert await status_of(service, BEN) == ("not_connected", None)
    assert [row["user_id"] for row in await service.rows("SELECT * FROM oauth_tokens")] == [ADA]


async def test_a_program_is_told_by_a_status_that_an_account_is_taken(service: Service) -> None:
    await service.connect(ADA)
    query = {
        "state": await service.begin_consent(BEN),
        "spapi_oauth_code": "c",
        "selling_partner_id": f"SELLER-{ADA}",
    }
    async with service.as_user(BEN) as program:
        program.headers["Accept"] = "application/json"
        answer = await program.get("/api/v1/amazon/callback", params=query)
    assert (answer.status_code, answer.json()["code"]) == (409, "account_taken")
    assert await status_of(service, BEN) == ("not_connected", None)


async def test_who_finds_his_account_taken_has_a_case_that_names_the_holder(
    service: Service,
) -> None:
    """Amazon names the seller in the browser's query alone, so the holder may be an impostor."""
    account = "SELLER-1"
    assert (
        await service.returned(BEN, await service.begin_consent(BEN), selling_partner_id=account)
        == "ok"
    )
    for _ in range(2):
        state = await service.begin_consent(ADA)
        outcome = await service.returned(ADA, state, selling_partner_id=account)
        assert outcome == "account_taken"
    (case,) = await service.rows("SELECT kind, reference, reason FROM human_cases")
    assert (case["kind"], case["reference"]) == ("account_taken", f"{account}:{ADA}")
    assert BEN in case["reason"]


async def test_two_users_who_claim_one_account_at_once(
    service: Service, amazon: FakeAmazon
) -> None:
    amazon.pause_seconds = 0.05
    states = [await service.begin_consent(user) for user in (ADA, BEN)]
    outcomes = await asyncio.gather(
        *(
            service.returned(user, state, selling_partner_id="SELLER-1")
            for user, state in zip((ADA, BEN), states, strict=True)
        )
    )
    assert sorted(outcomes) == ["account_taken", "ok"]


async def test_the_return_leaves_no_trace_in_a_referrer(service: Service) -> None:
    async with service.as_user(ADA) as browser:
        query = {"state": "s", "spapi_oauth_code": "c", "selling_partner_id": "S"}
        answer = await browser.get("/api/amazon/callback", params=query)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["location"].startswith("http://127.0.0.1:8000/dashboard?")


async def test_a_consent_is_begun_for_the_user_of_the_token(service: Service) -> None:
    token = service.service_token(scopes.START_CONSENT, act_for=BEN)
    async with service.client(token) as gateway:
        answer = await gateway.post(
            "/internal/amazon/consents", json={"userId": ADA, "browserBinding": BROWSER}
        )
    assert answer.status_code == 403


async def test_onboarding_is_tried_three_times_and_never_stops_the_seller(
    service: Service,
) -> None:
    service.neighbours.payments_down = True
    await service.connect(ADA)
    await service.work()
    jobs = await service.rows("SELECT kind, status FROM outbox WHERE status <> 'done'")
    assert jobs == []
    async with service.as_user(ADA) as browser:
        shown = (await browser.get("/api/v1/stripe/status")).json()
    assert (shown["success"], shown["status"]) == (True, "not_found")
    assert await status_of(service, ADA) == ("connected", f"SELLER-{ADA}")


@pytest.mark.parametrize("form", ["/api", "/api/v1"])
async def test_a_signed_in_seller_is_told_the_page_to_go_to(service: Service, form: str) -> None:
    async with service.as_user(ADA) as browser:
        answer = await browser.get(f"{form}/amazon/auth")
        url = httpx.URL(answer.json()["consentUrl"])
        assert answer.json()["alreadyConnected"] is False
        assert await service.returned(ADA, url.params["state"]) == "ok"
        again = (await browser.get(f"{form}/amazon/auth")).json()
    assert again["alreadyConnected"] is True
    assert again.get("consentUrl") is None


async def test_a_consent_begins_at_the_gateway_only(service: Service) -> None:
    async with service.client(service.user_token(ADA)) as direct:
        assert (await direct.get("/api/amazon/auth")).status_code == 403
    assert await service.rows("SELECT * FROM consent_attempts") == []
