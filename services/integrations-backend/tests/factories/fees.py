"""Fulfilment fees as a settlement books them."""

from factories.report_rows import Row, row

from integrations_backend.reports.kinds import SETTLEMENT


def charge(
    fee: str, *, sku: str = "SKU-1", order: str = "o-1", units: int = 1, **changes: object
) -> list[Row]:
    """An order line with its fulfilment fee in the settlement of September."""
    named = {"order_id": order, "sku": sku, "posted_date": "2026-09-15T10:00:00+00:00"} | changes
    fee_row = {"item_related_fee_type": "FBAPerUnitFulfillmentFee", "item_related_fee_amount": fee}
    return [
        row(SETTLEMENT, **(named | {"quantity_purchased": units})),
        row(SETTLEMENT, **(named | fee_row)),
    ]


def others(fee: str = "-3.06", count: int = 6) -> list[Row]:
    """Sales of other products of the same expected fee."""
    return [
        line
        for place in range(count)
        for line in charge(fee, sku=f"OTHER-{place}", order=f"other-{place}")
    ]
