"""Google's consent and tokens, over HTTP, as an application meets them."""

import json
from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from gmail_world import (
    CHALLENGE,
    CLIENT,
    EMAIL,
    GMAIL,
    REDIRECT_URI,
    VERIFIER,
    Google,
    decoded,
    google,
)

DEAD = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}


@pytest.fixture(scope="module")
def world() -> Iterator[Google]:
    with google() as started:
        yield started


def test_consent_gives_a_code_and_the_state_as_it_was(world: Google):
    back = world.decide()
    assert back["state"] == "a b&c=d"
    assert set(back["scope"].split()) == {GMAIL, EMAIL, "openid"}
    tokens = world.exchange(back["code"]).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3599
    assert set(tokens["scope"].split()) == {GMAIL, EMAIL, "openid"}


def test_a_cancelled_consent_is_access_denied(world: Google):
    assert dict(world.decide(decision="deny")) == {"error": "access_denied", "state": "a b&c=d"}


def test_an_unticked_box_is_missing_from_the_scope(world: Google):
    back = world.decide("dora", tick=False)
    tokens = world.exchange(back["code"]).json()
    assert set(tokens["scope"].split()) == {EMAIL, "openid"}


def test_a_page_that_asks_for_one_thing_has_nothing_to_tick(world: Google):
    assert world.form(scope=GMAIL).boxes == []
    assert set(world.decide(scope=GMAIL)["scope"].split()) == {GMAIL}


def test_the_hint_chooses_the_account(world: Google):
    assert world.form(login_hint="cleo@example.com").chosen == "cleo"
    assert {"ada", "olga"} <= set(world.form().people)


@pytest.mark.parametrize(
    ("wrong", "status", "word"),
    [
        ({"client_id": "x"}, 401, "invalid_client"),
        ({"redirect_uri": REDIRECT_URI + "/x"}, 400, "redirect_uri_mismatch"),
        ({"scope": "https://mail.google.com/"}, 400, "invalid_scope"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"response_type": "token"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
    ],
)
def test_a_wrong_request_stays_on_googles_page(world: Google, wrong, status, word):
    answer = world.page(**wrong)
    assert answer.status_code == status
    assert f"Error {status}: {word}" in answer.text
    posted = world.http.post(
        "/o/oauth2/v2/auth", data={**world.form().hidden, **wrong, "persona": "ada"}
    )
    assert posted.status_code == status


def test_the_page_escapes_what_it_is_given(world: Google):
    text = world.page(state="'><script>alert(1)</script>").text
    assert "<script>" not in text


def test_a_silent_prompt_needs_a_page(world: Google):
    answer = world.page(prompt="none")
    assert answer.status_code == 302
    assert httpx.URL(answer.headers["location"]).params["error"] == "interaction_required"


def test_the_refresh_token_comes_once_or_with_prompt_consent(world: Google):
    first = world.grant("ben", prompt="")
    assert first["refresh_token"].startswith("1//")
    assert "refresh_token" not in world.grant("ben", prompt="")
    assert "refresh_token" not in world.grant("ben", prompt="consent", access_type="online")
    assert world.grant("ben", prompt="consent")["refresh_token"] != first["refresh_token"]
    assert "refresh_token" not in world.refresh(first["refresh_token"]).json()


def test_a_code_works_once_and_not_for_long(world: Google):
    code = world.decide()["code"]
    assert world.exchange(code).status_code == 200
    again = world.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    late = world.decide()["code"]
    world.wait(601 / 86400)
    assert world.exchange(late).json()["error"] == "invalid_grant"
    assert world.exchange("nonsense").json()["error_description"] == "Malformed auth code."


def test_a_code_is_bound_to_its_redirect_uri_and_spent_by_a_wrong_one(world: Google):
    code = world.decide()["code"]
    wrong = world.exchange(code, redirect_uri=REDIRECT_URI + "x")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "redirect_uri_mismatch")
    assert world.exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"code_verifier": VERIFIER}, None),
        ({"code_verifier": "w" * 50}, "Invalid code verifier."),
        ({}, "Missing code verifier."),
    ],
)
def test_pkce(world: Google, sent, said):
    code = world.decide(code_challenge=CHALLENGE, code_challenge_method="S256")["code"]
    answer = world.exchange(code, **sent)
    assert answer.json().get("error_description") == said
    assert answer.status_code == (400 if said else 200)


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token", "client_id": "x"}, 401, "invalid_client"),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
    ],
)
def test_the_token_endpoint_refuses_in_googles_words(world: Google, form, status, error):
    answer = world.token(**form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}


def test_the_client_may_use_http_basic(world: Google):
    refresh = world.grant()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    answer = world.http.post("/token", data=form, auth=tuple(CLIENT.values()))
    assert answer.status_code == 200


def test_an_access_token_lives_an_hour_and_userinfo_tells_who(world: Google):
    tokens = world.grant("cleo")
    shown = world.userinfo(tokens["access_token"]).json()
    assert shown["email"] == "cleo@example.com"
    assert shown["sub"].isdigit()
    world.wait(3600 / 86400)
    assert world.userinfo(tokens["access_token"]).status_code == 401
    fresh = world.refresh(tokens["refresh_token"]).json()["access_token"]
    assert world.userinfo(fresh).json()["sub"] == shown["sub"]


def test_userinfo_needs_a_sign_in_scope(world: Google):
    assert world.userinfo(world.grant(scope=GMAIL)["access_token"]).status_code == 403


def test_the_id_token_is_signed_with_the_published_key(world: Google):
    token = world.grant("ada", nonce="n-1")["id_token"]
    signed, _, signature = token.rpartition(".")
    claims = json.loads(decoded(signed.split(".")[1]))
    assert claims["iss"] == "https://accounts.google.com"
    assert (claims["aud"], claims["email"]) == (CLIENT["client_id"], "ada@example.com")
    assert claims["nonce"] == "n-1"
    key = world.http.get("/oauth2/v3/certs").json()["keys"][0]
    numbers = [int.from_bytes(decoded(key[name]), "big") for name in ("e", "n")]
    public = rsa.RSAPublicNumbers(*numbers).public_key()
    public.verify(decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_any_token_ends_the_whole_authorisation(world: Google, which):
    tokens = world.grant("dora")
    other = world.grant("dora")
    assert world.http.post("/revoke", data={"token": tokens[which]}).status_code == 200
    assert world.refresh(other["refresh_token"]).json() == DEAD
    assert world.userinfo(other["access_token"]).status_code == 401
    again = world.http.post("/revoke", data={"token": tokens[which]})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")
    assert "refresh_token" in world.grant("dora", prompt="")


def test_the_person_removes_the_application_or_changes_the_password(world: Google):
    tokens = world.grant("ben")
    assert world.act("password_change", persona="ben")["revoked"] > 0
    assert world.refresh(tokens["refresh_token"]).json() == DEAD
    tokens = world.grant("ben")
    pending = world.decide("ben")["code"]
    world.act("revoke", persona="ben")
    assert world.refresh(tokens["refresh_token"]).json() == DEAD
    assert world.exchange(pending).json()["error"] == "invalid_grant"


def test_the_hundred_and_first_refresh_token_kills_the_oldest(world: Google):
    tokens = [world.grant("olga", scope="openid email")["refresh_token"] for _ in range(101)]
    assert world.refresh(tokens[0]).json() == DEAD
    assert world.refresh(tokens[1]).status_code == 200
    assert world.refresh(tokens[100]).status_code == 200


def test_in_testing_a_refresh_token_dies_after_seven_days():
    with google(SANDBOX_GMAIL_PUBLISHING="testing") as world:
        tokens = world.grant()
        assert tokens["refresh_token_expires_in"] in range(604_700, 604_801)
        sign_in = world.grant("ben", scope="openid email")
        assert "refresh_token_expires_in" not in sign_in
        world.wait(6.9)
        assert world.refresh(tokens["refresh_token"]).status_code == 200
        world.wait(0.2)
        dead = world.refresh(tokens["refresh_token"])
        assert (dead.status_code, dead.json()) == (400, DEAD)
        assert world.refresh(sign_in["refresh_token"]).status_code == 200
        world.act("publishing", status="production")
        tokens = world.grant()
        assert "refresh_token_expires_in" not in tokens
        world.wait(180)
        assert world.refresh(tokens["refresh_token"]).status_code == 200
        world.wait(184)
        assert world.refresh(tokens["refresh_token"]).json() == DEAD
