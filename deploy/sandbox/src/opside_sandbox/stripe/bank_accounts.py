"""Stripe's test bank accounts and payout cards, and how an account holds them.

Source of the numbers and tokens: Stripe's Connect testing page and ../shared/facts/stripe.md.
"""

from dataclasses import dataclass

from opside_sandbox.stripe import cards
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.payment_methods import EXPIRY, fingerprint
from opside_sandbox.stripe.present import plain
from opside_sandbox.stripe.world import World

ROUTING_NUMBER = "110000000"
KINDS = ("bank_account", "card")


@dataclass(frozen=True, slots=True)
class TestBankAccount:
    """One number; `failure` is the code that payouts to it fail with, None when they arrive."""

    number: str
    token: str
    failure: str | None = None


_ACCOUNTS = (
    TestBankAccount("000123456789", "btok_us_verified"),
    TestBankAccount("000111111116", "btok_us_verified_noAccount", "no_account"),
    TestBankAccount("000111111113", "btok_us_verified_accountClosed", "account_closed"),
    TestBankAccount("000222222227", "btok_us_verified_insufficientFunds", "insufficient_funds"),
    TestBankAccount("000333333335", "btok_us_verified_debitNotAuthorized", "debit_not_authorized"),
    TestBankAccount("000444444440", "btok_us_verified_invalidCurrency", "invalid_currency"),
)
BY_NUMBER = {one.number: one for one in _ACCOUNTS}
_BY_TOKEN = {one.token: one for one in _ACCOUNTS} | {"btok_us": _ACCOUNTS[0]}
_CARD_FAILURES = {
    "tok_visa_debit": None,
    "tok_visa_debit_us_transferSuccess": None,
    "tok_visa_debit_us_transferFail": "could_not_process",
}
FAILURE_MESSAGES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this transfer.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "insufficient_funds": "The bank account has insufficient funds to be debited.",
    "invalid_currency": "The bank was unable to process this transfer because of its currency.",
    "no_account": "The bank account could not be located.",
}


def from_token(world: World, account: Document, token: str) -> Document | None:
    """The external account behind `btok_us…` or `tok_visa_debit…`; None for any other token."""
    if bank := _BY_TOKEN.get(token):
        return bank_account(world, account, bank.number)
    if token in _CARD_FAILURES:
        return _card(world, account, _CARD_FAILURES[token])
    return None


def bank_account(
    world: World, account: Document, number: str, given: Document | None = None
) -> Document:
    """A US test bank account of this account; not saved. Raises KeyError for another number."""
    given = given or {}
    return {
        "id": world.new_id("bank_account"),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": given.get("account_holder_name"),
        "account_holder_type": given.get("account_holder_type"),
        "account_type": given.get("account_type"),
        "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": given.get("country", account["country"]),
        "currency": given.get("currency", account["default_currency"]),
        "customer": None,
        "default_for_currency": False,
        "fingerprint": world.state.token("bank_fingerprint", 16),
        "last4": number[-4:],
        "metadata": {},
        "routing_number": ROUTING_NUMBER,
        "status": "new",
        "_failure": BY_NUMBER[number].failure,
    }


def _card(world: World, account: Document, failure: str | None) -> Document:
    """A debit card that takes instant payouts."""
    debit = cards.named("tok_visa_debit")
    if debit is None:
        raise LookupError("the debit card is one of the test cards")
    return {
        "id": world.new_id("card"),
        "object": "card",
        "account": account["id"],
        **dict.fromkeys(_NULL_IN_CARDS),
        "available_payout_methods": ["standard", "instant"],
        "brand": "Visa",
        "country": "US",
        "currency": account["default_currency"],
        "cvc_check": "pass",
        "default_for_currency": False,
        "exp_month": EXPIRY[0],
        "exp_year": EXPIRY[1],
        "fingerprint": fingerprint(world, debit),
        "funding": "debit",
        "last4": debit.last4,
        "metadata": {},
        "regulated_status": "unregulated",
        "status": "new",
        "_failure": failure,
    }


_NULL_IN_CARDS = (
    "address_city", "address_country", "address_line1", "address_line1_check", "address_line2",
    "address_state", "address_zip", "address_zip_check", "customer", "dynamic_last4", "name",
    "tokenization_method",
)  # fmt: skip


def held(world: World) -> list[Document]:
    """The external accounts of this world's account, oldest first."""
    return [
        one
        for kind in KINDS
        for one in world.state.store.list(world.collection(kind))
        if not one.get("deleted")
    ]


def find(world: World, external_id: str) -> Document | None:
    """One of them, or None."""
    return next((one for one in held(world) if one["id"] == external_id), None)


def default_for(world: World, currency: str) -> Document | None:
    """Where payouts in this currency go unless they name a destination."""
    found = [one for one in held(world) if one["currency"] == currency]
    return next((one for one in found if one["default_for_currency"]), None)


def keep(world: World, external: Document, *, default: bool = False) -> Document:
    """Save it; the first of its currency, or (`default`) this one, becomes the default."""
    others = [
        one
        for one in held(world)
        if one["currency"] == external["currency"] and one["id"] != external["id"]
    ]
    if default or not any(one["default_for_currency"] for one in others):
        external["default_for_currency"] = True
        for one in others:
            world.save({**one, "default_for_currency": False})
    return world.save(external)


def embed(world: World, account: Document) -> None:
    """Show in the account what it holds. The caller saves the account."""
    account["external_accounts"] = {
        **account["external_accounts"],
        "data": [plain(one) for one in held(world)][:10],
    }


def of_platform(world: World, currency: str) -> Document:
    """The platform's own bank account, which its owner gave in the Dashboard."""
    known = default_for(world, currency)
    if known is not None:
        return known
    owner = {"id": "acct_1platform", "country": "US", "default_currency": currency}
    return keep(world, {**bank_account(world, owner, "000123456789"), "account": None})
