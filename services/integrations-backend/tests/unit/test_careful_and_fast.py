"""The fast reader and the careful one agree on every line of every dialect."""

import io
from dataclasses import dataclass
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations_backend.reports.careful import read_line
from integrations_backend.reports.kinds import KINDS, Column, Kind, ReportKind
from integrations_backend.reports.layout import layout_of
from integrations_backend.reports.lines import charsets
from integrations_backend.reports.marketplaces import Marketplace, marketplace
from integrations_backend.reports.read import Count, batches

STORES = [
    marketplace(one)
    for one in ("ATVPDKIKX0DER", "A1PA6795UKMFR9", "A1F83G8C2ARO7P", "A1VC38T7YXB528")
]
COUNTS = (
    *("1", "-3", "+4", "007", "0", "1000000001", "9" * 30, "0" * 25 + "7", "4\r"),
    *("1.0", "1e3", "١٢٣", "NaN", "Infinity", "--1", "0x1", "1_0", "\uff15", "1 000"),
)
AMOUNTS = (
    *("12.34", "7", "-0.01", "+5", "1,234.50", "1.234,50", "12,34", "1.234", "0", "5.00"),
    *("1e309", "1e3", "NaN", "-inf", "5.", ".5", "0.0000001", "1.2345678", "9" * 17, "1,2,3"),
)
MOMENTS = (
    *("2026-10-03", "10/03/2026", "03.10.2026", "2026/10/03", "1/2/2026", "13/10/2026"),
    *("2026-10-03T10:00:00+00:00", "2026-10-03T10:00:00Z", "2026-10-03T10:00:00.123Z"),
    *("2026-10-03T10:00:00-0730", "2026-10-03T10:00:00+19:59", "2026-10-03T24:00:00Z"),
    *("2026-10-03 10:00:00 UTC", "03.10.2026 10:00:00 JST", "2026/10/03 10:00:00 JST"),
    *("2026-02-30", "1999-12-31", "2100-01-01", "0000-10-01", "9999-12-31T23:59:59-05:00"),
    *(
        "10/03/+2026",
        "10/ 3/2026",
        "10/03/12026",
        "2026-1-2",
        "2026-10-03T10:00:60Z",
        "\u0660\u0661/02/2026",
    ),
    *("1948/05/02 00:30:00 JST", "1951/09/08 00:30:00 JST"),
    *("1999-12-31T23:59:59-01:00", "2099-12-31T23:59:59-01:00", "26/10/03", "03.10.26"),
)
NASTY = (
    *('5" frame', '"', '""', '"a"b"', 'a""b', "=1+1", "@x", "-x", "a,b", '","', "a\rb", "\x0b"),
    *("Prüfung", "検査", "\u3000x", "\x85", "\xa0x", "\ufeffx", "x\x1f", "x\x1c"),
)


@dataclass(frozen=True)
class File:
    """What was drawn."""

    kind: ReportKind
    store: Marketplace
    data: bytes


def cell(column: Column, *, odd: bool) -> st.SearchStrategy[str]:
    """What belongs there or, if it is to be odd, anything."""
    usual = {
        Kind.COUNT: COUNTS,
        Kind.MONEY: AMOUNTS,
        Kind.MOMENT: MOMENTS,
        Kind.DAY: MOMENTS,
        Kind.CURRENCY: ("USD", "eur", "JPY", "KWD", "USDX", ""),
        Kind.REFERENCE: ("7001", "7002", "", "7 1", "é", "x" * 101),
        Kind.TEXT: ("SKU-1", "", "SELLABLE"),
    }[column.kind]
    if not odd:
        return st.sampled_from(usual[:2])
    return st.one_of(
        st.sampled_from(usual),
        st.sampled_from(NASTY),
        st.text(st.characters(exclude_characters="\n\x00", exclude_categories=["Cs"]), max_size=4),
    )


@st.composite
def files(draw: st.DrawFn) -> File:
    """A report file of any type and dialect, with a few rows, some of them ragged."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    store = draw(st.sampled_from(STORES))
    separator = draw(st.sampled_from("\t,"))
    quoting = draw(st.sampled_from(["none", "all", "some"]))
    padding = draw(st.sampled_from(["", "", " "]))
    columns = [c for c in kind.columns if c.required or draw(st.booleans())]
    columns = draw(st.permutations(columns)) if draw(st.booleans()) else columns

    def written(text: str) -> str:
        quoted = quoting == "all" or (quoting == "some" and draw(st.booleans()))
        return padding + (f'"{text}"' if quoted else text) + padding

    unused = draw(st.sampled_from([[], [], ["x-1"], ["x-1", "x-2"]]))
    lines = [separator.join([*(column.name for column in columns), *unused])]
    for _ in range(draw(st.integers(0, 5))):
        odd = draw(st.sets(st.sampled_from([column.name for column in columns]), max_size=2))
        cells = [written(draw(cell(c, odd=c.name in odd))) for c in columns]
        cells += draw(st.sampled_from([["x"] * len(unused), ["é"] * len(unused)]))
        ragged = draw(st.sampled_from([0, 0, 0, 0, -1, 1, 2]))
        cells = cells[:ragged] if ragged < 0 else cells + ["", "x"][:ragged]
        lines.append(separator.join(cells))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(1, len(lines)))
        lines.insert(place, draw(st.sampled_from(["", "  ", separator, lines[0], "x"])))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    if end == "\r":
        lines = [line.replace("\r", "") for line in lines]
    text = end.join(lines) + draw(st.sampled_from(["", end, end + end]))
    codec = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", store.legacy_charset]))
    return File(kind, store, text.encode(codec, errors="replace"))


def carefully(file: File) -> tuple[list[Any], list[Any]]:
    """Every line through the careful reader."""
    text = ""
    for charset in charsets(None, file.store):
        try:
            text = file.data.decode(charset).removeprefix("\ufeff")
            break
        except UnicodeDecodeError:
            continue
    head = text[: text.find("\r") + 2]
    if "\r" in text and "\n" not in head:
        text = text.replace("\r", "\n")
    lines = text.split("\n")
    layout = layout_of(lines[0], file.kind, file.store)
    rows, rejected = [], []
    for number, line in enumerate(lines[1:], start=2):
        match read_line(line, layout):
            case str(reason):
                rejected.append((number, reason))
            case dict(values):
                rows.append({"line": number, **values})
    return rows, rejected


def fast(file: File, piece_bytes: int) -> tuple[list[Any], list[Any]]:
    """As the service reads it."""
    for charset in charsets(None, file.store):
        try:
            calls = batches(
                io.BytesIO(file.data),
                file.kind,
                store=file.store,
                charset=charset,
                piece_bytes=piece_bytes,
            )
            parts = [read() for read in calls]
        except UnicodeDecodeError:
            continue
        count = Count()
        rows: list[Any] = []
        rejected: list[Any] = []
        for part in parts:
            first = count.add(part)
            rows += part.rows.with_columns(pl.col("line") + first).iter_rows(named=True)
            rejected += ((one.line + first, one.reason) for one in part.rejected)
        return rows, rejected
    raise AssertionError


@settings(max_examples=150, deadline=None)
@given(files(), st.sampled_from([16, 200, 1_000_000]))
def test_both_readers_agree(file: File, piece_bytes: int) -> None:
    expected, aside = carefully(file)
    rows, rejected = fast(file, piece_bytes)
    assert rejected == aside
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        missing = {name: value for name, value in row.items() if name not in wanted}
        assert set(missing.values()) <= {"", None}, "columns that the file lacks"
        assert {name: row[name] for name in wanted} == wanted
