"""The steps of a rotation as a command takes them: change KEYS_FILE in one step, or say what to set.

Every rotation goes the same way, since no two processes read a change at the same moment: first all learn
the new key, then it is used, and only when nothing needs the old one any more it goes. `settled` keeps the
steps apart.
"""

import fcntl
import json
import math
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

SETTLE_SECONDS = 120
"""A mounted secret reaches all machines within a minute or so; a process reads it within a second."""
OWNER_ONLY = 0o600

KeySettings = Mapping[str, object]


class NotYet(Exception):
    """This step would break something now; the text says what, and when it will not."""


def settled(path: Path, *, seconds: float, why: str) -> None:
    """Raises `NotYet` when the file changed less than so many seconds ago."""
    age = time.time() - path.stat().st_mtime
    if age < seconds:
        left = math.ceil(seconds - age)
        raise NotYet(f"{path.name} changed {age:.0f} s ago; {why}: wait {left} s more")


def change(path: Path, changes: KeySettings) -> None:
    """Replace some settings of the file in one step; what it does not name stays.

    Two commands at once take turns: neither may put back what the other has just changed.
    """
    with path.with_name(f"{path.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        held = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        write_private(path, json.dumps({**held, **changes}, indent=1))


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, for its owner's eyes, or with the rights that it had."""
    rights = path.stat().st_mode & 0o777 if path.exists() else OWNER_ONLY
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        # A key that sealed something may not be lost with the machine's power.
        os.fsync(file.fileno())
    new.chmod(rights)
    new.replace(path)


def take(keys_file: str, changes: KeySettings) -> None:
    """Write the changes into KEYS_FILE; where there is none, print the settings to change by hand."""
    if keys_file:
        change(Path(keys_file), changes)
        sys.stdout.write(f"{keys_file}: {', '.join(changes)} replaced; no restart is needed\n")
        return
    sys.stdout.write(
        "KEYS_FILE is not set: give every process these settings, one after another:\n"
    )
    for name, value in changes.items():
        text = value if isinstance(value, str) else json.dumps(value)
        sys.stdout.write(f"{name}={text}\n")
