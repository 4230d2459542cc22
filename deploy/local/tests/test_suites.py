from pathlib import Path

import pytest

from opside_local import suites

REPORT = """<testsuites><testsuite name="pytest" tests="10" failures="1" errors="1" skipped="2"/>
</testsuites>"""


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.xml"
    path.write_text(REPORT)
    return path


def counts(report: Path, code: int) -> tuple[int, int, int]:
    result = suites._read("shared/chassis", report, code, 1.0)
    return result.passed, result.failed, result.skipped


def test_errors_count_as_failures_and_skipped_tests_not_as_passed(report: Path):
    assert counts(report, code=1) == (6, 2, 2)


def test_a_run_that_died_without_a_report_is_a_failure(tmp_path: Path):
    assert counts(tmp_path / "none.xml", code=-9) == (0, 1, 0)


def test_a_run_that_failed_without_a_failing_test_is_a_failure(report: Path):
    report.write_text(REPORT.replace('failures="1" errors="1"', 'failures="0" errors="0"'))
    assert counts(report, code=3) == (8, 1, 2)


def test_a_package_without_such_tests_is_neither(tmp_path: Path):
    assert counts(tmp_path / "none.xml", code=suites.NO_TESTS_COLLECTED) == (0, 0, 0)


def test_every_package_is_in_the_whole_run():
    packages = [package for package, _, _ in suites._suites("all")]
    assert packages == [one for one in suites.PACKAGES if one in packages]
    assert {"services/main-api", "services/stripe-payments", "deploy/local"} <= set(packages)


@pytest.mark.parametrize("kind", ["unit", "integration", "contract"])
def test_kinds_do_not_overlap(kind: str):
    for _, _, targets in suites._suites(kind):
        others = {f"tests/{name}" for name in suites.NOT_UNIT} - {f"tests/{kind}"}
        assert others.isdisjoint(targets)
