"""A wrong setting stops the start with one line that names it and the mend."""

import base64
import os
import subprocess
import sys

import pytest

from main_api.settings import Settings
from opside_chassis.keyring import generate_keypair
from opside_chassis.settings import WrongSetting, read
from opside_chassis.testing.engines import free_port

REQUIRED = (
    "DATABASE_URL",
    "REDIS_URL",
    "SERVICE_KEY_ID",
    "SERVICE_PRIVATE_KEY",
    "SERVICE_PUBLIC_KEYS",
    "AMAZON_LOGIN_CLIENT_ID",
    "AMAZON_LOGIN_CLIENT_SECRET",
    "EVIDENCE_ARCHIVE_URL",
)
PRODUCTION = {
    "ENVIRONMENT": "production",
    "APP_URL": "https://app.example.com",
    "AMAZON_LOGIN_REDIRECT_URI": "https://app.example.com/api/auth/amazon/callback",
}


def good() -> dict[str, str]:
    private, public = generate_keypair()
    return {
        "DATABASE_URL": "postgresql://main_api_app:p@db.example.com/opside?sslmode=verify-full",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "SERVICE_KEY_ID": "main-api-1",
        "SERVICE_PRIVATE_KEY": private,
        "SERVICE_PUBLIC_KEYS": '[{"kid":"main-api-1","issuer":"main-api","public_key":"'
        + public
        + '"}]',
        "AMAZON_LOGIN_CLIENT_ID": "amzn1.application-oa2-client.x",
        "EVIDENCE_ARCHIVE_URL": "evidence",
        "AMAZON_LOGIN_CLIENT_SECRET": "a-secret-of-the-tests-" + "only",
    }


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in good().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_good_settings_are_read(environment: pytest.MonkeyPatch) -> None:
    assert read(Settings).session_lifetime_days == 30
    for name, value in PRODUCTION.items():
        environment.setenv(name, value)
    assert read(Settings).in_production


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("AMAZON_LOGIN_CLIENT_ID", "", "at least 1 character"),
        ("AMAZON_LOGIN_CLIENT_SECRET", "", "empty or too short"),
        ("AMAZON_LOGIN_CLIENT_SECRET", "s3cr3t-1", "empty or too short"),
        ("AMAZON_LOGIN_URL", "ftp://amazon.test", "http"),
        ("AMAZON_API_URL", "https://user:pw@api.amazon.test", "without credentials"),
        ("APP_URL", "app.example.com", "http"),
        ("CORS_ALLOWED_ORIGINS", '["*"]', "http"),
        ("CORS_ALLOWED_ORIGINS", "*", "not valid JSON"),
        ("COLLECTION_MODE", "all", "fee_only"),
        ("COMMISSION_REVIEW_DAYS", "-1", "greater than or equal to 0"),
        ("SESSION_LIFETIME_DAYS", "0", "greater than or equal to 1"),
        ("SESSION_LIFETIME_DAYS", "91", "less than or equal to 90"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("RATE_LIMIT_MAX_REQUESTS", "0", "greater than or equal to 1"),
        ("DATABASE_URL", "mysql://x", "pattern"),
        ("REDIS_URL", "http://x", "pattern"),
        ("ENVIRONMENT", "live", "development"),
        ("SERVICE_PUBLIC_KEYS", "not json", "not valid JSON"),
    ],
)
def test_a_wrong_setting_is_named(
    environment: pytest.MonkeyPatch, setting: str, value: str, named: str
) -> None:
    environment.setenv(setting, value)
    with pytest.raises(WrongSetting, match=named) as wrong:
        read(Settings)
    assert wrong.value.setting.split(".")[0] == setting
    assert wrong.value.mend
    assert len(value) < 2 or value not in str(wrong.value)


@pytest.mark.parametrize(
    "setting", ["APP_URL", "AMAZON_LOGIN_URL", "AMAZON_API_URL", "AMAZON_LOGIN_REDIRECT_URI"]
)
@pytest.mark.parametrize("value", ["http://127.0.0.1:12112", "http://x.example.com"])
def test_a_sandbox_in_production_is_refused(
    environment: pytest.MonkeyPatch, setting: str, value: str
) -> None:
    for name, usual in (PRODUCTION | {setting: value}).items():
        environment.setenv(name, usual)
    with pytest.raises(WrongSetting, match=f"{setting}: is a sandbox address"):
        read(Settings)


def test_production_talks_to_its_database_encrypted(environment: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        environment.setenv(name, value)
    environment.setenv("DATABASE_URL", "postgresql://main_api_app:p@db.example.com/opside")
    with pytest.raises(WrongSetting, match="DATABASE_URL: does not ask for an encrypted"):
        read(Settings)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        *(({name: None}, f"{name}: is not set") for name in REQUIRED),
        (
            {"SERVICE_PRIVATE_KEY": base64.urlsafe_b64encode(b"a" * 32).decode()},
            "SERVICE_PRIVATE_KEY: is a placeholder",
        ),
        ({"SERVICE_PRIVATE_KEY": "short"}, "SERVICE_PRIVATE_KEY: "),
        ({"ENVIRONMENT": "production"}, "APP_URL: is a sandbox address"),
    ],
)
def test_the_program_prints_one_line_and_leaves(changes: dict[str, str | None], named: str) -> None:
    assert refusal("main_api.app", changes).startswith(named)


def test_the_worker_does_as_well() -> None:
    assert refusal("main_api.worker", {"DATABASE_URL": None}).startswith("DATABASE_URL: is not set")


def refusal(program: str, changes: dict[str, str | None]) -> str:
    """The one line a program leaves with."""
    settings = good() | changes
    started = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", program],
        env={"PATH": os.defpath, "PORT": str(free_port())}
        | {name: value for name, value in settings.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert started.returncode == 78
    [line] = started.stderr.strip().splitlines()
    assert "; mend: " in line
    return line
