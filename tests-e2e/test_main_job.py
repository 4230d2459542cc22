"""The main job over real HTTP, through the front door only, with processes dying on the way."""

import asyncio
import csv
import io
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from proof import control, differences
from pypdf import PdfReader
from recovering import charges, recover

from opside_contracts.payments.messages import ChargeCommission
from opside_local.journey.browser import Browser, Refused
from opside_local.journey.cards import save_card
from opside_local.journey.listing import everything
from opside_local.journey.people import OLGA, SELLERS
from opside_local.journey.settling import billing_lines
from opside_local.journey.signing_in import sign_in, sign_in_admin
from opside_local.journey.syncing import sync_again
from opside_local.journey.waiting import until
from opside_local.system import System, worker_of

ADA = SELLERS[0]
DETECTED = (
    *("warehouse_lost", "warehouse_damaged", "customer_return", "removal_lost"),
    "inbound_shortage",
)


async def test_a_seller_is_found_recovered_and_charged_once_though_processes_die(
    system: System,
) -> None:
    async with Browser(system.urls.main_api) as seller, Browser(system.urls.main_api) as admin:
        await sign_in_admin(admin, OLGA, system)
        me = await sign_in(seller, ADA)
        await save_card(
            seller,
            stripe_url=system.urls.stripe,
            publishable_key=system.place.secrets.stripe_publishable_key,
        )
        journey = asyncio.create_task(recover(system, seller))
        await asyncio.sleep(2)
        await system.kill(worker_of("integrations-backend"))
        await system.start(worker_of("integrations-backend"))
        await asyncio.sleep(3)
        await system.kill(worker_of("stripe-payments"))
        await system.start(worker_of("stripe-payments"))
        lines = await journey

        truth = await control(system, "amazon/truth/ada")
        owed = Counter(
            {
                kind: sum(
                    one["quantity"] for one in truth["claimable"] if one["claim_type"] == kind
                )
                for kind in DETECTED
            }
        )
        others = [one for one in truth["others"] if one["reason"] == "paid_on_case"]
        owed.update(
            {
                kind: sum(o["quantity"] for o in others if o["claim_type"] == kind)
                for kind in DETECTED
            }
        )
        cases = await everything(seller, "/api/cases")
        found: Counter[str] = Counter()
        for case in cases:
            # Payments below the costs that were entered meanwhile are claims of their own.
            if case["claimType"] in DETECTED:
                found[case["claimType"]] += case["quantity"]
        assert found == owed

        billable = [line for line in lines if line["billable"]]
        assert billable
        assert {line["commissionStatus"] for line in billable} <= {"charged", "waived"}
        assert all(
            line["feeCents"] == (line["amountCents"] * 20 + 50) // 100
            for line in billable
            if line["commissionStatus"] == "charged"
        )
        assert await charges(system) == sum(
            line["commissionStatus"] == "charged" for line in billable
        )

        before = await charges(system)
        await sync_again(seller)
        assert await charges(system) == before
        assert len(await everything(seller, "/api/cases")) == len(cases)

        assert not await differences(system, admin)
        assert me["email"] == "ada@example.com"


async def test_a_stranger_sees_nothing_of_it(system: System) -> None:
    async with Browser(system.urls.main_api) as ada, Browser(system.urls.main_api) as ben:
        mine = await sign_in(ada, ADA)
        await sign_in(ben, SELLERS[1])
        case = (await everything(ada, "/api/cases"))[0]
        history = await ada.get("/api/sync/history")
        sync_id = history["items"][0]["syncId"]
        for path in (
            f"/api/cases/{case['caseId']}",
            f"/api/sync/status/{sync_id}",
            f"/api/v1/stripe/status/{mine['userId']}",
            f"/api/v1/stripe/users/{mine['userId']}/transactions",
        ):
            await ada.get(path)
            with pytest.raises(Refused) as refused:
                await ben.get(path)
            assert refused.value.status == 404, path
        with pytest.raises(Refused) as refused:
            await ben.get("/api/v1/stripe/ledger/proof")
        assert refused.value.status == 403


async def test_a_user_cannot_charge(system: System) -> None:
    request = ChargeCommission(
        user_id="usr_x", claim_id="c", amount_recovered_cents=100, currency="usd"
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{system.urls.payments}/api/v1/stripe/charge-commission",
            json=request.model_dump(mode="json", by_alias=True, exclude_none=True),
            headers={"Idempotency-Key": "k"},
        )
    assert answer.status_code == 401


async def test_one_service_down_is_said_and_the_rest_works(system: System) -> None:
    async with Browser(system.urls.main_api) as seller:
        await sign_in(seller, ADA)
        await system.stop("stripe-payments")
        try:
            with pytest.raises(Refused) as refused:
                await seller.get("/api/v1/stripe/transactions/usr_nobody")
            assert refused.value.status == 503
            assert "stripe-payments" in str(refused.value)
            assert (await seller.get("/api/me"))["email"] == "ada@example.com"
            assert await everything(seller, "/api/cases")
        finally:
            await system.start("stripe-payments")


async def test_amazon_takes_money_back_and_the_fee_follows(system: System) -> None:
    async with Browser(system.urls.main_api) as seller, Browser(system.urls.main_api) as admin:
        await sign_in_admin(admin, OLGA, system)
        await sign_in(seller, ADA)
        charged = [
            line
            for line in await billing_lines(seller)
            if line["commissionStatus"] == "charged" and line["feeCents"] >= 2
        ]
        whole, part = charged[0], charged[1]
        half = part["amountCents"] // 2
        await take_back(system, whole["recoveryId"], whole["amountCents"])
        await take_back(system, part["recoveryId"], half)
        await sync_again(seller)

        def given_back(lines: list[dict[str, Any]]) -> bool:
            now = {line["recoveryId"]: line for line in lines}
            return bool(
                now[whole["recoveryId"]]["commissionStatus"] == "refunded"
                and now[part["recoveryId"]]["refundedCents"] > 0
            )

        lines = await until(
            lambda: billing_lines(seller), done=given_back, what="giving the fees back"
        )
        now = {line["recoveryId"]: line for line in lines}
        assert now[whole["recoveryId"]]["refundedCents"] == whole["feeCents"]
        assert now[part["recoveryId"]]["reversedCents"] == half
        assert now[part["recoveryId"]]["refundedCents"] == (half * 20 + 50) // 100
        assert now[part["recoveryId"]]["commissionStatus"] == "charged"
        assert not await differences(system, admin)


async def take_back(system: System, reimbursement_id: str, minor: int) -> None:
    amount = f"{minor // 100}.{minor % 100:02}"
    await control(system, "amazon/reverse", reimbursement_id=reimbursement_id, amount=amount)


BOOKED = ("collected", "refunded", "transferred")


async def test_the_statement_says_to_the_cent_what_payments_booked(
    system: System, tmp_path: Path
) -> None:
    async with Browser(system.urls.main_api) as seller:
        me = await sign_in(seller, ADA)
        today = datetime.now(UTC).date()
        days = {"from": str(today - timedelta(days=300)), "to": str(today + timedelta(days=60))}
        statement = await seller.get("/api/statements", **days)
        booked: dict[str, Counter[str]] = {}
        for one in await everything(seller, f"/api/v1/stripe/users/{me['userId']}/transactions"):
            of_currency = booked.setdefault(one["currency"], Counter())
            for name in BOOKED:
                of_currency[name] += one[f"{name}Cents"]
        assert booked, "the journeys before this one charged fees"
        assert sum(total["refunded"] for total in booked.values()) > 0
        assert len(statement["lines"]) == len(await billing_lines(seller))
        told = {
            total["currency"]: {name: total[f"{name}Cents"] for name in BOOKED}
            for total in statement["totals"]
            if total["collectedCents"]
        }
        assert told == booked
        await _files_say_the_same(seller, f"/api/statements?{urlencode(days)}", booked, tmp_path)


async def _files_say_the_same(
    seller: Browser, path: str, booked: dict[str, Counter[str]], folder: Path
) -> None:
    """The totals of the CSV file, which proves itself, and of the PDF file."""
    file = folder / "statement.csv"
    file.write_bytes(await seller.download(path, accept="text/csv"))
    rows = csv.DictReader(file.read_text().splitlines())
    totals = {row["currency"]: row for row in rows if row["record"] == "total"}
    reader = PdfReader(io.BytesIO(await seller.download(path, accept="application/pdf")))
    words = reader.pages[0].extract_text()
    for currency, sums in booked.items():
        for name in BOOKED:
            shown = Decimal(sums[name]).scaleb(-2)
            assert Decimal(totals[currency][name]) == shown
            assert f"{shown} {currency.upper()}" in words
    check = [sys.executable, "-m", "main_api.commands", "check-statement", str(file)]
    checked = await asyncio.create_subprocess_exec(*check, stdout=asyncio.subprocess.PIPE, env={})
    said, _ = await checked.communicate()
    assert (checked.returncode, b"nothing wrong" in said) == (0, True), said
