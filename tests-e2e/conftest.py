"""One running system for all journeys: three services, three workers, real engines, the sandbox."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from opside_chassis.testing.scratch import scratch_folder
from opside_local.system import System, running

# Its assertions explain themselves as those of a test do.
pytest.register_assert_rewrite("rest")


@pytest.fixture(scope="session")
def recording() -> Iterator[Path]:
    """What the services have sent to the providers' sandboxes in the whole run."""
    with tempfile.TemporaryDirectory(prefix="opside-e2e-recording-") as name:
        yield Path(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(recording: Path) -> AsyncIterator[System]:
    with scratch_folder() as folder:
        async with running(folder / "state", record=recording) as started:
            yield started
