"""Detection over a folder of files: what was read, what was not, and the findings as JSON."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from factories.report_rows import US, file_text, row

from integrations_backend.detection.folder import Audit, audit_folder
from integrations_backend.reports.kinds import KINDS, LEDGER, REIMBURSEMENTS

AS_OF = date(2026, 11, 21)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a-ledger.txt").write_text(file_text(LEDGER, [row(LEDGER), row(LEDGER)]))
    (tmp_path / "payments.txt").write_text(file_text(REIMBURSEMENTS, []))
    return tmp_path


def audit(folder: Path) -> Audit:
    return audit_folder(folder, marketplace_id=US.id, as_of=AS_OF)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-m", "integrations_backend.detection", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rules_run_over_the_files(folder: Path) -> None:
    found = audit(folder)
    assert [one.claim_type for one in found.findings.claims] == ["warehouse_lost"] * 2
    assert [(one.name, one.report_type, one.rows) for one in found.files] == [
        ("a-ledger.txt", LEDGER, 2),
        ("payments.txt", REIMBURSEMENTS, 0),
    ]


def test_reports_that_are_not_there_are_said(folder: Path) -> None:
    assert set(audit(folder).not_read) == set(KINDS) - {LEDGER, REIMBURSEMENTS}


def test_overlapping_files_count_a_row_as_often_as_the_one_that_has_it_most(folder: Path) -> None:
    changed = row(LEDGER, reconciled_quantity=1, unreconciled_quantity=0)
    (folder / "b-ledger.txt").write_text(file_text(LEDGER, [changed]))
    found = audit(folder).findings
    assert len(found.claims) == 1, "the later file says that one of the two was reconciled"


def test_a_file_that_is_no_report_is_left_out_with_the_reason(folder: Path) -> None:
    (folder / "notes.txt").write_text("my notes\n")
    (folder / "zero.csv").write_bytes(b"\x00" * 100)
    left_out = {one.name: one.left_out_because for one in audit(folder).files}
    assert left_out["notes.txt"] == "its header line is of no report that we know"
    assert left_out["zero.csv"]
    assert len(audit(folder).findings.claims) == 2


def test_the_command_prints_the_findings(folder: Path) -> None:
    account = {"marketplaceId": US.id, "asOf": AS_OF.isoformat()}
    (folder / "account.json").write_text(json.dumps(account))
    printed = json.loads(run(str(folder)).stdout)
    assert printed["claimsByType"] == {"warehouse_lost": 2}
    claim = printed["claims"][0]
    assert claim["deadline"] == "2026-11-30"
    assert claim["explanation"]["ledger_line"] == 2
    assert (printed["asOf"], printed["currency"]) == ("2026-11-21", "usd")
    later = json.loads(run(str(folder), "--as-of", "2026-12-01").stdout)
    assert [one["reason"] for one in later["losses"]] == ["window_expired"] * 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/folder"], "is no folder"),
        (["FOLDER"], "give --marketplace"),
        (["FOLDER", "--marketplace", "A0"], "A0 is no marketplace"),
    ],
)
def test_wrong_arguments_are_said_in_a_sentence(
    folder: Path, arguments: list[str], said: str
) -> None:
    done = run(*(str(folder) if one == "FOLDER" else one for one in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
