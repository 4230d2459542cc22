"""A sandbox for the whole run, the stripe SDK pointed at it, and a webhook receiver."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

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


@pytest.fixture(scope="module")
def ended_subscriptions(api: stripe.StripeClient) -> Iterator[None]:
    """Subscriptions that a module leaves alive would be charged while others count charges."""
    yield
    for one in api.v1.subscriptions.list({"limit": 100}).auto_paging_iter():
        api.v1.subscriptions.cancel(one.id)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


_CONTRACTS = (CONTRACT, AMAZON_CONTRACT, GMAIL_CONTRACT)
_COUNTED = ("operations", "validations", "requests", "failures")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a parallel run hands what its contracts have counted to the main process."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["contracts"] = [
            {name: _plain(getattr(one, name)) for name in _COUNTED if hasattr(one, name)}
            for one in _CONTRACTS
        ]


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Counter) else value


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for one, counted in zip(
        _CONTRACTS, getattr(node, "workeroutput", {}).get("contracts", ()), strict=False
    ):
        for name, value in counted.items():
            known = getattr(one, name)
            setattr(one, name, known + (Counter(value) if name == "operations" else value))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for one in _CONTRACTS:
        terminalreporter.write_line(one.summary())
