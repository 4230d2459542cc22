"""What the services sent to the providers in all the journeys before, against the providers' contracts.

Runs last by its name: it judges the recording of the whole run, so that it fails when run alone.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opside_local.folders import PROJECT

SCRIPT = PROJECT / "deploy" / "sandbox" / "tests" / "validate_recording.py"
SUMMARY = re.compile(
    r"(\d+) operations, (\d+) requests and (\d+) answers validated, (\d+) failures"
)
OPERATIONS_AT_LEAST = {"stripe": 10, "amazon": 5, "gmail": 4}
REQUESTS_AT_LEAST = {"stripe": 100, "amazon": 50, "gmail": 100}


@pytest.fixture(scope="module")
def verdict(recording: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(SCRIPT), str(recording)], capture_output=True, text=True, check=False
    )
    sys.stdout.write(done.stdout)
    return done


def test_every_request_of_the_services_keeps_to_the_contracts(
    verdict: subprocess.CompletedProcess[str],
) -> None:
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr
    assert "FAILED" not in verdict.stdout


@pytest.mark.parametrize("provider", OPERATIONS_AT_LEAST)
def test_more_than_a_handful_was_sent_to_a_provider(
    verdict: subprocess.CompletedProcess[str], provider: str
) -> None:
    said = next(line for line in verdict.stdout.splitlines() if line.startswith(f"{provider}: "))
    if "the contract is absent" in said:  # its description is not on every machine
        return
    found = SUMMARY.search(said)
    assert found is not None, said
    operations, requests, answers, failures = map(int, found.groups())
    assert operations >= OPERATIONS_AT_LEAST[provider], verdict.stdout
    assert requests >= REQUESTS_AT_LEAST[provider], said
    assert answers > 0
    assert failures == 0


@pytest.mark.parametrize("path", ["/v1/account", "/v1/balance_transactions"])
def test_a_sellers_own_stripe_account_was_read_too(recording: Path, path: str) -> None:
    """What integrations-backend alone sends, so that its requests are known to be among the judged."""
    lines = (recording / "stripe.jsonl").read_text().splitlines()
    assert any(line["path"] == path for line in map(json.loads, lines))
