"""One running system for the whole table, and its last line."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from security.house import House, open_house
from security.row import Tally

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[_TALLY]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory(prefix="opside-security-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240 - the engines run as another user
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
