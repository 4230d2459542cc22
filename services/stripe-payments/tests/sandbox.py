"""The Stripe sandbox as a process of its own, and a seller in front of its pages."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import httpx
import stripe

SECRET_KEY = "sk_" + "test_" + secrets.token_hex(12)
PUBLISHABLE_KEY = "pk_" + "test_" + secrets.token_hex(12)
READY_LINES = 4


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: Stripe's address, and that of the control API."""

    stripe: str
    control: str

    @property
    def api(self) -> stripe.StripeClient:
        """Stripe's own SDK, for what an operator does in the dashboard."""
        return stripe.StripeClient(
            SECRET_KEY, base_addresses={"api": self.stripe}, max_network_retries=0
        )

    def ask(self, path: str, **body: object) -> Any:
        """The control API: GET, or POST with a body."""
        url = f"{self.control}/control/{path}"
        answer = httpx.post(url, json=body) if body else httpx.get(url)
        return answer.raise_for_status().json()

    def save_card(self, setup_intent_id: str, client_secret: str, card: str) -> None:
        """What Stripe's card form does in the seller's browser."""
        answer = httpx.post(
            f"{self.stripe}/v1/setup_intents/{setup_intent_id}/confirm",
            data={"client_secret": client_secret, "payment_method": card},
            headers={"Authorization": f"Bearer {PUBLISHABLE_KEY}"},
        )
        assert answer.status_code == 200, answer.text

    def onboard(self, account_link_url: str) -> None:
        """The seller fills in Stripe's page."""
        page = httpx.get(account_link_url)
        session = page.text.partition('name="session" value="')[2].partition('"')[0]
        answer = httpx.post(account_link_url, data={"session": session, "decision": "complete"})
        assert answer.status_code == 302, answer.text


@contextmanager
def running(**settings: str) -> Iterator[Sandbox]:
    """A sandbox on free ports for the length of a block."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")},
        **{f"SANDBOX_{door}_PORT": "0" for door in ("STRIPE", "AMAZON", "GMAIL", "CONTROL")},
        "SANDBOX_CONTROL": "on",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "opside_sandbox"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        urls = _addresses(process.stdout)
        yield Sandbox(urls["stripe"], urls["control"])
    finally:
        process.terminate()
        process.wait(timeout=20)


def _addresses(lines: IO[str] | None) -> dict[str, str]:
    assert lines is not None
    found = (next(lines).split() for _ in range(READY_LINES))
    return dict(found)
