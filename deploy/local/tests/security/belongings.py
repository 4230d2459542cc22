"""What Cleo owns, one thing of each kind, made as she would make it: her neighbours ask for it."""

import uuid
from datetime import UTC, datetime
from typing import Any

from security.house import CLEO, INTEGRATIONS, MAIN_API, PAYMENTS, House, bearer

from opside_contracts import scopes
from opside_local.journey.browser import Browser
from opside_local.journey.cards import save_card
from opside_local.journey.listing import everything
from opside_local.journey.signing_in import sign_in
from opside_local.journey.syncing import wait_for_sync
from opside_local.journey.waiting import until

Owned = dict[str, str]
"""Ids by the name of the parameter that takes them; by the whole path where a name means two things."""


async def belongings(house: House) -> Owned:
    """Everything there is, of a seller who connected, synced, filed, was paid and charged."""
    if "owned" not in house.shared:
        async with Browser(house.system.urls.main_api) as cleo:
            me = await sign_in(cleo, CLEO)
            house.shared["owned"] = await _made(house, cleo, str(me["userId"]))
    owned: Owned = house.shared["owned"]
    return owned


async def _made(house: House, cleo: Browser, user_id: str) -> Owned:
    sync = await wait_for_sync(cleo)
    case_id = str((await everything(cleo, "/api/cases"))[0]["caseId"])
    transaction_id = await _charged(house, user_id)
    return {
        "user_id": user_id,
        "session_id": (await house.signed_in(CLEO)).session_id,
        "sync_id": str(sync["syncId"]),
        "case_id": case_id,
        "filing_id": (await cleo.send("POST", "/api/filings", body={"caseId": case_id}))[
            "filingId"
        ],
        **await _evidence(cleo, case_id),
        "recovery_id": await _paid(house, cleo, user_id, case_id),
        "export_id": (await cleo.send("POST", "/api/account/export"))["exportId"],
        "transaction_id": transaction_id,
        "reference": transaction_id,
        "payment_method_id": await _card(house, cleo),
        **await _written_down(house, user_id, case_id),
    }


async def _evidence(cleo: Browser, case_id: str) -> Owned:
    paper = ("invoice.txt", b"Invoice 4711\n12 units\n", "text/plain")
    document = await cleo.send("POST", "/api/evidence", files=[("file", paper)])
    path = f"/api/evidence/{document['evidenceId']}/matches"
    match = await cleo.send("POST", path, body={"caseId": case_id})
    field = {"lineNo": 0, "name": "supplier", "value": "Otto"}
    path = f"/api/evidence/{document['evidenceId']}/fields"
    await cleo.send("PATCH", path, body={"fields": [field]})
    return {"evidence_id": document["evidenceId"], "match_id": match["matchId"]}


async def _card(house: House, cleo: Browser) -> str:
    stripe, key = house.system.urls.stripe, house.system.place.secrets.stripe_publishable_key
    await save_card(cleo, stripe_url=stripe, publishable_key=key)
    saved = await until(
        lambda: cleo.get("/api/v1/stripe/payment-methods"),
        done=lambda answer: bool(answer["cards"]),
        what="the saved card",
    )
    return str(saved["cards"][0]["paymentMethodId"])


async def _paid(house: House, cleo: Browser, user_id: str, case_id: str) -> str:
    """Amazon paid for a case, as integrations-backend tells it; not by our doing, so that it is free."""
    now = datetime.now(UTC).isoformat()
    event = {
        "type": "recovery.confirmed",
        "eventId": uuid.uuid4().hex,
        "userId": user_id,
        "occurredAt": now,
        "approvedAt": now,
        "recoveryId": "R-1",
        "caseId": case_id,
        "claimId": "clm_1",
        "claimType": "warehouse_lost",
        "amountMinor": 1_000,
        "currency": "usd",
        "quantity": 1,
        "billable": False,
        "notBillableReason": "other",
        "ruleVersion": "1",
    }
    token = house.service_token(INTEGRATIONS, MAIN_API, scopes.PUBLISH_EVENT, act_for=user_id)
    told = await house.ask("POST", "/internal/events", headers=bearer(token), json=event)
    assert told.status_code == 202, told.text
    listed: list[dict[str, Any]] = await until(
        lambda: everything(cleo, "/api/billing/recoveries"), done=bool, what="the recovery"
    )
    return str(listed[0]["recoveryId"])


async def _charged(house: House, user_id: str) -> str:
    token = house.service_token(MAIN_API, PAYMENTS, scopes.CHARGE_COMMISSION)
    body = {"userId": user_id, "claimId": "clm_of_cleo", "currency": "usd"}
    answer = await house.ask(
        "POST",
        f"{house.payments}/api/v1/stripe/charge-commission",
        headers=bearer(token) | {"Idempotency-Key": f"charge-{user_id}"},
        json={**body, "amountRecoveredCents": 1_000},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["transactionId"])


async def _written_down(house: House, user_id: str, case_id: str) -> Owned:
    """What only a mailbox, an upload and a Stripe account of hers would bring, put into the tables."""
    for statement in (
        "INSERT INTO integrations.report_uploads (id, user_id, marketplace_id, status, files)"
        " VALUES ('upl_cleo', $1, 'ATVPDKIKX0DER', 'detecting', '[]')",
        "INSERT INTO integrations.papers (id, user_id, sha256, size_bytes, media, filename, kind,"
        " shipments, archived_as, sender, subject, received_at) VALUES ('pap_cleo', $1, 'x', 1,"
        " 'application/pdf', 'a.pdf', 'invoice', '[]', 'nowhere', '', '', now())",
        "INSERT INTO integrations.supplier_invoices (id, user_id, paper_id, status, reason, goods,"
        " reading) VALUES ('inv_cleo', $1, 'pap_cleo', 'needs_typing', '', '[]', '{}')",
    ):
        await house.sql(statement, user_id)
    await house.sql(
        "INSERT INTO integrations.stripe_transactions (user_id, transaction_id, account_id, kind,"
        " category, amount_minor, fee_minor, net_minor, currency, occurred_at, available_on,"
        " identifiers, case_id, linked_by) VALUES ($1, 'txn_seller', 'acct_1', 'charge', 'charge',"
        " 1, 0, 1, 'usd', now(), now(), '{}', $2, 'case_id')",
        user_id,
        case_id,
    )
    return {
        "upload_id": "upl_cleo",
        "invoice_id": "inv_cleo",
        "/api/stripe/transactions/{transaction_id}": "txn_seller",
        "/api/v1/stripe/transactions/{transaction_id}": "txn_seller",
    }
