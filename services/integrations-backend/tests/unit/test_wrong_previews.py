"""Fee previews that are themselves of a wrong size: what the reports prove, and what they do not."""

from datetime import date, timedelta

from factories.fees import charge, others
from factories.report_rows import TODAY, Row, facts, row
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.detection.fees import find
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import FEE_PREVIEW, SETTLEMENT, STORAGE_FEES

MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")


def reasons(findings: Findings) -> list[str]:
    return [one.reason for one in findings.losses]


def small_since(*months: str) -> list[Row]:
    """The preview is of a large product; in these months Amazon measured a small one."""
    small = {"longest_side": "9.2", "median_side": "5.1", "shortest_side": "0.7", "weight": "0.62"}
    large = {"longest_side": "13.4", "median_side": "8.0", "shortest_side": "3.5", "weight": "1.31"}
    return [
        row(STORAGE_FEES, month_of_charge=month, **(small if month in months else large))
        for month in MONTHS
    ]


def detect_previewed_large(
    *lines: list[Row], storage: list[Row], with_small: bool = True, as_of: date = TODAY
) -> Findings:
    """SKU-1 is previewed as large at 4.25; SMALL-0 is as small as SKU-1 was measured, at 3.06."""
    large = {"longest_side": "13.4", "median_side": "8.0", "shortest_side": "3.5"}
    fee = {"item_package_weight": "1.31", "expected_fulfillment_fee_per_unit": "4.25"}
    previews = [row(FEE_PREVIEW, **(large | fee))]
    previews += [
        row(FEE_PREVIEW, sku=f"OTHER-{n}", fnsku=f"X{n}", **large, **fee) for n in range(9)
    ]
    if with_small:
        previews.append(row(FEE_PREVIEW, sku="SMALL-0", fnsku="XSMALL"))
        storage = [*storage, row(STORAGE_FEES, fnsku="XSMALL", month_of_charge="2026-10")]
    settled = [*others("-4.25"), *(one for line in lines for one in line)]
    given = {SETTLEMENT: settled, FEE_PREVIEW: previews, STORAGE_FEES: storage}
    return find(facts(given, as_of=as_of))


def test_a_preview_of_a_larger_size_than_amazon_measured_is_claimed() -> None:
    findings = detect_previewed_large(charge("-4.25"), storage=small_since(*MONTHS))
    (claim,) = findings.claims
    assert (claim.value_minor, claim.quantity, claim.confidence) == (119, 1, 0.6)
    assert claim.explanation["measures"] == "preview_contradicted"
    assert claim.explanation["expected_fee"] == 425
    assert claim.explanation["due_fee"] == 306
    assert "SMALL-0" in str(claim.explanation["due_fee_from"])
    assert claim.explanation["measured"] == "23.4 x 13.0 x 1.8 cm, 0.28 kg"
    assert "measure" in str(claim.explanation["to_do"])
    assert findings.losses == []


def test_its_own_charges_say_what_the_smaller_size_costs_before_other_products_do() -> None:
    before = charge("-3.10", order="o-0", posted_date="2026-08-02T10:00:00+00:00")
    (claim,) = detect_previewed_large(
        before, charge("-4.25"), storage=small_since(*MONTHS), with_small=False
    ).claims
    assert claim.value_minor == 425 - 310
    assert claim.explanation["due_fee_from"] == "its own charges while Amazon measured it smaller"


def test_a_preview_that_is_contradicted_is_paid_by_a_fee_given_back() -> None:
    back = charge("1.19", transaction_type="other-transaction", settlement_id="5002")
    findings = detect_previewed_large(charge("-4.25"), back, storage=small_since(*MONTHS))
    assert (findings.claims, reasons(findings)) == ([], ["paid"])


def test_a_contradicted_preview_without_a_fee_to_compare_is_explained() -> None:
    findings = detect_previewed_large(
        charge("-4.25"), storage=small_since(*MONTHS), with_small=False
    )
    assert (findings.claims, reasons(findings)) == ([], ["no_fee_known"])
    assert "measure" in str(findings.losses[0].explanation["to_do"])


def test_a_fee_above_even_the_wrong_preview_is_owed_as_one_claim() -> None:
    higher = charge("-5.40", order="o-2")
    (claim,) = detect_previewed_large(charge("-4.25"), higher, storage=small_since(*MONTHS)).claims
    assert (claim.quantity, claim.value_minor) == (2, 425 + 540 - 2 * 306)
    (claim,) = detect_previewed_large(higher, storage=small_since(*MONTHS), with_small=False).claims
    assert claim.value_minor == 540 - 425, "at least what is above the preview"


def test_a_product_that_is_measured_as_previewed_since_may_have_grown() -> None:
    findings = detect_previewed_large(charge("-4.25"), storage=small_since("2026-07", "2026-08"))
    assert (findings.claims, reasons(findings)) == ([], ["measures_grew"])
    loss = findings.losses[0].explanation
    assert "ask Amazon to measure it again" in str(loss["to_do"])
    assert loss["arithmetic"] == "425 booked - 306 usual - 0 given back = 119 for 1"


def test_the_month_in_which_it_grew_proves_nothing() -> None:
    storage = small_since("2026-07", "2026-08", "2026-09")
    findings = detect_previewed_large(charge("-4.25"), storage=storage)
    assert (findings.claims, reasons(findings)) == ([], ["measures_grew"])


def test_the_last_measured_month_waits_for_the_next() -> None:
    october = charge("-4.25", posted_date="2026-10-15T10:00:00+00:00")
    findings = detect_previewed_large(october, storage=small_since(*MONTHS))
    assert (findings.claims, reasons(findings)) == ([], ["measures_open"])


def test_a_product_that_was_large_before_it_was_measured_small_has_not_grown() -> None:
    findings = detect_previewed_large(charge("-4.25"), storage=small_since("2026-08"))
    assert (findings.claims, findings.losses) == ([], [])


def test_what_may_be_no_loss_is_not_told_when_its_time_is_over() -> None:
    storage = small_since("2026-07", "2026-08")
    late = date(2026, 9, 15) + timedelta(days=91)
    findings = detect_previewed_large(charge("-4.25"), storage=storage, as_of=late)
    assert (findings.claims, findings.losses) == ([], [])


def test_a_contradicted_preview_whose_fee_was_not_charged_is_no_loss() -> None:
    findings = detect_previewed_large(charge("-3.06"), storage=small_since(*MONTHS))
    assert (findings.claims, findings.losses) == ([], [])


def test_a_fee_above_the_preview_of_a_product_that_was_smaller_then_is_owed() -> None:
    """It was no larger than today: the fee was wrong, whatever is true of the preview."""
    (claim,) = detect_previewed_large(
        charge("-5.40"), storage=small_since("2026-07", "2026-08", "2026-09")
    ).claims
    assert (claim.value_minor, claim.explanation["measures"]) == (540 - 425, "stable")


def test_a_smaller_product_of_another_shape_does_not_tell_the_fee() -> None:
    """A product tells what a size costs only where it is no smaller in any measure."""
    measured = row(STORAGE_FEES, fnsku="XSMALL", month_of_charge="2026-09", shortest_side="0.5")
    storage = [*small_since(*MONTHS), measured]
    flat = row(FEE_PREVIEW, sku="SMALL-0", fnsku="XSMALL", shortest_side="0.5")
    large = {"longest_side": "13.4", "median_side": "8.0", "shortest_side": "3.5"}
    fee = {"item_package_weight": "1.31", "expected_fulfillment_fee_per_unit": "4.25"}
    previews = [row(FEE_PREVIEW, **(large | fee)), flat]
    previews += [
        row(FEE_PREVIEW, sku=f"OTHER-{n}", fnsku=f"X{n}", **large, **fee) for n in range(9)
    ]
    settled = [*others("-4.25"), *charge("-4.25")]
    given = {SETTLEMENT: settled, FEE_PREVIEW: previews, STORAGE_FEES: storage}
    assert reasons(find(facts(given))) == ["no_fee_known"]


SIZES = {
    "small": {
        "longest_side": "9.2",
        "median_side": "5.1",
        "shortest_side": "0.7",
        "weight": "0.62",
    },
    "as previewed": {
        "longest_side": "13.4",
        "median_side": "8.0",
        "shortest_side": "3.5",
        "weight": "1.31",
    },
    "larger": {
        "longest_side": "31.5",
        "median_side": "17.8",
        "shortest_side": "9.4",
        "weight": "12.4",
    },
}


@given(
    st.lists(st.none() | st.sampled_from(sorted(SIZES)), min_size=4, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["-3.06", "-4.25", "-9.61"])), max_size=6
    ),
)
def test_whatever_was_measured_every_charge_is_judged_once_and_none_beyond_its_proof(
    measured: list[str | None], charges: list[tuple[int, str]]
) -> None:
    storage = [
        row(STORAGE_FEES, month_of_charge=month, **SIZES[size])
        for month, size in zip(MONTHS, measured, strict=True)
        if size is not None
    ]
    lines = [
        charge(fee, order=f"own-{n}", posted_date=f"{MONTHS[month]}-15T10:00:00+00:00")
        for n, (month, fee) in enumerate(charges)
    ]
    findings = detect_previewed_large(*lines, storage=storage, as_of=date(2026, 10, 20))
    orders = [
        told["order"]
        for one in (*findings.claims, *findings.losses)
        for told in one.explanation["charges"]  # type: ignore[attr-defined]
    ]
    assert len(orders) == len(set(orders)), "each charge once"
    assert len({one.key for one in findings.claims}) == len(findings.claims)
    for claim in findings.claims:
        for told in claim.explanation["charges"]:  # type: ignore[attr-defined]
            month = MONTHS.index(told["day"][:7])
            known = [one for one in measured[: month + 1] if one is not None]
            later = [one for one in measured[month + 1 :] if one is not None]
            assert known, "a month that was measured, that or one before"
            if told["usual"] < 425:
                assert (known[-1], later[:1]) == ("small", ["small"]), "before and after"
            else:
                assert set(known) & {"small", "as previewed"}, "it was no larger once"
