"""Commands of an operator. How a vault key is rotated: README, "Rotating keys".

python -m integrations_backend.commands vault status
python -m integrations_backend.commands vault publish
python -m integrations_backend.commands vault seal --key-id vault-20261121-a1b2c3
python -m integrations_backend.commands vault reseal
python -m integrations_backend.commands vault drop --key-id vault-1
python -m integrations_backend.commands doctor --json
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from integrations_backend.doctor import PRACTICE
from integrations_backend.runtime import SCHEMA, SERVICE, build_vault
from integrations_backend.settings import Settings
from integrations_backend.vault import rotate
from integrations_backend.vault.reseal import reseal, sealed_by_key
from opside_chassis.clock import utc_now
from opside_chassis.database import Database, Sessions, check_application_role
from opside_chassis.doctor_points import add_command
from opside_chassis.key_steps import SETTLE_SECONDS, NotYet, settled, take
from opside_chassis.settings import WrongSetting, load, refuse_start

FAILED = 1
PASSES = 60
"""More than a lease of a token being refreshed lasts in passes a second apart."""
PAUSE_SECONDS = 1.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m integrations_backend.commands",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add_command(commands)
    steps = commands.add_parser("vault", help="rotate the key of providers' tokens").add_subparsers(
        dest="step", required=True
    )
    steps.add_parser("status", help="how many secrets each key has sealed")
    steps.add_parser("publish", help="draw the next key, which opens and does not seal yet")
    steps.add_parser("reseal", help="bring every stored secret under the key that seals")
    for name, does in (("seal", "seal with this key from now on"), ("drop", "forget this key")):
        step = steps.add_parser(name, help=does)
        step.add_argument("--key-id", required=True)
        step.add_argument(
            "--settle-seconds",
            type=float,
            default=SETTLE_SECONDS,
            help="how long KEYS_FILE must have been as it is",
        )
    return parser


async def _status(settings: Settings, sessions: Sessions, _arguments: argparse.Namespace) -> int:
    sealed = await sealed_by_key(sessions)
    for kid in sorted(sealed.keys() | settings.vault_keys.keys()):
        role = "seals" if kid == settings.encryption_key_id else "opens"
        known = role if kid in settings.vault_keys else "UNKNOWN: no key of this id is set"
        sys.stdout.write(f"{kid}: {known}; {sealed.get(kid, 0)} secrets\n")
    return FAILED if sealed.keys() - settings.vault_keys.keys() else 0


async def _publish(settings: Settings, _sessions: Sessions, _arguments: argparse.Namespace) -> int:
    kid, changes = rotate.publish(settings, now=utc_now())
    take(settings.keys_file, changes)
    sys.stdout.write(f"next, once every process knows it: vault seal --key-id {kid}\n")
    return 0


async def _seal(settings: Settings, _sessions: Sessions, arguments: argparse.Namespace) -> int:
    changes = rotate.seal(settings, arguments.key_id)
    if not changes:
        sys.stdout.write(f"{arguments.key_id} seals already\n")
        return 0
    _settle(settings, arguments, why="a process that does not know the new key could not open")
    take(settings.keys_file, changes)
    old = settings.encryption_key_id
    sys.stdout.write(f"next: vault reseal, then vault drop --key-id {old}\n")
    return 0


async def _reseal(settings: Settings, sessions: Sessions, _arguments: argparse.Namespace) -> int:
    vault, done = build_vault(settings).now(), 0
    for _ in range(PASSES):
        made = await reseal(sessions, vault)
        done += made.rows
        sealed = await sealed_by_key(sessions)
        left = sum(number for kid, number in sealed.items() if kid != settings.encryption_key_id)
        sys.stdout.write(f"{done} connections re-encrypted, {left} secrets left under older keys\n")
        if not left:
            return 0
        if made.unreadable:
            sys.stderr.write(f"no key of ours opens: {', '.join(made.unreadable)}\n")
            return FAILED
        await asyncio.sleep(PAUSE_SECONDS)
    sys.stderr.write("some tokens are being refreshed all the time; run it again\n")
    return FAILED


async def _drop(settings: Settings, sessions: Sessions, arguments: argparse.Namespace) -> int:
    changes = rotate.drop(settings, arguments.key_id, await sealed_by_key(sessions))
    if not changes:
        sys.stdout.write(f"{arguments.key_id} is gone already\n")
        return 0
    _settle(settings, arguments, why="a process may still seal with the old key")
    take(settings.keys_file, changes)
    return 0


def _settle(settings: Settings, arguments: argparse.Namespace, *, why: str) -> None:
    if settings.keys_file:
        settled(Path(settings.keys_file), seconds=arguments.settle_seconds, why=why)


_STEPS: dict[str, Callable[[Settings, Sessions, argparse.Namespace], Awaitable[int]]] = {
    "status": _status,
    "publish": _publish,
    "seal": _seal,
    "reseal": _reseal,
    "drop": _drop,
}


async def _run(arguments: argparse.Namespace) -> int:
    settings = load(Settings)
    database = Database.connect(settings.database_url, application_name=f"{SERVICE}-vault")
    try:
        await check_application_role(database.engine, SCHEMA, durable=False)
        return await _STEPS[arguments.step](settings, database.sessions, arguments)
    except NotYet as not_yet:
        sys.stderr.write(f"{arguments.step}: {not_yet}\n")
        return FAILED
    except WrongSetting as wrong:
        refuse_start(wrong)
    finally:
        await database.close()


def main() -> None:
    """Run one command."""
    arguments = _parser().parse_args()
    if arguments.command == "doctor":
        raise SystemExit(PRACTICE.obey(arguments))
    raise SystemExit(asyncio.run(_run(arguments)))


if __name__ == "__main__":
    main()
