"""How a marketplace, and now and then a single account, writes its report files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from opside_sandbox.amazon.personas import Persona

_CHUNK_LINES = 500
_JAPAN = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Dialect:
    """Character set, dates, numbers, quoting and columns of an account's files.

    `content_charset` is what the Content-Type says; empty: it says nothing. Quoting never
    escapes: a quote character inside a cell stands as it is, as in the real files. `renamed` and
    `dropped` go by the names of contracts/amazon/reference/report-headers.json.
    """

    charset: str = "utf-8"
    content_charset: str = "UTF-8"
    byte_order_mark: bool = False
    quoted: bool = False
    day_format: str = "%m/%d/%Y"
    moment_format: str = ""
    """Of moments; empty: ISO 8601 with offset."""
    zone: timezone | None = None
    decimal_comma: bool = False
    exponent: int = 2
    older_ledger: bool = False
    """The header of fourteen unspaced names."""
    european_fees: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
        """Header and rows, without the columns that this account's files lack."""
        kept = [place for place, name in enumerate(columns) if name not in self.dropped]
        yield self.line(self.renamed.get(columns[place], columns[place]) for place in kept)
        if len(kept) == len(columns):
            yield from map(self.line, rows)
            return
        for cells in rows:
            yield self.line(cells[place] for place in kept)

    def line(self, cells: Iterable[str]) -> str:
        """One tab separated line."""
        if self.quoted:
            return "\t".join(f'"{cell}"' for cell in cells) + "\r\n"
        return "\t".join(cells) + "\n"

    def day(self, at: datetime) -> str:
        """A calendar day (UTC) as this account's files write it."""
        return at.strftime(self.day_format)

    def stamp(self, at: datetime) -> str:
        """A moment, to the second."""
        if self.moment_format:
            return at.strftime(self.moment_format)
        return (at.astimezone(self.zone) if self.zone else at).isoformat(timespec="seconds")

    def money(self, amount_minor: int) -> str:
        """Minor units as decimal text; with a comma, thousands are parted by dots."""
        sign, amount = "-" if amount_minor < 0 else "", abs(amount_minor)
        if not self.exponent:
            return f"{sign}{amount}"
        whole, rest = divmod(amount, 10**self.exponent)
        cents = str(rest).zfill(self.exponent)
        if self.decimal_comma:
            return f"{sign}{whole:,}".replace(",", ".") + f",{cents}"
        return f"{sign}{whole}.{cents}"

    def number(self, text: str) -> str:
        """A decimal number that is no money, such as a length."""
        return text.replace(".", ",") if self.decimal_comma else text

    def encode(self, lines: Iterable[str]) -> Iterator[bytes]:
        """Bytes in chunks of some hundred lines."""
        chunk: list[str] = ["\ufeff"] if self.byte_order_mark else []
        for line in lines:
            chunk.append(line)
            if len(chunk) >= _CHUNK_LINES:
                yield "".join(chunk).encode(self.charset)
                chunk = []
        if chunk:
            yield "".join(chunk).encode(self.charset)


_DIALECTS = {
    "us": Dialect(),
    "uk": Dialect(
        "cp1252", "Cp1252", quoted=True, day_format="%d/%m/%Y", older_ledger=True,
        european_fees=True,
    ),
    "de": Dialect(
        byte_order_mark=True, day_format="%d.%m.%Y", moment_format="%d.%m.%Y %H:%M:%S UTC",
        decimal_comma=True, european_fees=True,
    ),
    "jp": Dialect(
        "cp932", "", day_format="%Y/%m/%d", zone=_JAPAN, exponent=0, older_ledger=True,
    ),
    "ca": Dialect(
        "cp1252", "",
        renamed={"sku": "Merchant SKU", "MSKU": "SKU", "amazon-order-id": "Amazon Order Id"},
        dropped=frozenset(
            {"Title", "Store", "product-name", "condition", "customer-comments", "service-speed",
             "removal-fee", "license-plate-number", "gift-wrap-price", "store"}
        ),
    ),
}  # fmt: skip
"""Every one reads as the facts (section 3) say. `us` and `uk` are what the demonstration uses."""


def dialect_of(persona: Persona) -> Dialect:
    """The dialect of an account's report files."""
    return _DIALECTS[persona.dialect]
