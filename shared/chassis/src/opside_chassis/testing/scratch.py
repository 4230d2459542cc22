"""Where tests keep what embedded engines and whole systems write: in memory, if that has room."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - a TemporaryDirectory is made there
_ROOM_BYTES = 4 * 1024**3
"""A container's is often 64 MiB; the log of a throw-away server grows to 2 GiB."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A throw-away folder that the server's user can pass through."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    with tempfile.TemporaryDirectory(
        prefix="opside-test-", dir=_MEMORY if roomy else None, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder
