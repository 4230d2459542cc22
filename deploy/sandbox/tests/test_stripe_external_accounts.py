"""Bank accounts that payouts go to: kept, exchanged, refused."""

import pytest
import stripe
from stripe_acts import onboarded


@pytest.fixture
def account(api):
    """An onboarded account."""
    return onboarded(api)


def events(api, there, kind):
    return api.v1.events.list({"type": kind}, there).data


def test_external_accounts_are_kept_and_one_is_the_default(api, account):
    first = account.external_accounts.data[0].id
    bank = {
        "object": "bank_account",
        "country": "US",
        "currency": "usd",
        "account_number": "000123456789",
        "routing_number": "110000000",
        "account_holder_name": "Jenny Rosen",
    }
    accounts = api.v1.accounts.external_accounts
    second = accounts.create(account.id, {"external_account": bank, "metadata": {"a": "1"}})
    assert not second.default_for_currency
    third = accounts.create(account.id, {"external_account": "btok_us"})
    chosen = accounts.update(account.id, second.id, {"default_for_currency": True})
    assert chosen.default_for_currency
    assert not accounts.retrieve(account.id, first).default_for_currency
    listed = accounts.list(account.id, {"object": "bank_account"})
    assert {one.id for one in listed.data} == {first, second.id, third.id}
    with pytest.raises(stripe.InvalidRequestError, match="default"):
        accounts.delete(account.id, second.id)
    assert accounts.delete(account.id, first).deleted
    with pytest.raises(stripe.InvalidRequestError):
        accounts.retrieve(account.id, first)
    shown = api.v1.accounts.retrieve(account.id).external_accounts.data
    assert {one.id for one in shown} == {second.id, third.id}
    there = {"stripe_account": account.id}
    for kind in ("created", "updated", "deleted"):
        assert events(api, there, f"account.external_account.{kind}")


@pytest.mark.parametrize(
    "given",
    [
        "btok_none",
        {"country": "US", "account_number": "000999", "routing_number": "110000000"},
        {"country": "US", "account_number": "000123456789", "routing_number": "021000021"},
    ],
)
def test_only_test_bank_accounts_are_taken(api, account, given):
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.accounts.external_accounts.create(account.id, {"bank_account": given})
