"""The people and selling accounts that the stand-in knows."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from opside_sandbox.state import SandboxState

_UPPER = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One Amazon store and the way its reports are written."""

    id: str
    country: str
    currency: str
    name: str
    domain: str
    language: str
    centres: tuple[str, ...]
    order_prefixes: tuple[str, ...]
    exponent: int = 2
    """Digits of the currency's minor unit: 0 for the yen."""

    def major(self, minor: int) -> float:
        """Minor units as the number that JSON answers carry."""
        return minor / 10.0**self.exponent


US = Marketplace(
    "ATVPDKIKX0DER", "US", "USD", "Amazon.com", "www.amazon.com", "en_US",
    ("ONT8", "PHX7", "MDW2", "IND9", "TEB9", "SDF8"), ("111", "112", "113", "114"),
)  # fmt: skip
UK = Marketplace(
    "A1F83G8C2ARO7P", "GB", "GBP", "Amazon.co.uk", "www.amazon.co.uk", "en_GB",
    ("LTN1", "BHX4", "MAN1", "EDI4", "LBA2"), ("202", "203", "204", "205"),
)  # fmt: skip
CA = Marketplace(
    "A2EUQ1WTGCTBG2", "CA", "CAD", "Amazon.ca", "www.amazon.ca", "en_CA",
    ("YYZ4", "YVR3"), ("701", "702"),
)  # fmt: skip
DE = Marketplace(
    "A1PA6795UKMFR9", "DE", "EUR", "Amazon.de", "www.amazon.de", "de_DE",
    ("LEJ1", "CGN1", "HAM2", "MUC3"), ("302", "303", "304", "305"),
)  # fmt: skip
JP = Marketplace(
    "A1VC38T7YXB528", "JP", "JPY", "Amazon.co.jp", "www.amazon.co.jp", "ja_JP",
    ("NRT1", "KIX2", "HND3"), ("249", "250", "503"), exponent=0,
)  # fmt: skip
MARKETPLACES = {one.id: one for one in (US, UK, CA, DE, JP)}


@dataclass(frozen=True, slots=True)
class Persona:
    """A person; `marketplace` None means no selling account.

    `skus` and `orders_per_sku` size the generated history; `claims` False plants no loss
    that may be claimed.
    """

    key: str
    name: str
    email: str
    user_id: str
    seller_id: str
    marketplace: Marketplace | None
    store_name: str = ""
    skus: int = 0
    orders_per_sku: int = 0
    claims: bool = True
    dialect: str = "us"
    """How the account's report files are written: a name of `reports.dialect`."""
    surprises: bool = False
    """Amazon does not only pay what this account files (see `cases.plans`)."""
    every_loss: bool = False
    """Wrong fees, payments too low and payments taken back are planted as well."""

    @property
    def store(self) -> Marketplace:
        """The selling account's marketplace. Raises LookupError for a person without one."""
        if self.marketplace is None:
            raise LookupError(f"{self.key} has no selling account")
        return self.marketplace


def _letters(seed: str, name: str, length: int) -> str:
    digest = hashlib.shake_256(f"{seed}/persona/{name}".encode()).digest(length)
    return "".join(_UPPER[byte % 36] for byte in digest)


def everybody(state: SandboxState) -> dict[str, Persona]:
    """All personas of this run by key; ids follow from the seed."""

    def person(key: str, name: str, domain: str, store: Marketplace | None) -> Persona:
        return Persona(
            key, name, f"{key}@{domain}", f"amzn1.account.{_letters(state.seed, key, 28)}",
            "A" + _letters(state.seed, f"{key}/seller", 13), store, f"{name.split(maxsplit=1)[0]}'s Store",
            *_SIZES.get(key, (0, 0, True, "us", False, False)),
        )  # fmt: skip

    found = [
        person("ada", "Ada Sandler", "example.com", US),
        person("ben", "Ben Okafor", "example.com", US),
        person("cleo", "Cleo Wright", "example.com", UK),
        person("dora", "Dora Lindqvist", "example.com", US),
        person("dieter", "Dieter Krause", "example.com", DE),
        person("yuki", "Yuki Tanaka", "example.com", JP),
        person("chloe", "Chloe Tremblay", "example.com", CA),
        person("olga", "Olga Novak", "opside.example", None),
    ]
    folder = state.settings.amazon_pace.reports_folder
    if folder is not None:
        found.append(person("reports", "Robin Ports", "example.com", _store_of(folder)))
    for number in range(state.settings.amazon_pace.crowd):
        member = person(f"crowd-{number}", f"Crowd{number} Seller", "example.com", US)
        found.append(replace(member, skus=2, orders_per_sku=4, claims=False))
    return {one.key: one for one in found}


@lru_cache(maxsize=4)
def _store_of(folder: Path) -> Marketplace:
    """The store of a folder of reports: as its `account.json` says, else Amazon.ca."""
    try:
        known = json.loads((folder / "account.json").read_text())["marketplaceId"]
    except (OSError, ValueError, KeyError, TypeError):
        return CA
    return MARKETPLACES.get(known, CA)


_SIZES = {
    "ada": (40, 52, True, "us", False, False),
    "ben": (40, 14, True, "us", False, False),
    "cleo": (40, 20, True, "uk", False, False),
    "dora": (40, 10, False, "us", False, False),
    "dieter": (40, 52, True, "de", True, True),
    "yuki": (40, 12, True, "jp", True, True),
    "chloe": (40, 12, True, "ca", True, True),
}
"""SKUs, orders per SKU, whether there is something to claim, dialect, surprises, every loss."""
