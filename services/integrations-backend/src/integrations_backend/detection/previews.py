"""The fee preview: what Amazon expects to charge for a product of the size that it has today."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from integrations_backend.detection.facts import Facts
from integrations_backend.reports.kinds import FEE_PREVIEW
from integrations_backend.reports.marketplaces import Marketplace
from opside_chassis.money import minor_unit_exponent

_TO_CENTIMETRES = {"inches": Decimal("2.54"), "in": Decimal("2.54"), "mm": Decimal("0.1")}
_TO_KILOGRAMS = {
    **dict.fromkeys(("pounds", "pound", "lb", "lbs"), Decimal("0.45359237")),
    **dict.fromkeys(("ounces", "oz"), Decimal("0.028349523")),
    **dict.fromkeys(("grams", "g"), Decimal("0.001")),
}


@dataclass(frozen=True, slots=True)
class Size:
    """Sides in centimetres, longest first, and weight in kilograms."""

    sides: tuple[Decimal, ...]
    weight: Decimal

    def is_like(self, other: "Size", *, percent: int) -> bool:
        """Equal but for so many percent in each measure."""
        ours, theirs = (*self.sides, self.weight), (*other.sides, other.weight)
        return all(
            abs(one - two) * 100 <= max(one, two) * percent
            for one, two in zip(ours, theirs, strict=True)
        )

    def holds(self, other: "Size", *, percent: int = 0) -> bool:
        """Not smaller in any measure, but for so many percent."""
        ours, theirs = (*self.sides, self.weight), (*other.sides, other.weight)
        return all(
            two * 100 <= one * (100 + percent) for one, two in zip(ours, theirs, strict=True)
        )

    @classmethod
    def around(cls, sizes: Sequence["Size"]) -> "Size":
        """The smallest that holds all of them."""
        sides = zip(*(one.sides for one in sizes), strict=True)
        return cls(tuple(max(some) for some in sides), max(one.weight for one in sizes))

    def __str__(self) -> str:
        sides = " x ".join(f"{one:.1f}" for one in self.sides)
        return f"{sides} cm, {self.weight:.2f} kg"


@dataclass(frozen=True, slots=True)
class FeePreview:
    """One product: the fulfilment fee of a unit before tax, minor units, and its measures if known."""

    sku: str
    fnsku: str
    fee: int
    size_tier: str
    size: Size | None


def previews_of(facts: Facts) -> dict[str, FeePreview]:
    """By SKU; products whose fee Amazon does not tell are left out."""
    exponent = minor_unit_exponent(facts.store.currency)
    found = {}
    for row in facts.rows[FEE_PREVIEW].iter_rows(named=True):
        fee = number(row["expected-fulfillment-fee-per-unit"], facts.store)
        if fee is None or fee <= 0:
            continue
        found[row["sku"]] = FeePreview(
            sku=row["sku"],
            fnsku=row["fnsku"],
            fee=int(fee.scaleb(exponent).to_integral_value()),
            size_tier=row["product-size-tier"],
            size=size_of(
                [row[f"{side}-side"] for side in ("longest", "median", "shortest")],
                row["item-package-weight"],
                units=(row["unit-of-dimension"], row["unit-of-weight"]),
                store=facts.store,
            ),
        )
    return found


def size_of(
    sides: list[str], weight: str, *, units: tuple[str, str], store: Marketplace
) -> Size | None:
    """None where a measure is missing."""
    lengths = [number(side, store) for side in sides]
    heavy = number(weight, store)
    known = [one for one in lengths if one is not None]
    if heavy is None or len(known) < len(lengths):
        return None
    length = _TO_CENTIMETRES.get(units[0].lower(), Decimal(1))
    kilograms = heavy * _TO_KILOGRAMS.get(units[1].lower(), Decimal(1))
    return Size(tuple(sorted((one * length for one in known), reverse=True)), kilograms)


def number(cell: str, store: Marketplace) -> Decimal | None:
    """A decimal number as the store writes it; None for two hyphens or anything else."""
    text = cell.replace(".", "").replace(",", ".") if store.decimal_comma and "," in cell else cell
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
