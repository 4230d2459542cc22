"""GET_FBA_REIMBURSEMENTS_DATA."""

from collections.abc import Iterator

from opside_sandbox.amazon.history.model import Reimbursement
from opside_sandbox.amazon.reports.dialect import Dialect, dialect_of
from opside_sandbox.amazon.view import View

_COLUMNS = (
    "approval-date", "reimbursement-id", "case-id", "amazon-order-id", "reason", "sku", "fnsku",
    "asin", "product-name", "condition", "currency-unit", "amount-per-unit", "amount-total",
    "quantity-reimbursed-cash", "quantity-reimbursed-inventory", "quantity-reimbursed-total",
    "original-reimbursement-id", "original-reimbursement-type",
)  # fmt: skip


def reimbursements(view: View) -> Iterator[str]:
    """What was paid and taken back, approved within the period."""
    persona = view.history.persona
    dialect = dialect_of(persona)
    rows = (
        _cells(dialect, one, persona.store.currency)
        for one in view.reimbursements()
        if view.start <= one.approved_at <= view.end
    )
    return dialect.table(_COLUMNS, rows)


def _cells(dialect: Dialect, one: Reimbursement, currency: str) -> tuple[str, ...]:
    product = one.product
    return (
        dialect.stamp(one.approved_at), one.reimbursement_id, one.case_id, one.order_id, one.reason,
        product.sku, product.fnsku, product.asin, product.title, "NewItem", currency,
        dialect.money(one.per_unit_minor), dialect.money(one.total_minor), str(one.cash), str(one.inventory),
        str(one.cash + one.inventory), one.original_id, one.original_type,
    )  # fmt: skip
