"""Report files become typed rows, or rows kept aside with their line and a reason."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from factories.report_rows import file_text
from factories.report_rows import row as a_row
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.archive import OCCURRENCE
from integrations_backend.reports import lines
from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.kinds import (
    KINDS,
    LEDGER,
    REIMBURSEMENTS,
    RETURNS,
    sniff,
)
from integrations_backend.reports.layout import OTHER_COLUMNS, header_of
from integrations_backend.reports.marketplaces import marketplace
from integrations_backend.reports.read import MOST_REJECTED, read_file, read_text

US = marketplace("ATVPDKIKX0DER")
DE = marketplace("A1PA6795UKMFR9")
GB = marketplace("A1F83G8C2ARO7P")
JP = marketplace("A1VC38T7YXB528")
WITH_SKU = [
    kind.report_type
    for kind in KINDS.values()
    if {"sku", "msku"} & {column.name for column in kind.columns}
]
HEADER = (
    "approval-date\treimbursement-id\tcase-id\tamazon-order-id\treason\tsku\tfnsku\tasin\t"
    "product-name\tcondition\tcurrency-unit\tamount-per-unit\tamount-total\t"
    "quantity-reimbursed-cash\tquantity-reimbursed-inventory\tquantity-reimbursed-total\t"
    "original-reimbursement-id\toriginal-reimbursement-type"
)


def row(**changes: str) -> str:
    cells = {
        "approval-date": "2026-10-01T10:00:00+00:00",
        "reimbursement-id": "111",
        "reason": "Lost_Warehouse",
        "sku": "SKU-1",
        "fnsku": "X001",
        "product-name": 'A 5" frame',
        "currency-unit": "USD",
        "amount-per-unit": "12.34",
        "amount-total": "12.34",
        "quantity-reimbursed-cash": "1",
        "quantity-reimbursed-inventory": "0",
        "quantity-reimbursed-total": "1",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return "\t".join(cells.get(name, "") for name in HEADER.split("\t"))


def read(*rows: str, store=US, header: str = HEADER):
    return read_text("\n".join((header, *rows)), KINDS[REIMBURSEMENTS], store=store)


def test_every_cell_of_a_row_is_read() -> None:
    parsed = read(row())
    found = parsed.frame.row(0, named=True)
    assert found["reason"] == "Lost_Warehouse"
    assert found["amount-total"] == 1234
    assert found["quantity-reimbursed-cash"] == 1
    assert found["approval-date"].isoformat() == "2026-10-01T10:00:00+00:00"
    assert found["original-reimbursement-id"] == ""
    assert "product-name" not in parsed.frame.columns
    assert parsed.rejected == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_total": "twelve"}, "cannot read amount-total"),
        ({"amount_total": "12.345"}, "cannot read amount-total"),
        ({"amount_total": ""}, "lacks amount-total"),
        ({"approval_date": "32/13/2026"}, "cannot read approval-date"),
        ({"quantity_reimbursed_cash": "1.5"}, "cannot read quantity-reimbursed-cash"),
        ({"quantity_reimbursed_cash": "9" * 18}, "cannot read quantity-reimbursed-cash"),
        ({"approval_date": "0000-10-01T10:00:00+00:00"}, "cannot read approval-date"),
        ({"approval_date": "9999-12-31T23:59:59-05:00"}, "cannot read approval-date"),
        ({"amount_total": "100000000.00"}, "cannot read amount-total"),
        ({"amount_total": "-92233720368547758.08"}, "cannot read amount-total"),
        ({"currency_unit": "USDX"}, "cannot read currency-unit"),
        ({"currency_unit": ""}, "lacks currency-unit"),
        ({"reimbursement_id": ""}, "lacks reimbursement-id"),
        ({"reimbursement_id": "7" * 101}, "cannot read reimbursement-id"),
        ({"reimbursement_id": "7\x1f0001"}, "cannot read reimbursement-id"),
        ({"reimbursement_id": "7\u00850001"}, "cannot read reimbursement-id"),
        ({"original_reimbursement_id": "7\x010001"}, "cannot read original-reimbursement-id"),
        ({"case_id": "7" * 5000}, "cannot read case-id"),
        ({"sku": "a\tb\tc"}, "has more cells than the header"),
    ],
)
def test_an_unreadable_row_is_kept_aside_with_its_line(change: dict[str, str], reason: str) -> None:
    parsed = read(row(), row(**({"reimbursement_id": "222"} | change)), row(reimbursement_id="333"))
    assert [(one.line, one.reason) for one in parsed.rejected] == [(3, reason)]
    assert parsed.frame["reimbursement-id"].to_list() == ["111", "333"]


def test_the_largest_amount_that_is_believed() -> None:
    parsed = read(row(amount_total="99999999.99"))
    assert parsed.frame["amount-total"].to_list() == [9_999_999_999]


def test_identical_rows_are_real_and_counted() -> None:
    parsed = read(row(), row(), row(reimbursement_id="222"))
    assert parsed.frame[OCCURRENCE].to_list() == [1, 2, 1]


def test_german_numbers_and_quoted_cells() -> None:
    quoted = "\t".join(f'"{cell}"' for cell in row(amount_total="1.234,50").split("\t"))
    parsed = read(quoted, store=DE)
    assert parsed.frame["amount-total"].to_list() == [123_450]


@pytest.mark.parametrize(
    ("store", "written", "moment"),
    [
        (US, "2026-10-03T10:00:00+00:00", "2026-10-03T10:00:00+00:00"),
        (US, "2026-10-03T10:00:00-07:00", "2026-10-03T17:00:00+00:00"),
        (US, "2026-10-03T10:00:00Z", "2026-10-03T10:00:00+00:00"),
        (US, "2026-10-03T10:00:00.123Z", "2026-10-03T10:00:00.123000+00:00"),
        (US, "2026-10-03 10:00:00 UTC", "2026-10-03T10:00:00+00:00"),
        (US, "10/03/2026", "2026-10-03T00:00:00+00:00"),
        (US, "10/03/2026 10:00:00 UTC", "2026-10-03T10:00:00+00:00"),
        (DE, "03.10.2026", "2026-10-03T00:00:00+00:00"),
        (DE, "03.10.2026 10:00:00 UTC", "2026-10-03T10:00:00+00:00"),
        (GB, "03.10.2026", "2026-10-03T00:00:00+00:00"),
        (GB, "03/10/2026", "2026-10-03T00:00:00+00:00"),
        (GB, "03/10/2026 10:00:00 UTC", "2026-10-03T10:00:00+00:00"),
        (JP, "2026/10/03", "2026-10-03T00:00:00+00:00"),
        (JP, "2026/10/03 10:00:00 UTC", "2026-10-03T10:00:00+00:00"),
        (JP, "2026/10/03 10:00:00 JST", "2026-10-03T01:00:00+00:00"),
        (JP, "2026-10-03T10:00:00+09:00", "2026-10-03T01:00:00+00:00"),
    ],
)
def test_dates_are_read_as_the_store_writes_them(store, written: str, moment: str) -> None:
    currency = {"currency_unit": store.currency, "amount_total": "1", "amount_per_unit": "1"}
    parsed = read(row(approval_date=written, **currency), store=store)
    assert [one.isoformat() for one in parsed.frame["approval-date"]] == [moment]
    day = a_row(LEDGER, date=written)
    ledger = read_text(file_text(LEDGER, [day]), KINDS[LEDGER], store=store)
    assert [one.isoformat() for one in ledger.frame["date"]] == [moment[:10]]


@pytest.mark.parametrize(
    ("store", "written"),
    [
        (US, "13/10/2026"),
        (GB, "10/13/2026"),
        (JP, "03/10/2026"),
        (JP, "26/10/03"),
        (DE, "03.10.26"),
        (DE, "10.13.2026"),
        (US, "2026-10-03 10:00:00"),
        (US, "2026-10-03 10:00:00 PDT"),
        (US, "2026-02-30"),
    ],
)
def test_a_date_that_could_mean_another_day_is_kept_aside(store, written: str) -> None:
    parsed = read_text(file_text(LEDGER, [a_row(LEDGER, date=written)]), KINDS[LEDGER], store=store)
    assert [one.reason for one in parsed.rejected] == ["cannot read date"]


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from([US, DE, GB, JP]))
def test_every_day_is_read_back(day: date, store) -> None:
    order = {"MDY": "%m/%d/%Y", "DMY": "%d/%m/%Y", "YMD": "%Y/%m/%d"}[store.date_order]
    forms = [day.strftime(form) for form in (order, "%d.%m.%Y", "%Y-%m-%d")]
    text = file_text(LEDGER, [a_row(LEDGER, date=form) for form in forms])
    assert read_text(text, KINDS[LEDGER], store=store).frame["date"].to_list() == [day] * 3


def test_yen_have_no_decimals() -> None:
    cells = {"currency_unit": "JPY", "amount_total": "1234", "amount_per_unit": "1234"}
    assert read(row(**cells), store=JP).frame["amount-total"].to_list() == [1234]


def test_headers_are_matched_however_they_are_written() -> None:
    header = HEADER.upper().replace("-", " ")
    assert read(row(), header=header).frame.height == 1


def test_a_missing_column_refuses_the_file_and_names_it() -> None:
    with pytest.raises(UnreadableReport, match="reimbursementid"):
        read(row(), header=HEADER.replace("reimbursement-id", "something-else", 1))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "report"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [b"a\x00b", b"SKU\x81\x8d\x9d"])
def test_undecodable_bytes_are_never_dropped(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, f"{HEADER}\n{row()}\n".encode() + data)
    with pytest.raises(UnreadableReport):
        read_file(path, KINDS[REIMBURSEMENTS], store=US)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_charsets_that_amazon_writes(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path, f"{HEADER}\n{row(sku='Prüfung')}\n".encode(codec))
    parsed = read_file(path, KINDS[REIMBURSEMENTS], store=DE)
    assert parsed.frame["sku"].to_list() == ["Prüfung"]


@pytest.mark.parametrize("announced", ["Shift_JIS", "windows-31j", None, "no-such-charset", "idna"])
def test_a_japanese_file_is_read_however_it_is_announced(
    tmp_path: Path, announced: str | None
) -> None:
    cells = {"currency_unit": "JPY", "amount_total": "1", "amount_per_unit": "1", "sku": "検査ソ"}
    path = written(tmp_path, f"{HEADER}\n{row(**cells)}\n".encode("cp932"))
    parsed = read_file(path, KINDS[REIMBURSEMENTS], store=JP, charset=announced)
    assert parsed.frame["sku"].to_list() == ["検査ソ"]


@pytest.mark.parametrize(
    "name", ["SKU", "sku", "MSKU", "Merchant SKU", "merchant_sku", "seller-sku"]
)
@pytest.mark.parametrize("report_type", WITH_SKU)
def test_the_sku_is_read_under_every_name_of_it(report_type: str, name: str) -> None:
    own = "msku" if report_type == LEDGER else "sku"
    text = file_text(report_type, [a_row(report_type, **{own: "ADA-1"})])
    header, rows = text.split("\n", 1)
    names = [name if one == own else one for one in header.split("\t")]
    assert sniff(names) is KINDS[report_type]
    parsed = read_text("\t".join(names) + "\n" + rows, KINDS[report_type], store=US)
    assert parsed.rejected == ()
    assert parsed.frame[own].to_list() == ["ADA-1"]


@pytest.mark.parametrize("report_type", WITH_SKU)
def test_a_report_without_any_sku_is_refused(report_type: str) -> None:
    header, rows = file_text(report_type, [a_row(report_type)]).split("\n", 1)
    names = ["item" if one in {"sku", "msku"} else one for one in header.split("\t")]
    with pytest.raises(UnreadableReport, match="columns are missing: sku"):
        read_text("\t".join(names) + "\n" + rows, KINDS[report_type], store=US)


@pytest.mark.parametrize("missing", ["quantity-reimbursed-inventory", "original-reimbursement-id"])
def test_payments_that_could_be_overlooked_are_not_read(missing: str) -> None:
    with pytest.raises(UnreadableReport, match="columns are missing"):
        read(row(), header=HEADER.replace(missing, "something-else"))


def test_no_units_in_stock_may_be_written_as_nothing() -> None:
    assert read(row(quantity_reimbursed_inventory="")).rejected == ()


def test_a_header_padded_with_columns_is_refused() -> None:
    own = len(KINDS[REIMBURSEMENTS].columns)
    padded = HEADER + "".join(f"\tc{number}" for number in range(40))
    with pytest.raises(UnreadableReport, match="58 columns"):
        read(row(), header=padded)
    allowed = HEADER + "".join(
        f"\tc{number}" for number in range(own + OTHER_COLUMNS - len(HEADER.split("\t")))
    )
    assert read(row(), header=allowed).frame.height == 1


def test_lines_and_occurrences_are_counted_over_the_whole_file() -> None:
    many = 2 * lines.PIECE_BYTES // len(row())
    parsed = read(*[row()] * many, "", row(amount_total="x"), row())
    assert parsed.frame[OCCURRENCE].to_list() == list(range(1, many + 2))
    assert [one.line for one in parsed.rejected] == [many + 3]


def test_a_file_of_which_nothing_can_be_read_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableReport, match="rows cannot be read"):
        read(*["x"] * (MOST_REJECTED + 1))


def test_ten_thousand_columns_are_refused() -> None:
    with pytest.raises(UnreadableReport, match="10000 columns"):
        header_of("\t".join(["x"] * 10_000))


def test_a_type_is_known_by_its_header() -> None:
    assert sniff(HEADER.split("\t")) is KINDS[REIMBURSEMENTS]
    assert sniff([column.name for column in KINDS[RETURNS].columns]) is KINDS[RETURNS]
    assert sniff(["a", "b"]) is None


@given(st.text(alphabet=st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"])))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    try:
        parsed = read_text(f"{HEADER}\n{text}", KINDS[REIMBURSEMENTS], store=US)
    except UnreadableReport:
        return
    lines = [line for line in text.split("\n") if line]
    assert parsed.frame.height + len(parsed.rejected) <= len(lines)


def test_frames_hold_exact_integers() -> None:
    assert read(row()).frame.schema["amount-total"] == pl.Int64()
