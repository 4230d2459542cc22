"""A token's scopes count as far as the receiver granted them to its issuer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_parts import HERE, Keys

from opside_chassis.service_token import ServiceTokens, ServiceTokenVerifier

KEYS = Keys()
GRANTED = {"main-api": frozenset({"a:b", "act"}), "integrations-backend": frozenset({"c:d"})}


@pytest.mark.parametrize(
    ("issuer", "claimed", "counts"),
    [
        ("main-api", "a:b", {"a:b"}),
        ("main-api", "a:b c:d act", {"a:b", "act"}),
        ("integrations-backend", "a:b", set()),
        ("integrations-backend", "act c:d", {"c:d"}),
    ],
)
def test_only_what_was_granted_counts(issuer: str, claimed: str, counts: set[str]) -> None:
    key = KEYS.main if issuer == "main-api" else KEYS.integrations
    token = ServiceTokens(key, issuer, clock=KEYS.clock).mint(audience=HERE, scope=claimed)
    verifier = ServiceTokenVerifier(KEYS.ring(), HERE, granted=GRANTED, clock=KEYS.clock)
    assert verifier.verify(token).scopes == counts


def test_a_service_that_the_table_does_not_name_may_do_nothing() -> None:
    token = KEYS.service_token(scope="a:b act")
    verifier = ServiceTokenVerifier(KEYS.ring(), HERE, granted={}, clock=KEYS.clock)
    assert verifier.verify(token).scopes == frozenset()


@given(st.sets(st.sampled_from(["a:b", "act", "c:d", "e:f", "*"]), min_size=1))
def test_a_token_never_has_more_than_the_table(claimed: set[str]) -> None:
    verifier = ServiceTokenVerifier(KEYS.ring(), HERE, granted=GRANTED, clock=KEYS.clock)
    identity = verifier.verify(KEYS.service_token(scope=" ".join(sorted(claimed))))
    assert identity.scopes == claimed & GRANTED["main-api"]
