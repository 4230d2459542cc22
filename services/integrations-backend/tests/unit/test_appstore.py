"""A consent that began in the Appstore goes on at Seller Central, and nowhere else."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.amazon_api.appstore import (
    SELLER_CENTRALS,
    NotSellerCentral,
    appstore_url,
)
from integrations_backend.settings import Settings
from opside_contracts.integrations.messages import AppstoreVisit

RETURN = "https://app.opside.test/api/amazon/callback"
PATH = "/apps/authorize/confirm/amzn1.sellerapps.app.1"


def url(
    callback_uri: str, *, central: str = "https://sellercentral.amazon.com", **more: Any
) -> str:
    settings = Settings.model_construct(
        amazon_seller_central_url=central, amazon_redirect_uri=RETURN
    )
    visit = AppstoreVisit(callback_uri=callback_uri, amazon_state="am/z=n &1", **more)
    return appstore_url(settings, visit, "our-state")


@pytest.mark.parametrize("host", sorted(SELLER_CENTRALS))
def test_every_seller_central_is_gone_on_to(host: str) -> None:
    there = urlsplit(url(f"{host}{PATH}"))
    assert (f"{there.scheme}://{there.netloc}", there.path) == (host, PATH)
    assert parse_qs(there.query) == {
        "amazon_state": ["am/z=n &1"],
        "state": ["our-state"],
        "redirect_uri": [RETURN],
    }


def test_amazons_hosts_are_those_of_its_marketplaces() -> None:
    assert len(SELLER_CENTRALS) == 17
    assert {"https://sellercentral.amazon.co.jp", "https://sellercentral-europe.amazon.com"} < (
        SELLER_CENTRALS
    )


def test_a_draft_is_named_and_a_query_of_amazons_is_kept() -> None:
    there = url(f"https://sellercentral.amazon.com{PATH}?a=1&state=theirs", beta=True)
    query = parse_qs(urlsplit(there).query)
    assert (query["version"], query["a"], query["state"]) == (["beta"], ["1"], ["our-state"])


def test_a_sandbox_stands_for_amazon_where_it_is_named() -> None:
    sandbox = "http://127.0.0.1:12112"
    assert url(f"{sandbox}{PATH}", central=sandbox).startswith(f"{sandbox}{PATH}?")
    with pytest.raises(NotSellerCentral):
        url(f"{sandbox}{PATH}")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.test/",
        "https://sellercentral.amazon.com.evil.test/",
        "https://sellercentral.amazon.com@evil.test/",
        "https://evil.test\\@sellercentral.amazon.com/",
        "https://sellercentral.amazon.com\\@evil.test/",
        "https://sellercentral.amazon.com:444/",
        "https://user@sellercentral.amazon.com/",
        "http://sellercentral.amazon.com/",
        "//sellercentral.amazon.com/",
        "https:///sellercentral.amazon.com/",
        "javascript:alert(1)//sellercentral.amazon.com",
        "https://[sellercentral.amazon.com",
        "https://sellercentral.amazon.com\u2044evil.test/",
        "https://sellercentral.amazon.evil/",
        "x",
    ],
)
def test_no_other_address_is_gone_on_to(elsewhere: str) -> None:
    with pytest.raises(NotSellerCentral):
        url(elsewhere)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60))
def test_whatever_is_written_behind_the_scheme_leads_to_amazon_or_nowhere(rest: str) -> None:
    try:
        there = url(f"https://{rest}")
    except NotSellerCentral:
        return
    assert f"https://{urlsplit(there).netloc}" in SELLER_CENTRALS
