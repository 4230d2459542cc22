"""A list of fifty asks the database as often as a list of one."""

from pathlib import Path

import pytest
from factories.books import Books, paid
from factories.papers import came, invoice_lines, pdf
from factories.report_rows import file_text
from fakes.amazon_fake import FakeAmazon
from service import ADA, Service

from integrations_backend.reports.kinds import INVENTORY
from opside_chassis.testing.list_growth import LENGTHS, multiply, statements_of
from opside_chassis.testing.plugin import MigratedDatabase

NOT_THROUGH_A_DOOR = (
    "INSERT INTO detected_losses VALUES (:ada, 0, 't', 'f', '', '', 1, now(), 'found')",
    "INSERT INTO stripe_transactions (user_id, transaction_id, account_id, kind, category,"
    " amount_minor, fee_minor, net_minor, currency, occurred_at, available_on, identifiers)"
    " VALUES (:ada, 'txn_1', 'acct_1', 'charge', 'charge', 9, 1, 8, 'usd', now(), now(), '{}')",
)
VARIED = {
    "integrations.sync_jobs": ["id"],
    "integrations.sync_reports": ["sync_id"],
    "integrations.report_documents": ["id", "document_key", "sync_id"],
    "integrations.amazon_claims": ["id", "claim_key"],
    "integrations.refund_engine_cases": ["id", "claim_id", "amazon_case_id"],
    "integrations.case_recoveries": ["recovery_id"],
    "integrations.detected_losses": ["place"],
    "integrations.papers": ["id", "sha256"],
    "integrations.paper_sources": ["paper_id", "part_id"],
    "integrations.supplier_invoices": ["id", "paper_id"],
    "integrations.invoice_changes": ["invoice_id"],
    "integrations.stripe_transactions": ["transaction_id"],
}
LISTS = (
    "/api/amazon/claims",
    "/api/amazon/losses",
    "/api/cases",
    "/api/recoveries",
    "/api/invoices",
    "/api/sync/history",
    "/api/stripe/transactions",
)
"""Every list that is kept in the database; all in pages."""
ELSEWHERE = {
    "/api/amazon/fees",
    "/api/amazon/inventory",
    "/api/amazon/unit-ledger",
    "/api/gmail/emails",
    "/api/gmail/search",
}
"""Read from the archive's files, or asked of Gmail."""
SUMS = ("/api/sync/statistics", "/api/sync/coverage", "/api/connections", "/api/amazon/inventory")


@pytest.fixture
def books(service: Service, tmp_path: Path) -> Books:
    return Books(service, tmp_path)


async def one_of_each(service: Service, books: Books, amazon: FakeAmazon) -> None:
    stock = {"sku": "SKU-1", "fnsku": "X001", "asin": "B001"}
    stock |= {"afn-fulfillable-quantity": "7", "afn-total-quantity": "7"}
    amazon.documents[INVENTORY] = file_text(INVENTORY, [stock]).encode()
    await service.connect(ADA)
    await service.work()
    await books.file()
    await books.report(paid())
    await came(service, books.folder, pdf(invoice_lines()), part="1")
    for statement in NOT_THROUGH_A_DOOR:
        await service.execute(statement, ada=ADA)


async def statements_a_list(service: Service, length: int) -> dict[str, int]:
    """How often each list and sum asks, once there are so many items."""
    asked = {}
    async with service.as_user(ADA) as browser:
        for path in (*LISTS, *SUMS):
            with statements_of(service.runtime.database.engine) as said:
                answer = await browser.get(path, params={"limit": "100"} if path in LISTS else {})
            assert answer.status_code == 200, (path, answer.text)
            if path in LISTS:
                assert len(answer.json()["items"]) == length, (path, answer.text)
            asked[path] = len(said)
    return asked


async def test_no_list_asks_once_a_row(
    service: Service, books: Books, amazon: FakeAmazon, migrated: MigratedDatabase
) -> None:
    await one_of_each(service, books, amazon)
    asked, rows = [], 1
    for length in LENGTHS:
        await multiply(migrated.admin_url, VARIED, copies=length // rows - 1)
        asked.append(await statements_a_list(service, length))
        rows = length
    assert asked == [asked[0]] * len(LENGTHS)


def test_no_list_is_forgotten(service: Service) -> None:
    """What answers a page is a list."""
    described = service.app.openapi()["paths"]
    pages = {
        path
        for path, operations in described.items()
        if "Page_" in str(operations.get("get", {}).get("responses", {}))
        and not path.startswith("/api/v1/")
    }
    assert pages == {*LISTS, *ELSEWHERE}
