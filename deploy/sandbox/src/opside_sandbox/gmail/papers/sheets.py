"""The papers themselves."""

from datetime import datetime, timedelta

from opside_sandbox.gmail.papers.firms import CARRIER, FORWARDER, Firm
from opside_sandbox.gmail.papers.pdf import MARGIN, Sheet, pdf
from opside_sandbox.gmail.papers.supply import Consignment, Item

UNITS_A_CARTON = 24
_CODES = {"SKU": "sku", "FNSKU": "fnsku", "ASIN": "asin"}
_COLUMN = {"SKU": 85.0, "FNSKU": 85.0, "ASIN": 80.0}
_PAYMENT_DAYS = 30

Priced = tuple[tuple[Item, int, int], ...]
"""(product, units, price of one in minor units)."""


def cartons(consignment: Consignment) -> int:
    """Full and half-full cartons, one SKU a carton."""
    return sum(-(-units // UNITS_A_CARTON) for _, units in consignment.lines)


def invoice(
    firm: Firm, buyer: str, number: str, at: datetime, currency: str, lines: Priced
) -> bytes:
    """What the goods of one delivery cost: goods only, no freight and no duty."""
    style, sheet = firm.style, Sheet()
    _letterhead(sheet, firm)
    sheet.line("INVOICE", size=18, bold=True)
    sheet.line(f"Invoice number: {number}")
    sheet.line(f"Invoice date: {style.date(at)}")
    sheet.line(f"Due date: {style.date(at + timedelta(days=_PAYMENT_DAYS))}")
    sheet.line(f"Bill to: {buyer}")
    sheet.line(f"Currency: {currency}")
    sheet.line()
    _priced_table(sheet, firm, lines)
    total = sum(units * price for _, units, price in lines)
    sheet.line()
    sheet.line(f"Total {currency} {style.money(total)}", size=12, bold=True)
    sheet.line("Unit prices are ex works, without freight, insurance and duties.", size=8)
    return pdf(sheet, title=f"Invoice {number}", author=firm.name, at=at, packed=style.packed)


def quotation(firm: Firm, buyer: str, number: str, at: datetime, lines: Priced) -> bytes:
    """An offer: its prices were never paid."""
    sheet = Sheet()
    _letterhead(sheet, firm)
    sheet.line("QUOTATION - THIS IS NOT AN INVOICE", size=14, bold=True)
    sheet.line(f"Quotation number: {number}")
    sheet.line(f"Date: {firm.style.date(at)}")
    sheet.line(f"Prepared for: {buyer}")
    sheet.line()
    _priced_table(sheet, firm, lines)
    sheet.line()
    sheet.line("Valid for 30 days. Prices become binding with our order confirmation.", size=8)
    packed = firm.style.packed
    return pdf(sheet, title=f"Quotation {number}", author=firm.name, at=at, packed=packed)


def packing_list(consignment: Consignment, buyer: str, at: datetime) -> bytes:
    """What was packed into which cartons of a shipment to Amazon."""
    sheet = Sheet()
    _letterhead(sheet, FORWARDER)
    sheet.line("PACKING LIST", size=18, bold=True)
    sheet.line(f"Shipment ID: {consignment.shipment_id}")
    sheet.line(f"Date: {FORWARDER.style.date(at)}")
    sheet.line(f"Shipper: {buyer}")
    sheet.line(f"Ship to: Amazon fulfillment center {consignment.centre}")
    sheet.line()
    places = [float(MARGIN), 105.0, 195.0, 285.0, 480.0]
    head = ("Cartons", "SKU", "FNSKU", "Description", "Units")
    sheet.row(list(zip(places, head, strict=True)), bold=True)
    carton = 1
    for item, units in consignment.lines:
        last = carton + -(-units // UNITS_A_CARTON) - 1
        span = f"{carton}-{last}" if last > carton else str(carton)
        cells = (span, item.sku, item.fnsku, item.title[:38], str(units))
        sheet.row(list(zip(places, cells, strict=True)))
        carton = last + 1
    sheet.line()
    units = sum(units for _, units in consignment.lines)
    sheet.line(f"Total units: {units}    Total cartons: {cartons(consignment)}", bold=True)
    title = f"Packing list {consignment.shipment_id}"
    return pdf(sheet, title=title, author=FORWARDER.name, at=at, packed=FORWARDER.style.packed)


def proof_of_delivery(consignment: Consignment, tracking: str, signer: str) -> bytes:
    """The carrier's word that the cartons were handed over."""
    sheet, at = Sheet(), consignment.arrived_at
    _letterhead(sheet, CARRIER)
    sheet.line("PROOF OF DELIVERY", size=18, bold=True)
    sheet.line(f"PRO number: {tracking}")
    sheet.line(f"Customer reference: {consignment.shipment_id}")
    sheet.line(f"Consignee: Amazon {consignment.centre}")
    sheet.line(f"Delivered: {CARRIER.style.date(at)} {at:%H:%M}")
    sheet.line(f"Cartons delivered: {cartons(consignment)} of {cartons(consignment)}")
    sheet.line("Condition: no exceptions noted")
    sheet.line(f"Signed by: {signer}")
    title = f"Proof of delivery {tracking}"
    return pdf(sheet, title=title, author=CARRIER.name, at=at, packed=CARRIER.style.packed)


def receipt(seller: str, number: str, at: datetime, what: str, amount: str) -> bytes:
    """A receipt or invoice for something that was never sold on Amazon."""
    sheet = Sheet()
    sheet.line(seller, size=14, bold=True)
    sheet.line(f"Invoice {number}")
    sheet.line(f"Date {at:%Y-%m-%d}")
    sheet.line(f"{what}: {amount}")
    sheet.line(f"Total {amount}", bold=True)
    return pdf(sheet, title=f"Invoice {number}", author=seller, at=at)


def _letterhead(sheet: Sheet, firm: Firm) -> None:
    sheet.line(firm.name, size=14, bold=True)
    sheet.line(firm.place, size=8)
    if firm.tax_id:
        sheet.line(f"Tax ID {firm.tax_id}", size=8)
    sheet.line()


def _priced_table(sheet: Sheet, firm: Firm, lines: Priced) -> None:
    style, x, places = firm.style, float(MARGIN), []
    for name in style.shown:
        places.append(x)
        x += _COLUMN[name]
    places += [x, 400.0, 440.0, 500.0]
    head = (*style.shown, "Description", "Qty", "Unit price", "Amount")
    sheet.row(list(zip(places, head, strict=True)), bold=True)
    for item, units, price in lines:
        codes = (str(getattr(item, _CODES[name])) for name in style.shown)
        numbers = (str(units), style.money(price), style.money(units * price))
        cells = (*codes, item.title[:34], *numbers)
        sheet.row(list(zip(places, cells, strict=True)))
