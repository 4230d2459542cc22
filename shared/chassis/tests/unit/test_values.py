"""Money, ids, cursors and secrets: laws rather than examples."""

import base64
import json
import secrets
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from opside_chassis.errors import BadRequest
from opside_chassis.ids import is_id, new_id
from opside_chassis.money import Money, minor_unit_exponent, share_of
from opside_chassis.pagination import cursor_moment, decode_cursor, encode_cursor
from opside_chassis.settings import WrongSetting
from opside_chassis.vault import Unreadable, Vault, key_from_text

amounts = st.integers(min_value=0, max_value=10**12)
rates = st.integers(min_value=0, max_value=10_000)
currencies = st.sampled_from(["usd", "eur", "jpy", "krw", "kwd", "bhd", "gbp"])


@given(amounts, rates)
def test_a_share_and_its_rest_make_the_whole(amount: int, rate: int) -> None:
    share = share_of(amount, rate)
    assert 0 <= share <= amount
    assert abs(Decimal(share) - Decimal(amount) * rate / 10_000) <= Decimal("0.5")


@given(amounts, amounts, rates)
def test_a_larger_amount_never_has_a_smaller_share(one: int, other: int, rate: int) -> None:
    small, large = sorted((one, other))
    assert share_of(small, rate) <= share_of(large, rate)


def test_halves_round_up() -> None:
    assert [share_of(amount, 2000) for amount in (1, 2, 3, 12, 13)] == [0, 0, 1, 2, 3]
    assert share_of(5, 1000) == 1


@pytest.mark.parametrize(("amount", "rate"), [(-1, 2000), (1, -1), (1, 10_001)])
def test_no_share_of_nonsense(amount: int, rate: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        share_of(amount, rate)


@given(st.integers(-(10**14), 10**14), currencies)
def test_decimals_and_minor_units_convert_exactly(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert Money.from_decimal(money.to_decimal(), currency) == money
    assert -money.to_decimal().as_tuple().exponent == minor_unit_exponent(currency)


@given(amounts, amounts, currencies)
def test_money_adds_and_subtracts(one: int, other: int, currency: str) -> None:
    a, b = Money(one, currency), Money(other, currency)
    assert a + b - b == a
    assert (a < b) == (one < other)
    assert a + -a == Money(0, currency)


@pytest.mark.parametrize(
    "text",
    ["0.001", "1e-3", "abc", "NaN", "sNaN", "Infinity", "", "1e400", "1" * 19, f"1.{'0' * 40}1"],
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|finer"):
        Money.from_decimal(text, "usd")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not mix"):
        Money(1, "usd") + Money(1, "eur")


def test_ids_carry_their_kind_and_sort_by_birth() -> None:
    ids = [new_id("txn") for _ in range(1_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert all(is_id(one, "txn") and not is_id(one, "usr") for one in ids)
    assert not is_id("txn_" + "g" * 32, "txn")
    assert not is_id(ids[0] + "\n", "txn")


sort_keys = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.tuples(sort_keys, sort_keys))
def test_a_cursor_comes_back_as_it_went(keys: tuple[str, str]) -> None:
    assert decode_cursor(encode_cursor(*keys), parts=2) == keys


@given(st.text())
def test_a_cursor_of_anybody_else_is_refused(text: str) -> None:
    try:
        keys = decode_cursor(text, parts=2)
    except BadRequest:
        return
    assert all(isinstance(key, str) for key in keys)
    assert len(keys) == 2


@pytest.mark.parametrize("keys", [["a\0", "b"], ["a"], ["a", 1], ["\ud800", "b"], {"a": 1}, "ab"])
def test_a_cursor_that_the_database_would_choke_on_is_refused(keys: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()
    with pytest.raises(BadRequest):
        decode_cursor(cursor, parts=2)


def vault(kid: str = "k1", **others: bytes) -> Vault:
    return Vault({kid: secrets.token_bytes(32), **others}, active_kid=kid)


WHERE = {"user_id": "usr_1", "provider": "amazon", "field": "refresh_token"}


@given(st.text())
def test_a_secret_opens_where_it_belongs(secret: str) -> None:
    safe = vault()
    assert safe.open(safe.seal(secret, **WHERE), **WHERE) == secret


@pytest.mark.parametrize("field", list(WHERE))
def test_a_secret_moved_elsewhere_does_not_open(field: str) -> None:
    safe = vault()
    sealed = safe.seal("token", **WHERE)
    with pytest.raises(Unreadable):
        safe.open(sealed, **(WHERE | {field: "another"}))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_text_does_not_open(position: int, flip: int) -> None:
    safe = vault()
    sealed = bytearray(safe.seal("a secret token", **WHERE).encode())
    sealed[position % len(sealed)] ^= flip
    try:
        opened = safe.open(sealed.decode(errors="replace"), **WHERE)
    except Unreadable:
        return
    # base64 ignores the last bits of a group: the bytes, hence the secret, are unchanged.
    assert opened == "a secret token"


def test_an_old_key_opens_and_asks_for_rotation() -> None:
    old = secrets.token_bytes(32)
    sealed = Vault({"k1": old}, active_kid="k1").seal("token", **WHERE)
    safe = Vault({"k1": old, "k2": secrets.token_bytes(32)}, active_kid="k2")
    assert safe.open(sealed, **WHERE) == "token"
    assert safe.needs_rotation(sealed)
    assert not safe.needs_rotation(safe.seal("token", **WHERE))


def test_a_key_with_a_typing_error_stops_the_start() -> None:
    key = secrets.token_urlsafe(32)
    assert len(key_from_text(key)) == 32
    with pytest.raises(WrongSetting, match="ENCRYPTION_KEY"):
        key_from_text(f"{key[:20]}!{key[20:]}")


@pytest.mark.parametrize("kid", ["", "a.b", "a b", "x" * 65])
def test_a_key_id_that_would_not_come_back_stops_the_start(kid: str) -> None:
    with pytest.raises(WrongSetting, match="ENCRYPTION_KEY_ID"):
        vault(kid)


def test_an_unknown_active_key_stops_the_start() -> None:
    with pytest.raises(WrongSetting, match="ENCRYPTION_KEY_ID"):
        Vault({"k1": secrets.token_bytes(32)}, active_kid="k2")


@given(st.text())
def test_any_other_text_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        vault().open(text, **WHERE)


def test_a_secret_is_sealed_differently_each_time() -> None:
    safe = vault()
    assert safe.seal("token", **WHERE) != safe.seal("token", **WHERE)


def test_a_fernet_value_opens_only_in_its_context() -> None:
    key = Fernet.generate_key()
    held = json.dumps(WHERE | {"value": "old token"}).encode()
    safe = Vault({"k1": secrets.token_bytes(32)}, active_kid="k1", fernet_keys=[key])
    stored = Fernet(key).encrypt(held).decode()
    assert safe.open(stored, **WHERE) == "old token"
    assert safe.needs_rotation(stored)
    with pytest.raises(Unreadable):
        safe.open(stored, **(WHERE | {"user_id": "usr_2"}))


@pytest.mark.parametrize(
    "text",
    [
        "short",
        base64.urlsafe_b64encode(b"a" * 32).decode(),
        "your_32_character_encryption_key_here",
    ],
)
def test_a_weak_key_stops_the_start(text: str) -> None:
    with pytest.raises(WrongSetting, match="ENCRYPTION_KEY"):
        key_from_text(text)


@pytest.mark.parametrize(
    "key",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-21T12:00:00", "", "x"],
)
def test_a_moment_that_is_none_in_utc_is_no_place_in_a_list(key: str) -> None:
    with pytest.raises(BadRequest):
        cursor_moment(key)


def test_a_moment_of_a_cursor_is_in_utc() -> None:
    assert cursor_moment("2026-11-21T12:00:00+02:00").isoformat() == "2026-11-21T10:00:00+00:00"
