"""Every route, asked as everybody: anonymous, another tenant, the owner, an admin, each service."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx
import pytest
from door import APP_URL, Door
from factories.commission_bench import Bench, ask
from fakes.stripe_fake import GOOD
from patience import patiently

from opside_contracts import scopes
from stripe_payments.stripe_api.gateway import Card

V1 = "/api/v1/stripe"
NO, DENIED, HIDDEN = 401, 403, 404


@dataclass(frozen=True)
class Route:
    """What a route answers to whom. Paths and bodies may name {txn}."""

    method: str
    path: str
    stranger: int
    owner: int
    admin: int
    service: int
    """To a service that holds every scope it may ask for."""
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


KEY = {"Idempotency-Key": "k-1"}
CHARGE = {
    "userId": "usr_a",
    "claimId": "clm_2",
    "amountRecoveredCents": 10_000,
    "currency": "usd",
}
CLAWBACK = {"transactionId": "{txn}", "reason": "reversal", "refundAmountCents": 100}
ROUTES = [
    Route("POST", "/charge-commission", DENIED, DENIED, DENIED, 202, CHARGE, KEY),
    Route("POST", "/clawback", DENIED, DENIED, 202, 202, CLAWBACK, KEY),
    Route("GET", "/transactions/{txn}", HIDDEN, 200, 200, DENIED),
    Route("GET", "/transactions/usr_a", HIDDEN, 200, 200, DENIED),
    Route("GET", "/users/usr_a/transactions", HIDDEN, 200, 200, DENIED),
    Route("GET", "/transactions/{txn}/statement", HIDDEN, 200, 200, DENIED),
    Route("GET", "/audit-trail/{txn}", HIDDEN, 200, 200, DENIED),
    Route("GET", "/user-audit/usr_a", HIDDEN, 200, 200, DENIED),
    Route("GET", "/status/usr_a", HIDDEN, 200, 200, DENIED),
    Route("GET", "/payment-methods", 200, 200, 200, DENIED),
    Route("DELETE", f"/payment-methods/{GOOD}", HIDDEN, 204, HIDDEN, DENIED),
    Route("POST", "/create-customer-setup", DENIED, 201, DENIED, DENIED, {"userId": "usr_a"}),
    Route("POST", "/get-or-create-customer", DENIED, 200, DENIED, DENIED, {"userId": "usr_a"}),
    Route("GET", "/subscriptions/usr_a", HIDDEN, 200, 200, DENIED),
    Route("GET", "/invoices/usr_a", HIDDEN, 200, 200, DENIED),
    Route("POST", "/create-subscription", DENIED, 400, DENIED, DENIED, {"userId": "usr_a"}),
    Route(
        "POST", "/cancel-subscription", HIDDEN, HIDDEN, HIDDEN, DENIED, {"subscriptionId": "sub_x"}
    ),
    Route("POST", "/onboarding-link", HIDDEN, 201, HIDDEN, DENIED),
    Route("POST", "/connect", DENIED, 200, DENIED, DENIED, {"userId": "usr_a"}),
    Route("GET", "/ledger/proof", DENIED, DENIED, 200, DENIED),
    Route("GET", "/audit/verify", DENIED, DENIED, 200, DENIED),
    Route("GET", "/finance-export?from=2026-01-01&to=2026-12-31", DENIED, DENIED, 200, DENIED),
    Route("GET", "/reconciliation-summary", DENIED, DENIED, 200, DENIED),
    Route("POST", "/process-reconciliations", DENIED, DENIED, 200, DENIED),
    Route(
        "POST", "/reconcile", DENIED, DENIED, 200, DENIED, {"transactionId": "{txn}", "reason": "x"}
    ),
    Route("POST", "/retry-transaction", DENIED, DENIED, 409, DENIED, {"transactionId": "{txn}"}),
    Route("POST", "/breaks/brk_none/mend", DENIED, DENIED, 404, DENIED, {"note": "x"}),
    Route("POST", "/breaks/brk_none/close", DENIED, DENIED, 404, DENIED, {"note": "x"}),
    Route("GET", "/queue-stats", DENIED, DENIED, 200, DENIED),
    Route("GET", "/unprocessed-webhooks", DENIED, DENIED, 200, DENIED),
    Route("GET", "/idempotency-stats", DENIED, DENIED, 200, DENIED),
    Route("GET", "/rates", DENIED, DENIED, 200, DENIED),
    Route("PUT", "/rates/usr_a", DENIED, DENIED, 200, DENIED, {"rateBp": 1_500, "note": "early"}),
    Route("GET", "/cases", DENIED, DENIED, 200, DENIED),
    Route("POST", "/cases/hum_none/resolve", DENIED, DENIED, HIDDEN, DENIED, {"note": "seen"}),
    Route("POST", "/cleanup", DENIED, DENIED, 200, DENIED, {"daysToKeep": 90}),
    Route(
        "POST",
        "/simulate-payout",
        DENIED,
        DENIED,
        202,
        DENIED,
        {"transactionId": "{txn}", "eventType": "payment_intent.succeeded"},
    ),
]
ASKERS = ("anonymous", "stranger", "owner", "admin", "service")
RIGHTS = ("data", "data/{table}", "file", "erasure", "erase")
OUTSIDE_THE_TABLE = {
    # For main-api alone: test_user_data.py asks them.
    *(f"/internal/users/{{user_id}}/{path}" for path in RIGHTS),
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/webhooks/stripe",
    "/api/v1/webhooks/stripe",
    "/api/stripe/webhook",
    "/api/stripe-webhook",
}


async def settled(door: Door, bench: Bench) -> str:
    """A collected commission of usr_a, his card and his account; answers its id."""
    await bench.save_card(GOOD)
    await bench.payout_account(active=True)
    door.stripe.saved_cards[GOOD] = Card(GOOD, "cus_usr_a", "visa", "4242", 12, 2030)
    await ask(bench.api)
    await bench.work()
    return str((await bench.row())["id"])


def who(door: Door, asker: str) -> dict[str, str]:
    charging = f"{scopes.CHARGE_COMMISSION} {scopes.CLAW_BACK_COMMISSION}"
    return {
        "anonymous": {},
        "stranger": door.person("usr_b"),
        "owner": door.person("usr_a"),
        "admin": door.person("usr_admin", role="admin"),
        "service": door.service("main-api", f"{charging} {scopes.CONNECT_ACCOUNT}"),
    }[asker]


def filled(value: Any, txn: str) -> Any:
    if isinstance(value, dict):
        return {name: filled(inner, txn) for name, inner in value.items()}
    return value.replace("{txn}", txn) if isinstance(value, str) else value


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_each_asker_gets_what_is_his(door: Door, bench: Bench, route: Route) -> None:
    txn = await settled(door, bench)
    before = (await door.ask("GET", f"{V1}/ledger/proof", headers=who(door, "admin"))).json()
    for asker in ASKERS:
        wanted = NO if asker == "anonymous" else getattr(route, asker)
        answer = await door.ask(
            route.method,
            V1 + filled(route.path, txn),
            headers=who(door, asker) | route.headers,
            **({"json": filled(route.body, txn)} if route.body is not None else {}),
        )
        assert answer.status_code == wanted, (asker, answer.text)
        if wanted in {NO, DENIED, HIDDEN}:
            assert answer.headers["content-type"] == "application/problem+json"
            assert "usr_a" not in answer.json()["detail"]
    after = (await door.ask("GET", f"{V1}/ledger/proof", headers=who(door, "admin"))).json()
    assert after == before


def test_every_route_is_in_the_table(door: Door) -> None:
    asked = {(route.method, route.path.partition("?")[0]) for route in ROUTES}
    shapes = {
        (
            method,
            path.replace("{txn}", "{}")
            .replace("usr_a", "{}")
            .replace("brk_none", "{}")
            .replace("hum_none", "{}")
            .replace(GOOD, "{}"),
        )
        for method, path in asked
    }
    missing = []
    for path, operations in door.app.openapi()["paths"].items():
        if path in OUTSIDE_THE_TABLE:
            continue
        shape = re.sub(r"\{[^}]+\}", "{}", path.removeprefix(V1))
        missing += [
            (method, path) for method in operations if (method.upper(), shape) not in shapes
        ]
    assert missing == []


@pytest.mark.parametrize("service", ["integrations-backend", "stripe-payments"])
async def test_a_service_without_the_scope_cannot_charge(door: Door, service: str) -> None:
    headers = door.service(service, scopes.CONNECT_ACCOUNT) | KEY
    answer = await door.ask("POST", f"{V1}/charge-commission", json=CHARGE, headers=headers)
    assert answer.status_code == 403


CLAIMED = (scopes.CHARGE_COMMISSION, scopes.CLAW_BACK_COMMISSION, scopes.CONNECT_ACCOUNT)


@pytest.mark.parametrize(
    ("service", "statuses"),
    [
        ("main-api", (202, 404, DENIED)),
        ("integrations-backend", (DENIED, DENIED, 200)),
        ("stripe-payments", (DENIED, DENIED, DENIED)),
    ],
)
async def test_a_service_may_do_what_we_granted_it_whatever_its_token_says(
    door: Door, service: str, statuses: tuple[int, ...]
) -> None:
    asked = (
        ("/charge-commission", CHARGE),
        ("/clawback", CLAWBACK | {"transactionId": "txn_none"}),
        ("/connect", {"userId": "usr_a"}),
    )
    answers = [
        await door.ask(
            "POST",
            V1 + path,
            json=body,
            headers=door.service(service, " ".join(CLAIMED), act_for="usr_a") | KEY,
        )
        for path, body in asked
    ]
    assert tuple(answer.status_code for answer in answers) == statuses
    acting = door.service(service, scopes.ACT_FOR_USER, act_for="usr_a", act_role="admin")
    answer = await door.ask("GET", f"{V1}/ledger/proof", headers=acting)
    assert answer.status_code == (200 if service == "main-api" else DENIED)


async def test_a_transaction_comes_with_its_trail(door: Door, bench: Bench) -> None:
    txn = await settled(door, bench)
    answer = await door.ask("GET", f"{V1}/transactions/{txn}", headers=door.person("usr_a"))
    states = [entry["toState"] for entry in answer.json()["auditTrail"]]
    assert states == ["accepted", "preparing", "ready", "confirming", "charged", "settled"]


@pytest.mark.parametrize("done", [False, True])
async def test_who_connects_with_return_addresses_gets_the_page_until_it_is_completed(
    door: Door, done: bool
) -> None:
    page = {"returnUrl": f"{APP_URL}/back", "refreshUrl": f"{APP_URL}/again"}
    headers = door.person("usr_a")
    first = await door.ask("POST", f"{V1}/connect", json={"userId": "usr_a"}, headers=headers)
    assert (first.json()["created"], first.json()["onboardingUrl"]) == (True, None)
    if done:
        door.stripe.accounts = {
            name: replace(one, details_submitted=True) for name, one in door.stripe.accounts.items()
        }
    answer = await door.ask(
        "POST", f"{V1}/connect", json={"userId": "usr_a", **page}, headers=headers
    )
    assert answer.json()["stripeAccountId"] == first.json()["stripeAccountId"]
    assert answer.json()["onboardingUrl"] == (None if done else "https://connect.example/link")


async def test_a_service_token_charges_once(door: Door) -> None:
    headers = door.service("main-api", scopes.CHARGE_COMMISSION)
    first = await door.ask(
        "POST", f"{V1}/charge-commission", json=CHARGE, headers=headers | {"Idempotency-Key": "a"}
    )
    again = await door.ask(
        "POST", f"{V1}/charge-commission", json=CHARGE, headers=headers | {"Idempotency-Key": "b"}
    )
    assert (first.status_code, again.status_code) == (202, 401)


BAD = [
    ({}, "amountRecoveredCents"),
    ({"amountRecoveredCents": 0}, "amountRecoveredCents"),
    ({"amountRecoveredCents": -5}, "amountRecoveredCents"),
    ({"amountRecoveredCents": 10.5}, "amountRecoveredCents"),
    ({"amountRecoveredCents": "100"}, "amountRecoveredCents"),
    ({"amountRecoveredCents": 2**63}, "amountRecoveredCents"),
    ({"amountRecoveredCents": True}, "amountRecoveredCents"),
    ({"currency": "dollars"}, "currency"),
    ({"currency": ""}, "currency"),
    ({"userId": ""}, "userId"),
    ({"userId": None}, "userId"),
    ({"claimId": "x" * 300}, "claimId"),
    ({"collection": "all"}, "collection"),
    ({"feeCents": 1}, "feeCents"),
]


@pytest.mark.parametrize(("change", "named"), BAD)
async def test_a_bad_charge_is_refused_by_field(
    door: Door, change: dict[str, Any], named: str
) -> None:
    body = CHARGE | change if change else {k: v for k, v in CHARGE.items() if k != named}
    headers = door.service("main-api", scopes.CHARGE_COMMISSION) | KEY
    answer = await door.ask("POST", f"{V1}/charge-commission", json=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert named in answer.text


@pytest.mark.parametrize("key", [None, "", "a b", "x" * 256, "k\u00e9y"])
async def test_a_bad_key_is_refused(door: Door, key: str | None) -> None:
    headers = door.service("main-api", scopes.CHARGE_COMMISSION)
    sent = {} if key is None else {"Idempotency-Key": key.encode("latin-1")}
    answer = await door.ask("POST", f"{V1}/charge-commission", json=CHARGE, headers=headers | sent)
    assert answer.status_code == 400


async def test_control_characters_are_refused(door: Door) -> None:
    headers = door.service("main-api", scopes.CHARGE_COMMISSION) | KEY
    body = CHARGE | {"claimId": "a\x00b"}
    answer = await door.ask("POST", f"{V1}/charge-commission", json=body, headers=headers)
    assert answer.status_code == 400


async def test_two_hundred_racing_requests_make_one_commission(door: Door, bench: Bench) -> None:
    await bench.save_card(GOOD)

    async def send(key: str) -> httpx.Response:
        headers = door.service("main-api", scopes.CHARGE_COMMISSION) | {"Idempotency-Key": key}
        return await door.ask("POST", f"{V1}/charge-commission", json=CHARGE, headers=headers)

    async def charge(key: str) -> tuple[int, bytes]:
        answer = await patiently(partial(send, key))
        return answer.status_code, answer.content

    same = await asyncio.gather(*(charge("one") for _ in range(200)))
    other = await asyncio.gather(*(charge(secrets.token_hex(8)) for _ in range(200)))
    assert {status for status, _ in same + other} == {202}
    assert len({body for _, body in same + other}) == 1
    await bench.work()
    assert len(bench.stripe.intents) == bench.stripe.charges == 1
