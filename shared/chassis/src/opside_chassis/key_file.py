"""Keys that change while a process runs: the file that KEYS_FILE names, read again once it was replaced.

The file is a JSON object of settings (`{"SERVICE_KEY_ID": "...", ...}`) that win over the environment; only
those of a service's `REREAD` may stand in it. Whoever writes it replaces it in one step, as a mounted secret
is. What cannot be read or used leaves the keys as they were and is logged: a rotation gone wrong never stops
a service that runs.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from opside_chassis.settings import ServiceSettings, WrongSetting, settings_in_file, with_changes

LOOK_EVERY_SECONDS = 1.0
"""A look at the file's date costs microseconds; nobody waits for a key for longer than this."""

Settings = TypeVar("Settings", bound=ServiceSettings)
Value = TypeVar("Value")

_log = logging.getLogger(__name__)


class Rereading(Generic[Value]):
    """Something made from settings (a key, a ring of keys, a vault), made anew when the file changed."""

    def __init__(
        self,
        settings: Settings,
        make: Callable[[Settings], Value],
        *,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
    ) -> None:
        """Raises `WrongSetting` when it cannot be made from the settings as they are."""
        self._path = settings.keys_file
        self._every_seconds = look_every_seconds
        self._look_at = 0.0
        self._seen: tuple[int, int, int] | None = None
        self._value = make(settings)

        def made_again() -> Value:
            return make(with_changes(settings, settings_in_file(type(settings), self._path)))

        self._made_again = made_again

    def now(self) -> Value:
        """As the file says, at most `look_every_seconds` late."""
        if self._path and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + self._every_seconds
            self._look()
        return self._value

    def _look(self) -> None:
        try:
            found = Path(self._path).stat()
        except OSError as error:
            _log.error("KEYS_FILE cannot be read; the keys stay as they are: %s", error.strerror)
            return
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._value = self._made_again()
        except WrongSetting as wrong:
            _log.error("KEYS_FILE is not taken; the keys stay as they are: %s", wrong)
