"""Random histories of one seller, consistent as Amazon's are: every unit has one fate."""

from dataclasses import dataclass
from datetime import timedelta

from factories.report_rows import TODAY, Row, refund, row, sale
from hypothesis import strategies as st

from integrations_backend.reports.kinds import (
    INBOUND,
    LEDGER,
    REIMBURSEMENTS,
    REMOVAL_ORDERS,
    REMOVAL_SHIPMENTS,
    RETURNS,
    SETTLEMENT,
)

Reports = dict[str, list[Row]]
PAID_AS = {"M": "Lost_Warehouse", "E": "Damaged_Warehouse"}
CLAIM_TYPE = {"M": "warehouse_lost", "E": "warehouse_damaged"}


@dataclass(frozen=True)
class History:
    """The reports, and the units that are lost, and that are still owed, by claim type and item.

    An item is an order, a removal, a shipment, or a FNSKU.
    """

    reports: Reports
    lost: dict[tuple[str, str], int]
    owed: dict[tuple[str, str], int]


def moment(days_ago: int) -> str:
    return f"{TODAY - timedelta(days=days_ago)}T10:00:00+00:00"


def slashed(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).strftime("%m/%d/%Y")


@st.composite
def histories(draw: st.DrawFn, *, ledger_hurries: bool = False) -> History:
    """Losses inside their windows; some units are found, paid or back.

    The ledger has reconciled what happened more than five days ago, and nothing newer; when it
    hurries, it may have reconciled that too.
    """
    made = History(
        {
            kind: []
            for kind in (
                *(LEDGER, REIMBURSEMENTS, SETTLEMENT, RETURNS),
                *(REMOVAL_ORDERS, REMOVAL_SHIPMENTS, INBOUND),
            )
        },
        {},
        {},
    )
    for number in range(draw(st.integers(0, 5))):
        _warehouse(draw, made, number, ledger_hurries=ledger_hurries)
    for number in range(draw(st.integers(0, 3))):
        _refund(draw, made, number)
    for number in range(draw(st.integers(0, 2))):
        _removal(draw, made, number)
    for number in range(draw(st.integers(0, 2))):
        _shipment(draw, made, number)
    return made


def _count(made: History, key: tuple[str, str], lost: int, owed: int) -> None:
    made.lost[key] = made.lost.get(key, 0) + lost
    made.owed[key] = made.owed.get(key, 0) + owed


def payment(number: int, reason: str, fnsku: str, days_ago: int, **changes: object) -> Row:
    values = {"reimbursement_id": f"7{number}", "reason": reason, "fnsku": fnsku}
    return row(REIMBURSEMENTS, approval_date=moment(days_ago), **(values | changes))


def _warehouse(draw: st.DrawFn, made: History, number: int, *, ledger_hurries: bool) -> None:
    code, fnsku = draw(st.sampled_from("ME")), draw(st.sampled_from(["X001", "X002"]))
    units, days_ago = draw(st.integers(1, 4)), draw(st.integers(10, 55))
    settled = draw(st.integers(0, units))
    fates = ["paid", "stock", "elsewhere"] + (["found"] if code == "M" else [])
    fate = draw(st.sampled_from(fates)) if settled else "open"
    answered = draw(st.integers(0, days_ago - 1))
    hurried = ledger_hurries and draw(st.booleans())
    seen = settled and (answered > 5 or fate == "elsewhere" or hurried)
    loss = row(
        LEDGER,
        date=slashed(days_ago),
        fnsku=fnsku,
        reason=code,
        quantity=-units,
        reference_id=f"9{draw(st.integers(0, 1))}",
        reconciled_quantity=settled if seen else 0,
        unreconciled_quantity=units - (settled if seen else 0),
    )
    made.reports[LEDGER].append(loss)
    _count(made, (CLAIM_TYPE[code], fnsku), units, units - settled)
    back = {"date": slashed(answered), "fnsku": fnsku, "quantity": settled}
    if fate == "found":
        made.reports[LEDGER].append(row(LEDGER, reason="F", reference_id=f"8{number}", **back))
    if fate == "stock":
        made.reports[LEDGER].append(row(LEDGER, reason="N", reference_id=f"8{number}", **back))
    if fate in {"paid", "stock"}:
        cash = settled if fate == "paid" else 0
        amounts = {
            "quantity_reimbursed_cash": cash,
            "quantity_reimbursed_inventory": settled - cash,
        }
        paid = payment(number, PAID_AS[code], fnsku, answered, **amounts)
        made.reports[REIMBURSEMENTS].append(paid)


def _refund(draw: st.DrawFn, made: History, number: int) -> None:
    order, key = f"112-{number}", ("customer_return", f"112-{number}")
    days_ago = draw(st.integers(60, 120))
    made.reports[SETTLEMENT] += sale(order)
    made.reports[SETTLEMENT].append(refund(order, posted_date=moment(days_ago)))
    fate = draw(st.sampled_from(["open", "returned", "paid", "taken back", "rightly taken back"]))
    if fate in {"returned", "rightly taken back"}:
        made.reports[RETURNS].append(row(RETURNS, order_id=order, return_date=moment(30)))
    if fate not in {"open", "returned"}:
        worth = {"amount_per_unit": "12.50", "amount_total": "12.50", "amazon_order_id": order}
        made.reports[REIMBURSEMENTS].append(
            payment(100 + number, "CustomerReturn", "X001", 35, **worth)
        )
    if fate.endswith("taken back"):
        _take_back(made, number, order, owed=fate == "taken back")
    _count(made, key, 1, int(fate == "open"))


def _take_back(made: History, number: int, order: str, *, owed: bool) -> None:
    made.reports[REIMBURSEMENTS].append(
        payment(
            300 + number,
            "Reimbursement_Reversal",
            "X001",
            20,
            amazon_order_id=order,
            original_reimbursement_id=f"7{100 + number}",
            quantity_reimbursed_cash=-1,
            amount_total="-12.50",
        )
    )
    _count(made, ("reversal", order), 1, int(owed))


def _removal(draw: st.DrawFn, made: History, number: int) -> None:
    order, key = f"RM-{number}", ("removal_lost", f"RM-{number}")
    for disposition in draw(st.sampled_from([["Sellable"], ["Sellable", "Unsellable"]])):
        left, sent = draw(st.integers(1, 5)), draw(st.integers(1, 5))
        sent = min(left, sent)
        named = {"order_id": order, "disposition": disposition}
        made.reports[REMOVAL_ORDERS].append(row(REMOVAL_ORDERS, shipped_quantity=left, **named))
        made.reports[REMOVAL_SHIPMENTS].append(
            row(REMOVAL_SHIPMENTS, shipped_quantity=sent, shipment_date=moment(30), **named)
        )
        _count(made, key, left - sent, left - sent)
    paid = draw(st.integers(0, made.owed[key]))
    if paid:
        made.reports[REIMBURSEMENTS].append(
            payment(
                200 + number,
                "Lost_Outbound",
                "X001",
                10,
                amazon_order_id=order,
                quantity_reimbursed_cash=paid,
            )
        )
        made.owed[key] -= paid


def _shipment(draw: st.DrawFn, made: History, number: int) -> None:
    """Received short; of what came, the ledger may have lost some under the shipment's own name."""
    name, fnsku, key = f"FBA{number}", "X003", ("inbound_shortage", f"FBA{number}")
    shipped = draw(st.integers(1, 8))
    counted = draw(st.integers(0, shipped))
    later = draw(st.integers(0, shipped - counted))
    lost = draw(st.integers(0, shipped - counted - later))
    days_ago = draw(st.integers(10, 50))
    receipt = {
        "event_type": "Receipts",
        "reason": "",
        "reference_id": name,
        "fnsku": fnsku,
        "unreconciled_quantity": 0,
    }
    made.reports[INBOUND].append(
        row(
            INBOUND,
            fba_shipment_id=name,
            fnsku=fnsku,
            expected_quantity=shipped,
            received_quantity=counted,
            issue_reported_date=moment(days_ago),
        )
    )
    for units, ago in ((counted, days_ago), (later, days_ago - 2)):
        if units:
            made.reports[LEDGER].append(row(LEDGER, date=slashed(ago), quantity=units, **receipt))
    if lost:
        gone = {"quantity": -lost, "unreconciled_quantity": lost, "reference_id": name}
        made.reports[LEDGER].append(row(LEDGER, date=slashed(days_ago), fnsku=fnsku, **gone))
        _count(made, ("warehouse_lost", fnsku), lost, lost)
    short = shipped - counted - later - lost
    paid = draw(st.integers(0, short))
    if paid:
        units = {"amazon_order_id": name, "quantity_reimbursed_cash": paid}
        made.reports[REIMBURSEMENTS].append(
            payment(400 + number, "Lost_Inbound", fnsku, 5, **units)
        )
    _count(made, key, shipped - counted, short - paid)
