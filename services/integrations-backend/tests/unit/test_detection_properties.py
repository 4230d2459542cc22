"""What holds for every history: a unit is owed once, and only while nothing has answered it."""

from collections import Counter
from dataclasses import replace

import polars as pl
from factories.histories import CLAIM_TYPE, PAID_AS, History, histories, payment
from factories.report_rows import facts
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations_backend.archive import OCCURRENCE, ROW_KEY
from integrations_backend.detection.detect import detect
from integrations_backend.detection.facts import Facts
from integrations_backend.detection.findings import Claim
from integrations_backend.reports.kinds import REIMBURSEMENTS

REASON = {
    **{CLAIM_TYPE[code]: reason for code, reason in PAID_AS.items()},
    "customer_return": "CustomerReturn",
    "removal_lost": "Lost_Outbound",
    "inbound_shortage": "Lost_Inbound",
    "reversal": "CustomerReturn",
}
EXAMPLES = settings(max_examples=60, deadline=None)


def item(claim: Claim) -> tuple[str, str]:
    shipment = claim.reference_id if claim.claim_type == "inbound_shortage" else ""
    return claim.claim_type, claim.order_id or shipment or claim.fnsku


def units(claims: list[Claim]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for claim in claims:
        found[item(claim)] += claim.quantity
    return found


def named(claims: list[Claim]) -> set[tuple[str, int, str]]:
    """Without the line of the file, which is where a row stands and nothing more."""
    return {(claim.key, claim.quantity, str(claim.deadline)) for claim in claims}


@EXAMPLES
@given(histories())
def test_exactly_the_owed_units_are_claimed(history: History) -> None:
    assert units(detect(facts(history.reports)).claims) == +Counter(history.owed)


@EXAMPLES
@given(histories(ledger_hurries=True))
def test_where_the_ledger_leaves_a_doubt_fewer_units_are_claimed(history: History) -> None:
    claimed = units(detect(facts(history.reports)).claims)
    assert all(claimed[key] <= history.owed[key] for key in claimed)


@EXAMPLES
@given(histories())
def test_a_lost_unit_is_a_claim_or_has_a_reason(history: History) -> None:
    findings = detect(facts(history.reports))
    told: Counter[tuple[str, str]] = units(findings.claims)
    for loss in findings.losses:
        assert loss.reason
        shipment = loss.reference_id if loss.claim_type == "inbound_shortage" else ""
        told[loss.claim_type, loss.order_id or shipment or loss.fnsku] += loss.quantity
    assert told == +Counter(history.lost)


@EXAMPLES
@given(histories(), st.data())
def test_the_order_of_rows_never_matters(history: History, data: st.DataObject) -> None:
    shuffled = {
        kind: data.draw(st.permutations(rows)) if rows else rows
        for kind, rows in history.reports.items()
    }
    before, after = detect(facts(history.reports)), detect(facts(shuffled))
    assert named(before.claims) == named(after.claims)
    assert Counter(before.losses) == Counter(after.losses)


@EXAMPLES
@given(histories())
def test_rows_read_twice_change_nothing(history: History) -> None:
    """Files overlap; the archive keeps each row as often as the file that has it most."""
    once = facts(history.reports)
    assert detect(_overlapping(once)).claims == detect(once).claims


def _overlapping(once: Facts) -> Facts:
    return replace(
        once,
        rows={
            kind: pl.concat([frame, frame]).unique(
                [ROW_KEY, OCCURRENCE], keep="last", maintain_order=True
            )
            for kind, frame in once.rows.items()
        },
    )


@EXAMPLES
@given(histories(), st.integers(0, 5))
def test_paid_claims_are_never_claimed_again(history: History, days_ago: int) -> None:
    claims = detect(facts(history.reports)).claims
    payments = [
        payment(
            900 + number,
            REASON[claim.claim_type],
            claim.fnsku,
            days_ago,
            amazon_order_id=item(claim)[1] if item(claim)[1] != claim.fnsku else "",
            quantity_reimbursed_cash=claim.quantity,
            amount_total=f"{(claim.value_minor or 0) / 100:.2f}",
        )
        for number, claim in enumerate(claims)
    ]
    paid = history.reports | {REIMBURSEMENTS: [*history.reports[REIMBURSEMENTS], *payments]}
    assert detect(facts(paid)).claims == []
