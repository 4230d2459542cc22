"""Rotating the services' signing keys without a refused request (facts/money-safety.md section 7).

python -m opside_chassis.rotate_jwt init    --folder keys    # a first key for each service
python -m opside_chassis.rotate_jwt publish --folder keys    # the next public keys, known everywhere
python -m opside_chassis.rotate_jwt sign    --folder keys    # sign with the next keys
python -m opside_chassis.rotate_jwt drop    --folder keys    # the old public keys are forgotten
python -m opside_chassis.rotate_jwt status  --folder keys

The folder has a file a service, `main-api.json` and so on: what KEYS_FILE names there. Services read it
again by themselves. Who sets environment variables instead gives `--values`, sets what it prints, and
restarts the services one after another before the next step.

Each step may be repeated. `sign` and `drop` refuse before the files have been as they are for one lifetime
of the longest token: by then every process has the keys of the step before, and no token of a dropped key
is left.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opside_chassis.key_steps import NotYet, change, settled, write_private
from opside_chassis.keyring import generate_keypair
from opside_chassis.signed_token import SKEW_SECONDS, USER_TOKEN

SERVICES = ("main-api", "integrations-backend", "stripe-payments")
NEXT_KEYS = "next-keys.json"
"""The private halves of published keys that do not sign yet."""
OVERLAP_SECONDS = USER_TOKEN.max_lifetime_seconds + SKEW_SECONDS
FAILED = 1

Entry = dict[str, str]
Changes = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Folder:
    """The key files of all services, and the private keys that wait."""

    path: Path

    def file(self, service: str) -> Path:
        """What KEYS_FILE names for this service."""
        return self.path / f"{service}.json"

    def held(self, service: str) -> Mapping[str, Any]:
        """The settings in it; raises `NotYet` when there is none."""
        try:
            held = json.loads(self.file(service).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise NotYet(f"{self.file(service)} is no file of keys; begin with init") from None
        if (
            not isinstance(held, dict)
            or not {"SERVICE_KEY_ID", "SERVICE_PUBLIC_KEYS"} <= held.keys()
        ):
            raise NotYet(f"{self.file(service)} has no signing keys; begin with init")
        return held

    def next_keys(self) -> dict[str, Entry]:
        """By service: the published key that does not sign yet."""
        try:
            keys: dict[str, Entry] = json.loads((self.path / NEXT_KEYS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return keys

    def keep_next(self, keys: Mapping[str, Entry]) -> None:
        """Before anything is published: a key whose private half is lost could never sign."""
        write_private(self.path / NEXT_KEYS, json.dumps(keys, indent=1))

    def ring(self) -> list[Entry]:
        """The public keys that any service knows; all should know the same."""
        known: dict[str, Entry] = {}
        for service in SERVICES:
            known |= {entry["kid"]: entry for entry in self.held(service)["SERVICE_PUBLIC_KEYS"]}
        return list(known.values())


def init(folder: Folder, *, now: datetime) -> Changes:
    """A first key for each service, in a folder of its own; nothing where files of keys are already."""
    if any(folder.file(service).exists() for service in SERVICES):
        for service in SERVICES:
            folder.held(service)
        return {}
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {service: draw(service, now=now) for service in SERVICES}
    ring = [_public(service, key) for service, key in keys.items()]
    return {
        service: {**_signing(key), "SERVICE_PUBLIC_KEYS": ring} for service, key in keys.items()
    }


def publish(folder: Folder, of: Iterable[str] = SERVICES, *, now: datetime) -> Changes:
    """The next public keys of these services go into every service's ring.

    A service whose next key waits already gets no other one.
    """
    ring, waiting = folder.ring(), folder.next_keys()
    waiting |= {service: draw(service, now=now) for service in of if service not in waiting}
    folder.keep_next(waiting)
    known = {entry["kid"] for entry in ring}
    ring += [_public(service, key) for service, key in waiting.items() if key["kid"] not in known]
    return _rings(folder, ring)


def sign(folder: Folder) -> Changes:
    """Each service with a published key signs with it. Nothing when none waits.

    Raises `NotYet` when a ring lacks one of these keys.
    """
    waiting = folder.next_keys()
    for service in SERVICES:
        known = {entry["kid"] for entry in folder.held(service)["SERVICE_PUBLIC_KEYS"]}
        missing = [key["kid"] for key in waiting.values() if key["kid"] not in known]
        if missing:
            raise NotYet(f"{service} does not know {missing[0]}; publish first")
    return {
        service: _signing(key)
        for service, key in waiting.items()
        if folder.held(service)["SERVICE_KEY_ID"] != key["kid"]
    }


def drop(folder: Folder) -> Changes:
    """Every public key that nobody signs with goes.

    Raises `NotYet` while a published key waits to sign: it would go too.
    """
    signing = {folder.held(service)["SERVICE_KEY_ID"] for service in SERVICES}
    waiting = [key["kid"] for key in folder.next_keys().values() if key["kid"] not in signing]
    if waiting:
        raise NotYet(f"{waiting[0]} is published and does not sign yet; sign first")
    return _rings(folder, [entry for entry in folder.ring() if entry["kid"] in signing])


def take(folder: Folder, changes: Changes) -> None:
    """Write a step into the files."""
    for service, settings in changes.items():
        change(folder.file(service), settings)


def draw(service: str, *, now: datetime) -> Entry:
    """A new key pair; its id says whose it is and from when."""
    kid = f"{service}-{now:%Y%m%d}-{secrets.token_hex(3)}"
    return {"kid": kid, **generate_keypair()._asdict()}


def _rings(folder: Folder, ring: list[Entry]) -> Changes:
    by_kid = sorted(ring, key=lambda entry: entry["kid"])

    def differs(service: str) -> bool:
        held = folder.held(service)["SERVICE_PUBLIC_KEYS"]
        return sorted(held, key=lambda entry: str(entry["kid"])) != by_kid

    return {s: {"SERVICE_PUBLIC_KEYS": by_kid} for s in SERVICES if differs(s)}


def _public(service: str, key: Entry) -> Entry:
    return {"kid": key["kid"], "issuer": service, "public_key": key["public_key"]}


def _signing(key: Entry) -> dict[str, object]:
    return {"SERVICE_KEY_ID": key["kid"], "SERVICE_PRIVATE_KEY": key["private_key"]}


_WHY = {
    "sign": "a process that does not know the new key would refuse it",
    "drop": "tokens of the old key are still about",
}
_NEXT = {"init": "", "publish": "sign", "sign": "drop", "drop": ""}


def _step(name: str, folder: Folder, arguments: argparse.Namespace) -> Changes:
    now = datetime.now(UTC)
    steps: dict[str, Callable[[], Changes]] = {
        "init": lambda: init(folder, now=now),
        "publish": lambda: publish(folder, arguments.of or SERVICES, now=now),
        "sign": lambda: sign(folder),
        "drop": lambda: drop(folder),
    }
    changes = steps[name]()
    if changes and name in _WHY:
        for service in SERVICES:
            settled(folder.file(service), seconds=arguments.overlap_seconds, why=_WHY[name])
    return changes


def _status(folder: Folder) -> None:
    signing = {folder.held(service)["SERVICE_KEY_ID"] for service in SERVICES}
    waiting = {key["kid"] for key in folder.next_keys().values()}
    for entry in folder.ring():
        kid = entry["kid"]
        state = "signs" if kid in signing else "is published" if kid in waiting else "is old"
        sys.stdout.write(f"{entry['issuer']}: {kid} {state}\n")


def _say(name: str, folder: Folder, changes: Changes, *, values: bool) -> None:
    for service, settings in changes.items():
        sys.stdout.write(f"{folder.file(service)}: {', '.join(settings)} replaced\n")
        for setting, value in settings.items() if values else ():
            text = value if isinstance(value, str) else json.dumps(value)
            sys.stdout.write(f"{setting}={text}\n")
    if not changes:
        sys.stdout.write("nothing to change\n")
    if _NEXT[name]:
        sys.stdout.write(f"next, in {OVERLAP_SECONDS / 60:.0f} minutes: {_NEXT[name]}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m opside_chassis.rotate_jwt",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=("init", "publish", "sign", "drop", "status"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--of", choices=SERVICES, action="append", help="publish: of this service")
    parser.add_argument("--values", action="store_true", help="print the settings, keys included")
    parser.add_argument(
        "--overlap-seconds",
        type=float,
        default=OVERLAP_SECONDS,
        help="how long the files must have been as they are (shorter when a key was stolen)",
    )
    return parser


def main() -> None:
    """Take one step."""
    arguments = _parser().parse_args()
    folder = Folder(arguments.folder)
    try:
        if arguments.step == "status":
            _status(folder)
            return
        changes = _step(arguments.step, folder, arguments)
        take(folder, changes)
        if arguments.step == "drop":
            folder.keep_next({})
    except (NotYet, OSError) as error:
        sys.stderr.write(f"{arguments.step}: {error}\n")
        raise SystemExit(FAILED) from None
    _say(arguments.step, folder, changes, values=arguments.values)


if __name__ == "__main__":
    main()
