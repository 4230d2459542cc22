"""A wrong setting stops the start with one line that names it and the mend."""

import base64
import os
import secrets
import subprocess
import sys

import pytest

from opside_chassis.keyring import generate_keypair
from opside_chassis.settings import WrongSetting, read
from opside_chassis.testing.engines import free_port
from stripe_payments.settings import Settings

TEST_KEY = "sk_" + "test_" + "x" * 24
LIVE_KEY = "sk_" + "live_" + "x" * 24


def good() -> dict[str, str]:
    private, public = generate_keypair()
    return {
        "DATABASE_URL": "postgresql://payments_app:p@db.example.com/opside?sslmode=verify-full",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "SERVICE_KEY_ID": "stripe-payments-1",
        "SERVICE_PRIVATE_KEY": private,
        "SERVICE_PUBLIC_KEYS": '[{"kid":"stripe-payments-1","issuer":"stripe-payments","public_key":"'
        + public
        + '"}]',
        "STRIPE_SECRET_KEY": TEST_KEY,
        "STRIPE_WEBHOOK_SECRET": secrets.token_urlsafe(24),
        "STRIPE_CONNECT_WEBHOOK_SECRET": secrets.token_urlsafe(24),
    }


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(("STRIPE_", "SERVICE_", "DATABASE_", "REDIS_", "ENVIRONMENT")):
            monkeypatch.delenv(name)
    for name, value in good().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_good_settings_are_read(environment: pytest.MonkeyPatch) -> None:
    settings = read(Settings)
    assert settings.rate_bp == 2_000
    assert settings.webhook_secrets["platform"]


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("STRIPE_SECRET_KEY", LIVE_KEY, "live key without live mode"),
        ("STRIPE_SECRET_KEY", "nonsense", "not a Stripe secret key"),
        ("STRIPE_LIVE_MODE", "true", "on with a test key"),
        ("STRIPE_WEBHOOK_SECRET", "", "empty or too short"),
        ("STRIPE_CONNECT_WEBHOOK_SECRET", "s3cr3t-1", "empty or too short"),
        ("PLATFORM_FEE_PERCENTAGE", "120", "less than or equal to 100"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("DATABASE_URL", "mysql://x", "pattern"),
        ("SERVICE_PUBLIC_KEYS", "not json", "not valid JSON"),
        ("STRIPE_API_BASE_URL", "ftp://x", "http"),
    ],
)
def test_a_wrong_setting_is_named(
    environment: pytest.MonkeyPatch, setting: str, value: str, named: str
) -> None:
    environment.setenv(setting, value)
    with pytest.raises(WrongSetting, match=named) as wrong:
        read(Settings)
    assert wrong.value.setting == setting
    assert wrong.value.mend
    assert value == "" or value not in str(wrong.value)


def test_a_sandbox_in_production_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "production")
    environment.setenv("STRIPE_API_BASE_URL", "http://127.0.0.1:12111")
    with pytest.raises(WrongSetting, match="STRIPE_API_BASE_URL: is a sandbox address"):
        read(Settings)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"STRIPE_SECRET_KEY": None}, "STRIPE_SECRET_KEY: is not set"),
        (
            {"SERVICE_PRIVATE_KEY": base64.urlsafe_b64encode(b"a" * 32).decode()},
            "SERVICE_PRIVATE_KEY: is a placeholder",
        ),
    ],
)
def test_the_program_prints_one_line_and_leaves(changes: dict[str, str | None], named: str) -> None:
    settings = good() | changes
    bare = {name: value for name, value in settings.items() if value is not None}
    started = subprocess.run(
        [sys.executable, "-m", "stripe_payments.app"],
        env={"PATH": os.defpath, "PORT": str(free_port())} | bare,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert started.returncode == 78
    lines = started.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(named)
    assert "mend:" in lines[0]
