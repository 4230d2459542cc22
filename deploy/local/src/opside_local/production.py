"""`doctor --env-folder`: the doctors of all three services over one installation, and what only all show.

The folder has `<service>.env` (NAME=value lines), as a deployment gives them to its containers.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from opside_chassis.doctor import Finding, Verdict, read_report, report
from opside_local import environment
from opside_local.folders import PROJECT
from opside_local.system import PACKAGES

DOCTOR_SECONDS = 120
"""Each point has its own limit; all are looked at together."""
RINGS = "the same public keys everywhere"


def examine(folder: Path, *, as_json: bool) -> int:
    """Print every finding of every service; 1 when anything is wrong."""
    settings = {service: env_file(folder / f"{service}.env") for service in PACKAGES}
    findings = [
        finding for service, given in settings.items() for finding in _ask(service, given, folder)
    ]
    return report([*findings, same_rings(settings)], as_json=as_json)


def env_file(path: Path) -> dict[str, str]:
    """NAME=value lines; comments and empty lines are passed over. A missing file has none."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def same_rings(settings: Mapping[str, Mapping[str, str]]) -> Finding:
    """S0: what one service signs, all others must know."""
    rings = {service: _ring(given) for service, given in settings.items()}
    known = set().union(*rings.values())
    lacking = sorted(
        f"{service} lacks {min(known - ring)}" for service, ring in rings.items() if known - ring
    )
    if not known or lacking:
        says = lacking[0] if lacking else "no service knows a key"
        mend = "python -m opside_chassis.rotate_jwt publish, or copy SERVICE_PUBLIC_KEYS"
        return Finding("all", RINGS, "S0", Verdict.WRONG, says, mend)
    return Finding("all", RINGS, "S0", Verdict.OK, f"{len(known)} keys", "")


def _ring(given: Mapping[str, str]) -> set[str]:
    """Key ids with their keys, as the service itself reads them."""
    try:
        file = given.get("KEYS_FILE")
        held = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
        ring = held.get("SERVICE_PUBLIC_KEYS") or json.loads(given.get("SERVICE_PUBLIC_KEYS", "[]"))
        return {f"{entry['kid']} ({entry['public_key'][:6]})" for entry in ring}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _ask(service: str, given: Mapping[str, str], folder: Path) -> list[Finding]:
    if not given:
        says, mend = f"{folder / service}.env is not there", "write its settings into it"
        return [Finding(service, "settings", "S0 S1 S2", Verdict.WRONG, says, mend)]
    ini = PROJECT / "services" / service / "alembic.ini"
    command = [sys.executable, "-m", f"{PACKAGES[service]}.commands", "doctor", "--json"]
    process = subprocess.run(
        [*command, "--alembic-ini", str(ini)],
        env=environment.machine(given),
        capture_output=True,
        text=True,
        timeout=DOCTOR_SECONDS,
        check=False,
    )
    findings = read_report(process.stdout)
    if findings:
        return findings
    says = (process.stderr.strip().splitlines() or ["says nothing"])[-1]
    mend = "see that its image starts"
    return [Finding(service, "doctor", "S0 S1 S2", Verdict.WRONG, says, mend)]
