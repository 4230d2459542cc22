"""Connect OAuth through the real SDK: consent, tokens, scopes, refusals, and the end of it."""

import re
import secrets
from typing import Any

import httpx
import pytest
import stripe
from sandbox_process import SECRET_KEY, Sandbox
from stripe_acts import customer_with, intent_for
from stripe_recording import RecordingClient

CLIENT_ID = "ca_sandboxPlatform0123456789"
CALLBACK = "http://127.0.0.1:8000/api/stripe/callback"
NOT_A_KEY = "sk_" + "live_" + "0123456789abcdef"


@pytest.fixture(scope="module")
def platform(sandbox: Sandbox) -> stripe.StripeClient:
    return client(sandbox, SECRET_KEY)


def client(sandbox: Sandbox, key: str, **more: Any) -> stripe.StripeClient:
    """Recorded and judged by the contract, as every client of the tests."""
    return stripe.StripeClient(
        key,
        client_id=CLIENT_ID,
        base_addresses={"api": sandbox.stripe, "connect": sandbox.stripe},
        http_client=RecordingClient(),
        **more,
    )


def someone() -> str:
    return f"{secrets.token_hex(6)}@shop.example"


def consent(
    sandbox: Sandbox, url: str, *, email: str = "", decision: str = "allow"
) -> dict[str, str]:
    """Go to the page and decide; answers what comes back with the browser."""
    page = httpx.get(url)
    assert page.status_code == 200, page.text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    fields |= {"email": email or someone(), "decision": decision}
    back = httpx.post(f"{sandbox.stripe}/oauth/authorize", data=fields)
    assert back.status_code == 302, back.text
    assert back.headers["location"].startswith(CALLBACK)
    return dict(httpx.URL(back.headers["location"]).params)


def authorize_url(platform: stripe.StripeClient, **more: Any) -> str:
    return platform.oauth.authorize_url({"redirect_uri": CALLBACK, "state": "st", **more})


def exchange(platform: stripe.StripeClient, code: str) -> Any:
    return platform.oauth.token({"grant_type": "authorization_code", "code": code})


def connect(
    sandbox: Sandbox, platform: stripe.StripeClient, *, email: str = "", scope: str = "read_only"
) -> Any:
    back = consent(sandbox, authorize_url(platform, scope=scope), email=email)
    return exchange(platform, back["code"])


def person(control: httpx.Client, email: str) -> dict[str, str]:
    return control.post("/stripe/people", json={"email": email}).raise_for_status().json()


def test_a_code_brings_tokens_of_the_persons_own_account(
    sandbox: Sandbox, platform: stripe.StripeClient, control: httpx.Client
) -> None:
    email = someone()
    back = consent(sandbox, authorize_url(platform, scope="read_only"), email=email)
    assert (back["scope"], back["state"]) == ("read_only", "st")
    tokens = exchange(platform, back["code"])
    assert tokens["token_type"] == "bearer"
    assert tokens["scope"] == "read_only"
    assert tokens["livemode"] is False
    assert tokens["stripe_user_id"] == person(control, email)["account"]
    own = client(sandbox, tokens["access_token"]).v1.accounts.retrieve_current()
    assert (own.id, own.type, own.email) == (tokens["stripe_user_id"], "standard", email)


def test_a_code_is_good_once_and_its_tokens_die_with_the_second_try(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    code = consent(sandbox, authorize_url(platform))["code"]
    tokens = exchange(platform, code)
    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="already been used"):
        exchange(platform, code)
    with pytest.raises(stripe.AuthenticationError) as refused:
        client(sandbox, tokens["access_token"]).v1.balance.retrieve()
    assert refused.value.error.code == "api_key_expired"
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        platform.oauth.token(
            {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        )


def test_a_code_lives_five_minutes(
    sandbox: Sandbox, platform: stripe.StripeClient, control: httpx.Client
) -> None:
    code = consent(sandbox, authorize_url(platform))["code"]
    control.post("/clock/advance", json={"seconds": 301}).raise_for_status()
    with pytest.raises(stripe.oauth_error.InvalidGrantError, match="expired"):
        exchange(platform, code)


def test_who_says_no_sends_no_code(sandbox: Sandbox, platform: stripe.StripeClient) -> None:
    back = consent(sandbox, authorize_url(platform), decision="deny")
    assert back == {
        "error": "access_denied",
        "error_description": "The user denied your request",
        "state": "st",
    }


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_what_cannot_be_granted_is_told_to_the_platform(
    platform: stripe.StripeClient, asked: dict[str, str], error: str
) -> None:
    back = httpx.get(authorize_url(platform, **asked))
    assert back.status_code == 302
    assert httpx.URL(back.headers["location"]).params["error"] == error


@pytest.mark.parametrize(
    "asked", [{"redirect_uri": "https://evil.example/cb"}, {"client_id": "ca_other"}]
)
def test_nobody_is_sent_to_an_unknown_address(
    platform: stripe.StripeClient, asked: dict[str, str]
) -> None:
    page = httpx.get(authorize_url(platform, **asked))
    assert page.status_code == 400
    assert page.json()["error"]["message"]


def test_a_read_only_token_reads_and_changes_nothing(
    sandbox: Sandbox, platform: stripe.StripeClient, control: httpx.Client
) -> None:
    email = someone()
    book = control.get("/stripe/books").json()
    shop = client(sandbox, person(control, email)["secret_key"])
    customer, method = customer_with(shop)
    sold = intent_for(shop, customer, method, 4_200, capture_method="automatic", confirm=True)
    tokens = connect(sandbox, platform, email=email)
    reader = client(sandbox, tokens["access_token"])
    rows = reader.v1.balance_transactions.list({"expand": ["data.source"]})
    assert [row.source.payment_intent for row in rows] == [sold.id]
    assert control.get("/stripe/books").json() == book, "it is no money of the platform's"
    with pytest.raises(stripe.PermissionError, match="required permissions"):
        reader.v1.customers.create({"email": "x@example.com"})
    by_header = {"stripe_account": tokens["stripe_user_id"]}
    seen = platform.v1.balance_transactions.list(options=by_header)
    assert [row.id for row in seen] == [row.id for row in rows]
    with pytest.raises(stripe.PermissionError, match="required permissions"):
        platform.v1.customers.create({"email": "x@example.com"}, by_header)


def test_a_read_write_token_acts_for_the_account(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    tokens = connect(sandbox, platform, scope="read_write")
    worker = client(sandbox, tokens["access_token"])
    made = worker.v1.customers.create({"email": "x@example.com"})
    assert worker.v1.customers.retrieve(made.id).email == "x@example.com"
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        platform.v1.customers.retrieve(made.id)


def test_a_token_opens_no_other_account(sandbox: Sandbox, platform: stripe.StripeClient) -> None:
    mine, other = (connect(sandbox, platform) for _ in range(2))
    reader = client(sandbox, mine["access_token"])
    with pytest.raises(stripe.PermissionError):
        reader.v1.balance.retrieve(options={"stripe_account": other["stripe_user_id"]})


def test_a_refresh_token_is_good_once_and_never_widens_the_scope(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    first = connect(sandbox, platform)
    asked = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    with pytest.raises(stripe.oauth_error.InvalidScopeError):
        platform.oauth.token({**asked, "scope": "read_write"})
    second = platform.oauth.token(asked)
    assert second["access_token"] != first["access_token"]
    assert client(sandbox, second["access_token"]).v1.balance.retrieve().object == "balance"
    with pytest.raises(stripe.oauth_error.InvalidGrantError):
        platform.oauth.token(asked)


def test_deauthorize_ends_tokens_and_the_connection(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    tokens = connect(sandbox, platform)
    account = tokens["stripe_user_id"]
    assert platform.oauth.deauthorize({"stripe_user_id": account})["stripe_user_id"] == account
    with pytest.raises(stripe.AuthenticationError, match="Expired"):
        client(sandbox, tokens["access_token"]).v1.balance.retrieve()
    with pytest.raises(stripe.PermissionError):
        platform.v1.balance.retrieve(options={"stripe_account": account})
    with pytest.raises(stripe.oauth_error.InvalidClientError, match="not connected"):
        platform.oauth.deauthorize({"stripe_user_id": account})
    with pytest.raises(stripe.oauth_error.InvalidClientError, match="No such application"):
        platform.oauth.deauthorize({"stripe_user_id": account, "client_id": "ca_other"})


def test_a_person_who_comes_back_has_the_same_account(
    sandbox: Sandbox, platform: stripe.StripeClient, control: httpx.Client
) -> None:
    email = someone()
    first = connect(sandbox, platform, email=email)
    control.post(f"/stripe/people/{first['stripe_user_id']}/revoke").raise_for_status()
    with pytest.raises(stripe.AuthenticationError):
        client(sandbox, first["access_token"]).v1.balance.retrieve()
    again = connect(sandbox, platform, email=email)
    assert again["stripe_user_id"] == first["stripe_user_id"]


@pytest.mark.parametrize(
    ("form", "error", "status"),
    [
        ({}, "invalid_request", 400),
        ({"grant_type": "password"}, "unsupported_grant_type", 400),
        ({"grant_type": "authorization_code"}, "invalid_request", 400),
        ({"grant_type": "authorization_code", "code": "ac_no"}, "invalid_grant", 400),
        ({"grant_type": "refresh_token", "refresh_token": "rt_no"}, "invalid_grant", 400),
        (
            {"grant_type": "refresh_token", "refresh_token": "rt_no", "scope": "x"},
            "invalid_scope",
            400,
        ),
        ({"client_secret": NOT_A_KEY}, "invalid_client", 401),
        ({"client_secret": ""}, "invalid_client", 401),
    ],
)
def test_refusals_have_the_shape_of_oauth(
    sandbox: Sandbox, form: dict[str, str], error: str, status: int
) -> None:
    answer = httpx.post(f"{sandbox.stripe}/oauth/token", data={"client_secret": SECRET_KEY} | form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


def test_a_token_of_a_person_is_no_key_of_a_platform(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    tokens = connect(sandbox, platform)
    with pytest.raises(stripe.oauth_error.InvalidClientError):
        exchange(client(sandbox, tokens["access_token"]), "ac_any")


def test_the_consent_page_escapes_what_it_is_given(
    sandbox: Sandbox, platform: stripe.StripeClient
) -> None:
    page = httpx.get(authorize_url(platform, state='"><script>alert(1)</script>'))
    assert "<script>" not in page.text
