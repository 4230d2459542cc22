"""Stripe's JSON to our types. What is not as Stripe describes it is named, never guessed."""

from datetime import UTC, datetime
from typing import Any

from integrations_backend.stripe_oauth_api.gateway import (
    Account,
    BalanceTransaction,
    TransactionsPage,
)
from integrations_backend.stripe_oauth_api.identifiers import identifiers_of

LONGEST_TEXT_CHARS = 500
_LARGEST_MINOR = 10**14
"""Above Stripe's own largest amount in any currency."""


class NotAsDescribed(ValueError):
    """The object lacks a field, or holds something else in it."""


def account_of(found: dict[str, Any]) -> Account:
    """Raises NotAsDescribed."""
    profile, settings = found.get("business_profile") or {}, found.get("settings") or {}
    name = profile.get("name") or (settings.get("dashboard") or {}).get("display_name")
    return Account(
        account_id=_text(found, "id"),
        name=name if isinstance(name, str) else None,
        email=found.get("email") if isinstance(found.get("email"), str) else None,
        country=_text(found, "country"),
        default_currency=_text(found, "default_currency"),
        charges_enabled=found.get("charges_enabled") is True,
        payouts_enabled=found.get("payouts_enabled") is True,
        details_submitted=found.get("details_submitted") is True,
    )


def page_of(found: dict[str, Any]) -> TransactionsPage:
    """Raises NotAsDescribed: it is no list at all."""
    data = found.get("data")
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise NotAsDescribed("data is no list of objects")
    rows, unreadable = [], []
    for one in data:
        try:
            rows.append(transaction_of(one))
        except NotAsDescribed:
            unreadable.append(str(one.get("id")))
    last = data[-1].get("id") if data else None
    more = found.get("has_more") is True and isinstance(last, str)
    return TransactionsPage(rows, last if isinstance(last, str) else None, more, unreadable)


def transaction_of(found: dict[str, Any]) -> BalanceTransaction:
    """Raises NotAsDescribed."""
    amount, fee, net = (_minor(found, name) for name in ("amount", "fee", "net"))
    if net != amount - fee:
        raise NotAsDescribed("net is not amount less fee")
    source = found.get("source")
    whole = source if isinstance(source, dict) else {}
    source_id = source if isinstance(source, str) else whole.get("id")
    description = found.get("description")
    metadata = whole.get("metadata")
    return BalanceTransaction(
        transaction_id=_text(found, "id"),
        kind=_text(found, "type"),
        category=_text(found, "reporting_category"),
        amount_minor=amount,
        fee_minor=fee,
        net_minor=net,
        currency=_text(found, "currency").lower(),
        occurred_at=_moment(found, "created"),
        available_on=_moment(found, "available_on"),
        source_id=source_id if _is_storable(source_id) else None,
        description=_clean(description) if isinstance(description, str) else None,
        identifiers=identifiers_of(
            metadata if isinstance(metadata, dict) else {},
            (description if isinstance(description, str) else None, whole.get("transfer_group")),
        ),
    )


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not _is_storable(value):
        raise NotAsDescribed(name)
    return str(value)


def _is_storable(value: object) -> bool:
    """Postgres takes no NUL in a text, and no lone surrogate."""
    return (
        isinstance(value, str)
        and bool(value)
        and not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value)
    )


def _minor(found: dict[str, Any], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST_MINOR:
        raise NotAsDescribed(name)
    return value


def _moment(found: dict[str, Any], name: str) -> datetime:
    value = found.get(name)
    try:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise NotAsDescribed(name)
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise NotAsDescribed(name) from error


def _clean(text: str) -> str:
    """Postgres takes no NUL; the rest is shown as Stripe has it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:LONGEST_TEXT_CHARS]
