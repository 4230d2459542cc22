"""Tokens that are shown several times: people show theirs until they refresh it, reads share one."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from web_parts import HERE, Keys, new_key

from opside_chassis.errors import Unauthenticated
from opside_chassis.key_file import Rereading
from opside_chassis.keyring import KeyRing, SigningKey, VerificationKey
from opside_chassis.service_token import (
    MOST_SHARED_TOKENS,
    READS_SHARE_A_TOKEN_FOR,
    ServiceTokens,
    ServiceTokenVerifier,
)
from opside_chassis.signed_token import USER_TOKEN, SeenSignatures, TokenVerifier
from opside_chassis.user_token import UserTokenVerifier

KEYS = Keys()
KINDS: dict[str, tuple[Any, Callable[[Keys], str], int]] = {
    "user": (UserTokenVerifier, Keys.user_token, 15 * 60),
    "service": (ServiceTokenVerifier, Keys.service_token, 60),
}
"""Its verifier, one good token, and the seconds it lives."""


class Published(KeyRing):
    """Keys that a test publishes and drops, as the file of keys is changed."""

    def __init__(self, keys: dict[str, VerificationKey]) -> None:
        self.keys = keys

    def find(self, kid: str) -> VerificationKey | None:
        return self.keys.get(kid)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_seen_before_is_refused_when_its_key_is_dropped_or_another_takes_its_id(
    kind: str,
) -> None:
    keys = Keys()
    ring = Published({"main-1": keys.main.verification_key()})
    verifying, minted, _ = KINDS[kind]
    verifier, token = verifying(ring, HERE, clock=keys.clock), minted(keys)
    for _ in range(2):
        assert verifier.verify(token).token_id
    for now in ({}, {"main-1": keys.stranger.verification_key()}):
        ring.keys = now
        with pytest.raises(Unauthenticated):
            verifier.verify(token)
    ring.keys = {"main-1": keys.main.verification_key()}
    verifier.verify(token)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_seen_before_still_expires(kind: str) -> None:
    keys = Keys()
    verifying, minted, lives_seconds = KINDS[kind]
    verifier, token = verifying(keys.ring(), HERE, clock=keys.clock), minted(keys)
    verifier.verify(token)
    keys.clock.advance(lives_seconds + 29)
    verifier.verify(token)
    keys.clock.advance(1)
    with pytest.raises(Unauthenticated):
        verifier.verify(token)


def test_a_good_token_vouches_for_no_other() -> None:
    keys = Keys()
    verifier = UserTokenVerifier(keys.ring(), HERE, clock=keys.clock)
    tokens = {name: keys.user_token(user_id=name) for name in ("usr_1", "usr_2")}
    for name, token in tokens.items():
        assert verifier.verify(token).user_id == name
    head, _, signature = tokens["usr_1"].rpartition(".")
    mixed = f"{tokens['usr_2'].rpartition('.')[0]}.{signature}"
    for bad in (mixed, f"{head}.{signature[:-4]}AAAA", f"{head}.", tokens["usr_1"] + "A"):
        with pytest.raises(Unauthenticated):
            verifier.verify(bad)


def test_only_so_many_signatures_are_remembered_the_newest() -> None:
    keys = Keys()
    seen = SeenSignatures(most=2)
    verifier = TokenVerifier(keys.ring(), USER_TOKEN, HERE, keys.clock, seen)
    tokens = [keys.user_token(user_id=f"usr_{number}") for number in range(3)]
    for token in tokens:
        verifier.verify(token)
    found = [seen.claims(sha256(token.encode()).digest(), verifier.key_ring) for token in tokens]
    assert [claims and claims["sub"] for claims in found] == [None, "usr_1", "usr_2"]
    assert tokens[0] not in repr(verifier)


ERRAND = {"audience": HERE, "scope": "act", "act_for": "usr_1", "act_session": "ses_1"}


def test_reads_share_a_token_for_a_part_of_its_life() -> None:
    keys = Keys()
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    verifier = ServiceTokenVerifier(keys.ring(), HERE, clock=keys.clock)
    first = tokens.mint_for_reads(**ERRAND)
    keys.clock.advance(READS_SHARE_A_TOKEN_FOR.total_seconds() - 1)
    assert tokens.mint_for_reads(**ERRAND) == first
    assert verifier.verify(first).act_for == "usr_1"
    keys.clock.advance(1)
    second = tokens.mint_for_reads(**ERRAND)
    assert second != first
    assert tokens.mint_for_reads(**ERRAND) == second
    assert tokens.mint(**ERRAND) != tokens.mint(**ERRAND), "whatever else is asked has its own"


@pytest.mark.parametrize(
    "other",
    [
        {"audience": "integrations-backend"},
        {"scope": "act x:y"},
        {"act_for": "usr_2"},
        {"act_session": "ses_2"},
        {"act_role": "admin"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_no_two_errands_share_a_token(other: dict[str, str]) -> None:
    tokens = ServiceTokens(KEYS.main, "main-api", clock=KEYS.clock)
    assert tokens.mint_for_reads(**ERRAND) != tokens.mint_for_reads(**{**ERRAND, **other})


def test_a_clock_set_back_or_another_key_ends_the_sharing() -> None:
    keys, now = Keys(), [new_key("main-1", "main-api")]
    tokens = ServiceTokens(keys.main, "main-api", clock=keys.clock)
    first = tokens.mint_for_reads(**ERRAND)
    keys.clock.advance(-3600)
    second = tokens.mint_for_reads(**ERRAND)
    assert second != first
    assert ServiceTokenVerifier(keys.ring(), HERE, clock=keys.clock).verify(second)

    rotating = ServiceTokens(Rotating(now), "main-api", clock=keys.clock)
    old = rotating.mint_for_reads(**ERRAND)
    assert rotating.mint_for_reads(**ERRAND) == old
    now[0] = new_key("main-2", "main-api")
    new = rotating.mint_for_reads(**ERRAND)
    assert ServiceTokenVerifier(
        KeyRing([now[0].verification_key()]), HERE, clock=keys.clock
    ).verify(new)


class Rotating(Rereading[SigningKey]):
    """A key that is whatever stands in a list."""

    def __init__(self, keys: list[SigningKey]) -> None:
        self._keys = keys

    def now(self) -> SigningKey:
        return self._keys[0]


def test_only_so_many_tokens_are_kept_for_reads() -> None:
    tokens = ServiceTokens(KEYS.main, "main-api", clock=KEYS.clock)
    first = tokens.mint_for_reads(**ERRAND)
    for number in range(MOST_SHARED_TOKENS):
        last = tokens.mint_for_reads(audience=HERE, scope="act", act_for=f"usr_x{number}")
    assert tokens.mint_for_reads(audience=HERE, scope="act", act_for=f"usr_x{number}") == last
    assert tokens.mint_for_reads(**ERRAND) != first
