"""The letters of a seller's trade, each with what it proves."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from opside_sandbox.gmail.labels import label_id
from opside_sandbox.gmail.papers import sheets
from opside_sandbox.gmail.papers.compose import Attachment, Letter, message_id
from opside_sandbox.gmail.papers.firms import (
    CARRIER,
    FORWARDER,
    PARCEL_CARRIER,
    Firm,
    supplier_of,
)
from opside_sandbox.gmail.papers.supply import Consignment, Item, ReturnedParcel, Supply
from opside_sandbox.gmail.people import Account

SUPPLIERS_LABEL, SHIPMENTS_LABEL = label_id("Suppliers"), label_id("Amazon/Shipments")
_SIGNERS = ("R. Alvarez", "T. Nguyen", "K. Brown", "S. Patel")
_NEW_DAYS = 12
"""Younger mail is still in the inbox; older has been filed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a letter's paper says. `prices` are of one unit, in minor units; None: no price."""

    kind: str
    number: str
    firm: str
    lines: tuple[tuple[Item, int, int | None], ...] = ()
    total_minor: int | None = None
    shipment_id: str = ""
    order_id: str = ""
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """A letter in the mailbox; `proof` None: it proves nothing."""

    letter: Letter
    labels: frozenset[str]
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Who gets the mail, and the chance that decides its details."""

    account: Account
    supply: Supply
    rng: random.Random

    def labels(self, at: datetime, *more: str) -> frozenset[str]:
        """What Gmail and the person have put on it by now."""
        young = (self.supply.born - at.date()).days <= _NEW_DAYS
        unread = young and self.rng.random() < 0.5
        own = {"INBOX"} if young or self.rng.random() < 0.3 else set()
        return frozenset({*more, *own, *(("UNREAD",) if unread else ())})

    def letter(
        self, firm: Firm, at: datetime, subject: str, text: str, *files: Attachment
    ) -> Letter:
        to = (self.account.name, self.account.email)
        return Letter((firm.contact, firm.address), to, at, subject, text, attachments=files)


def trade_mail(account: Account, supply: Supply, rng: random.Random) -> Iterator[Posted]:
    """Everything that suppliers, forwarder and carriers wrote, in the order of the shipments."""
    desk = _Desk(account, supply, rng)
    for place, consignment in enumerate(supply.consignments):
        for number, firm in enumerate(_firms(consignment)):
            yield from _invoices(desk, firm, consignment, 100 * (place + 1) + number)
        yield _packed(desk, consignment)
        # One delivery in six leaves no paper: a claim may have to do without.
        if place % 6 != 4:
            yield _delivered(desk, consignment)
    for parcel in supply.parcels:
        yield _parcel(desk, parcel)


def _firms(consignment: Consignment) -> list[Firm]:
    found = {supplier_of(item.place).name: supplier_of(item.place) for item, _ in consignment.lines}
    return [found[name] for name in sorted(found)]


def _invoices(desk: _Desk, firm: Firm, consignment: Consignment, serial: int) -> Iterator[Posted]:
    """The invoice, often an offer before it, sometimes a reminder with the same file."""
    rng, currency = desk.rng, desk.supply.currency
    lines = tuple(
        (item, units, item.cost_minor)
        for item, units in consignment.lines
        if supplier_of(item.place) is firm
    )
    at = consignment.sent_at - timedelta(days=rng.randrange(4, 9), hours=rng.randrange(1, 8))
    number = f"{firm.name[:2].upper()}-{at:%Y}-{serial:05d}"
    if rng.random() < 0.35:
        yield _offer(desk, firm, at - timedelta(days=20), number, lines)
    content = sheets.invoice(firm, desk.account.name, number, at, currency, lines)
    total = sum(units * price for _, units, price in lines)
    proof = Proof("supplier_invoice", number, firm.name, lines, total, consignment.shipment_id)
    file = Attachment(_filename(firm, number), firm.style.mime_type, content)
    money = f"{currency} {firm.style.money(total)}"
    first = desk.letter(firm, at, *_words(firm, number, money), file)
    yield Posted(first, desk.labels(at, SUPPLIERS_LABEL, "IMPORTANT"), proof)
    if rng.random() < 0.3:
        yield _thanks(desk, first)
    if rng.random() < 0.15:
        later = at + timedelta(days=26)
        text = f"A gentle reminder that invoice {number} over {money} is due soon. Copy attached."
        again = desk.letter(firm, later, f"Reminder: {number}", text, file)
        labels = desk.labels(later, SUPPLIERS_LABEL)
        if later.date() < desk.supply.born:
            yield Posted(again, labels, replace(proof, copy=True))


def _words(firm: Firm, number: str, money: str) -> tuple[str, str]:
    """Subject and text; one supplier writes German, another hardly anything."""
    if "GmbH" in firm.name:
        text = f"Guten Tag,\n\nanbei unsere Rechnung {number} über {money}.\n\n{firm.contact}\n"
        return f"Rechnung / Invoice {number}", text
    if firm.style.mime_type != "application/pdf":
        return f"Documents {number}", "Dear Sir, docs attached. Regards"
    text = (
        f"Hello,\n\nplease find attached invoice {number} for {money}.\n"
        f"Payment is due within 30 days.\n\n{firm.contact}\n{firm.name}\n"
    )
    return f"Invoice {number} from {firm.name}", text


def _filename(firm: Firm, number: str) -> str:
    if "GmbH" in firm.name:
        return f"Rechnung_{number}_für_Sie.pdf"
    return f"INV {number}.PDF" if firm.style.mime_type != "application/pdf" else f"{number}.pdf"


def _offer(desk: _Desk, firm: Firm, at: datetime, number: str, lines: sheets.Priced) -> Posted:
    """Other prices than those that were paid: whoever takes them for costs is wrong."""
    raised = tuple((item, units, price * 109 // 100 + 1) for item, units, price in lines)
    name = f"Q{number}"
    content = sheets.quotation(firm, desk.account.name, name, at, raised)
    text = f"As asked, our quotation {name}. The invoice follows with the goods."
    file = Attachment(f"quotation-{name}.pdf", "application/pdf", content)
    letter = desk.letter(firm, at, f"Quotation {name}", text, file)
    return Posted(letter, desk.labels(at, SUPPLIERS_LABEL))


def _thanks(desk: _Desk, first: Letter) -> Posted:
    answer = Letter(
        sender=first.to,
        to=first.sender,
        at=first.at + timedelta(hours=desk.rng.randrange(2, 30)),
        subject=f"Re: {first.subject}",
        text="Thank you, paid today.\n",
        answers=message_id(first),
    )
    return Posted(answer, frozenset({"SENT"}))


def _packed(desk: _Desk, consignment: Consignment) -> Posted:
    at = consignment.sent_at + timedelta(hours=desk.rng.randrange(1, 6))
    content = sheets.packing_list(consignment, desk.account.name, at)
    units = sum(units for _, units in consignment.lines)
    text = (
        f"Hi,\n\nshipment {consignment.shipment_id} to {consignment.centre} left our dock today: "
        f"{sheets.cartons(consignment)} cartons, {units} units. Packing list attached.\n\n"
        f"{FORWARDER.contact}\n"
    )
    file = Attachment(f"packing-list-{consignment.shipment_id}.pdf", "application/pdf", content)
    letter = desk.letter(FORWARDER, at, f"Packing list {consignment.shipment_id}", text, file)
    proof = Proof(
        "packing_list",
        consignment.shipment_id,
        FORWARDER.name,
        tuple((item, count, None) for item, count in consignment.lines),
        shipment_id=consignment.shipment_id,
    )
    return Posted(letter, desk.labels(at, SHIPMENTS_LABEL), proof)


def _delivered(desk: _Desk, consignment: Consignment) -> Posted:
    tracking = f"MF{desk.rng.randrange(10**9, 10**10)}"
    at = consignment.arrived_at + timedelta(hours=desk.rng.randrange(1, 5))
    content = sheets.proof_of_delivery(consignment, tracking, desk.rng.choice(_SIGNERS))
    text = (
        f"PRO {tracking} was delivered to Amazon {consignment.centre}.\n"
        f"Your reference: {consignment.shipment_id}\nThe proof of delivery is attached.\n"
    )
    file = Attachment(f"POD_{tracking}.pdf", "application/pdf", content)
    letter = desk.letter(CARRIER, at, f"Proof of delivery {tracking}", text, file)
    proof = Proof("proof_of_delivery", tracking, CARRIER.name, shipment_id=consignment.shipment_id)
    return Posted(letter, desk.labels(at, "CATEGORY_UPDATES"), proof)


def _parcel(desk: _Desk, parcel: ReturnedParcel) -> Posted:
    at = parcel.at + timedelta(days=desk.rng.randrange(2, 5), hours=desk.rng.randrange(1, 9))
    at = min(at, datetime.combine(desk.supply.born, parcel.at.timetz()) - timedelta(days=1))
    text = (
        f"Your package has been delivered.\n\nTracking number: {parcel.tracking}\n"
        f"Reference: {parcel.order_id}\nDelivered on: {PARCEL_CARRIER.style.date(at)}\n"
        "Left at: front desk\n"
    )
    subject = f"UPS Update: Package Delivered, tracking number {parcel.tracking}"
    letter = desk.letter(PARCEL_CARRIER, at, subject, text)
    proof = Proof(
        "parcel_delivered",
        parcel.tracking,
        parcel.carrier,
        ((parcel.item, parcel.quantity, None),),
        order_id=parcel.order_id,
    )
    return Posted(letter, desk.labels(at, "CATEGORY_UPDATES"), proof)
