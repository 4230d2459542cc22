"""Signing keys of the services: one Ed25519 key a service, public halves known to the others.

Rotation (facts/money-safety.md section 7): publish the new public key everywhere, sign with it
after one token lifetime, drop the old one after two. Two keys of one issuer may be valid at once.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from opside_chassis.key_file import Rereading
from opside_chassis.settings import ServiceSettings, WrongSetting

KEY_BYTES = 32
"""Length of an Ed25519 seed and of its public key (RFC 8032)."""
# A seed of one or two repeated bytes is a placeholder somebody forgot, never a random draw.
MIN_DISTINCT_BYTES = 8

_MEND = "make a pair with `python -m opside_chassis.keyring`"


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """What is believed about one key id: the algorithm, the issuer and the public key."""

    kid: str
    issuer: str
    public_key: Ed25519PublicKey = field(repr=False)
    algorithm: Literal["EdDSA"] = "EdDSA"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key of one service, with the id under which the others know its public half."""

    kid: str
    issuer: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_settings(cls, settings: ServiceSettings, *, issuer: str) -> "SigningKey":
        """Read SERVICE_KEY_ID and SERVICE_PRIVATE_KEY; raises `WrongSetting` for a weak key."""
        encoded = settings.service_private_key.get_secret_value()
        seed = _decode(encoded, setting="SERVICE_PRIVATE_KEY")
        if len(set(seed)) < MIN_DISTINCT_BYTES:
            raise WrongSetting("SERVICE_PRIVATE_KEY", "is a placeholder, not a random key", _MEND)
        return cls(settings.service_key_id, issuer, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def reread(cls, settings: ServiceSettings, *, issuer: str) -> "Rereading[SigningKey]":
        """The key that KEYS_FILE names now; raises `WrongSetting` as `from_settings` does."""
        return Rereading(settings, lambda now: cls.from_settings(now, issuer=issuer))

    def verification_key(self) -> VerificationKey:
        """The public half, as the others list it."""
        return VerificationKey(self.kid, self.issuer, self.private.public_key())


KeyTable = Mapping[str, VerificationKey]


class KeyRing:
    """The keys a service believes, by key id; never a key that a token brings along."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        """Raises ValueError when a key id is listed twice."""
        table = _table(keys)
        self._current: Callable[[], KeyTable] = lambda: table

    @classmethod
    def from_settings(cls, settings: ServiceSettings) -> "KeyRing":
        """SERVICE_PUBLIC_KEYS, as KEYS_FILE has them now.

        Raises `WrongSetting` when an entry is not a key.
        """
        ring = cls(())
        ring._current = Rereading(settings, _published).now
        return ring

    def find(self, kid: str) -> VerificationKey | None:
        """The key of this id, or None when nobody published it."""
        return self._current().get(kid)


def _published(settings: ServiceSettings) -> KeyTable:
    setting = "SERVICE_PUBLIC_KEYS"
    keys = [
        VerificationKey(
            entry.kid,
            entry.issuer,
            Ed25519PublicKey.from_public_bytes(_decode(entry.public_key, setting=setting)),
        )
        for entry in settings.service_public_keys
    ]
    try:
        return _table(keys)
    except ValueError as error:
        raise WrongSetting(setting, str(error), "give each key its own kid") from error


def _table(keys: Iterable[VerificationKey]) -> KeyTable:
    table: dict[str, VerificationKey] = {}
    for key in keys:
        if key.kid in table:
            raise ValueError(f"the key id {key.kid} is listed twice")
        table[key.kid] = key
    return table


class KeyPair(NamedTuple):
    """Both halves as base64url text without padding, as the settings want them."""

    private_key: str
    public_key: str


def generate_keypair() -> KeyPair:
    """Draw a new Ed25519 key pair."""
    private = Ed25519PrivateKey.generate()
    return KeyPair(
        _encode(private.private_bytes_raw()), _encode(private.public_key().public_bytes_raw())
    )


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str, *, setting: str) -> bytes:
    try:
        padded = text + "=" * (-len(text) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongSetting(setting, "is not base64url", _MEND) from error
    if len(raw) != KEY_BYTES:
        raise WrongSetting(setting, f"holds {len(raw)} bytes instead of {KEY_BYTES}", _MEND)
    return raw


def main() -> None:
    """Print a new key pair as the two settings (`python -m opside_chassis.keyring`)."""
    pair = generate_keypair()
    print(f"SERVICE_PRIVATE_KEY={pair.private_key}")  # noqa: T201 - a command prints
    print(f"public_key={pair.public_key}")  # noqa: T201


if __name__ == "__main__":
    main()
