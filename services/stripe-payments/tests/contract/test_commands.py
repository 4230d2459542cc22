"""The operator's commands as he types them: processes of their own, against the sandbox over HTTP."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from door import settings_of
from sandbox import SECRET_KEY, Sandbox, running

from opside_chassis.testing.plugin import MigratedDatabase, Signing

URL = "https://payments.example.com/webhooks/stripe"
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture
def command(sandbox: Sandbox, migrated: MigratedDatabase, signing: Signing) -> Command:
    settings = settings_of(signing)
    environment = {
        **os.environ,
        "ENVIRONMENT": "test",
        "DATABASE_URL": migrated.app_url,
        "REDIS_URL": settings.redis_url,
        "SERVICE_KEY_ID": settings.service_key_id,
        "SERVICE_PRIVATE_KEY": settings.service_private_key.get_secret_value(),
        "SERVICE_PUBLIC_KEYS": "["
        + ",".join(k.model_dump_json() for k in settings.service_public_keys)
        + "]",
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_API_BASE_URL": sandbox.stripe,
        "STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secret.get_secret_value(),
        "STRIPE_CONNECT_WEBHOOK_SECRET": settings.stripe_connect_webhook_secret.get_secret_value(),
    }

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "stripe_payments.commands", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_endpoints_are_made_once_switched_off_and_on(command: Command) -> None:
    made = command("register-webhooks", "--url", URL)
    assert (made.returncode, made.stdout.count("created"), made.stderr) == (0, 2, "")
    assert "STRIPE_WEBHOOK_SECRET=whsec_" in made.stdout
    again = command("register-webhooks", "--url", URL)
    assert again.stdout.count("as it should be") == 2
    off = command("disable-webhooks")
    assert (off.returncode, off.stdout.count("is off")) == (0, 2)
    on = command("register-webhooks", "--url", URL)
    assert on.stdout.count("updated") == 2
    refused = command("register-webhooks", "--url", "http://payments.example.com/x")
    assert (refused.returncode, refused.stdout) == (1, "")


def test_secrets_are_rolled_a_step_at_a_time(command: Command) -> None:
    assert command("register-webhooks", "--url", URL).returncode == 0
    begun = command("roll-webhooks", "begin", "--endpoint", "connect")
    assert (begun.returncode, begun.stderr) == (0, "")
    assert "STRIPE_CONNECT_WEBHOOK_SECRET=" in begun.stdout
    assert ",whsec_" in begun.stdout, "without KEYS_FILE both secrets are printed, to be set"
    early = command("roll-webhooks", "switch", "--endpoint", "connect")
    assert early.returncode == 1
    assert "no roll" in early.stderr, "the new secret is not set yet"


def test_an_empty_book_agrees_and_its_trail_holds(command: Command) -> None:
    compared = command("compare-books")
    assert (compared.returncode, compared.stdout) == (0, "0 objects, 0 differences\n")
    verified = command("verify-audit")
    assert (verified.returncode, verified.stdout) == (0, "0 chains, 0 entries\n")
