"""A list of fifty asks the database as often as a list of one."""

from door import Door
from engine import Engine
from factories import confirmed
from fakes.integrations_fake import seller_case
from seller import Seller

from opside_chassis.testing.list_growth import LENGTHS, multiply, statements_of
from opside_chassis.testing.plugin import MigratedDatabase

VARIED = {
    "main_api.sessions": ["id"],
    "main_api.notifications": ["id", "key"],
    "main_api.recoveries": ["id", "recovery_id", "case_id", "claim_id"],
    "main_api.objections": ["recovery_row_id"],
    "main_api.case_facts": ["case_id", "claim_id"],
    "main_api.evidence_documents": ["id", "sha256"],
    "main_api.evidence_fields": ["document_id"],
    "main_api.evidence_lines": ["document_id"],
    "main_api.evidence_field_changes": ["id", "document_id"],
    "main_api.evidence_matches": ["id", "document_id", "case_id"],
    "main_api.filings": ["id", "case_id", "claim_id", "amazon_case_id"],
    "main_api.filing_audit": ["filing_id"],
    "main_api.filing_evidence": ["filing_id", "document_id"],
}
LISTS = {
    "/api/auth/sessions": "",
    "/api/billing/recoveries": "items",
    "/api/admin/objections": "items",
    "/api/notifications": "items",
    "/api/evidence": "items",
    "/api/evidence/matches": "items",
    "/api/evidence/prompts": "items",
    "/api/filings": "items",
    "/api/filings/radar": "cases",
    "/api/statements/2026-11": "lines",
}
"""Every list of main-api's own, and where its items are."""


async def one_of_everything(seller: Seller, engine: Engine) -> None:
    """One of each, as it comes about, of a seller who is an admin too, so that he sees every list."""
    seller.integrations.cases[seller.user_id] = [seller_case()]
    evidence_id = await seller.uploaded(kind="other")
    await seller.typed(evidence_id, (0, "number", "4711"))
    await seller.posted(f"/api/evidence/{evidence_id}/matches", {"caseId": "cas_1"}, status=201)
    await seller.posted("/api/filings", {"caseId": "cas_1"}, status=201)
    await engine.tell(confirmed(case_id="cas_2"))
    await engine.work()
    await seller.got("/api/filings/radar")
    await seller.execute(
        "INSERT INTO objections (recovery_row_id, user_id, reason)"
        " SELECT id, user_id, 'why' FROM recoveries"
    )
    await seller.execute("UPDATE users SET role = 'admin'")


async def statements_a_list(seller: Seller, door: Door, length: int) -> dict[str, int]:
    """How often each list asks, once it has so many items."""
    asked = {}
    for path, items in LISTS.items():
        with statements_of(door.database.engine) as said:
            page = await seller.got(path, limit=100)
        assert len(page[items] if items else page) == length, path
        asked[path] = len(said)
    return asked


async def test_no_list_asks_once_a_row(
    seller: Seller, engine: Engine, door: Door, migrated: MigratedDatabase
) -> None:
    await one_of_everything(seller, engine)
    asked, rows = [], 1
    for length in LENGTHS:
        await multiply(migrated.admin_url, VARIED, copies=length // rows - 1)
        asked.append(await statements_a_list(seller, door, length))
        rows = length
    assert asked == [asked[0]] * len(LENGTHS)


def test_no_list_is_forgotten(door: Door) -> None:
    """What answers a page is a list."""
    described = door.app.openapi()["paths"]
    pages = {
        path
        for path, operations in described.items()
        if "Page_" in str(operations.get("get", {}).get("responses", {}))
    }
    assert pages
    assert pages <= LISTS.keys()
