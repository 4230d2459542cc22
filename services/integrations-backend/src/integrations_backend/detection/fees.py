"""Fulfilment fees above those of the product's true size.

What a settlement booked is compared with what the fee preview expects for the size that Amazon has today,
times what this seller's other products were booked at in the same settlement: that takes out taxes and
general changes of rates. A higher fee is wrong only where the product was not larger then: its monthly
measures were those of today (stable), or had been so before (remeasured wrong, then right again). Where it
was larger and has been smaller since, it was repackaged, and the fee was right.

The preview itself is of a wrong size where Amazon's monthly measures are smaller, in the month of the charge
and in the next. Then the fee of the smaller size counts (`true_fees.py`). Where the next month is not told
yet, or the measures grew to those of the preview, the reports prove nothing: a loss says what would.
"""

from collections import defaultdict
from dataclasses import dataclass

from integrations_backend.detection.charges import Charge, Usual, charges_of, half_up, is_above
from integrations_backend.detection.facts import Facts, Missing
from integrations_backend.detection.findings import Findings
from integrations_backend.detection.measures import Measures, Verdict
from integrations_backend.detection.previews import FeePreview, previews_of
from integrations_backend.detection.true_fees import TrueFee, TrueFees
from integrations_backend.reports.kinds import FEE_PREVIEW, SETTLEMENT, STORAGE_FEES

CLAIM_TYPE = "fee_overcharge"
CONFIDENCE = {Verdict.STABLE: 0.85, Verdict.REMEASURED: 0.8, Verdict.CONTRADICTED: 0.6}
BECAUSE = {
    Verdict.CONTRADICTED: "Amazon's two reports disagree on the size, and what a smaller"
    " one costs is inferred: measure the product before it is filed",
}
TO_DO = {
    Verdict.CONTRADICTED: "measure and weigh the packed product, with photos; ask Amazon to do"
    " so again",
    Verdict.GREW: "Amazon measures it larger than before: if its package is the same, ask Amazon to"
    " measure it again and send photos with scale and tape measure",
    Verdict.NO_FEE: "Amazon's two reports disagree on the size: measure the packed product and ask what a"
    " unit of that size costs",
    Verdict.OPEN: "the storage fees of the next month will tell whether Amazon still measures it smaller",
}
DOUBTFUL = frozenset({Verdict.GREW, Verdict.OPEN, Verdict.NO_FEE})
"""The preview may be right: the reports alone do not tell."""
MOST_CHARGES_SHOWN = 100


@dataclass(frozen=True, slots=True)
class _Excess:
    """A charge and what would have been usual for it; `true` where the preview's own fee was not."""

    charge: Charge
    verdict: Verdict
    usual: int
    true: TrueFee | None = None

    @property
    def above(self) -> int:
        return self.charge.booked - self.usual

    @property
    def given_back(self) -> int:
        return min(self.above, self.charge.given_back)


def find(facts: Facts) -> Findings:
    """Claims and other losses of fees, one a product and settlement: the settlement is the proof."""
    findings = Findings()
    if not facts.read(SETTLEMENT, FEE_PREVIEW, STORAGE_FEES):
        return findings
    previews = previews_of(facts)
    measures = Measures.of(facts, previews)
    known = list(Usual(facts, charges_of(facts, previews)).charges())
    true_fees = TrueFees(previews, measures, known)
    groups: dict[tuple[str, str, str], list[_Excess]] = defaultdict(list)
    for charge, multiple in known:
        if one := _excess(charge, multiple, measures, true_fees):
            # One settlement and product is one claim, whatever it is owed for.
            reason = "owed" if one.verdict in CONFIDENCE else one.verdict.value
            groups[charge.sku, charge.settlement, reason].append(one)
    for (sku, _, _), excesses in sorted(groups.items()):
        findings.extend(_judge(facts, previews[sku], excesses))
    return findings


def _excess(
    charge: Charge, multiple: float, measures: Measures, true_fees: TrueFees
) -> _Excess | None:
    """What a charge is above the fee that was due, and what the measures say of it."""
    expected = half_up(charge.expected * charge.units * multiple)
    is_above_preview = is_above(charge.booked, expected)
    against = measures.against_preview(charge.sku, charge.day)
    if is_above_preview and (against is None or against.verdict is not Verdict.CONTRADICTED):
        return _Excess(charge, measures.verdict(charge.sku, charge.day), expected)
    if against is None:
        return None
    true = true_fees.of(charge.sku, against.size)
    if true is not None:
        due = half_up(true.minor * charge.units * multiple)
        is_owed = is_above(charge.booked, due)
        return _Excess(charge, against.verdict, due, true) if is_owed else None
    if is_above_preview:
        return _Excess(charge, Verdict.CONTRADICTED, expected)
    if against.verdict is Verdict.CONTRADICTED and not is_above(expected, charge.booked):
        return _Excess(charge, Verdict.NO_FEE, charge.booked)
    return None


def _judge(facts: Facts, preview: FeePreview, excesses: list[_Excess]) -> Findings:
    findings = Findings()
    if excesses[0].verdict in DOUBTFUL:
        missing = _missing(preview, excesses)
        # It may be no loss at all: nobody needs to hear of it when it is too late to ask.
        if facts.judge(missing).claims:
            findings.extend(facts.settled(missing, excesses[0].verdict.value))
        return findings
    good = [one for one in excesses if one.given_back >= one.above]
    owed = [one for one in excesses if one.given_back < one.above]
    if good:
        findings.extend(facts.settled(_missing(preview, good), "paid"))
    if owed and owed[0].verdict in CONFIDENCE:
        findings.extend(facts.judge(_missing(preview, owed)))
    elif owed:
        findings.extend(facts.settled(_missing(preview, owed), owed[0].verdict.value))
    return findings


def _missing(preview: FeePreview, excesses: list[_Excess]) -> Missing:
    verdict = min((one.verdict for one in excesses), key=lambda one: CONFIDENCE.get(one, 0.0))
    first = min(excesses, key=lambda one: one.charge.day).charge
    units = sum(one.charge.units for one in excesses)
    above = sum(one.above for one in excesses)
    back = sum(one.given_back for one in excesses)
    return Missing(
        key=f"{CLAIM_TYPE}:{first.settlement}:{preview.sku}",
        claim_type=CLAIM_TYPE,
        fnsku=preview.fnsku,
        sku=preview.sku,
        order_id="",
        reference_id=first.settlement,
        quantity=units,
        event_date=first.day,
        value_minor=above - back,
        confidence=CONFIDENCE.get(verdict, 0.0),
        confident_because=BECAUSE.get(
            verdict,
            f"the measures of that month were {verdict.value.replace('_', ' ')};"
            " what is usual follows from the seller's other products",
        ),
        explanation={
            "settlement": first.settlement,
            "size_tier": preview.size_tier,
            "expected_fee": preview.fee,
            "measures": verdict.value,
            **_of_true_fee(verdict, next((one.true for one in excesses if one.true), None)),
            "charges": [
                {
                    "order": one.charge.order_id,
                    "day": one.charge.day.isoformat(),
                    "units": one.charge.units,
                    "booked": one.charge.booked,
                    "usual": one.usual,
                }
                for one in excesses[:MOST_CHARGES_SHOWN]
            ],
            "arithmetic": f"{sum(one.charge.booked for one in excesses)} booked -"
            f" {sum(one.usual for one in excesses)} usual - {back} given back = {above - back}"
            f" for {units}",
        },
    )


def _of_true_fee(verdict: Verdict, true: TrueFee | None) -> dict[str, object]:
    """What a seller must know where the preview's size is in doubt."""
    told: dict[str, object] = {"to_do": TO_DO[verdict]} if verdict in TO_DO else {}
    if true is not None:
        told |= {"due_fee": true.minor, "due_fee_from": true.source, "measured": str(true.size)}
    return told
