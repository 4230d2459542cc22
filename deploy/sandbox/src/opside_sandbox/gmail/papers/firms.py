"""Who writes to the seller, and how each of them writes numbers, dates and goods."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Style:
    """How a firm's papers look. `shown` names the columns that identify the goods."""

    shown: tuple[str, ...]
    decimal: str
    thousands: str
    dates: str
    packed: bool
    mime_type: str = "application/pdf"

    def money(self, minor: int) -> str:
        """Two decimals in the firm's manner: 1,234.50 or 1.234,50."""
        whole, cents = divmod(abs(minor), 100)
        grouped = f"{whole:,}".replace(",", self.thousands)
        return f"{'-' if minor < 0 else ''}{grouped}{self.decimal}{cents:02d}"

    def date(self, at: datetime) -> str:
        """A day in the firm's manner."""
        return at.strftime(self.dates)


@dataclass(frozen=True, slots=True)
class Firm:
    """A sender of papers."""

    name: str
    contact: str
    address: str
    place: str
    tax_id: str
    style: Style


SUPPLIERS = (
    Firm(
        "Brightline Kitchenware Ltd", "Mei Tan", "accounts@brightline-kitchenware.example",
        "18 Harbour Road, Ningbo 315000", "91330200MA2J",
        Style(("SKU", "FNSKU"), ".", ",", "%Y-%m-%d", packed=False),
    ),
    Firm(
        "Nordhaus Handels GmbH", "Jörg Nordhaus", "rechnung@nordhaus-handel.example",
        "Speicherstraße 4, 20457 Hamburg", "DE 812 345 678",
        Style(("SKU",), ",", ".", "%d.%m.%Y", packed=True),
    ),
    Firm(
        "Pacific Crest Sourcing Inc.", "Dana Whitfield", "billing@pacific-crest.example",
        "2200 Alder Way, Portland, OR 97205", "93-4412087",
        Style(("FNSKU", "ASIN"), ".", ",", "%b %d, %Y", packed=True),
    ),
    Firm(
        "Riverside Textiles (Pvt) Ltd", "Imran Qureshi", "export@riverside-textiles.example",
        "Plot 7, Industrial Estate, Faisalabad", "NTN 2290814-5",
        Style(("SKU", "ASIN"), ".", ",", "%d/%m/%Y", packed=False,
              mime_type="application/octet-stream"),
    ),
)  # fmt: skip
FORWARDER = Firm(
    "Gateway Prep & Forwarding", "Luis Ortega", "docs@gateway-prep.example",
    "Dock 9, 4100 Freight Avenue", "",
    Style(("SKU", "FNSKU"), ".", ",", "%Y-%m-%d", packed=True),
)  # fmt: skip
CARRIER = Firm(
    "Meridian Freight", "Proof of Delivery", "pod@meridian-freight.example",
    "Terminal 3, Ring Road North", "",
    Style((), ".", ",", "%d %b %Y", packed=False),
)  # fmt: skip
PARCEL_CARRIER = Firm(
    "UPS", "UPS Quantum View", "notices@parcel-carrier.example", "", "",
    Style((), ".", ",", "%m/%d/%Y", packed=False),
)  # fmt: skip


def supplier_of(place: int) -> Firm:
    """The supplier of the product at this place of the catalogue."""
    return SUPPLIERS[place % len(SUPPLIERS)]
