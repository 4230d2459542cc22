"""A doctor for production: one line a point of readiness, what was seen, and how to mend it.

A point is `ok`, `wrong`, or `cannot tell` (nobody here can see it, or what it stands on is wrong). What the
points are and which source document asks for each stands in the README, "Doctor". It changes nothing.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from opside_chassis.settings import WrongSetting

PATIENCE_SECONDS = 15.0
"""For one point; what answers later counts as not answering."""


class Verdict(StrEnum):
    """What a point turned out to be."""

    OK = "ok"
    WRONG = "wrong"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at one point found."""

    verdict: Verdict
    says: str
    mend: str = ""


def ok(says: str) -> Seen:
    """As it should be."""
    return Seen(Verdict.OK, says)


def wrong(says: str, mend: str) -> Seen:
    """Not fit for production."""
    return Seen(Verdict.WRONG, says, mend)


def cannot_tell(says: str, mend: str) -> Seen:
    """Not to be seen from here; `mend` says who can."""
    return Seen(Verdict.CANNOT_TELL, says, mend)


Look = Callable[[], Awaitable[Seen] | Seen]


@dataclass(frozen=True, slots=True)
class Point:
    """One point, the documents that ask for it (S0 to S4), and how to look."""

    name: str
    asked_by: str
    look: Look
    mend: str = "see the log of the service"
    """When the look itself fails."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A point and what was found."""

    service: str
    point: str
    asked_by: str
    verdict: Verdict
    says: str
    mend: str


async def examine(service: str, points: Sequence[Point]) -> list[Finding]:
    """Look at every point, all at once; a look that fails is a finding, never the end."""
    seen = await asyncio.gather(*(_look(point) for point in points))
    return [
        Finding(service, point.name, point.asked_by, one.verdict, one.says, one.mend)
        for point, one in zip(points, seen, strict=True)
    ]


def unusable(service: str, problem: WrongSetting) -> list[Finding]:
    """The finding of a service that would not even start."""
    says = f"{problem.setting} {problem.problem}"
    return [Finding(service, "settings", "S0 S1 S2", Verdict.WRONG, says, problem.mend)]


async def _look(point: Point) -> Seen:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            seen = point.look()
            return seen if isinstance(seen, Seen) else await seen
    except WrongSetting as problem:
        return wrong(f"{problem.setting} {problem.problem}", problem.mend)
    except TimeoutError:
        return wrong("does not answer", point.mend)
    except Exception as error:  # noqa: BLE001 - whatever a look raises, the point is not as it should be
        # Not the error's text: an address in it may hold a password.
        return wrong(f"cannot be reached or read ({type(error).__name__})", point.mend)


def report(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print the findings, a line each; 1 when anything is wrong."""
    for finding in findings:
        if as_json:
            sys.stdout.write(f"{json.dumps(asdict(finding))}\n")
            continue
        mend = f"; mend: {finding.mend}" if finding.mend else ""
        sys.stdout.write(
            f"{finding.verdict:<11} {finding.service}: {finding.point}: {finding.says}{mend}\n"
        )
    return int(any(finding.verdict is Verdict.WRONG for finding in findings))


def read_report(lines: str) -> list[Finding]:
    """The findings that another program printed as JSON; other lines are passed over."""
    found = (json.loads(line) for line in lines.splitlines() if line.startswith("{"))
    return [
        Finding(**{**entry, "verdict": Verdict(entry["verdict"])})
        for entry in found
        if _is_finding(entry)
    ]


def _is_finding(entry: Mapping[str, object]) -> bool:
    return entry.keys() == Finding.__dataclass_fields__.keys()
