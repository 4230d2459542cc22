"""Only deliveries that Stripe signed just now are believed."""

import hmac
from hashlib import sha256

import pytest

from stripe_payments.webhooks.signature import BadSignature, endpoint_of

NOW = 1_800_000_000
SECRETS = {"platform": ("platform-secret-1", "platform-secret-2"), "connect": ("connect-secret",)}
BODY = b'{"id":"evt_1"}'


def sign(secret: str, *, at: int = NOW, body: bytes = BODY) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={digest}"


@pytest.mark.parametrize(
    ("secret", "endpoint"),
    [
        ("platform-secret-1", "platform"),
        ("platform-secret-2", "platform"),
        ("connect-secret", "connect"),
    ],
)
def test_every_active_secret_is_tried(secret: str, endpoint: str) -> None:
    assert endpoint_of(BODY, sign(secret), SECRETS, now=NOW) == endpoint


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1=abc",
        f"t={NOW}",
        sign("another-secret"),
        sign("platform-secret-1", body=b"{}"),
        sign("platform-secret-1", at=NOW - 301),
        sign("platform-secret-1", at=NOW + 301),
        sign("platform-secret-1").replace("v1=", "v0="),
        sign("platform-secret-1") + f",t={NOW - 5}",
        sign("platform-secret-1").replace(str(NOW), str(NOW + 1)),
        f"t={NOW},v1=\u00e9",
    ],
)
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        endpoint_of(BODY, header, SECRETS, now=NOW)
