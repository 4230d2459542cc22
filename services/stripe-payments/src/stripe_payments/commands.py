"""Commands of an operator.

python -m stripe_payments.commands register-webhooks --url https://payments.example.com/webhooks/stripe
python -m stripe_payments.commands disable-webhooks
python -m stripe_payments.commands roll-webhooks begin    # then switch, then finish
python -m stripe_payments.commands verify-audit
python -m stripe_payments.commands compare-books
python -m stripe_payments.commands doctor --json
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

from opside_chassis.doctor_points import add_command
from opside_chassis.key_steps import SETTLE_SECONDS, NotYet, settled, take
from opside_chassis.settings import load
from stripe_payments.audit.trail import verify_chains
from stripe_payments.doctor import PRACTICE
from stripe_payments.reconciliation.compare import compare_books
from stripe_payments.runtime import Runtime, open_runtime
from stripe_payments.settings import Settings
from stripe_payments.stripe_api.errors import OutcomeUnknown, Refused
from stripe_payments.webhooks.register import disable_webhooks, register_webhooks
from stripe_payments.webhooks.roll import KIND, begin, finish, switch

FAILED = 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stripe_payments.commands", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    register = commands.add_parser("register-webhooks", help="create the two endpoints at Stripe")
    register.add_argument("--url", required=True, help="where Stripe delivers, https")
    commands.add_parser("disable-webhooks", help="switch both endpoints off, to roll back")
    roll = commands.add_parser("roll-webhooks", help="new signing secrets, a step at a time")
    roll.add_argument("step", choices=("begin", "switch", "finish"))
    roll.add_argument("--endpoint", choices=("platform", "connect"), help="only this one")
    roll.add_argument("--settle-seconds", type=float, default=SETTLE_SECONDS)
    commands.add_parser("verify-audit", help="recompute every hash of the audit trail")
    commands.add_parser("compare-books", help="compare our book with Stripe's account now")
    add_command(commands)
    return parser


async def _register(runtime: Runtime, arguments: argparse.Namespace) -> int:
    for line in await register_webhooks(runtime.stripe, url=arguments.url):
        sys.stdout.write(f"{line}\n")
    return 0


async def _disable(runtime: Runtime, _arguments: argparse.Namespace) -> int:
    for line in await disable_webhooks(runtime.stripe):
        sys.stdout.write(f"{line}\n")
    return 0


async def _roll(runtime: Runtime, arguments: argparse.Namespace) -> int:
    keys_file, secrets = runtime.settings.keys_file, runtime.webhook_secrets.now()
    if keys_file and arguments.step != "begin":
        why = "a process that does not know both secrets would refuse deliveries"
        settled(Path(keys_file), seconds=arguments.settle_seconds, why=why)
    changes: dict[str, object] = {}
    for connect in (False, True):
        if arguments.endpoint in (None, KIND[connect]):
            step = {"begin": begin, "finish": finish}.get(arguments.step)
            if step is None:
                await switch(runtime.stripe, secrets, connect=connect)
                continue
            changed = await step(runtime.stripe, secrets, connect=connect)
            if changed:
                # At once: Stripe tells a new secret only this time.
                take(keys_file, changed)
            changes |= changed
    sys.stdout.write(f"{arguments.step}: {', '.join(changes) or 'no setting'} changed\n")
    return 0


async def _verify(runtime: Runtime, _arguments: argparse.Namespace) -> int:
    checked = await verify_chains(runtime.database.sessions)
    sys.stdout.write(f"{checked.objects} chains, {checked.entries} entries\n")
    for broken in checked.broken:
        sys.stdout.write(f"broken chain: {broken}\n")
    for silent in checked.silent:
        sys.stdout.write(f"changed without an entry: {silent}\n")
    return FAILED if checked.broken or checked.silent else 0


async def _compare(runtime: Runtime, _arguments: argparse.Namespace) -> int:
    compared = await compare_books(runtime.database.sessions, runtime.stripe)
    sys.stdout.write(f"{compared.objects} objects, {compared.differences} differences\n")
    return FAILED if compared.differences else 0


_COMMANDS: dict[str, Callable[[Runtime, argparse.Namespace], Awaitable[int]]] = {
    "register-webhooks": _register,
    "disable-webhooks": _disable,
    "roll-webhooks": _roll,
    "verify-audit": _verify,
    "compare-books": _compare,
}


async def _run(arguments: argparse.Namespace) -> int:
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(open_runtime(load(Settings)))
        try:
            return await _COMMANDS[arguments.command](runtime, arguments)
        except (NotYet, OutcomeUnknown, Refused, ValueError) as error:
            sys.stderr.write(f"{arguments.command}: {error}\n")
            return FAILED


def main() -> None:
    """Run one command."""
    arguments = _parser().parse_args()
    if arguments.command == "doctor":
        raise SystemExit(PRACTICE.obey(arguments))
    raise SystemExit(asyncio.run(_run(arguments)))


if __name__ == "__main__":
    main()
