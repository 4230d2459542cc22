"""Token endpoints' answers have one meaning, whichever provider sends them."""

import json
from typing import Any

import httpx
import pytest

from integrations_backend.amazon_api.errors import AmazonUnavailable
from integrations_backend.gmail_api.errors import GmailUnavailable
from integrations_backend.grants import Grant, GrantRefused, ProviderUnavailable
from integrations_backend.provider_answers import grant_of, json_object, token_answer
from integrations_backend.stripe_oauth_api.errors import StripeUnavailable

WHOLE = {"access_token": "a", "refresh_token": "r", "expires_in": 3600}
PROVIDERS = (AmazonUnavailable, GmailUnavailable, StripeUnavailable)


def says(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, content=body if isinstance(body, bytes) else json.dumps(body))


@pytest.mark.parametrize("unavailable", PROVIDERS)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(400, {"error": "invalid_client"}), "request: invalid_client"),
        (says(400, {"error": "unsupported_grant_type"}), "request: unsupported_grant_type"),
        (says(400, {"error": ["x"] * 900}), "request: "),
        (says(400, b"<html>"), "no JSON"),
        (says(401, {"error": "invalid_grant"}), "answers 401"),
        (says(503, b"<html>Service Unavailable</html>"), "answers 503"),
        (says(200, b"<html>"), "no JSON"),
        (says(200, []), "no JSON object"),
    ],
)
def test_what_no_seller_can_mend_is_told_with_the_providers_own_code(
    unavailable: type[ProviderUnavailable], answer: httpx.Response, told: str
) -> None:
    with pytest.raises(unavailable, match=told) as raised:
        token_answer(answer, unavailable)
    assert len(str(raised.value)) < 150


def test_only_a_refused_grant_is_the_sellers() -> None:
    with pytest.raises(GrantRefused):
        token_answer(says(400, {"error": "invalid_grant"}), StripeUnavailable)
    assert token_answer(says(200, WHOLE), StripeUnavailable) == WHOLE


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"refresh_token": None},
        {"expires_in": None},
        {"expires_in": "soon"},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": [1]},
    ],
)
def test_an_answer_that_lacks_something_is_no_grant(changes: dict[str, Any]) -> None:
    with pytest.raises(AmazonUnavailable):
        grant_of(WHOLE | changes, AmazonUnavailable)


def test_what_a_provider_may_leave_out() -> None:
    kept = grant_of(WHOLE | {"refresh_token": ""}, GmailUnavailable, kept_refresh_token="old")
    assert kept == Grant("a", "old", 3600)
    endless = {"access_token": "a", "refresh_token": "r"}
    assert grant_of(endless, StripeUnavailable, may_be_endless=True) == Grant("a", "r", None)
    assert grant_of(WHOLE, StripeUnavailable, may_be_endless=True) == Grant("a", "r", 3600)
    fresh = grant_of(WHOLE, GmailUnavailable, kept_refresh_token="old")
    assert fresh.refresh_token == "r"


def test_an_object_is_read_whatever_stands_in_it() -> None:
    assert json_object(says(200, {"a": 1}), GmailUnavailable) == {"a": 1}
