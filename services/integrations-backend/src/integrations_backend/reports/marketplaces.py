"""Marketplaces and the way their reports are written (facts/amazon-gmail.md sections 1.5 and 3)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One store. `date_order` is that of slashed dates; the others say their order themselves."""

    id: str
    country: str
    currency: str
    date_order: Literal["MDY", "DMY", "YMD"] = "DMY"
    decimal_comma: bool = False
    legacy_charset: str = "cp1252"


_ALL = (
    Marketplace("ATVPDKIKX0DER", "US", "usd", "MDY"),
    Marketplace("A2EUQ1WTGCTBG2", "CA", "cad", "MDY"),
    Marketplace("A1AM78C64UM0Y8", "MX", "mxn"),
    Marketplace("A2Q3Y263D00KWC", "BR", "brl", decimal_comma=True),
    Marketplace("A1F83G8C2ARO7P", "GB", "gbp"),
    Marketplace("A28R8C7NBKEWEA", "IE", "eur"),
    Marketplace("A1PA6795UKMFR9", "DE", "eur", decimal_comma=True),
    Marketplace("A13V1IB3VIYZZH", "FR", "eur", decimal_comma=True),
    Marketplace("APJ6JRA9NG5V4", "IT", "eur", decimal_comma=True),
    Marketplace("A1RKKUPIHCS9HS", "ES", "eur", decimal_comma=True),
    Marketplace("A1805IZSGTT6HS", "NL", "eur", decimal_comma=True),
    Marketplace("AMEN7PMS3EDWL", "BE", "eur", decimal_comma=True),
    Marketplace("A2NODRKZP88ZB9", "SE", "sek", "YMD", decimal_comma=True),
    Marketplace("A1C3SOZRARQ6R3", "PL", "pln", decimal_comma=True),
    Marketplace("A33AVAJ2PDY3EV", "TR", "try", decimal_comma=True),
    Marketplace("A21TJRUUN4KGV", "IN", "inr"),
    Marketplace("A2VIGQ35RCS4UG", "AE", "aed"),
    Marketplace("A17E79C6D8DWNP", "SA", "sar"),
    Marketplace("ARBP9OOSHTCHU", "EG", "egp"),
    Marketplace("AE08WJ6YKNBMC", "ZA", "zar"),
    Marketplace("A19VAU5U5O7RUS", "SG", "sgd"),
    Marketplace("A39IBJ37TRP1C6", "AU", "aud"),
    Marketplace("A1VC38T7YXB528", "JP", "jpy", "YMD", legacy_charset="cp932"),
)
_EURO_STORE = "A1PA6795UKMFR9"
_BY_ID = {one.id: one for one in _ALL}


def marketplace(marketplace_id: str) -> Marketplace:
    """The store of an id; raises `KeyError` for one that Amazon has opened since."""
    return _BY_ID[marketplace_id]


def is_known(marketplace_id: str) -> bool:
    """Whether it is one of these stores: Amazon lists some that are none, such as its test stores."""
    return marketplace_id in _BY_ID


def marketplace_of_currency(currency: str) -> Marketplace | None:
    """The store that an uploaded file is read as when it names no other.

    The euro's stores write alike; Ireland's decimal point is understood by the others' reader too.
    """
    if currency.lower() == "eur":
        return _BY_ID[_EURO_STORE]
    return next((one for one in _ALL if one.currency == currency.lower()), None)


def marketplace_of_country(country: str) -> Marketplace | None:
    """The store of a country code; None for a country without one."""
    return next((one for one in _ALL if one.country == country.upper()), None)
