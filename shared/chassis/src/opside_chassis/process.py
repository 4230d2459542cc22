"""The two ways a process of ours starts: serving HTTP, or working through staged jobs.

    def main() -> None:  # app.py
        process.run_app("stripe-payments", Settings, create)

    def main() -> None:  # worker.py
        process.run_worker("stripe-payments", Settings, work)

Settings are read, logs and telemetry set up, a wrong setting ends the start with one line and
exit status 78 wherever it is noticed, and telemetry is flushed at the end.
"""

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvloop
from fastapi import FastAPI

from opside_chassis.settings import ServiceSettings, WrongSetting, load, refuse_start
from opside_chassis.telemetry import configure
from opside_chassis.web import serve

GARBAGE_AFTER = 10_000
"""So many objects more than before, some megabytes."""

Settings = TypeVar("Settings", bound=ServiceSettings)


def run_app(
    service: str, settings_class: type[Settings], create: Callable[[Settings], FastAPI]
) -> None:
    """Serve the app that `create` builds until SIGTERM or SIGINT."""
    with _process(service, settings_class) as settings:
        app = create(settings)
        _look_for_garbage_less_often()
        serve(app, settings)


def run_worker(
    service: str, settings_class: type[Settings], work: Callable[[Settings], Awaitable[None]]
) -> None:
    """Run `work` until it returns (it ends by itself on SIGTERM and SIGINT)."""
    with _process(service, settings_class) as settings:

        async def run() -> None:
            await work(settings)

        uvloop.run(run())


def _look_for_garbage_less_often() -> None:
    """A request leaves few cycles behind, and what was made at the start is never garbage.

    Python's own pace costs a twentieth to a tenth of a request. Workers keep it: what hangs in a cycle
    there may be a seller's whole report.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


@contextmanager
def _process(service: str, settings_class: type[Settings]) -> Iterator[Settings]:
    settings = load(settings_class)
    try:
        telemetry = configure(service, settings)
        try:
            yield settings
        finally:
            telemetry.shutdown()
    except WrongSetting as wrong:
        refuse_start(wrong)
