"""`python -m opside_local <command>`: what the Makefile calls. `make help` lists the commands."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console

from opside_chassis.settings import WrongSetting, refuse_start
from opside_chassis.testing.engines import EngineFailed
from opside_local import audit, backup, demo, docker_env, doctor, production, suites, supervisor
from opside_local.bench import harness
from opside_local.folders import AlreadyRunning, StateFolder
from opside_local.journey.errors import JourneyFailed
from opside_local.processes import StartFailed
from opside_local.system import migrate_folder

INTERRUPTED_EXIT = 130
FAILURES = (
    AlreadyRunning,
    EngineFailed,
    JourneyFailed,
    StartFailed,
    audit.NoReports,
    backup.BackupFailed,
    harness.UnknownBench,
)
"""What a person can mend: shown as a sentence, without a traceback."""

Command = Callable[[argparse.Namespace, Console], int]


def main() -> None:
    """Run one command; its exit code is the program's."""
    arguments = _parser().parse_args()
    console = Console(soft_wrap=True)
    try:
        sys.exit(arguments.command(arguments, console))
    except WrongSetting as wrong:
        refuse_start(wrong)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Interrupted; everything that was started is stopped.")
        sys.exit(INTERRUPTED_EXIT)
    except FAILURES as failure:
        print(failure, file=sys.stderr)
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="opside", description="Opside on one machine")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, help_text: str, command: Command) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=help_text)
        one.set_defaults(command=command)
        return one

    one = add("demo", "run the whole system and the main job, print the proof", _demo)
    one.add_argument("--reports", type=Path, help="audit the report files of this folder instead")
    one.add_argument("--state", type=Path, help="keep the data there instead of in .local/demo")
    up = add("up", "start the system and leave it running", _up)
    down = add("down", "stop it", _down)
    down.add_argument("--quiet", action="store_true", help="say nothing")
    for one in (up, down, add("status", "what runs and where", _status)):
        one.add_argument("--state", type=Path, help="its data is there instead of in .local/up")
    kept = add("backup", "write all data into a new folder, running or not", _backup)
    back = add("restore", "bring a backup back into an empty copy and prove it", _restore)
    for one in (kept, back):
        one.add_argument("folder", type=Path)
        one.add_argument("--state", type=Path, help="of this copy instead of .local/up")
    add("migrate", "bring all schemas to their newest version", _migrate)
    add("audit", "read real report files of a folder", _audit).add_argument("folder", type=Path)
    one = add("doctor", "can this machine run the system? or: is an installation fit?", _doctor)
    one.add_argument("--env-folder", type=Path, help="look at the installation of <service>.env")
    one.add_argument(
        "--json", action="store_true", help="with --env-folder: JSON, an object a line"
    )
    add("docker-env", "write the env files of docker-compose.yml", _docker_env)
    add("bench", "measure", _bench).add_argument("--only")
    one = add("test", "run the suites of all packages", _test)
    one.add_argument("--kind", choices=suites.KINDS, default="all")
    one.add_argument("arguments", nargs="*", help="after --: passed on to pytest")
    add(supervisor.COMMAND, argparse.SUPPRESS, _supervise).add_argument("state", type=Path)
    return parser


def _run(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end; SIGTERM ends it in order, as Ctrl-C does."""

    async def until_signalled() -> int:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return asyncio.run(until_signalled())


def _demo(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.reports is not None:
        state = arguments.state or StateFolder.named("audit").path
        return _run(audit.run(state, arguments.reports, console))
    return _run(demo.run(arguments.state or StateFolder.named("demo").path, console))


def _audit(arguments: argparse.Namespace, console: Console) -> int:
    return _run(audit.run(StateFolder.named("audit").path, arguments.folder, console))


def _folder_of_up(arguments: argparse.Namespace) -> StateFolder:
    if arguments.state is not None:
        return StateFolder(arguments.state.absolute())
    return StateFolder.named("up")


def _up(arguments: argparse.Namespace, console: Console) -> int:
    return supervisor.up(_folder_of_up(arguments), console)


def _down(arguments: argparse.Namespace, console: Console) -> int:
    return supervisor.down(_folder_of_up(arguments), console, quiet=arguments.quiet)


def _status(arguments: argparse.Namespace, console: Console) -> int:
    return supervisor.status(_folder_of_up(arguments), console)


def _supervise(arguments: argparse.Namespace, console: Console) -> int:
    return _run(supervisor.supervise(arguments.state, console))


def _backup(arguments: argparse.Namespace, console: Console) -> int:
    made = backup.back_up(_folder_of_up(arguments), arguments.folder.absolute())
    console.print(
        f"{arguments.folder}: {made.summary}. The keys are not in it: keep them elsewhere."
    )
    return 0


def _restore(arguments: argparse.Namespace, console: Console) -> int:
    made = backup.restore(_folder_of_up(arguments), arguments.folder.absolute())
    console.print(
        f"Restored: {made.summary}, of {made.taken_at:%Y-%m-%d %H:%M:%S} UTC; all counts equal."
    )
    return 0


def _migrate(_: argparse.Namespace, console: Console) -> int:
    asyncio.run(migrate_folder(StateFolder.named("up").path))
    place = "the database of DATABASE_URL" if os.environ.get("DATABASE_URL") else ".local/up"
    console.print(f"All three schemas are at their newest version ({place}).")
    return 0


def _doctor(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.env_folder is not None:
        return production.examine(arguments.env_folder, as_json=arguments.json)
    return doctor.examine(console)


def _docker_env(_: argparse.Namespace, console: Console) -> int:
    for path in docker_env.write(StateFolder.named("docker")):
        console.print(f"  {path}", highlight=False)
    console.print("Next: docker compose up --build --wait")
    return 0


def _bench(arguments: argparse.Namespace, console: Console) -> int:
    harness.run(arguments.only, console)
    return 0


def _test(arguments: argparse.Namespace, console: Console) -> int:
    return 0 if suites.run(arguments.kind, arguments.arguments, console) else 1


if __name__ == "__main__":
    main()
