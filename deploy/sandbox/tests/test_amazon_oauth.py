"""Login with Amazon and the two consents, good and bad."""

import httpx
import pytest
from amazon_world import APPLICATION, LOGIN, LOGIN_URI, SELLER, SELLER_URI, World, world

from opside_sandbox.amazon.oauth.grants import challenge_of

VERIFIER = "a-verifier-of-more-than-forty-three-characters-0123456789"
ASKED = {
    "client_id": LOGIN["client_id"],
    "scope": "profile",
    "response_type": "code",
    "redirect_uri": LOGIN_URI,
    "state": "st<&>",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}
CODE = {"grant_type": "authorization_code", "redirect_uri": LOGIN_URI, **LOGIN}


@pytest.fixture
def amazon() -> World:
    return world()


def login_code(amazon: World, persona: str = "ada") -> str:
    form = {**ASKED, "persona": persona, "decision": "allow"}
    answer = amazon.http.post("/ap/oa", data=form)
    assert answer.status_code == 302
    location = httpx.URL(answer.headers["location"])
    assert location.params["state"] == ASKED["state"]
    return location.params["code"]


def refused(answer: httpx.Response, error: str, status: int = 400) -> bool:
    body = answer.json()
    assert set(body) == {"error", "error_description", "error_index", "request_id"}
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate"
    assert answer.headers["x-amzn-requestid"] == body["request_id"]
    return (answer.status_code, body["error"]) == (status, error)


def test_a_person_signs_in(amazon):
    page = amazon.http.get("/ap/oa", params=ASKED)
    assert page.status_code == 200
    assert "st&lt;&amp;&gt;" in page.text
    assert "Ada Sandler" in page.text
    tokens = amazon.token(code=login_code(amazon), code_verifier=VERIFIER, **CODE).json()
    assert tokens["access_token"].startswith("Atza|")
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    profile = amazon.http.get("/user/profile", headers=bearer).json()
    assert profile["user_id"].startswith("amzn1.account.")
    assert (profile["email"], profile["name"]) == ("ada@example.com", "Ada Sandler")
    amazon.state.clock.advance(3600)
    assert amazon.http.get("/user/profile", headers=bearer).status_code == 400


def test_denial_and_errors_go_back_with_the_state(amazon):
    denied = amazon.http.post("/ap/oa", data={**ASKED, "decision": "deny"})
    assert httpx.URL(denied.headers["location"]).params["error"] == "access_denied"
    for change, error in (
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ):
        back = amazon.http.get("/ap/oa", params={**ASKED, **change})
        assert httpx.URL(back.headers["location"]).params["error"] == error


@pytest.mark.parametrize(
    "change", [{"redirect_uri": LOGIN_URI + "/"}, {"client_id": "amzn1.application-oa2-client.x"}]
)
def test_nothing_is_sent_to_an_unknown_address(amazon, change):
    for answer in (
        amazon.http.get("/ap/oa", params={**ASKED, **change}),
        amazon.http.post("/ap/oa", data={**ASKED, **change, "decision": "deny"}),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_a_code_is_good_once_for_five_minutes_at_its_own_address(amazon):
    code = login_code(amazon)
    assert refused(amazon.token(code=code, **CODE), "invalid_request")
    code = login_code(amazon)
    assert refused(amazon.token(code=code, code_verifier="x" * 43, **CODE), "invalid_grant")
    code = login_code(amazon)
    wrong = {**CODE, "redirect_uri": SELLER_URI}
    assert refused(amazon.token(code=code, code_verifier=VERIFIER, **wrong), "invalid_grant")
    code = login_code(amazon)
    assert amazon.token(code=code, code_verifier=VERIFIER, **CODE).status_code == 200
    assert refused(amazon.token(code=code, code_verifier=VERIFIER, **CODE), "invalid_grant")
    code = login_code(amazon)
    amazon.state.clock.advance(301)
    assert refused(amazon.token(code=code, code_verifier=VERIFIER, **CODE), "invalid_grant")


def test_client_and_grant_errors(amazon):
    assert refused(amazon.token(**LOGIN), "unsupported_grant_type")
    bad = {**LOGIN, "client_secret": "guess"}
    form = {"grant_type": "refresh_token", "refresh_token": "Atzr|x"}
    assert refused(amazon.token(**form, **bad), "invalid_client", 401)
    assert refused(amazon.token(**form, **LOGIN), "invalid_grant")
    grantless = {"grant_type": "client_credentials"}
    scope = "sellingpartnerapi::notifications"
    good = amazon.token(**grantless, scope=scope, **SELLER).json()
    assert (good["scope"], "refresh_token" in good) == (scope, False)
    assert refused(amazon.token(**grantless, scope="other", **SELLER), "invalid_scope")
    assert refused(amazon.token(**grantless, scope=scope, **LOGIN), "unauthorized_client")
    code = login_code(amazon)
    stolen = {"grant_type": "authorization_code", "code": code, "redirect_uri": LOGIN_URI}
    assert refused(amazon.token(**stolen, **SELLER), "invalid_grant")


def test_refresh_keeps_older_tokens_and_ends_with_the_authorisation(amazon):
    first = amazon.grant("ada")["refresh_token"]
    form = {"grant_type": "refresh_token", **SELLER}
    second = amazon.token(refresh_token=first, **form).json()["refresh_token"]
    assert second != first
    assert amazon.token(refresh_token=first, **form).status_code == 200
    amazon.state.clock.advance(364 * 86400)
    assert amazon.token(refresh_token=second, **form).status_code == 200
    amazon.state.clock.advance(2 * 86400)
    assert refused(amazon.token(refresh_token=second, **form), "invalid_grant")


def test_a_withdrawn_authorisation_kills_every_token_of_that_seller_only(amazon):
    ada, ben = amazon.grant("ada"), amazon.grant("ben")
    amazon.control.post("/revoke", json={"persona": "ada"})
    form = {"grant_type": "refresh_token", **SELLER}
    assert refused(amazon.token(refresh_token=ada["refresh_token"], **form), "invalid_grant")
    assert amazon.token(refresh_token=ben["refresh_token"], **form).status_code == 200
    headers = {"x-amz-access-token": ada["access_token"]}
    path = "/sellers/v1/marketplaceParticipations"
    assert amazon.http.get(path, headers=headers).status_code == 403


def test_the_second_page_knows_the_person(amazon):
    login_code(amazon, "cleo")
    asked = {"application_id": APPLICATION, "state": "s"}
    page = amazon.http.get("/apps/authorize/consent", params=asked)
    assert "value='cleo' selected" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    answer = amazon.http.post("/apps/authorize/consent", data={**asked, "decision": "allow"})
    location = httpx.URL(answer.headers["location"])
    assert str(location).startswith(SELLER_URI)
    assert set(location.params) == {"state", "selling_partner_id", "spapi_oauth_code"}


@pytest.mark.parametrize(
    "change",
    [{"application_id": "other"}, {"redirect_uri": "https://example.com"}, {"state": ""}],
)
def test_a_wrong_seller_consent_is_a_page(amazon, change):
    asked = {"application_id": APPLICATION, "state": "s", "redirect_uri": SELLER_URI, **change}
    answer = amazon.http.post(
        "/apps/authorize/consent", data={**asked, "persona": "ada", "decision": "allow"}
    )
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_staff_has_no_selling_account(amazon):
    form = {"application_id": APPLICATION, "state": "s", "persona": "olga", "decision": "allow"}
    assert amazon.http.post("/apps/authorize/consent", data=form).status_code == 403


def test_a_start_from_the_appstore(amazon):
    asked = {"persona": "ada", "login_uri": "http://127.0.0.1:8000/api/amazon/login"}
    away = httpx.URL(amazon.http.get("/apps/store/start", params=asked).headers["location"])
    assert set(away.params) == {"amazon_callback_uri", "amazon_state", "selling_partner_id"}
    back = {"amazon_state": away.params["amazon_state"], "state": "mine"}
    confirm = away.params["amazon_callback_uri"]
    done = httpx.URL(amazon.http.get(confirm, params=back).headers["location"])
    assert done.params["state"] == "mine"
    assert done.params["selling_partner_id"] == away.params["selling_partner_id"]
    assert amazon.http.get(confirm, params=back).status_code == 400
    elsewhere = {**asked, "login_uri": "https://example.com/login"}
    assert amazon.http.get("/apps/store/start", params=elsewhere).status_code == 400


def test_a_rotated_secret_ends_the_old_one_but_no_refresh_token(amazon):
    tokens = amazon.grant("ada")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    fresh = {**SELLER, "client_secret": "fresh-" + "secret"}
    assert refused(amazon.token(**form, **fresh), "invalid_client", 401)
    body = {"client_id": SELLER["client_id"], "secret": fresh["client_secret"]}
    amazon.control.post("/secrets", json={**body, "old_lives_seconds": 600})
    assert amazon.token(**form, **SELLER).status_code == 200
    assert amazon.token(**form, **fresh).status_code == 200
    amazon.state.clock.advance(601)
    assert refused(amazon.token(**form, **SELLER), "invalid_client", 401)
    assert amazon.token(**form, **fresh).status_code == 200
    newest = {**SELLER, "client_secret": "newest-" + "secret"}
    body["secret"] = newest["client_secret"]
    amazon.control.post("/secrets", json={**body, "old_lives_seconds": 0})
    assert refused(amazon.token(**form, **fresh), "invalid_client", 401)
    assert amazon.token(**form, **newest).status_code == 200


def test_a_missing_part_of_a_grant_is_named(amazon):
    for form, missing in (
        ({"grant_type": "refresh_token"}, "refresh_token"),
        ({"grant_type": "authorization_code"}, "code"),
        ({"grant_type": "client_credentials"}, "scope"),
    ):
        answer = amazon.token(**form, **SELLER)
        assert refused(answer, "invalid_request")
        assert answer.json()["error_description"].endswith(missing)
    assert refused(amazon.token(grant_type="password", **SELLER), "unsupported_grant_type")


def test_the_profile_consent_is_no_seller_authorisation(amazon):
    code = login_code(amazon)
    tokens = amazon.token(code=code, code_verifier=VERIFIER, **CODE).json()
    headers = {"x-amz-access-token": tokens["access_token"]}
    path = "/sellers/v1/marketplaceParticipations"
    assert amazon.http.get(path, headers=headers).status_code == 403
    seller = {"Authorization": f"Bearer {amazon.grant('ada')['access_token']}"}
    assert amazon.http.get("/user/profile", headers=seller).status_code == 403
