"""The keys of a copy as files that its services read again while they run: what can be rotated.

Written once from the secrets of the state folder; from then on the commands of a rotation own them.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from opside_chassis.key_steps import write_private
from opside_local.folders import OWNER_ONLY
from opside_local.secrets import INTEGRATIONS, MAIN_API, PAYMENTS

_SIGNING = ("SERVICE_KEY_ID", "SERVICE_PRIVATE_KEY", "SERVICE_PUBLIC_KEYS")
KEYS = {
    MAIN_API: _SIGNING,
    INTEGRATIONS: (*_SIGNING, "ENCRYPTION_KEY", "ENCRYPTION_KEY_ID"),
    PAYMENTS: (*_SIGNING, "STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET"),
}
"""What stands in the file of each service."""


def keys_file(folder: Path, service: str) -> Path:
    """The file that KEYS_FILE of this service names."""
    return folder / f"{service}.json"


def moved_out(settings: Mapping[str, str], folder: Path, service: str) -> dict[str, str]:
    """A service's environment without its keys, which stand in its file (made if it is not there)."""
    path = keys_file(folder, service)
    if not path.exists():
        folder.mkdir(exist_ok=True, mode=OWNER_ONLY)
        keys: dict[str, object] = {name: settings[name] for name in KEYS[service]}
        keys["SERVICE_PUBLIC_KEYS"] = json.loads(settings["SERVICE_PUBLIC_KEYS"])
        write_private(path, json.dumps(keys, indent=1))
    others = {name: value for name, value in settings.items() if name not in KEYS[service]}
    return others | {"KEYS_FILE": str(path)}
