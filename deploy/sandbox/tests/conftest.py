"""A sandbox for the whole run, the stripe SDK pointed at it, and a webhook receiver."""

from collections.abc import Iterator

import httpx
import pytest
import stripe
from amazon_contract import CONTRACT as AMAZON_CONTRACT
from gmail_contract import CONTRACT as GMAIL_CONTRACT
from sandbox_process import SECRET_KEY, Sandbox, running
from stripe_contract import CONTRACT
from stripe_recording import RecordingClient
from webhook_receiver import Receiver


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def api(sandbox: Sandbox) -> stripe.StripeClient:
    """The real SDK; every answer and request goes through the contract."""
    return client_of(sandbox)


def client_of(sandbox: Sandbox) -> stripe.StripeClient:
    return stripe.StripeClient(
        SECRET_KEY, base_addresses={"api": sandbox.stripe}, http_client=RecordingClient()
    )


@pytest.fixture(scope="session")
def control(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{sandbox.control}/control") as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(CONTRACT.summary())
    terminalreporter.write_line(AMAZON_CONTRACT.summary())
    terminalreporter.write_line(GMAIL_CONTRACT.summary())
