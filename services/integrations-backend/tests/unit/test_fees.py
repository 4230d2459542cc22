"""Fulfilment fees above those of the product's true size."""

from datetime import date, timedelta

import pytest
from factories.fees import charge, others
from factories.report_rows import GB, TODAY, US, Row, facts, row

from integrations_backend.detection.fees import find
from integrations_backend.detection.findings import Findings
from integrations_backend.reports.kinds import FEE_PREVIEW, SETTLEMENT, STORAGE_FEES
from integrations_backend.reports.marketplaces import Marketplace, marketplace

CANADA = marketplace("A2EUQ1WTGCTBG2")
LARGE = {"longest_side": "13.4", "median_side": "8.0", "shortest_side": "3.5", "weight": "1.31"}
MONTHS = ("2026-07", "2026-08", "2026-09", "2026-10")


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


def test_one_settlement_over_two_verdicts_is_one_claim() -> None:
    """Its claim key names the settlement and the product: two claims would be one case."""
    october = charge("-4.25", order="o-2", posted_date="2026-10-01T10:00:00+00:00")
    (claim,) = detect(charge("-4.25"), october, storage=stored(m09=LARGE)).claims
    assert (claim.quantity, claim.confidence) == (2, 0.8)
