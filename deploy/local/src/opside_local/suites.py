"""`make test`: every package's own pytest run, one after the other, and one total."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from rich.console import Console
from rich.table import Table

from opside_local.folders import PROJECT

PACKAGES = (
    "shared/chassis",
    "shared/contracts",
    "deploy/sandbox",
    "services/stripe-payments",
    "services/integrations-backend",
    "services/main-api",
    "deploy/local",
    "tests-e2e",
)
"""From the ground up: what everything stands on fails first."""
E2E = "tests-e2e"
GUARDED = "deploy/local"
SANDBOX = "deploy/sandbox"
KINDS = ("all", "unit", "integration", "contract", "guards", "security", "e2e")
NOT_UNIT = ("integration", "contract", "guards", "security")
NO_TESTS_COLLECTED = 5
JUNIT = PROJECT / "build" / "junit"


@dataclass(frozen=True, slots=True)
class Result:
    """What one package's run said."""

    package: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def run(kind: str, arguments: Sequence[str], console: Console) -> bool:
    """Run the suites of one kind and print the totals; whether all of them passed."""
    JUNIT.mkdir(parents=True, exist_ok=True)
    results = [_run_package(*suite, arguments, console) for suite in _suites(kind)]
    _print(results, console)
    failed = sum(result.failed for result in results)
    console.print(f"{sum(result.passed for result in results)} passed, {failed} failed")
    return failed == 0


def _suites(kind: str) -> Iterator[tuple[str, str, list[str]]]:
    """Package, name of its report, and what pytest is given."""
    for package in PACKAGES:
        folder = PROJECT / package
        tests = folder / ("tests" if package != E2E else ".")
        name = package.replace("/", "-")
        if kind == "all" and tests.is_dir():
            yield package, name, [] if package != E2E else ["."]
        elif kind == "e2e" and package == E2E:
            yield package, name, ["."]
        elif kind == "guards" and package == GUARDED:
            yield package, "guards", ["tests/guards"]
        elif kind == "unit" and package != E2E and tests.is_dir():
            ignored = [f"--ignore=tests/{other}" for other in NOT_UNIT if (tests / other).is_dir()]
            yield package, f"{name}-unit", ["tests", *ignored]
        elif kind == "contract" and package == SANDBOX:
            # Every exchange of its whole run is held against the providers' descriptions.
            yield package, f"{name}-contract", ["tests"]
        elif kind in NOT_UNIT and package != E2E and (tests / kind).is_dir():
            yield package, f"{name}-{kind}", [f"tests/{kind}"]


def _run_package(
    package: str, name: str, targets: list[str], arguments: Sequence[str], console: Console
) -> Result:
    report = JUNIT / f"{name}.xml"
    report.unlink(missing_ok=True)
    console.rule(f"[bold]{package}[/]", align="left")
    started = time.monotonic()
    workers = os.environ.get("OPSIDE_TEST_WORKERS", "")
    parallel = ["-n", workers, "--dist", "loadfile"] if workers and package != E2E else []
    command = [sys.executable, "-m", "pytest", *targets, *parallel, f"--junitxml={report}"]
    done = subprocess.run([*command, *arguments], cwd=PROJECT / package, check=False)
    return _read(package, report, done.returncode, time.monotonic() - started)


def _read(package: str, report: Path, code: int, seconds: float) -> Result:
    """Counts of one report. A run that failed without a failing test counts as one failure."""
    total = failed = skipped = 0
    if report.exists():
        for suite in ET.parse(report).iter("testsuite"):  # noqa: S314 (our own file)
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    if code not in {0, NO_TESTS_COLLECTED} and failed == 0:
        failed = 1
        total += 1
    return Result(package, total - failed - skipped, failed, skipped, seconds)


def _print(results: list[Result], console: Console) -> None:
    table = Table("package", title="tests", title_justify="left")
    for heading in ("passed", "failed", "skipped", "seconds"):
        table.add_column(heading, justify="right")
    for one in results:
        numbers = (one.passed, one.failed, one.skipped)
        table.add_row(one.package, *map(str, numbers), f"{one.seconds:.1f}")
    console.print(table)
