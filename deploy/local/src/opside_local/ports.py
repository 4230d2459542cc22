"""Which ports one copy of the system listens on. All of them on 127.0.0.1."""

import errno
import json
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from opside_chassis.settings import WrongSetting
from opside_local.folders import write_private

HOST = "127.0.0.1"
# Below the range from which Linux takes ports of outgoing connections (32768 and up): a port
# remembered from the last run is not taken by chance.
FIRST_PORT, LAST_PORT = 20_000, 31_999
MAX_DRAWS = 200
LAST_PORT_NUMBER = 65_535


@dataclass(frozen=True, slots=True)
class Ports:
    """One number a listener."""

    main_api: int
    integrations: int
    payments: int
    stripe: int
    amazon: int
    gmail: int
    control: int
    postgres: int
    redis: int


SETTINGS = {
    "main_api": ("MAIN_API_PORT", 8000),
    "integrations": ("INTEGRATIONS_PORT", 3000),
    "payments": ("PAYMENTS_PORT", 4000),
    "stripe": ("SANDBOX_STRIPE_PORT", 12111),
    "amazon": ("SANDBOX_AMAZON_PORT", 12112),
    "gmail": ("SANDBOX_GMAIL_PORT", 12113),
    "control": ("SANDBOX_CONTROL_PORT", 12119),
}
"""The setting and the documented default of each listener that a person talks to."""


def is_free(port: int) -> bool:
    """Whether somebody could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def free_ports(remembered: Path) -> Ports:
    """Ports nobody uses; those of the last run where they are still free, so that URLs last."""
    last = _read(remembered)
    taken: set[int] = set()
    chosen = {}
    for name in (field.name for field in fields(Ports)):
        port = last.get(name, 0)
        if port in taken or not (port and is_free(port)):
            port = _draw(taken)
        taken.add(port)
        chosen[name] = port
    ports = Ports(**chosen)
    write_private(remembered, json.dumps(asdict(ports)))
    return ports


def remembered_ports(remembered: Path) -> Ports:
    """Those of the copy that runs now; raises `TypeError` when its file was never written."""
    return Ports(**_read(remembered))


def documented_ports(environment: Mapping[str, str], remembered: Path) -> Ports:
    """The documented ports or those the environment names; raises `WrongSetting` for a taken one.

    Postgres and Redis are nobody's business: they get free ports.
    """
    named: dict[str, int] = {}
    for name, (setting, default) in SETTINGS.items():
        port = _port(environment.get(setting) or str(default), setting)
        if port in named.values():
            raise WrongSetting(setting, f"port {port} is given twice", "give each its own port")
        if not is_free(port):
            problem = f"{HOST}:{port} is in use"
            raise WrongSetting(setting, problem, f"stop what listens there, or set {setting}")
        named[name] = port
    engines = free_ports(remembered)
    return Ports(**named, postgres=engines.postgres, redis=engines.redis)


def _port(text: str, setting: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= LAST_PORT_NUMBER:
        raise WrongSetting(setting, f"{text!r} is not a port", "give a number from 1 to 65535")
    return int(text)


def _draw(taken: set[int]) -> int:
    for _ in range(MAX_DRAWS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 (any free port will do)
        if port not in taken and is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port between {FIRST_PORT} and {LAST_PORT}")


def _read(remembered: Path) -> dict[str, int]:
    """The last run's ports; a damaged file is the same as none."""
    try:
        last = json.loads(remembered.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(last, dict):
        return {}
    return {
        name: port
        for name, port in last.items()
        if isinstance(port, int) and 0 < port <= LAST_PORT_NUMBER
    }
