"""Keys from settings: what is weak or wrong stops the start with the setting's name."""

import base64

import pytest
from web_parts import HERE, new_key, settings

from opside_chassis.keyring import KeyRing, SigningKey, generate_keypair
from opside_chassis.settings import WrongSetting


def test_a_pair_from_the_settings_signs_what_its_public_half_verifies() -> None:
    given = settings()
    key = SigningKey.from_settings(given, issuer=HERE)
    known = KeyRing.from_settings(given).find("here-1")
    assert known is not None
    assert (known.issuer, known.algorithm) == (HERE, "EdDSA")
    known.public_key.verify(key.private.sign(b"x"), b"x")


def test_two_pairs_differ_and_have_32_bytes() -> None:
    pairs = [generate_keypair() for _ in range(2)]
    texts = {text for pair in pairs for text in pair}
    assert len(texts) == 4
    for text in texts:
        assert len(base64.urlsafe_b64decode(text + "=")) == 32


def test_a_key_is_not_shown_by_its_repr() -> None:
    key = new_key("k", HERE)
    assert "private" not in repr(key)
    assert "public_key" not in repr(key.verification_key())


@pytest.mark.parametrize(
    "weak",
    [
        base64.urlsafe_b64encode(bytes(32)).decode(),
        base64.urlsafe_b64encode(b"ab" * 16).decode(),
        base64.urlsafe_b64encode(b"0123456789abcdef" * 1).decode(),
        "change-me",
        "not base64 at all!",
    ],
)
def test_weak_private_keys_are_refused(weak: str) -> None:
    with pytest.raises(WrongSetting) as caught:
        SigningKey.from_settings(settings(service_private_key=weak), issuer=HERE)
    assert caught.value.setting == "SERVICE_PRIVATE_KEY"
    assert weak not in str(caught.value)


def test_wrong_public_keys_are_refused() -> None:
    good = generate_keypair().public_key
    entry = {"kid": "a", "issuer": HERE, "public_key": good}
    assert KeyRing.from_settings(settings(service_public_keys=[entry])).find("a")
    for wrong in ([{**entry, "public_key": "AAAA"}], [entry, entry]):
        with pytest.raises(WrongSetting) as caught:
            KeyRing.from_settings(settings(service_public_keys=wrong))
        assert caught.value.setting == "SERVICE_PUBLIC_KEYS"
