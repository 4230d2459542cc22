"""A statement as PDF: the same lines and totals as its CSV, for paper."""

import io
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Table,
    TableStyle,
)

from main_api.recoveries.schemas import RecoveryView
from main_api.statements.compile import Statement, StatementTotals
from opside_chassis.money import BASIS_POINTS, Money

_MARGIN = 12 * mm
_SMALL = ParagraphStyle("small", fontName="Helvetica", fontSize=6.5, leading=8, splitLongWords=True)
_GRID = TableStyle(
    [
        ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 7),
        ("FONT", (0, 1), (-1, -1), "Helvetica", 6.5),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 2),
    ]
)
_LINES = (
    "Approved", "Reimbursement", "Claim", "Case, rule", "Recovered", "Rate", "Fee", "Collected",
    "Transferred", "Given back", "Taken back", "State", "Payment intent",
)  # fmt: skip
_WIDTHS = [18, 25, 28, 30, 20, 11, 17, 17, 19, 18, 18, 22, 30]
_TOTALS = (
    "Currency", "Recovered", "Of this billable", "Fee", "Collected", "Transferred", "Given back",
    "Taken back by Amazon",
)  # fmt: skip


def as_pdf(statement: Statement) -> bytes:
    """The document; pure computation, to be run beside the event loop."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=landscape(A4),
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"Opside statement {statement.month}",
        author="Opside",
    )
    document.build(_story(statement), onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


def _story(statement: Statement) -> list[Flowable]:
    styles = getSampleStyleSheet()
    days = f"{statement.first_day} to {statement.last_day} (UTC, by Amazon's approval)"
    story: list[Flowable] = [
        Paragraph(f"Opside statement {statement.month}", styles["Title"]),
        Paragraph(days, styles["Normal"]),
    ]
    if not statement.lines:
        return [*story, Paragraph("Nothing was recovered in this period.", styles["Normal"])]
    lines: list[list[object]] = [list(_LINES), *(_line(line) for line in statement.lines)]
    totals = [list(_TOTALS), *(_total(total) for total in statement.totals)]
    return [
        *story,
        Paragraph("Totals", styles["Heading2"]),
        Table(totals, style=_GRID, hAlign="LEFT"),
        Paragraph("Lines", styles["Heading2"]),
        Table(lines, [width * mm for width in _WIDTHS], style=_GRID, repeatRows=1),
    ]


def _line(line: RecoveryView) -> list[object]:
    rate = "" if line.rate_bp is None else f"{line.rate_bp * 100 / BASIS_POINTS:g} %"
    amounts = (
        line.fee_cents,
        line.collected_cents,
        line.transferred_cents,
        line.refunded_cents,
        line.reversed_cents,
    )
    return [
        f"{line.approved_at:%Y-%m-%d}",
        _text(line.recovery_id),
        _text(line.claim_type.replace("_", " ")),
        _text(f"{line.case_id}, rule {line.rule_version}"),
        _money(line.amount_cents, line.currency),
        rate,
        *(_money(amount, line.currency) for amount in amounts),
        _text(_state(line)),
        _text(line.payment_intent_id),
    ]


def _state(line: RecoveryView) -> str:
    """Why there is no fee, or how far it is; and what the seller may do, or did, against it."""
    state = line.why_no_fee or line.commission_status
    if state is None and line.review_until is not None:
        state = f"under review, objections until {line.review_until:%Y-%m-%d %H:%M} UTC"
    objection = f"; objection {line.objection_state}" if line.objection_state else ""
    return f"{state or 'under review'}{objection}"


def _total(total: StatementTotals) -> list[str]:
    amounts = (
        total.recovered_cents,
        total.billable_cents,
        total.fee_cents,
        total.collected_cents,
        total.transferred_cents,
        total.refunded_cents,
        total.reversed_cents,
    )
    return [total.currency.upper(), *(_money(amount, total.currency) for amount in amounts)]


def _money(amount_minor: int, currency: str) -> str:
    return str(Money(amount_minor, currency))


def _text(text: str | None) -> Paragraph:
    """Text of others: wrapped, and never taken for markup."""
    return Paragraph(escape(text or ""), _SMALL)


def _foot(canvas: Canvas, document: BaseDocTemplate) -> None:
    canvas.saveState()
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(document.pagesize[0] - _MARGIN, 6 * mm, f"page {document.page}")
    canvas.restoreState()
