"""The vault's key in three steps and a walk: publish the next key, seal with it, reseal, drop the old one.

Each step answers the settings it wants; none of them loses a token when it is repeated or left half done.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime

from integrations_backend.settings import Settings, keys_in
from opside_chassis.key_steps import NotYet
from opside_chassis.vault import KEY_BYTES

KeySettings = dict[str, object]


def publish(settings: Settings, *, now: datetime) -> tuple[str, KeySettings]:
    """A new key, for every process to know before anything is sealed with it. Answers its id too."""
    kid = f"vault-{now:%Y%m%d}-{secrets.token_hex(3)}"
    others = keys_in(settings.encryption_previous_keys) | {kid: secrets.token_urlsafe(KEY_BYTES)}
    return kid, {"ENCRYPTION_PREVIOUS_KEYS": _text(others)}


def seal(settings: Settings, kid: str) -> KeySettings:
    """Seal with this key from now on; the one that sealed so far still opens.

    Nothing when it seals already. Raises `NotYet` when it was never published.
    """
    if kid == settings.encryption_key_id:
        return {}
    others = keys_in(settings.encryption_previous_keys)
    if kid not in others:
        raise NotYet(f"{kid} is not among ENCRYPTION_PREVIOUS_KEYS; publish a key first")
    key = others.pop(kid)
    others[settings.encryption_key_id] = settings.encryption_key.get_secret_value()
    return {
        "ENCRYPTION_KEY": key,
        "ENCRYPTION_KEY_ID": kid,
        "ENCRYPTION_PREVIOUS_KEYS": _text(others),
    }


def drop(settings: Settings, kid: str, sealed: Mapping[str, int]) -> KeySettings:
    """Forget this key. Nothing when it is gone already.

    Raises `NotYet` when it seals, or when it sealed something that is still stored.
    """
    if kid == settings.encryption_key_id:
        raise NotYet(f"{kid} seals what is new; seal with another key first")
    if sealed.get(kid):
        raise NotYet(f"{sealed[kid]} stored secrets are still under {kid}; run reseal first")
    others = keys_in(settings.encryption_previous_keys)
    if others.pop(kid, None) is None:
        return {}
    return {"ENCRYPTION_PREVIOUS_KEYS": _text(others)}


def _text(keys: Mapping[str, str]) -> str:
    return ",".join(f"{kid}:{key}" for kid, key in keys.items())
