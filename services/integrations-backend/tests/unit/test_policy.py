"""Windows are dated data with a source for every store, and the README tells what there is."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend import detection
from integrations_backend.detection.policy import Window, current_policy
from integrations_backend.reports.kinds import KINDS, LISTED_REPORTS, REQUESTED_REPORTS
from integrations_backend.reports.marketplaces import marketplace_of_country

SERVICE = Path(__file__).parents[2]
README = re.sub(r"\s+", " ", (SERVICE / "README.md").read_text())
POLICY = current_policy()
CLAIM_TYPES = sorted({one.claim_type for one in POLICY.windows})
STORES = (
    *("US", "CA", "MX", "BR", "IE", "ES", "GB", "FR", "BE", "NL", "DE", "IT", "SE", "ZA", "PL"),
    *("EG", "TR", "SA", "AE", "IN", "SG", "AU", "JP"),
)
"""Facts section 1.5."""
DAYS = st.dates(date(2024, 10, 23), date(2030, 12, 31))


@pytest.mark.parametrize("window", POLICY.windows, ids=lambda one: one.claim_type)
def test_every_window_says_where_it_comes_from_and_what_a_claim_must_show(window: Window) -> None:
    assert len(window.source) > 10
    assert window.evidence
    assert window.countries
    assert window.value in {
        *("manufacturing_cost", "sale_less_fees", "fee_difference"),
        *("payment_difference", "amount_taken_back"),
    }


@given(st.sampled_from(CLAIM_TYPES), st.sampled_from(STORES), DAYS)
def test_every_store_has_a_window_for_every_claim_and_a_later_loss_no_earlier_deadline(
    claim_type: str, store: str, event: date
) -> None:
    known = marketplace_of_country(store)
    assert known is not None, store
    country = known.country
    window = POLICY.window(claim_type, country, event)
    later = POLICY.window(claim_type, country, event + timedelta(days=1))
    assert window is not None
    assert later is not None
    assert event <= window.opens(event) < window.deadline(event)
    assert window.deadline(event) <= later.deadline(event + timedelta(days=1))


def test_before_the_first_day_of_a_window_nothing_is_claimed() -> None:
    for one in POLICY.windows:
        country = one.countries[0]
        assert POLICY.window(one.claim_type, country, date(2000, 1, 1)) is None


def test_every_claim_type_has_its_window_and_its_line_in_the_readme() -> None:
    for file in Path(detection.__path__[0]).glob("*.py"):
        found = re.search(r'^CLAIM_TYPE = "(\w+)"', file.read_text(), re.MULTILINE)
        if found is not None:
            assert found[1] in CLAIM_TYPES
            assert re.search(rf"`{found[1]}`[^|]*\(`{file.name}`", README), file.name
    table = README.partition("| claim type (file) |")[2].partition("Manufacturing cost is known")[0]
    for claim_type in CLAIM_TYPES:
        assert f"`{claim_type}`" in table, claim_type


def test_the_readme_names_every_report_type() -> None:
    for report_type in {*KINDS, *REQUESTED_REPORTS, *LISTED_REPORTS}:
        assert f"`{report_type}`" in README, report_type


def told_routes() -> set[str]:
    """Every `GET /path` of the README; `/x` and `.../x` after one stand for its siblings or children."""
    found, method, base = set(), "", ""
    for token in re.findall(r"`([^`]+)`", README):
        words = re.fullmatch(r"(?:(GET|POST|PUT|DELETE|WS) )?((?:/|\.\.\.)\S*)", token)
        if words is None:
            continue
        path = words[2].split("?")[0].replace("...", "")
        if words[1]:
            method, before = words[1], base
            base = path if words[2].startswith("/") else before
            found |= {f"{method} {path}", f"{method} {before}{path}"}
        else:
            parent = base.rpartition("/")[0]
            found |= {f"{method} {one}" for one in (path, base + path, parent + path)}
    return found


def test_the_readme_names_every_route() -> None:
    told = told_routes()
    document = json.loads((SERVICE / "openapi.json").read_text())
    for path, methods in document["paths"].items():
        short = re.sub(r"\{\w+_id\}", "{id}", path.replace("/api/v1/", "/api/"))
        for method in methods:
            assert f"{method.upper()} {short}" in told, f"{method} {path}"
