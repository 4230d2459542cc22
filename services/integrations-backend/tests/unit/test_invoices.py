"""Papers that suppliers send: what is read, how surely, and where it stands."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from factories.papers import invoice_lines, pdf, stored
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.invoices.amounts import Style, amount
from integrations_backend.invoices.page_text import DocumentText, Word, lines_of, text_lines
from integrations_backend.invoices.parse import parse
from integrations_backend.invoices.read_paper import read_paper
from integrations_backend.invoices.reading import Came, Reading
from integrations_backend.invoices.vocabulary import Kind

CAME = Came(
    filename="NB-2026-7.pdf",
    sender="Ann <billing@northbeam.example>",
    subject="Invoice NB-2026-7",
    received=date(2026, 3, 5),
)


def text_of(**changes: object) -> DocumentText:
    written = invoice_lines(**changes)  # type: ignore[arg-type]
    words = [
        Word(
            part,
            x + 5 * text.index(part),
            y,
            x + 5 * (text.index(part) + len(part)),
            y + size,
            size,
        )
        for y, (cells, size) in zip(range(800, 0, -20), written, strict=False)
        for x, text in cells
        for part in text.split()
    ]
    return DocumentText(tuple(lines_of(1, words)))


def read(came: Came = CAME, **changes: object) -> Reading:
    return parse(text_of(**changes), came)


def test_an_invoice_that_adds_up_is_sure_in_every_field() -> None:
    found = read()
    assert (found.kind, found.sure, found.problems) == (Kind.INVOICE, True, ())
    assert (found.supplier.value, found.number.value) == ("Northbeam Trading Ltd", "NB-2026-7")
    assert (found.dated.value, found.currency.value) == (date(2026, 3, 4), "usd")
    assert found.total_minor.value == 2_500
    (goods,) = found.goods
    assert (goods.sku, goods.quantity, goods.unit_cost_minor) == ("SKU-1", 10, 250)
    assert goods.place.box is not None
    assert found.number.place is not None
    assert found.number.place.page == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rows": [("SKU-1", "10", "2.50", "26.00")], "total": "Total USD 26.00"}, "times"),
        ({"total": "Total USD 24.00"}, "add up"),
        ({"total": ""}, "no total"),
        ({"currency": "", "total": "Total 25.00"}, "no currency"),
        ({"currency": "Currency: EUR"}, "several currencies"),
        ({"number": ""}, "no invoice number"),
        ({"dated": ""}, "no day"),
        ({"below": ["Discount 10 % -2.50"]}, "taken off"),
        ({"below": ["All prices incl. VAT"]}, "tax"),
        ({"below": ["Delivery DDP Chicago"]}, "carriage"),
        ({"rows": [("", "10", "2.50", "25.00")]}, "no code"),
        ({"rows": [("SKU-1", "10", "2.505", "25.05")], "total": "Total USD 25.05"}, "rounded"),
        (
            {"rows": [("SKU-1", "-10", "2.50", "-25.00")], "total": "Total USD -25.00"},
            "whole pieces",
        ),
    ],
)
def test_what_does_not_fit_is_left_to_a_person_with_the_reason(
    changes: dict[str, object], why: str
) -> None:
    found = read(**changes)
    assert not found.sure
    fields = (found.supplier, found.number, found.dated, found.currency, found.total_minor)
    told = [*found.problems]
    told += [reason for one in fields if not one.sure for reason in one.reasons]
    told += [reason for one in found.goods if not one.sure for reason in one.reasons]
    assert any(why in reason for reason in told), told


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("QUOTATION - THIS IS NOT AN INVOICE", Kind.QUOTATION),
        ("PRO FORMA INVOICE", Kind.QUOTATION),
        ("Credit note to invoice 7", Kind.CREDIT_NOTE),
        ("PACKING LIST", Kind.PACKING_LIST),
        ("PROOF OF DELIVERY", Kind.PROOF_OF_DELIVERY),
        ("Auftragsbestätigung", Kind.ORDER),
        ("Commercial Invoice", Kind.INVOICE),
        ("RECHNUNG", Kind.INVOICE),
    ],
)
def test_a_title_says_what_a_paper_is(title: str, kind: Kind) -> None:
    found = read(title=title, number="No: NB-2026-7")
    assert found.kind is kind
    assert not found.sure or kind is Kind.INVOICE


def test_a_supplier_that_the_mail_does_not_confirm_is_not_sure() -> None:
    assert not read(Came(sender="Someone <x@mail.example>")).supplier.sure
    assert read().supplier.sure


@pytest.mark.parametrize(
    ("written", "received", "day", "sure"),
    [
        ("05/06/2026", date(2026, 6, 6), date(2026, 6, 5), True),
        ("05/06/2026", date(2026, 5, 7), date(2026, 5, 6), True),
        ("05/06/2026", None, date(2026, 5, 6), False),
        ("25/06/2026", None, date(2026, 6, 25), True),
        ("06/25/2026", None, date(2026, 6, 25), True),
        ("5. März 2026", None, date(2026, 3, 5), True),
        ("Mar 05, 2026", None, date(2026, 3, 5), True),
        ("05.06.2026", None, date(2026, 6, 5), True),
        ("31.02.2026", None, None, False),
    ],
)
def test_a_day_with_two_readings_is_decided_by_the_mail_or_not_at_all(
    written: str, received: date | None, day: date | None, sure: bool
) -> None:
    found = read(Came(received=received), dated=f"Invoice date: {written}").dated
    assert (found.value, found.sure) == (day, sure)


@pytest.mark.parametrize(
    ("rows", "total", "unit"),
    [
        ([("SKU-1", "1.200", "0,50", "600,00")], "Total EUR 600,00", 50),
        ([("SKU-1", "1,200", "0.50", "600.00")], "Total EUR 600.00", 50),
        ([("SKU-1", "10", "1.234,50", "12.345,00")], "Total EUR 12.345,00", 123_450),
        ([("SKU-1", "3", "1,234", "3,702")], "Total EUR 3,702", 123_400),
    ],
)
def test_the_arithmetic_decides_between_points_and_commas(
    rows: list[tuple[str, str, str, str]], total: str, unit: int
) -> None:
    found = read(rows=rows, total=total, currency="Currency: EUR")
    assert [one.unit_cost_minor for one in found.goods] == [unit]


def test_numbers_that_multiply_out_in_both_styles_are_not_sure() -> None:
    """3 x 1,234 = 3,702 is true of pieces at 1234 and at 1.234."""
    found = read(rows=[("SKU-1", "3", "1,234", "3,702")], total="Total USD 3,702")
    assert not found.sure


def test_amazons_own_codes_are_known_by_their_form() -> None:
    (goods,) = read(rows=[("B0ABCDEFGH", "10", "2.50", "25.00")]).goods
    assert (goods.asin, goods.sku) == ("B0ABCDEFGH", "")


def test_tax_and_carriage_below_the_lines_are_no_unit_cost() -> None:
    found = read(below=[], total="Subtotal 25.00")
    assert not found.sure
    lines = invoice_lines(total="Subtotal USD 25.00", below=["VAT 20 % 5.00", "Total USD 30.00"])
    assert lines
    found = read(total="Subtotal USD 25.00", below=["VAT 20 % 5.00", "Total USD 30.00"])
    assert (found.sure, found.total_minor.value) == (True, 3_000)
    assert found.goods[0].unit_cost_minor == 250


@given(
    st.lists(st.tuples(st.integers(1, 5_000), st.integers(1, 500_000)), min_size=1, max_size=12),
    st.sampled_from(Style),
)
def test_what_is_written_is_read_back_in_either_style(
    lines: list[tuple[int, int]], style: Style
) -> None:
    def money(minor: int) -> str:
        text = f"{minor // 100:,}.{minor % 100:02d}"
        return text if style is Style.POINT else text.translate(str.maketrans(",.", ".,"))

    rows = [(f"S-{n}", str(q), money(u), money(q * u)) for n, (q, u) in enumerate(lines)]
    total = money(sum(q * u for q, u in lines))
    found = read(rows=rows, total=f"Total USD {total}")
    assert [(one.quantity, one.unit_cost_minor) for one in found.goods] == lines
    assert found.sure


@given(st.text(max_size=30), st.sampled_from(Style))
def test_no_text_is_a_number_by_accident(text: str, style: Style) -> None:
    value = amount(text, style)
    if value is not None:
        assert value.is_finite()
        assert any(one.isdigit() for one in text)


@given(st.lists(st.lists(st.text(max_size=20), max_size=8), max_size=20))
def test_no_text_breaks_the_reader(rows: list[list[str]]) -> None:
    lines = text_lines(
        [[(float(20 * x), text) for x, text in enumerate(row) if text] for row in rows]
    )
    found = parse(DocumentText(lines), Came())
    assert not found.sure


@given(st.data())
def test_a_changed_figure_is_never_sure(data: st.DataObject) -> None:
    """One wrong digit anywhere in the arithmetic, and nobody books the line unseen."""
    rows = [["SKU-1", "12", "2.50", "30.00"], ["SKU-2", "7", "13.99", "97.93"]]
    row, cell = data.draw(st.integers(0, 1)), data.draw(st.integers(1, 3))
    text = rows[row][cell]
    at = data.draw(st.sampled_from([i for i, one in enumerate(text) if one.isdigit()]))
    digit = data.draw(st.sampled_from([d for d in "123456789" if d != text[at]]))
    rows[row][cell] = text[:at] + digit + text[at + 1 :]
    found = read(rows=[tuple(one) for one in rows], total="Total USD 127.93")
    assert not found.sure
    assert not found.goods[row].sure


async def test_the_same_paper_reads_alike_as_pdf_and_as_text(tmp_path: Path) -> None:
    lines = invoice_lines()
    as_pdf = await read_paper(stored(tmp_path, pdf(lines, packed=True)), CAME)
    table = "SKU;Description;Qty;Unit price;Amount\nSKU-1;Mug;10;2.50;25.00\nTotal;;;;25.00\n"
    csv = "Northbeam Trading Ltd;;\nINVOICE;;\nInvoice number: NB-2026-7;;\n" + (
        "Invoice date: 2026-03-04;;\nCurrency: USD;;\n" + table
    )
    as_csv = await read_paper(stored(tmp_path, csv.encode(), "b"), CAME)
    cells = [line.split(";") for line in csv.splitlines()]
    html = "".join(f"<tr>{''.join(f'<td>{c}</td>' for c in row)}</tr>" for row in cells)
    hostile = "<script>steal()</script><img src=https://x.example/y>"
    page = f"<html><body onload=x()>{hostile}<table>{html}</table></body></html>"
    as_html = await read_paper(stored(tmp_path, page.encode(), "c"), CAME)
    assert as_pdf.reading is not None
    assert as_pdf.reading.sure
    for other in (as_csv, as_html):
        assert other.reading is not None
        assert [
            (one.sku, one.quantity, one.unit_cost_minor, one.sure) for one in other.reading.goods
        ] == [("SKU-1", 10, 250, True)], other.reading
        assert other.reading.goods[0].place.line is not None
        assert other.reading.number.value == "NB-2026-7"


def test_products_are_exact() -> None:
    assert amount("0.10", Style.POINT) == Decimal("0.10")
    assert amount("1.23", Style.COMMA) is None
    assert amount("(12.50)", Style.POINT) == Decimal("-12.50")
