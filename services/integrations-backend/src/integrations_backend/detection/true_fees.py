"""What the fee of a product would be were it of the size that Amazon measured, not of its preview's.

No table of Amazon's rates is needed: either the product itself was charged less while it was measured so,
or another product of the seller's that is no smaller in any measure has a lower fee.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from integrations_backend.detection.charges import Charge, half_up, is_above
from integrations_backend.detection.measures import Measures
from integrations_backend.detection.previews import FeePreview, Size


@dataclass(frozen=True, slots=True)
class TrueFee:
    """The fee of a unit before tax, minor units, at today's rates; no less than the right one."""

    minor: int
    source: str
    size: Size


class TrueFees:
    """The fees of this seller by size."""

    def __init__(
        self,
        previews: dict[str, FeePreview],
        measures: Measures,
        charges: Iterable[tuple[Charge, float]],
    ) -> None:
        self._previews = previews
        self._confirmed = sorted(
            (one for one in previews.values() if measures.confirm_preview(one.sku)),
            key=lambda one: (one.fee, one.sku),
        )
        self._own: dict[str, list[int]] = defaultdict(list)
        for charge, multiple in charges:
            fee = half_up(charge.booked / (charge.units * multiple))
            if is_above(charge.expected, fee) and _was_smaller(measures, charge):
                self._own[charge.sku].append(fee)

    def of(self, sku: str, size: Size) -> TrueFee | None:
        """None where nothing of the seller's says that a product of that size costs less."""
        if own := self._own.get(sku):
            # The highest: a price that was low for a time may have lowered the fee.
            source = "its own charges while Amazon measured it smaller"
            return TrueFee(max(own), source, size)
        preview = self._previews[sku]
        for other in self._confirmed:
            if not is_above(preview.fee, other.fee):
                return None
            if other.sku != sku and other.size is not None and other.size.holds(size):
                source = f"the fee of {other.sku}, which is no smaller ({other.size})"
                return TrueFee(other.fee, source, size)
        return None


def _was_smaller(measures: Measures, charge: Charge) -> bool:
    return measures.against_preview(charge.sku, charge.day) is not None
