"""One running system for all journeys: three services, three workers, real engines, the sandbox."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from opside_local.system import System, running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system() -> AsyncIterator[System]:
    with tempfile.TemporaryDirectory(prefix="opside-e2e-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # noqa: ASYNC240 - the engines run as another user
        async with running(folder / "state") as started:
            yield started
