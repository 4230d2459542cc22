"""main-api tests itself on its own migrated schema, as a real app with its neighbours faked over HTTP."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from door import Browser, Door, Street, opened, settings_of
from engine import Engine
from fakes.integrations_fake import FakeIntegrations
from fakes.neighbour import neighbour
from fakes.payments_fake import FakePayments
from seller import Seller, seller_at

from opside_chassis.database import Database
from opside_chassis.testing.plugin import SchemaUnderTest, Signing


@pytest.fixture(scope="session")
def schema_under_test() -> SchemaUnderTest:
    return SchemaUnderTest("main_api", Path(__file__).parent.parent / "alembic.ini")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def listening() -> AsyncIterator[Street]:
    """One pair of servers for all tests."""
    async with neighbour() as integrations, neighbour() as payments:
        # To the question of a sign-in whether the seller must still connect his account.
        integrations.usual = {"alreadyConnected": True, "consentUrl": None}
        yield Street(integrations, payments)


@pytest.fixture
def street(listening: Street) -> Street:
    """The neighbours, remembering nothing of earlier tests."""
    listening.integrations.forget()
    listening.payments.forget()
    return listening


@pytest_asyncio.fixture(loop_scope="session")
async def door(
    committed_database: Database, signing: Signing, street: Street
) -> AsyncIterator[Door]:
    """main-api on a database of its own."""
    made = Door(settings_of(signing, **street.urls()), committed_database, signing)
    async with opened(made) as running:
        yield running


@pytest.fixture
def new_browser(door: Door) -> Callable[..., Browser]:
    """Browsers that share nothing."""
    return lambda **options: Browser(door, door.client(**options))


@pytest.fixture
def browser(new_browser: Callable[..., Browser]) -> Browser:
    return new_browser()


@pytest.fixture
def integrations(door: Door, street: Street) -> FakeIntegrations:
    """integrations-backend with the cases that a test gives it."""
    made = FakeIntegrations(door.signing.ring)
    street.integrations.answer = made
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def seller(door: Door, integrations: FakeIntegrations) -> Seller:
    """Somebody who sells."""
    return await seller_at(door, integrations, "usr_a")


@pytest_asyncio.fixture(loop_scope="session")
async def rival(door: Door, integrations: FakeIntegrations) -> Seller:
    """Somebody else who sells."""
    return await seller_at(door, integrations, "usr_b")


@pytest.fixture
def engine(door: Door, street: Street) -> Engine:
    """The refund engine beside a payments service that keeps its promises."""
    payments = FakePayments(door.signing.ring)
    street.payments.answer = payments
    return Engine(door, payments)


@pytest_asyncio.fixture(loop_scope="session")
async def ada(browser: Browser, street: Street) -> Browser:
    """Signed in, with the neighbours' memory of it wiped."""
    await browser.sign_in()
    street.integrations.forget()
    return browser
