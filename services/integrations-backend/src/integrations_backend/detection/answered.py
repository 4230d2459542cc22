"""Money that Amazon paid on cases which were filed through us for money: it answers the claims of those.

Such a payment comes with units or without, with the order or the earlier payment named or not: only its
case id tells for sure what it is for. Its rows are taken from the others, so that no rule mistakes them
for the payment of another loss.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from integrations_backend.detection.findings import Claim, Findings, Loss

MONEY_CLAIMS = ("underpaid", "reversal", "fee_overcharge")
"""Claims for a sum about an earlier payment or fee, not for units that are still missing."""
SMALL_MINOR, SMALL_PERCENT = 2, 1
"""Less than this is a difference of rounding (facts section 6)."""


def is_whole(due: int, paid: int) -> bool:
    """Whether a payment leaves at most a trifle open; minor units."""
    return due - paid <= max(SMALL_MINOR, due * SMALL_PERCENT // 100)


@dataclass(frozen=True, slots=True)
class Answers:
    """The other rows of the reimbursements, and what was paid on each claim, minor units."""

    others: pl.DataFrame
    paid: Mapping[str, int]


def answers_of(reimbursements: pl.DataFrame, filed: Mapping[str, str]) -> Answers:
    """`filed` has the claim keys of money claims by the case id that Amazon gave them.

    What was taken back of such a payment is taken off it.
    """
    by_case = pl.DataFrame(
        {"case-id": list(filed), "claim": list(filed.values())},
        schema={"case-id": pl.String, "claim": pl.String},
    )
    direct = reimbursements.join(by_case, on="case-id", how="left")
    ids = direct.filter(pl.col("claim").is_not_null() & (pl.col("amount-total") > 0)).select(
        pl.col("reimbursement-id").alias("original-reimbursement-id"),
        pl.col("claim").alias("taken_from"),
    )
    known = direct.join(
        ids.unique("original-reimbursement-id"), on="original-reimbursement-id", how="left"
    ).with_columns(pl.coalesce("claim", "taken_from").alias("claim"))
    paid: dict[str, int] = defaultdict(int)
    for claim, amount in (
        known.filter(pl.col("claim").is_not_null()).select("claim", "amount-total").iter_rows()
    ):
        paid[claim] += int(amount)
    others = known.filter(pl.col("claim").is_null()).drop("claim", "taken_from")
    return Answers(others, paid)


def settle_answered(findings: Findings, paid: Mapping[str, int]) -> Findings:
    """What was paid lowers the claims that it was paid on; those that it answers whole are losses."""
    left = Findings(losses=list(findings.losses))
    for claim in findings.claims:
        so_far = paid.get(claim.key, 0)
        if so_far <= 0:
            left.claims.append(claim)
        elif claim.value_minor is None or is_whole(claim.value_minor, so_far):
            left.losses.append(_settled(claim, so_far))
        else:
            left.claims.append(
                replace(
                    claim,
                    value_minor=claim.value_minor - so_far,
                    explanation={**claim.explanation, "paid_on_its_case": so_far},
                )
            )
    return left


def _settled(claim: Claim, paid: int) -> Loss:
    return Loss(
        key=claim.key,
        claim_type=claim.claim_type,
        fnsku=claim.fnsku,
        order_id=claim.order_id,
        reference_id=claim.reference_id,
        quantity=claim.quantity,
        event_date=claim.event_date,
        reason="paid",
        explanation={**claim.explanation, "paid_on_its_case": paid},
    )
