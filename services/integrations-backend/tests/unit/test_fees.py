"""Fulfilment fees above those of the product's true size."""

from datetime import date, timedelta

import pytest
from factories.report_rows import GB, TODAY, US, Row, facts, row
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.detection.fees import find
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import FEE_PREVIEW, SETTLEMENT, STORAGE_FEES
from integrations_backend.reports.marketplaces import Marketplace, marketplace

CANADA = marketplace("A2EUQ1WTGCTBG2")
LARGE = {"longest_side": "13.4", "median_side": "8.0", "shortest_side": "3.5", "weight": "1.31"}
MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")


def charge(
    fee: str, *, sku: str = "SKU-1", order: str = "o-1", units: int = 1, **changes: object
) -> list[Row]:
    """An order line with its fulfilment fee in the settlement of September."""
    named = {"order_id": order, "sku": sku, "posted_date": "2026-09-15T10:00:00+00:00"} | changes
    fee_row = {"item_related_fee_type": "FBAPerUnitFulfillmentFee", "item_related_fee_amount": fee}
    return [
        row(SETTLEMENT, **(named | {"quantity_purchased": units})),
        row(SETTLEMENT, **(named | fee_row)),
    ]


def others(fee: str = "-3.06", count: int = 6) -> list[Row]:
    """Sales of other products of the same expected fee."""
    return [
        line
        for place in range(count)
        for line in charge(fee, sku=f"OTHER-{place}", order=f"other-{place}")
    ]


def stored(**months: dict[str, str]) -> list[Row]:
    """The monthly measures; months that are not named are those of the preview."""
    return [
        row(STORAGE_FEES, month_of_charge=month, **months.get(f"m{month[-2:]}", {}))
        for month in MONTHS
    ]


def detect(
    *lines: list[Row],
    storage: list[Row] | None = None,
    around: list[Row] | None = None,
    store: Marketplace = US,
    as_of: date = TODAY,
) -> Findings:
    previews = [row(FEE_PREVIEW)]
    previews += [row(FEE_PREVIEW, sku=f"OTHER-{n}", fnsku=f"X{n}") for n in range(30)]
    settled = [*(others() if around is None else around), *(one for line in lines for one in line)]
    given = {
        SETTLEMENT: settled,
        FEE_PREVIEW: previews,
        STORAGE_FEES: stored() if storage is None else storage,
    }
    return find(facts(given, store=store, as_of=as_of))


def owed(findings: Findings) -> list[tuple[str, int, int | None]]:
    return [(one.sku, one.quantity, one.value_minor) for one in findings.claims]


def reasons(findings: Findings) -> list[str]:
    return [one.reason for one in findings.losses]


def test_a_fee_of_a_larger_size_is_claimed_and_explained() -> None:
    (claim,) = detect(charge("-4.25")).claims
    assert (claim.claim_type, claim.fnsku, claim.sku) == ("fee_overcharge", "X001", "SKU-1")
    assert (claim.quantity, claim.value_minor, claim.reference_id) == (1, 119, "5001")
    assert (claim.event_date, claim.deadline) == (date(2026, 9, 15), date(2026, 12, 14))
    assert claim.explanation["arithmetic"] == "425 booked - 306 usual - 0 given back = 119 for 1"
    assert claim.explanation["measures"] == "stable"


def test_the_difference_counts_for_every_unit_of_a_settlement() -> None:
    two = charge("-8.50", order="o-2", units=2, posted_date="2026-09-20T10:00:00+00:00")
    (claim,) = detect(charge("-4.25"), two).claims
    assert (claim.quantity, claim.value_minor) == (3, 357)
    assert claim.event_date == date(2026, 9, 15), "the window counts from the first charge"


def test_another_settlement_is_another_claim() -> None:
    later = charge("-4.25", order="o-2", settlement_id="5002")
    more = [line | {"settlement-id": "5002"} for line in others()]
    found = detect(charge("-4.25"), later, around=[*others(), *more])
    assert sorted(one.reference_id for one in found.claims) == ["5001", "5002"]
    assert len({one.key for one in found.claims}) == 2


@pytest.mark.parametrize("fee", ["-3.06", "-3.08", "-2.50"])
def test_the_fee_or_less_or_a_rounding_more_is_no_loss(fee: str) -> None:
    findings = detect(charge(fee))
    assert (findings.claims, findings.losses) == ([], [])


def test_tax_in_the_fees_is_no_overcharge_and_is_owed_with_the_difference() -> None:
    taxed = detect(charge("-3.67"), around=others("-3.67"), store=GB)
    assert (taxed.claims, taxed.losses) == ([], [])
    above = detect(charge("-5.10"), around=others("-3.67"), store=GB)
    assert owed(above) == [("SKU-1", 1, 510 - 367)]


def test_the_tax_of_a_province_follows_from_the_sellers_own_rows() -> None:
    above = detect(charge("-4.80"), around=others("-3.46"), store=CANADA)
    assert owed(above) == [("SKU-1", 1, 480 - 346)]


def test_rates_that_rose_for_all_products_are_no_overcharge() -> None:
    findings = detect(charge("-3.40"), around=others("-3.40"))
    assert (findings.claims, findings.losses) == ([], [])


def test_a_few_products_at_the_expected_fee_do_not_say_what_is_usual() -> None:
    """Rates rose for twenty products; for five the preview is already that of tomorrow."""
    risen = [line | {"sku": line["sku"].replace("-", "-1")} for line in others("-3.40", count=9)]
    more = [line | {"order-id": line["order-id"] + "b"} for line in risen]
    around = [*others(count=5), *risen, *more]
    assert detect(charge("-3.40"), around=around).claims == []


def test_nothing_is_said_while_rates_differ_between_products() -> None:
    mixed = [
        line
        for place in range(9)
        for line in charge(f"-{3.2 + place / 5:.2f}", sku=f"OTHER-{place}", order=f"o{place}")
    ]
    assert detect(charge("-5.40"), around=mixed).claims == []


def test_nothing_is_said_where_too_little_else_was_sold() -> None:
    assert detect(charge("-4.25"), around=others(count=4)).claims == []
    assert len(detect(charge("-4.25"), around=others(count=5)).claims) == 1


def test_the_products_own_charges_do_not_say_what_is_usual() -> None:
    own = [line for place in range(20) for line in charge("-4.25", order=f"own-{place}")]
    (claim,) = detect(own).claims
    assert claim.quantity == 20


def test_neighbouring_settlements_help_a_small_seller() -> None:
    before = [
        line | {"settlement-id": "5000", "posted-date": "2026-09-01T10:00:00+00:00"}
        for line in others()
    ]
    assert len(detect(charge("-4.25"), around=before).claims) == 1


def test_a_product_that_was_larger_then_was_charged_rightly() -> None:
    storage = stored(m07=LARGE, m08=LARGE, m09=LARGE)
    findings = detect(charge("-4.25"), storage=storage)
    assert (findings.claims, reasons(findings)) == ([], ["measures_changed"])


def test_a_product_measured_wrong_for_a_time_was_charged_wrongly() -> None:
    (claim,) = detect(charge("-4.25"), storage=stored(m09=LARGE)).claims
    assert claim.explanation["measures"] == "remeasured"
    assert claim.confidence < 0.85


def test_the_last_measures_before_the_charge_count_where_its_month_has_none() -> None:
    storage = [one for one in stored(m08=LARGE) if one["month_of_charge"] != "2026-09"]
    (claim,) = detect(charge("-4.25"), storage=storage).claims
    assert claim.explanation["measures"] == "remeasured"


def test_a_product_that_was_never_measured_is_no_claim() -> None:
    findings = detect(charge("-4.25"), storage=[])
    assert (findings.claims, reasons(findings)) == ([], ["not_measured"])


def test_two_measurements_of_one_box_differ_a_little() -> None:
    close = {"longest_side": "9.3", "weight": "0.63"}
    (claim,) = detect(charge("-4.25"), storage=stored(m09=close)).claims
    assert claim.explanation["measures"] == "stable"


def test_measures_in_other_units_are_the_same_box() -> None:
    metric = {
        "longest_side": "23.4",
        "median_side": "13.0",
        "shortest_side": "1.78",
        "measurement_units": "centimeters",
        "weight": "281",
        "weight_units": "grams",
    }
    (claim,) = detect(charge("-4.25"), storage=stored(m09=metric)).claims
    assert claim.explanation["measures"] == "stable"


def test_a_fee_that_was_given_back_is_settled() -> None:
    back = {"transaction_type": "other-transaction", "settlement_id": "5002"}
    whole = charge("1.19", **back)
    findings = detect(charge("-4.25"), whole)
    assert (findings.claims, reasons(findings)) == ([], ["paid"])
    assert owed(detect(charge("-4.25"), charge("0.50", **back))) == [("SKU-1", 1, 69)]


@pytest.mark.parametrize(("days", "outcome"), [(90, []), (91, ["window_expired"])])
def test_the_window_is_90_days_from_the_first_charge(days: int, outcome: list[str]) -> None:
    findings = detect(charge("-4.25"), as_of=date(2026, 9, 15) + timedelta(days=days))
    assert reasons(findings) == outcome
    assert bool(findings.claims) == (not outcome)


@pytest.mark.parametrize("missing", [SETTLEMENT, FEE_PREVIEW, STORAGE_FEES])
def test_nothing_is_claimed_while_a_report_was_not_read(missing: str) -> None:
    reports = {
        SETTLEMENT: [*others(), *charge("-4.25")],
        FEE_PREVIEW: [row(FEE_PREVIEW)],
        STORAGE_FEES: stored(),
    }
    del reports[missing]
    assert find(facts(reports)).claims == []


def test_a_product_without_an_expected_fee_is_not_judged() -> None:
    unknown = row(FEE_PREVIEW, expected_fulfillment_fee_per_unit="--")
    given = {
        SETTLEMENT: charge("-4.25"),
        FEE_PREVIEW: [unknown],
        STORAGE_FEES: stored(),
    }
    assert find(facts(given)).claims == []


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


def test_one_settlement_over_two_verdicts_is_one_claim() -> None:
    """Its claim key names the settlement and the product: two claims would be one case."""
    october = charge("-4.25", order="o-2", posted_date="2026-10-01T10:00:00+00:00")
    (claim,) = detect(charge("-4.25"), october, storage=stored(m09=LARGE)).claims
    assert (claim.quantity, claim.confidence) == (2, 0.8)


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
