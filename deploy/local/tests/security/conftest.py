"""One running system for the whole table, and its last line."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from security.house import House, open_house
from security.row import Tally

from opside_chassis.testing.scratch import scratch_folder

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[_TALLY]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[House]:
    with scratch_folder() as folder:
        async with open_house(folder / "state") as opened:
            yield opened


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    tally = config.stash[_TALLY]
    if tally.refused or tally.controls:
        terminalreporter.write_line(
            f"security table: {len(tally.refused)} attacks refused,"
            f" {len(tally.controls)} controls seen failing"
        )
