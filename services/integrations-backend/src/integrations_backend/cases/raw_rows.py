"""Amazon's own rows that a claim is about, as they were read: the raw data of its case."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl

from integrations_backend.archive import LINE, OCCURRENCE, ROW_KEY, Archive
from integrations_backend.detection.findings import Claim
from integrations_backend.reports.kinds import (
    INBOUND,
    LEDGER,
    REIMBURSEMENTS,
    REMOVAL_ORDERS,
    REMOVAL_SHIPMENTS,
    REPLACEMENTS,
    RETURNS,
    SETTLEMENT,
)

ROWS = "rows"
"""The entry of a claim's explanation that has them, by report type."""
MOST_ROWS = 12
"""Of one report for one claim: an order has about ten, a product's fees may be thousands."""
_OF_AN_ORDER = {"order-id": "order_id"}
_OF_A_REMOVAL = {"order-id": "order_id", "fnsku": "fnsku"}
_FOUND_BY: Mapping[str, Mapping[str, str]] = {
    LEDGER: {"reference-id": "reference_id", "fnsku": "fnsku", "date": "event_date"},
    REIMBURSEMENTS: {"reimbursement-id": "reference_id"},
    SETTLEMENT: {"order-id": "order_id", "sku": "sku"},
    RETURNS: _OF_AN_ORDER,
    REPLACEMENTS: {"original-amazon-order-id": "order_id"},
    REMOVAL_ORDERS: _OF_A_REMOVAL,
    REMOVAL_SHIPMENTS: _OF_A_REMOVAL,
    INBOUND: {"fba-shipment-id": "reference_id", "fnsku": "fnsku"},
}
"""Columns of a report that say which claim a row is about, and the claim's field with the same words."""
_NOT_AMAZONS = (OCCURRENCE, ROW_KEY)
_PLACE = "\x00place"


def with_rows(archive: Archive, claims: Sequence[Claim], *, user_id: str) -> list[Claim]:
    """The same claims; each explanation has the rows that name what the claim names."""
    found: list[dict[str, list[dict[str, Any]]]] = [{} for _ in claims]
    if claims:
        for report_type, columns in _FOUND_BY.items():
            for row in _rows(archive.scan(user_id, report_type), columns, claims):
                kept = found[row.pop(_PLACE)].setdefault(report_type, [])
                if len(kept) < MOST_ROWS:
                    kept.append(_cells(row))
    return [
        replace(claim, explanation={**claim.explanation, ROWS: rows})
        for claim, rows in zip(claims, found, strict=True)
    ]


def _rows(
    scan: pl.LazyFrame | None, columns: Mapping[str, str], claims: Sequence[Claim]
) -> Sequence[dict[str, Any]]:
    if scan is None:
        return []
    named = [
        {_PLACE: place} | {column: getattr(claim, name) for column, name in columns.items()}
        for place, claim in enumerate(claims)
    ]
    wanted = pl.DataFrame([one for one in named if "" not in one.values()])
    if wanted.is_empty():
        return []
    first = next(iter(columns))
    # The names reach the files: of a ledger of millions only these rows are loaded.
    rows = scan.filter(pl.col(first).is_in(wanted[first].unique().to_list()))
    joined = rows.collect(engine="streaming").join(wanted, on=list(columns))
    return joined.sort(_PLACE, LINE).to_dicts()


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Amazon's columns that have content; money is minor units, as everywhere."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in row.items()
        if value not in {None, ""} and name not in _NOT_AMAZONS
    }
