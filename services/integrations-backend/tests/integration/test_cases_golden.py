"""From Amazon's rows to `refund_engine_cases`: the ten columns of the source document, word for word."""

import json
from pathlib import Path
from typing import Any

from factories.report_rows import file_text, refund, row, sale
from fakes.amazon_fake import FakeAmazon
from service import ADA, Service

from integrations_backend.reports.kinds import (
    INVENTORY,
    LEDGER,
    REIMBURSEMENTS,
    REPLACEMENTS,
    RETURNS,
    SALES,
    SETTLEMENT,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "cases.json"
COLUMNS = (
    *("id", "user_id", "claim_id", "mcde_doc_id", "case_status"),
    *("synced_at", "raw_data", "normalized_data", "audit_log", "created_at"),
)
OF_THE_RUN = ("id", "claim_id", "synced_at", "created_at")
"""Columns with ids and moments of the run."""
COST = {
    "sku": "SKU-1",
    "unitCostCents": 725,
    "currency": "usd",
    "sourceDocument": "doc_invoice_7",
    "effectiveDate": "2026-01-01",
}


def amazons_files() -> dict[str, bytes]:
    """A lost unit, damaged units of which one was paid, and a refund without a return."""
    rows = {
        LEDGER: [
            row(LEDGER, reference_id="900001"),
            row(LEDGER, reason="E", quantity="-3", unreconciled_quantity="3", fnsku="X002"),
            row(LEDGER, reason="P", quantity="3", unreconciled_quantity="0", fnsku="X002"),
        ],
        REIMBURSEMENTS: [row(REIMBURSEMENTS, fnsku="X002", reason="Damaged_Warehouse")],
        SETTLEMENT: [*sale("112-7"), refund("112-7")],
        RETURNS: [],
        REPLACEMENTS: [],
        SALES: [],
        INVENTORY: [],
    }
    return {kind: file_text(kind, found).encode() for kind, found in rows.items()}


def told(case: dict[str, Any]) -> dict[str, Any]:
    """A row without what differs from run to run; the cost document by its own name."""
    kept = {name: case[name] for name in COLUMNS if name not in OF_THE_RUN}
    kept["mcde_doc_id"] = case["source_document"]
    steps = [
        {name: value for name, value in step.items() if name not in {"at", "syncId"}}
        for step in case["audit_log"]["steps"]
    ]
    return kept | {"audit_log": {"steps": steps}}


async def test_amazons_rows_become_these_cases(service: Service, amazon: FakeAmazon) -> None:
    amazon.documents = amazons_files()
    async with service.as_user(ADA) as browser:
        assert (await browser.put("/api/costs", json=[COST])).status_code == 200
    await service.connect(ADA)
    await service.work()
    cases = await service.rows(
        "SELECT k.*, e.source_document FROM refund_engine_cases k"
        " JOIN amazon_claims c ON c.id = k.claim_id LEFT JOIN cost_entries e ON e.id = k.mcde_doc_id"
        " ORDER BY c.claim_key"
    )
    assert set(COLUMNS) <= set(cases[0])
    found = json.loads(json.dumps([told(one) for one in cases], default=str))
    assert found == json.loads(GOLDEN.read_text())
