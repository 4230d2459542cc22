"""Secrets at rest: AES-256-GCM, versioned, bound to the user, provider and field they belong to (R9).

A stored text is `v1.<key id>.<nonce>.<ciphertext>`. Moved to another row it does not open. Old Fernet
values open when the context stands inside their plaintext; bare AES-CBC is not offered.
"""

import base64
import binascii
import json
import os
import re
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opside_chassis.settings import WrongSetting

KEY_BYTES = 32
NONCE_BYTES = 12
VERSION = "v1"
_MIN_DISTINCT_BYTES = 8
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MEND = (
    "use 32 random bytes, base64url: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
)


class Unreadable(Exception):
    """A stored secret does not open here: unknown key, wrong owner, or tampered with."""


class Vault:
    """Seals and opens secrets. The active key seals; all keys open."""

    def __init__(
        self, keys: Mapping[str, bytes], *, active_kid: str, fernet_keys: Sequence[bytes] = ()
    ) -> None:
        """Raises `WrongSetting` when the active key is missing or a key is weak."""
        if active_kid not in keys:
            raise WrongSetting("ENCRYPTION_KEY_ID", "names no known key", "name one of the keys")
        for kid, key in keys.items():
            if not _KID.fullmatch(kid):
                raise WrongSetting(
                    "ENCRYPTION_KEY_ID", "is no plain name", "use letters, digits, - and _"
                )
            check_key(key)
        self._ciphers = {kid: AESGCM(key) for kid, key in keys.items()}
        self._active_kid = active_kid
        self._fernets = [Fernet(key) for key in fernet_keys]

    def seal(self, plaintext: str, *, user_id: str, provider: str, field: str) -> str:
        """The text to store."""
        nonce = os.urandom(NONCE_BYTES)
        bound_to = _context(user_id, provider, field)
        sealed = self._ciphers[self._active_kid].encrypt(nonce, plaintext.encode(), bound_to)
        return ".".join((VERSION, self._active_kid, _encode(nonce), _encode(sealed)))

    def open(self, stored: str, *, user_id: str, provider: str, field: str) -> str:
        """The secret.

        Raises:
            Unreadable: the key is unknown, the text belongs to another field, or it was changed.
        """
        if stored.startswith("gAAAA"):
            return self._open_fernet(stored, user_id=user_id, provider=provider, field=field)
        try:
            version, kid, nonce, sealed = stored.split(".")
            if version != VERSION:
                raise Unreadable(f"unknown version {version}")
            plaintext = self._ciphers[kid].decrypt(
                _decode(nonce), _decode(sealed), _context(user_id, provider, field)
            )
        except (ValueError, KeyError, InvalidTag, binascii.Error) as error:
            raise Unreadable("a stored secret does not open") from error
        return plaintext.decode()

    def needs_rotation(self, stored: str) -> bool:
        """True when the text was sealed by another than the active key, or in an older form."""
        return not stored.startswith(f"{VERSION}.{self._active_kid}.")

    def _open_fernet(self, stored: str, *, user_id: str, provider: str, field: str) -> str:
        for fernet in self._fernets:
            try:
                held = json.loads(fernet.decrypt(stored.encode()))
            except (InvalidToken, ValueError):
                continue
            context = {"user_id": user_id, "provider": provider, "field": field}
            if isinstance(held, dict) and {k: held.get(k) for k in context} == context:
                return str(held["value"])
        raise Unreadable("a stored secret does not open")


def key_from_text(text: str, *, setting: str = "ENCRYPTION_KEY") -> bytes:
    """A key as bytes; raises `WrongSetting` when it is weak or of the wrong length."""
    try:
        # Strict: the lenient decoder would skip over a typing error.
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise WrongSetting(setting, "is not base64url", _MEND) from error
    check_key(key, setting=setting)
    return key


def check_key(key: bytes, *, setting: str = "ENCRYPTION_KEY") -> None:
    """Raises `WrongSetting` for a key that is too short or plainly not random."""
    if len(key) != KEY_BYTES:
        raise WrongSetting(setting, f"has {len(key)} bytes, not {KEY_BYTES}", _MEND)
    if len(set(key)) < _MIN_DISTINCT_BYTES:
        raise WrongSetting(setting, "is a placeholder, not a random key", _MEND)


def _context(user_id: str, provider: str, field: str) -> bytes:
    return json.dumps([user_id, provider, field]).encode()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
