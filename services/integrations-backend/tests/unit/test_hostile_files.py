"""Hostile report files: a clear sentence, bounded memory and time, and the next file is read."""

import gzip
import io
import json
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from factories.report_rows import file_text, row

from integrations_backend.archive import Archive, Document
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.ingest import reading
from integrations_backend.reports.kinds import KINDS, LEDGER, REIMBURSEMENTS, SETTLEMENT
from integrations_backend.reports.layout import kind_of
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.partitions import write_rows
from integrations_backend.reports.read import ParsedReport, read_text

US = marketplace("ATVPDKIKX0DER")
GOOD = file_text(LEDGER, [row(LEDGER)])
MOST_MIB = 700
LONGEST_SECONDS = 120
MEGABYTE = 1024 * 1024


def read(text: str, report_type: str = LEDGER) -> ParsedReport:
    return read_text(text, KINDS[report_type], store=US)


def packed_zip(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.txt", data)
    return target.getvalue()


REFUSED = {
    "zip bomb": (packed_zip(b"0" * 20 * MEGABYTE), "packed (zip)"),
    "gzip bomb": (gzip.compress(b"0" * 20 * MEGABYTE), "packed (gzip)"),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD.encode())), "packed (gzip)"),
    "truncated gzip": (gzip.compress(GOOD.encode())[:-9], "packed (gzip)"),
    "NULs": (GOOD.encode() + b"\x00" * 50, "NUL"),
    "ten thousand columns": (b"\t".join([b"date"] * 10_000) + b"\n", "10000 columns"),
    "our column twice": (GOOD.replace("\n", "\tQuantity\n").encode(), "stand twice: quantity"),
    "utf-16": (GOOD.encode("utf-16"), "no report"),
    "undecodable": (GOOD.encode() + b"\x81\x8d\x90\n", "no character set"),
    "an endless cell": (GOOD.encode() + b"x" * 3 * MEGABYTE, "longer than 1 MiB"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_a_file_that_is_no_report_is_refused_with_a_reason(tmp_path: Path, name: str) -> None:
    data, reason = REFUSED[name]
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(UnreadableReport) as refused:
        write_rows(path, kind_of(path), tmp_path / "rows", store=US)
    assert reason in refused.value.detail
    assert len(refused.value.detail) < 200


def test_the_header_again_in_the_middle_is_kept_aside() -> None:
    for report_type in (LEDGER, SETTLEMENT):
        text = file_text(report_type, [row(report_type)])
        parsed = read(text + text, report_type)
        assert [(one.line, one.reason) for one in parsed.rejected] == [(3, "is the header again")]
        assert parsed.frame.height == 2


def test_columns_may_stand_in_any_order_with_their_cells() -> None:
    header, cells = (line.split("\t") for line in GOOD.splitlines())
    turned = "\n".join("\t".join(reversed(line)) for line in (header, cells))
    assert read(turned).frame.equals(read(GOOD).frame)


def test_swapped_cells_are_kept_aside_not_believed() -> None:
    names, cells = (line.split("\t") for line in GOOD.splitlines())
    date, quantity = names.index("date"), names.index("quantity")
    cells[date], cells[quantity] = cells[quantity], cells[date]
    parsed = read("\n".join("\t".join(line) for line in (names, cells)))
    assert [one.reason for one in parsed.rejected] == ["cannot read date"]


@pytest.mark.parametrize(
    "written", ["1e309", "NaN", "Infinity", "-inf", "١٢٣", "0x10", "1_000", "9" * 400, "1e3", "--1"]
)
def test_no_number_is_guessed_at(written: str) -> None:
    for report_type, column in ((LEDGER, "quantity"), (REIMBURSEMENTS, "amount-total")):
        parsed = read(file_text(report_type, [row(report_type, **{column: written})]), report_type)
        assert [one.reason for one in parsed.rejected] == [f"cannot read {column}"]


def test_an_amount_finer_than_a_cent_is_not_rounded() -> None:
    text = file_text(REIMBURSEMENTS, [row(REIMBURSEMENTS, amount_total="12.3400000001")])
    assert [one.reason for one in read(text, REIMBURSEMENTS).rejected] == [
        "cannot read amount-total"
    ]


@pytest.mark.parametrize("written", ["01/01/0001", "12/31/9999", "01/01/1999", "00/00/2026"])
def test_no_day_out_of_range_is_believed(written: str) -> None:
    parsed = read(file_text(LEDGER, [row(LEDGER, date=written)]))
    assert [one.reason for one in parsed.rejected] == ["cannot read date"]


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "-2+3", "=1\t"])
def test_formulas_are_kept_as_the_text_that_they_are(cell: str) -> None:
    parsed = read(file_text(LEDGER, [row(LEDGER, msku=cell.strip())]))
    assert parsed.frame["msku"].to_list() == [cell.strip()]


def write_many(path: Path, begin: str, part: bytes, times: int) -> None:
    """Piece by piece: what this process holds counts as its children's peak."""
    with path.open("wb") as target:
        target.write(begin.encode())
        for _ in range(times):
            target.write(part)


def program(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Read it as a process of its own; the limit of memory is the system's, not ours."""
    return subprocess.run(  # noqa: S603 (our own module)
        [
            *(sys.executable, "-m", "integrations_backend.reports", str(path)),
            *("--archive", str(folder), "--seller", "usr_ada", "--marketplace", US.id),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )


LARGE = {
    "one line of 500 MB": ("", b"x" * MEGABYTE, 500, "no report"),
    "a row of 500 MB": (GOOD, b"x" * MEGABYTE, 500, "longer than 1 MiB"),
    "millions of tiny rows": (GOOD, b"x\n" * 100_000, 100, "rows cannot be read"),
}


@pytest.mark.parametrize("name", list(LARGE))
def test_a_large_file_of_nothing_costs_little(tmp_path: Path, name: str) -> None:
    *content, reason = LARGE[name]
    write_many(tmp_path / "file", *content)
    ended = program(tmp_path / "file", tmp_path / "archive")
    assert ended.returncode == 2, ended.stdout
    assert reason in ended.stderr
    assert children_peak_mib() < MOST_MIB


def children_peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10


def test_millions_of_empty_lines_hide_no_row(tmp_path: Path) -> None:
    write_many(tmp_path / "file", GOOD, b"\n" * 100_000, 30)
    with (tmp_path / "file").open("a") as file:
        file.write(GOOD.splitlines()[1])
    told = json.loads(program(tmp_path / "file", tmp_path / "archive").stdout)
    assert (told["rows"], told["rejected"]) == (2, 0)
    assert told["peakMiB"] < MOST_MIB


def test_half_a_million_equal_rows_are_as_many_rows(tmp_path: Path) -> None:
    head, one = GOOD.splitlines(keepends=True)
    write_many(tmp_path / "file", head, one.encode() * 1_000, 500)
    told = json.loads(program(tmp_path / "file", tmp_path / "archive").stdout)
    assert told["rows"] == 500_000
    assert told["peakMiB"] < MOST_MIB
    found = Archive.open(str(tmp_path / "archive")).scan("usr_ada", LEDGER)
    assert found is not None
    assert found.select("occurrence").collect()["occurrence"].n_unique() == 500_000


def test_the_next_file_is_read_wherever_bad_ones_stand(tmp_path: Path) -> None:
    archive = Archive.open(str(tmp_path / "archive"))
    path = tmp_path / "file"
    for order in range(90):
        bad = order % 3 == 0
        path.write_text("what is this\n" if bad else GOOD.replace("X001", f"X{order:03d}"))
        try:
            with reading(path, kind_of(path), store=US) as done:
                document = Document(str(order), order)
                archive.keep(done.written, user_id="usr_ada", document=document, packed=done.packed)
        except UnreadableReport:
            assert bad
    rows = archive.rows("usr_ada", LEDGER)
    assert rows is not None
    assert rows.height == 60
