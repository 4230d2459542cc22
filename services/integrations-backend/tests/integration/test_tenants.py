"""Whose rows they are: every route for every kind of caller, and the database for every table."""

import re

import pytest
from factories.books import Books, paid
from factories.claims import CLAIM, cases_of, file_case, record
from factories.papers import came, invoice_lines, pdf
from factories.report_rows import file_text, row, sale
from fakes.amazon_fake import FakeAmazon
from fastapi import FastAPI
from service import ADA, BEN, Service
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from integrations_backend.reports.kinds import INVENTORY, LEDGER, SETTLEMENT
from integrations_backend.tables import metadata
from opside_chassis import access
from opside_chassis.access import Member, Public, ServiceOnly
from opside_chassis.database import transaction
from opside_contracts import scopes

NOT_THROUGH_A_DOOR = (
    "INSERT INTO detected_losses VALUES (:ada, 0, 't', 'X00LOSS', '', '', 1, now(), 'found')",
    "INSERT INTO stripe_pulls (user_id, account_id) VALUES (:ada, 'acct_1')",
    "INSERT INTO stripe_transactions (user_id, transaction_id, account_id, kind, category,"
    " amount_minor, fee_minor, net_minor, currency, occurred_at, available_on, identifiers)"
    " VALUES (:ada, 'txn_1', 'acct_1', 'charge', 'charge', 9, 1, 8, 'usd', now(), now(), '{}')",
    "INSERT INTO given_up_onboardings VALUES (:ada, 'refused', 'x', now())",
    "INSERT INTO mailboxes (user_id, account_id) VALUES (:ada, 'a@b')",
    "INSERT INTO found_mails (user_id, account_id, message_id) VALUES (:ada, 'a@b', 'm')",
    "INSERT INTO invoice_changes (user_id, invoice_id, version, action, before)"
    " SELECT :ada, id, 99, 'a', '{}' FROM supplier_invoices",
)
"""Rows that jobs write."""
SILENT_PAGES = (
    *("amazon/auth", "gmail/auth", "stripe/auth"),
    *("amazon/callback", "gmail/callback", "stripe/callback"),
    *("gmail/search", "gmail/emails", "gmail/status", "stripe/account"),
    *("stripe/status", "sync/statistics"),
)
"""Pages that name nothing of hers to herself either: consents, what a provider is asked for, and numbers."""
BODIES = {"filed": {"amazonCaseId": "1234567890"}}
SILENT = {f"{form}/{page}" for form in ("/api", "/api/v1") for page in SILENT_PAGES}
TENANT_TABLES = sorted(table.fullname for table in metadata.tables.values() if "user_id" in table.c)


def routes(app: FastAPI) -> list[tuple[str, str, object]]:
    return [
        (method, route.path, access.declared_access(route))
        for route in access.api_routes(app)
        for method in sorted(route.methods or ())
    ]


def concrete(path: str) -> str:
    return re.sub(r"\{\w+\}", "xxx_0", path)


async def answers(service: Service, token: str | None) -> dict[str, int]:
    async with service.client(token) as client:
        return {
            f"{method} {path}": (await client.request(method, concrete(path))).status_code
            for method, path, rule in routes(service.app)
            if not isinstance(rule, Public)
        }


def test_only_health_is_open_to_everybody(service: Service) -> None:
    opened = {path for _, path, rule in routes(service.app) if isinstance(rule, Public)}
    assert opened <= {"/health", "/health/live", "/health/ready"}
    assert all(rule is not None for _, _, rule in routes(service.app))


async def test_nobody_comes_in_without_a_token(service: Service) -> None:
    assert set((await answers(service, None)).values()) == {401}


@pytest.mark.parametrize("kind", ["forged", "for another service", "of a refused role"])
async def test_a_token_that_is_not_for_here_opens_nothing(service: Service, kind: str) -> None:
    token = {
        "forged": service.user_token(ADA)[:-4] + "AAAA",
        "for another service": service.user_token(ADA, audience="stripe-payments"),
        "of a refused role": service.user_token(ADA, role="auditor"),
    }[kind]
    assert set((await answers(service, token)).values()) <= {401, 403}


async def test_a_service_without_a_user_reads_nobodys_data(service: Service) -> None:
    found = await answers(service, service.service_token(scopes.PUBLISH_EVENT))
    assert set(found.values()) == {403}


async def test_a_user_opens_no_service_route(service: Service) -> None:
    found = await answers(service, service.user_token(ADA))
    internal = {
        f"{method} {path}"
        for method, path, rule in routes(service.app)
        if isinstance(rule, ServiceOnly)
    }
    rights = ("GET data", "GET data/{table}", "GET file", "GET erasure", "POST erase")
    assert internal == {
        "POST /internal/amazon/consents",
        "POST /internal/documents/parse",
        *(one.replace(" ", " /internal/users/{user_id}/") for one in rights),
    }
    assert {found[one] for one in internal} == {403}
    assert all(isinstance(rule, Member | ServiceOnly | Public) for *_, rule in routes(service.app))


async def everything_of_ada(service: Service, books: Books, amazon: FakeAmazon) -> list[str]:
    """Ada has something of everything; the paths of what is hers by id."""
    stock = {"sku": "SKU-1", "fnsku": "X001", "asin": "B001"}
    stock |= {"afn-fulfillable-quantity": "7", "afn-total-quantity": "7"}
    amazon.documents[INVENTORY] = file_text(INVENTORY, [stock]).encode()
    amazon.documents[SETTLEMENT] = file_text(SETTLEMENT, sale("112-OF-ADA")).encode()
    await service.connect(ADA)
    await service.work()
    case_id = await books.file()
    await books.report(paid())
    async with service.as_user(ADA) as browser:
        files = {"files": ("ledger.txt", file_text(LEDGER, [row(LEDGER), row(LEDGER, date="?")]))}
        upload = (await browser.post("/api/reports/upload", files=files)).json()["uploadId"]
        costs = [{"sku": "S", "unitCostCents": 1, "currency": "usd"}]
        costs[0] |= {"sourceDocument": "d", "effectiveDate": "2026-01-01"}
        assert (await browser.put("/api/costs", json=costs)).status_code == 200
        sync_id = (await browser.get("/api/sync/history")).json()["items"][0]["syncId"]
    await service.begin_consent(BEN)
    await service.execute("UPDATE consent_attempts SET user_id = :ada", ada=ADA)
    for number in ("N-1", "N-2"):
        paper = pdf(invoice_lines(number=f"Invoice number: {number}"))
        await came(service, books.folder, paper, part=number)
    for statement in NOT_THROUGH_A_DOOR:
        await service.execute(statement, ada=ADA)
    return [
        f"GET /api/cases/{case_id}",
        f"POST /api/cases/{case_id}/filed",
        f"GET /api/sync/status/{sync_id}",
        f"GET /api/v1/sync/status/{sync_id}",
        f"DELETE /api/sync/cancel/{sync_id}",
        f"DELETE /api/v1/sync/cancel/{sync_id}",
        f"GET /api/reports/uploads/{upload}",
        *(
            f"{action.replace('ID', row['id'])}"
            for row, form in zip(
                await service.rows("SELECT id FROM supplier_invoices"),
                ("/api", "/api/v1"),
                strict=True,
            )
            for action in (
                f"GET {form}/invoices/ID",
                f"GET {form}/invoices/ID/document",
                f"POST {form}/invoices/ID/confirm",
                f"POST {form}/invoices/ID/reject",
            )
        ),
        "GET /api/stripe/transactions/txn_1",
        "GET /api/v1/stripe/transactions/txn_1",
    ]


@pytest.fixture
def books(service: Service, tmp_path) -> Books:
    return Books(service, tmp_path)


async def test_what_belongs_to_another_is_not_there(
    service: Service, books: Books, amazon: FakeAmazon
) -> None:
    paths = await everything_of_ada(service, books, amazon)
    with_ids = {
        path
        for _, path, rule in routes(service.app)
        if "{" in path and not isinstance(rule, ServiceOnly)
    }
    assert len(paths) == len(with_ids)
    async with (
        service.as_user(BEN) as stranger,
        service.client(service.gateway_token("usr_olga", role="admin")) as admin,
        service.as_user(ADA) as owner,
    ):
        for one in paths:
            method, path = one.split()
            body = {"json": BODIES.get(path.rpartition("/")[2], {})} if method == "POST" else {}
            unknown = re.sub(r"/[a-z]+_[^/]+", "/cas_0", path)
            for other in (stranger, admin):
                answer = await other.request(method, path, **body)
                assert answer.status_code == 404, one
                nothing = await other.request(method, unknown, **body)
                told = [
                    reply.json() | {"requestId": "", "instance": ""} for reply in (answer, nothing)
                ]
                assert told[0] == told[1], "the same answer as for what never was"
            assert (await owner.request(method, path, **body)).status_code in {200, 204}, one


async def marks_of_ada(service: Service) -> set[str]:
    """Words that stand in her rows alone."""
    found = {"SKU-1", "X001", "X00LOSS", "112-OF-ADA", "acct_1", "txn_1", ADA}
    for table in ("refund_engine_cases", "sync_jobs", "report_uploads", "supplier_invoices"):
        found |= {row["id"] for row in await service.rows(f"SELECT id FROM {table}")}  # noqa: S608
    return found


async def test_pages_show_nothing_of_a_neighbours(
    service: Service, books: Books, amazon: FakeAmazon
) -> None:
    """Every page that is asked for without an id: a new one shows hers to her, or says here why not."""
    await everything_of_ada(service, books, amazon)
    marks = await marks_of_ada(service)
    pages = {
        path
        for method, path, rule in routes(service.app)
        if method == "GET" and "{" not in path and isinstance(rule, Member)
    }
    silent = set()
    async with (
        service.as_user(ADA) as owner,
        service.as_user(BEN) as stranger,
        service.client(service.gateway_token("usr_olga", role="admin")) as admin,
    ):
        for path in sorted(pages):
            for other in (stranger, admin):
                told = (await other.get(path)).text
                assert [mark for mark in marks if mark in told] == [], path
            hers = (await owner.get(path)).text
            if not any(mark in hers for mark in marks):
                silent.add(path)
        assert (await stranger.get("/api/v1/stripe/status")).json()["status"] == "not_found"
        assert (await owner.get("/api/v1/stripe/status")).json()["status"] == "created"
        assert (await stranger.get("/api/sync/statistics")).json()["syncs"] == {}
        assert (await owner.get("/api/sync/statistics")).json()["syncs"] != {}
    assert sorted(silent) == sorted(SILENT)


async def test_the_database_shows_a_tenant_his_own_rows_only(
    service: Service, books: Books, amazon: FakeAmazon
) -> None:
    await everything_of_ada(service, books, amazon)
    assert len(TENANT_TABLES) == 23
    for name in TENANT_TABLES:
        for tenant, sees in ((ADA, True), (BEN, False), (None, False)):
            async with transaction(service.sessions, tenant=tenant) as session:
                count = await session.scalar(text(f"SELECT count(*) FROM {name}"))  # noqa: S608
            assert bool(count) == sees, (name, tenant)


async def test_the_database_lets_a_tenant_write_only_his_own_rows(
    service: Service, books: Books
) -> None:
    await books.file()
    with pytest.raises(DBAPIError, match="row-level security"):
        async with transaction(service.sessions, tenant=BEN) as session:
            await session.execute(
                text("INSERT INTO stripe_accounts VALUES (:ada, 'acct_1', now())"), {"ada": ADA}
            )
    async with transaction(service.sessions, tenant=BEN) as session:
        changed = await session.execute(
            text("UPDATE refund_engine_cases SET unit_cost_minor = 1 RETURNING id")
        )
        assert changed.all() == []


async def test_two_sellers_with_the_same_loss_have_a_case_each(service: Service) -> None:
    for user_id in (ADA, BEN):
        await record(service, CLAIM, user_id=user_id)
    (mine,), (his,) = await cases_of(service, ADA), await cases_of(service, BEN)
    assert mine["caseId"] != his["caseId"]
    assert (await file_case(service, mine["caseId"], "1234567890", BEN)).status_code == 404
