"""What an attacker may try with a token; each attack has a good token beside it that passes."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from web_parts import HERE, Keys, b64, forged, new_key

from opside_chassis.errors import Unauthenticated
from opside_chassis.keyring import KeyRing
from opside_chassis.service_token import (
    ServiceTokens,
    ServiceTokenVerifier,
)
from opside_chassis.signed_token import (
    MAX_TOKEN_CHARACTERS,
    SERVICE_TOKEN,
    USER_TOKEN,
    TokenSigner,
    may_be,
)
from opside_chassis.user_token import UserTokens, UserTokenVerifier

KEYS = Keys()
NOW = int(KEYS.clock().timestamp())


def service_parts() -> tuple[dict[str, Any], dict[str, Any]]:
    header = {"alg": "EdDSA", "typ": "svc+jwt", "kid": "main-1"}
    claims = {
        "iss": "main-api",
        "aud": HERE,
        "sub": "main-api",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 60,
        "jti": "0123456789abcdef",
        "scope": "a:b",
    }
    return header, claims


def user_parts() -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = service_parts()
    del claims["scope"]
    changes = {"sub": "usr_1", "role": "user", "sid": "ses_1", "exp": NOW + 900}
    return {**header, "typ": "at+jwt"}, {**claims, **changes}


def verify_service(token: str) -> Any:
    return ServiceTokenVerifier(KEYS.ring(), HERE, clock=KEYS.clock).verify(token)


def verify_user(token: str) -> Any:
    return UserTokenVerifier(KEYS.ring(), HERE, clock=KEYS.clock).verify(token)


KINDS = {"service": (service_parts, verify_service), "user": (user_parts, verify_user)}
HEADER_ATTACKS: dict[str, dict[str, Any]] = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg HS256 with an EdDSA signature": {"alg": "HS256"},
    "alg ES256": {"alg": "ES256"},
    "alg missing": {"alg": None},
    "alg a list": {"alg": ["EdDSA"]},
    "typ JWT": {"typ": "JWT"},
    "typ in other case": {"typ": "SVC+JWT"},
    "typ missing": {"typ": None},
    "kid unknown": {"kid": "main-2"},
    "kid missing": {"kid": None},
    "kid a list": {"kid": ["main-1"]},
    "kid a path": {"kid": "../../dev/null"},
    "kid SQL": {"kid": "main-1' or '1'='1"},
    "kid of another issuer": {"kid": "int-1"},
    "crit unknown": {"crit": ["exp"]},
    "crit empty": {"crit": []},
    "crit b64": {"crit": ["b64"], "b64": False},
    "crit b64, true": {"crit": ["b64"], "b64": True},
    "b64 without crit": {"b64": False},
}
CLAIM_ATTACKS: dict[str, dict[str, Any]] = {
    "aud another service": {"aud": "main-api"},
    "aud a list that holds us": {"aud": [HERE, "main-api"]},
    "aud empty": {"aud": ""},
    "iss another service": {"iss": "integrations-backend"},
    "iss a list": {"iss": ["main-api"]},
    "expired beyond the skew": {"iat": NOW - 90, "nbf": NOW - 90, "exp": NOW - 30},
    "issued in the future": {"iat": NOW + 31, "exp": NOW + 60},
    "not valid yet": {"nbf": NOW + 31},
    "lives too long": {"exp": NOW + 901},
    "lives for ever": {"exp": 99_999_999_999},
    "expires before its issue": {"exp": NOW - 1},
    "exp a text": {"exp": str(NOW + 60)},
    "exp a fraction": {"exp": NOW + 59.5},
    "exp true": {"exp": True},
    "exp infinite": {"exp": float("inf")},
    "jti a number": {"jti": 7},
    "jti empty": {"jti": ""},
    "jti huge": {"jti": "x" * 256},
    "sub a number": {"sub": 1},
    "sub empty": {"sub": ""},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_token_every_attack_starts_from_is_good(kind: str) -> None:
    parts, verify = KINDS[kind]
    assert verify(forged(*parts(), key=KEYS.main.private)).token_id == "0123456789abcdef"


@pytest.mark.parametrize("attack", HEADER_ATTACKS)
@pytest.mark.parametrize("kind", KINDS)
def test_headers_of_an_attacker_are_refused(kind: str, attack: str) -> None:
    parts, verify = KINDS[kind]
    header, claims = parts()
    changed = {**header, **HEADER_ATTACKS[attack]}
    header = {name: value for name, value in changed.items() if value is not None}
    with pytest.raises(Unauthenticated):
        verify(forged(header, claims, key=KEYS.main.private))


@pytest.mark.parametrize("attack", CLAIM_ATTACKS)
@pytest.mark.parametrize("kind", KINDS)
def test_claims_out_of_bounds_are_refused_even_when_signed(kind: str, attack: str) -> None:
    parts, verify = KINDS[kind]
    header, claims = parts()
    with pytest.raises(Unauthenticated):
        verify(forged(header, {**claims, **CLAIM_ATTACKS[attack]}, key=KEYS.main.private))


@pytest.mark.parametrize("missing", ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"])
@pytest.mark.parametrize("kind", KINDS)
def test_required_claims(kind: str, missing: str) -> None:
    parts, verify = KINDS[kind]
    header, claims = parts()
    del claims[missing]
    with pytest.raises(Unauthenticated):
        verify(forged(header, claims, key=KEYS.main.private))


def test_a_public_key_is_no_shared_secret() -> None:
    """The HS256 confusion: the attacker signs with what everybody knows."""
    header, claims = service_parts()
    public = KEYS.main.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (public.public_bytes_raw(), pem, b""):
        with pytest.raises(Unauthenticated):
            verify_service(forged({**header, "alg": "HS256"}, claims, hmac_secret=secret))


def test_no_signature_or_a_strangers_signature() -> None:
    header, claims = service_parts()
    for token in (
        forged(header, claims),
        forged({**header, "alg": "none"}, claims),
        forged(header, claims, key=KEYS.stranger.private),
    ):
        with pytest.raises(Unauthenticated):
            verify_service(token)


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_services_key_cannot_speak_as_another_service(kind: str) -> None:
    """A stolen key of one service must not become all of them."""
    parts, verify = KINDS[kind]
    header, claims = parts()
    with pytest.raises(Unauthenticated):
        verify(forged({**header, "kid": "int-1"}, claims, key=KEYS.integrations.private))


def test_keys_brought_along_in_the_header_are_ignored() -> None:
    header, claims = service_parts()
    stranger = KEYS.stranger.private
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(stranger.public_key().public_bytes_raw())}
    brought = {**header, "jwk": jwk, "jku": "https://evil.test/keys", "x5u": "https://evil.test/c"}
    with pytest.raises(Unauthenticated):
        verify_service(forged(brought, claims, key=stranger))
    # Ignored means ignored: they do not harm a token that is good without them.
    assert verify_service(forged(brought, claims, key=KEYS.main.private)).service == "main-api"


def test_changed_claims_break_the_signature() -> None:
    header, payload, signature = KEYS.service_token().split(".")
    _, claims = service_parts()
    raised = b64(json.dumps({**claims, "scope": "everything"}).encode())
    with pytest.raises(Unauthenticated):
        verify_service(f"{header}.{raised}.{signature}")
    assert verify_service(f"{header}.{payload}.{signature}").scopes == {"a:b"}


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "eyJ.eyJ.", "ü.ü.ü", "x" * (MAX_TOKEN_CHARACTERS + 1)]
)
def test_texts_that_are_no_tokens(text: str) -> None:
    for verify in (verify_service, verify_user):
        with pytest.raises(Unauthenticated):
            verify(text)


def test_a_user_token_is_no_service_token_and_the_reverse() -> None:
    assert verify_user(KEYS.user_token()).user_id == "usr_1"
    with pytest.raises(Unauthenticated):
        verify_service(KEYS.user_token())
    assert verify_service(KEYS.service_token()).service == "main-api"
    with pytest.raises(Unauthenticated):
        verify_user(KEYS.service_token())


def test_a_token_says_which_kind_it_is_before_it_is_verified() -> None:
    assert may_be(SERVICE_TOKEN, KEYS.service_token())
    assert may_be(USER_TOKEN, KEYS.user_token())
    assert not may_be(SERVICE_TOKEN, KEYS.user_token())
    assert not may_be(USER_TOKEN, KEYS.service_token())


@given(
    st.one_of(
        st.text(),
        st.binary().map(b64),
        st.recursive(
            st.none() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["typ", "x"]), inner),
        ).map(lambda value: b64(json.dumps(value).encode())),
    )
)
def test_any_text_may_be_asked_for_its_kind(header: str) -> None:
    assert may_be(SERVICE_TOKEN, f"{header}.x.y") in {True, False}


def test_only_main_api_makes_people() -> None:
    signer = TokenSigner(KEYS.integrations, USER_TOKEN, KEYS.clock)
    token = signer.sign(
        audience=HERE, subject="usr_1", ttl_seconds=60, claims={"role": "admin", "sid": "s"}
    )
    with pytest.raises(Unauthenticated):
        verify_user(token)
    with pytest.raises(ValueError, match="main-api"):
        UserTokens(KEYS.integrations)


def test_a_service_speaks_for_itself_only() -> None:
    signer = TokenSigner(KEYS.integrations, SERVICE_TOKEN, KEYS.clock)
    claims = {"scope": "a:b"}
    good = signer.sign(audience=HERE, subject="integrations-backend", ttl_seconds=60, claims=claims)
    assert verify_service(good).service == "integrations-backend"
    with pytest.raises(Unauthenticated):
        verify_service(
            signer.sign(audience=HERE, subject="main-api", ttl_seconds=60, claims=claims)
        )
    with pytest.raises(ValueError, match="belongs to"):
        ServiceTokens(KEYS.integrations, "main-api")


@pytest.mark.parametrize("claims", [{}, {"scope": ""}, {"scope": ["a:b"]}, {"scope": None}])
def test_a_service_token_needs_a_scope(claims: dict[str, Any]) -> None:
    header, good = service_parts()
    del good["scope"]
    with pytest.raises(Unauthenticated):
        verify_service(forged(header, {**good, **claims}, key=KEYS.main.private))


@pytest.mark.parametrize("claim", ["act_for", "act_role", "act_session"])
def test_acting_claims_are_short_texts(claim: str) -> None:
    header, claims = service_parts()
    good = forged(header, {**claims, claim: "usr_9"}, key=KEYS.main.private)
    assert getattr(verify_service(good), claim) == "usr_9"
    for value in (7, ["usr_9"], {"id": "usr_9"}, "", "x" * 256):
        with pytest.raises(Unauthenticated):
            verify_service(forged(header, {**claims, claim: value}, key=KEYS.main.private))


def test_lifetimes_are_bounded_at_both_ends() -> None:
    with pytest.raises(ValueError, match="1-60 seconds"):
        TokenSigner(KEYS.main, SERVICE_TOKEN).sign(
            audience=HERE, subject="main-api", ttl_seconds=61, claims={}
        )
    with pytest.raises(ValueError, match="1-900 seconds"):
        UserTokens(KEYS.main).mint(
            audience=HERE, user_id="usr_1", role="user", session_id="s", ttl_seconds=901
        )
    header, claims = service_parts()
    assert verify_service(forged(header, {**claims, "exp": NOW + 60}, key=KEYS.main.private))
    with pytest.raises(Unauthenticated):
        verify_service(forged(header, {**claims, "exp": NOW + 61}, key=KEYS.main.private))


def test_skew_is_thirty_seconds_both_ways() -> None:
    keys = Keys()
    verifier = ServiceTokenVerifier(keys.ring(), HERE, clock=keys.clock)
    token = keys.service_token()
    for seconds, good in ((89, True), (1, False)):
        keys.clock.advance(seconds)
        if good:
            verifier.verify(token)
        else:
            with pytest.raises(Unauthenticated):
                verifier.verify(token)
    keys.clock.advance(-90 - 30)
    verifier.verify(token)
    keys.clock.advance(-1)
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_rotation_two_keys_of_one_issuer_are_good_until_one_is_dropped() -> None:
    keys = Keys()
    new = new_key("main-2", "main-api")
    both = KeyRing([keys.main.verification_key(), new.verification_key()])
    tokens = [
        ServiceTokens(key, "main-api", clock=keys.clock).mint(audience=HERE, scope="a:b")
        for key in (keys.main, new)
    ]
    for token in tokens:
        ServiceTokenVerifier(both, HERE, clock=keys.clock).verify(token)
    only_new = ServiceTokenVerifier(KeyRing([new.verification_key()]), HERE, clock=keys.clock)
    only_new.verify(tokens[1])
    with pytest.raises(Unauthenticated):
        only_new.verify(tokens[0])


def test_every_token_has_its_own_id_and_carries_what_it_was_given() -> None:
    first, second = (
        verify_service(KEYS.service_token(scope="act x:y", act_for="usr_9", act_role="admin"))
        for _ in range(2)
    )
    assert first.token_id != second.token_id
    assert first.scopes == {"act", "x:y"}
    assert (first.act_for, first.act_role, first.act_session) == ("usr_9", "admin", None)
    assert int(first.expires_at.timestamp()) == NOW + 60
