"""A wrong setting stops the start with one line that names it and the mend."""

import base64
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integrations_backend.settings import Settings
from opside_chassis.keyring import generate_keypair
from opside_chassis.settings import WrongSetting, read
from opside_chassis.testing.engines import free_port

PREFIXES = (
    *(
        "AMAZON_",
        "APP_",
        "ARCHIVE_",
        "AWS_",
        "DATABASE_",
        "ENCRYPTION_",
        "ENVIRONMENT",
        "INTEGRATIONS_",
    ),
    "GMAIL_",
    "STRIPE_",
    *("MAIN_API_", "PAYMENTS_", "PORT", "REDIS_", "SERVICE_", "SYNC_"),
)


def good(archive: Path) -> dict[str, str]:
    private, public = generate_keypair()
    return {
        "DATABASE_URL": "postgresql://integrations_app:p@db.example.com/opside?sslmode=verify-full",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "SERVICE_KEY_ID": "integrations-backend-1",
        "SERVICE_PRIVATE_KEY": private,
        "SERVICE_PUBLIC_KEYS": '[{"kid":"integrations-backend-1",'
        f'"issuer":"integrations-backend","public_key":"{public}"}}]',
        "APP_URL": "https://opside.example.com",
        "AMAZON_CLIENT_ID": "amzn1.application-oa2-client.x",
        "AMAZON_CLIENT_SECRET": secrets.token_urlsafe(24),
        "AMAZON_APPLICATION_ID": "amzn1.sp.solution.x",
        "AMAZON_REDIRECT_URI": "https://opside.example.com/api/amazon/callback",
        "ENCRYPTION_KEY": secrets.token_urlsafe(32),
        "ENCRYPTION_KEY_ID": "vault-1",
        "ARCHIVE_URL": str(archive),
    }


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    for name, value in good(tmp_path).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("stage", ["development", "production"])
def test_good_settings_are_read(environment: pytest.MonkeyPatch, stage: str) -> None:
    environment.setenv("ENVIRONMENT", stage)
    settings = read(Settings)
    assert settings.sync_interval_seconds == 3_600, "hourly (features IN33)"
    assert settings.amazon_sp_api_url == "https://sellingpartnerapi-na.amazon.com"


def test_secrets_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    settings = read(Settings)
    for name in ("AMAZON_CLIENT_SECRET", "ENCRYPTION_KEY", "SERVICE_PRIVATE_KEY"):
        assert os.environ[name] not in repr(settings)


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("ENCRYPTION_KEY", "", "has 0 bytes"),
        ("ENCRYPTION_KEY", "c2hvcnQ", "has 5 bytes, not 32"),
        ("ENCRYPTION_KEY", base64.urlsafe_b64encode(b"k" * 32).decode(), "is a placeholder"),
        ("ENCRYPTION_KEY", "not base64url at all!", "is not base64url"),
        ("ENCRYPTION_KEY_ID", "a key", "pattern"),
        ("ENCRYPTION_PREVIOUS_KEYS", "no-key-id", "id:key"),
        ("ENCRYPTION_PREVIOUS_KEYS", "old:c2hvcnQ", "has 5 bytes, not 32"),
        ("ENCRYPTION_PREVIOUS_KEYS", "old:a,old:b", "id:key"),
        ("AMAZON_CLIENT_ID", "", "at least 1 character"),
        ("AMAZON_CLIENT_SECRET", "", "is empty"),
        ("AMAZON_APPLICATION_ID", "", "at least 1 character"),
        ("AMAZON_SP_API_URL", "ftp://x", "http"),
        ("AMAZON_LWA_URL", "https://user:pw@api.example.com", "without credentials"),
        ("ARCHIVE_URL", "", "at least 1 character"),
        ("AWS_ENDPOINT_URL", "ftp://x", "http"),
        ("SYNC_INTERVAL_SECONDS", "1", "greater than or equal to 60"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("DATABASE_URL", "mysql://x", "pattern"),
        ("REDIS_URL", "http://x", "pattern"),
        ("SERVICE_PUBLIC_KEYS", "not json", "not valid JSON"),
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
    assert not value or value not in str(wrong.value)


@pytest.mark.parametrize(
    "setting",
    [
        "APP_URL",
        "AMAZON_REDIRECT_URI",
        "AMAZON_SELLER_CENTRAL_URL",
        "AMAZON_LWA_URL",
        "AMAZON_SP_API_URL",
    ],
)
@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:12112", "https://localhost:1", "http://amazon.example.com"]
)
def test_a_sandbox_in_production_is_refused(
    environment: pytest.MonkeyPatch, setting: str, address: str
) -> None:
    environment.setenv(setting, address)
    assert read(Settings), "at home it is welcome"
    environment.setenv("ENVIRONMENT", "production")
    with pytest.raises(WrongSetting, match=f"{setting}: is a sandbox address"):
        read(Settings)


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_access_to_a_bucket_is_whole_or_absent(
    environment: pytest.MonkeyPatch, missing: str
) -> None:
    assert read(Settings).bucket_access == {}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.setenv(name, "known")
    assert set(read(Settings).bucket_access) == {"aws_access_key_id", "aws_secret_access_key"}
    environment.delenv(missing)
    with pytest.raises(WrongSetting, match=f"{missing}: is empty"):
        read(Settings)


def test_a_bucket_of_the_sandbox_in_production_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    assert read(Settings).bucket_access == {"aws_endpoint_url": "http://127.0.0.1:9000"}
    environment.setenv("ENVIRONMENT", "production")
    with pytest.raises(WrongSetting, match="AWS_ENDPOINT_URL: is a sandbox address"):
        read(Settings)


def test_production_wants_an_encrypted_database(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "production")
    environment.setenv("DATABASE_URL", "postgresql://integrations_app:p@db.example.com/opside")
    with pytest.raises(WrongSetting, match="DATABASE_URL"):
        read(Settings)


WRONG = {
    "ENCRYPTION_KEY: is not set": {"ENCRYPTION_KEY": None},
    "AMAZON_CLIENT_SECRET: is not set": {"AMAZON_CLIENT_SECRET": None},
    "ARCHIVE_URL: /proc/nowhere cannot be written": {"ARCHIVE_URL": "/proc/nowhere"},
    "ARCHIVE_URL: ftp: is not understood": {"ARCHIVE_URL": "ftp://files.example.com/x"},
    "ARCHIVE_URL: s3://nowhere/x cannot be written": {
        "ARCHIVE_URL": "s3://nowhere/x",
        "AWS_ACCESS_KEY_ID": "one",
        "AWS_SECRET_ACCESS_KEY": "two",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    },
    "AMAZON_LWA_URL: is a sandbox address in production": {
        "ENVIRONMENT": "production",
        "AMAZON_LWA_URL": "http://127.0.0.1:1",
    },
    "SERVICE_PRIVATE_KEY: is a placeholder": {
        "SERVICE_PRIVATE_KEY": base64.urlsafe_b64encode(b"a" * 32).decode()
    },
}
STARTS = [(door, named) for door in ("app", "worker") for named in WRONG]
Ends = dict[tuple[str, str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> Ends:
    """How each program ends with each wrong setting; a start takes seconds, so several run at once."""
    folder = tmp_path_factory.mktemp("archive")

    def start(one: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        door, named = one
        settings = good(folder) | WRONG[named]
        bare = {name: value for name, value in settings.items() if value is not None}
        return subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", f"integrations_backend.{door}"],
            env={"PATH": os.defpath, "PORT": str(free_port())} | bare,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(STARTS, pool.map(start, STARTS), strict=True))


@pytest.mark.parametrize(("door", "named"), STARTS)
def test_the_program_prints_one_line_and_leaves(ends: Ends, door: str, named: str) -> None:
    ended = ends[door, named]
    assert ended.returncode == 78, ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(named)
    assert "mend:" in lines[0]


def test_the_example_names_every_setting() -> None:
    example = Path(__file__).parents[2] / ".env.example"
    lines = example.read_text().splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    assert named == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("missing", ["GMAIL_CLIENT_ID", "GMAIL_CLIENT_SECRET"])
def test_a_google_client_is_whole_or_absent(environment: pytest.MonkeyPatch, missing: str) -> None:
    assert not read(Settings).reads_mail
    for name in ("GMAIL_CLIENT_ID", "GMAIL_CLIENT_SECRET"):
        environment.setenv(name, "" if name == missing else secrets.token_urlsafe(24))
    with pytest.raises(WrongSetting, match=f"{missing}: is empty"):
        read(Settings)


@pytest.mark.parametrize(
    "setting", ["GMAIL_REDIRECT_URI", "GMAIL_AUTH_URL", "GMAIL_TOKEN_URL", "GMAIL_API_URL"]
)
def test_a_sandbox_of_google_in_production_is_refused(
    environment: pytest.MonkeyPatch, setting: str
) -> None:
    environment.setenv("GMAIL_CLIENT_ID", "client")
    environment.setenv("GMAIL_CLIENT_SECRET", secrets.token_urlsafe(24))
    environment.setenv("GMAIL_REDIRECT_URI", "https://opside.example.com/api/gmail/callback")
    environment.setenv("ENVIRONMENT", "production")
    assert read(Settings).reads_mail
    environment.setenv(setting, "http://127.0.0.1:12113")
    with pytest.raises(WrongSetting, match=f"{setting}: is a sandbox address"):
        read(Settings)


@pytest.mark.parametrize("missing", ["STRIPE_CLIENT_ID", "STRIPE_CLIENT_SECRET"])
def test_a_stripe_client_is_whole_or_absent(environment: pytest.MonkeyPatch, missing: str) -> None:
    assert read(Settings).links_stripe is False
    for name in ("STRIPE_CLIENT_ID", "STRIPE_CLIENT_SECRET"):
        environment.setenv(name, secrets.token_urlsafe(24))
    assert read(Settings).links_stripe is True
    assert read(Settings).stripe_sync_interval_seconds == 1_800, "half-hourly (features IN34)"
    assert os.environ["STRIPE_CLIENT_SECRET"] not in repr(read(Settings))
    environment.setenv(missing, "")
    with pytest.raises(WrongSetting, match=f"{missing}: is empty"):
        read(Settings)


@pytest.mark.parametrize(
    "setting", ["STRIPE_REDIRECT_URI", "STRIPE_CONNECT_URL", "STRIPE_API_BASE_URL"]
)
def test_a_stripe_sandbox_in_production_is_refused(
    environment: pytest.MonkeyPatch, setting: str
) -> None:
    environment.setenv("STRIPE_CLIENT_ID", "ca_1")
    environment.setenv("STRIPE_CLIENT_SECRET", secrets.token_urlsafe(24))
    environment.setenv("STRIPE_REDIRECT_URI", "https://opside.example.com/api/stripe/callback")
    environment.setenv("ENVIRONMENT", "production")
    assert read(Settings).links_stripe
    environment.setenv(setting, "http://127.0.0.1:12111")
    with pytest.raises(WrongSetting, match=f"{setting}: is a sandbox address"):
        read(Settings)
