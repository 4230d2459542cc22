"""Commands of an operator.

python -m main_api.commands make-admin --email olga@example.com
python -m main_api.commands service-token --user-id usr_... --email a@b.c --ttl-minutes 1
python -m main_api.commands check-statement opside-2026-11.csv
python -m main_api.commands export-user --user-id usr_... --to copy.zip
python -m main_api.commands erase-user --user-id usr_... --confirm ada@example.com [--now]
python -m main_api.commands doctor --json
"""

import argparse
import asyncio
import sys
from pathlib import Path

from main_api.accounts.make_admin import make_admin
from main_api.doctor import PRACTICE
from main_api.runtime import SERVICE
from main_api.settings import Settings
from main_api.statements.check import check_statement
from main_api.user_data.by_operator import erase_user, export_user
from opside_chassis.access import ACT_SCOPE, USER
from opside_chassis.database import Database
from opside_chassis.doctor_points import add_command
from opside_chassis.errors import OpsideError
from opside_chassis.keyring import SigningKey
from opside_chassis.money import Money
from opside_chassis.service_token import ServiceTokens
from opside_chassis.settings import load


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m main_api.commands", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    admin = commands.add_parser("make-admin", help="give a user the role admin")
    who = admin.add_mutually_exclusive_group(required=True)
    who.add_argument("--email")
    who.add_argument("--user-id")
    token = commands.add_parser("service-token", help="mint a token that acts for a user")
    token.add_argument("--user-id", required=True)
    token.add_argument("--email", default="", help="kept for the older command; not needed")
    token.add_argument(
        "--ttl-minutes",
        type=int,
        choices=[1],
        default=1,
        help="always 1: no service's token lives longer, not even an operator's; mint another one",
    )
    token.add_argument("--audience", default=SERVICE, help="the service that is called")
    add_command(commands)
    check = commands.add_parser("check-statement", help="recompute a statement from its CSV file")
    check.add_argument("file", type=Path)
    copy = commands.add_parser("export-user", help="a copy of everything held about a user")
    copy.add_argument("--user-id", required=True)
    copy.add_argument("--to", type=Path, required=True, help="the ZIP file to write")
    erase = commands.add_parser(
        "erase-user", help="order the erasure of a user; the worker does it"
    )
    erase.add_argument("--user-id", required=True)
    erase.add_argument("--confirm", default="", help="the user's e-mail address")
    erase.add_argument("--now", action="store_true", help="without the time to change one's mind")
    return parser


def _check_statement(path: Path) -> int:
    """Prints the sums, or every fault; 0 when there is none. Needs no setting and no service."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            checked = check_statement(file)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"check-statement: {path.name}: {error}\n")
        return 2
    for fault in checked.faults:
        sys.stderr.write(f"check-statement: {fault}\n")
    for currency, sums in sorted(checked.sums.items()):
        shown = ", ".join(f"{name} {Money(amount, currency)}" for name, amount in sums.items())
        sys.stdout.write(f"{shown}\n")
    wrong = len(checked.faults)
    sys.stdout.write(f"{checked.lines} lines, {wrong or 'nothing'} wrong\n")
    return 1 if wrong else 0


async def _make_admin(settings: Settings, arguments: argparse.Namespace) -> str:
    database = Database.connect(settings.database_url, application_name="make-admin")
    try:
        return await make_admin(database.sessions, user_id=arguments.user_id, email=arguments.email)
    finally:
        await database.close()


def _service_token(settings: Settings, arguments: argparse.Namespace) -> str:
    tokens = ServiceTokens(SigningKey.from_settings(settings, issuer=SERVICE), SERVICE)
    return tokens.mint(
        audience=arguments.audience,
        scope=ACT_SCOPE,
        act_for=arguments.user_id,
        act_role=USER,
    )


def main() -> None:
    """Run one command; prints one line."""
    arguments = _parser().parse_args()
    if arguments.command == "check-statement":
        raise SystemExit(_check_statement(arguments.file))
    if arguments.command == "doctor":
        raise SystemExit(PRACTICE.obey(arguments))
    settings = load(Settings)
    if arguments.command == "service-token":
        sys.stdout.write(f"{_service_token(settings, arguments)}\n")
        return
    try:
        told = asyncio.run(_obey(settings, arguments))
    except OpsideError as error:
        sys.stderr.write(f"{arguments.command}: {error.detail}\n")
        raise SystemExit(1) from None
    sys.stdout.write(f"{told}\n")


async def _obey(settings: Settings, arguments: argparse.Namespace) -> str:
    user_id = arguments.user_id
    if arguments.command == "export-user":
        sha256 = await export_user(settings, user_id=user_id, to=arguments.to)
        return f"{arguments.to}: SHA-256 {sha256}"
    if arguments.command == "erase-user":
        ordered = await erase_user(
            settings, user_id=user_id, confirm=arguments.confirm, at_once=arguments.now
        )
        return f"{ordered} is ordered: the worker erases {user_id}, and the row says what holds it"
    return f"{await _make_admin(settings, arguments)} is an admin"


if __name__ == "__main__":
    main()
