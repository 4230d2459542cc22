"""Reads report files as the facts (section 3) say, without a line of the stand-in's code."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal


@dataclass(frozen=True)
class Manner:
    """What a reader knows of an account beforehand: its marketplace."""

    marketplace: str
    day_format: str = "%m/%d/%Y"
    decimal_comma: bool = False
    exponent: int = 2
    older_charset: str = "cp1252"
    european: bool = False
    fee_tax_percent: int = 0
    """What Amazon adds to its fees there."""

    def day(self, text: str) -> date:
        return datetime.strptime(text, self.day_format).replace(tzinfo=UTC).date()

    def moment(self, text: str) -> datetime:
        if text.endswith(" UTC"):
            form = "%d.%m.%Y %H:%M:%S UTC" if text[2] == "." else "%Y-%m-%d %H:%M:%S UTC"
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        return datetime.fromisoformat(text).astimezone(UTC)

    def minor(self, text: str) -> int:
        """Minor units, exactly."""
        bare = text.strip()
        if self.decimal_comma:
            bare = bare.replace(".", "").replace(",", ".")
        found = Decimal(bare or "0") * 10**self.exponent
        assert found == int(found), text
        return int(found)


_US = Manner("ATVPDKIKX0DER")
MANNERS = {
    "ada": _US,
    "ben": _US,
    "dora": _US,
    "cleo": Manner("A1F83G8C2ARO7P", "%d/%m/%Y", european=True, fee_tax_percent=20),
    "dieter": Manner(
        "A1PA6795UKMFR9", "%d.%m.%Y", decimal_comma=True, european=True, fee_tax_percent=19
    ),
    "yuki": Manner(
        "A1VC38T7YXB528", "%Y/%m/%d", exponent=0, older_charset="cp932", fee_tax_percent=10
    ),
    "chloe": Manner("A2EUQ1WTGCTBG2", fee_tax_percent=13),
}


def fold(name: str) -> str:
    """Names are compared without case, spaces, hyphens and underscores."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def text_of(content: bytes, charset: str, older_charset: str = "cp1252") -> str:
    """The announced charset, else UTF-8 with or without its mark, else the marketplace's older."""
    if charset:
        return content.decode(charset).removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(older_charset)


def rows_of(content: bytes, charset: str, older_charset: str = "cp1252") -> list[dict[str, str]]:
    """Rows by folded column name; one pair of enclosing quotes is stripped, others stay."""

    def cells(line: str) -> list[str]:
        return [
            cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
            for cell in line.rstrip("\r").split("\t")
        ]

    lines = [line for line in text_of(content, charset, older_charset).split("\n") if line]
    names = [fold(name) for name in cells(lines[0])]
    names = ["sku" if name == "merchantsku" else name for name in names]
    table = [cells(line) for line in lines[1:]]
    assert all(len(row) == len(names) for row in table)
    return [dict(zip(names, row, strict=True)) for row in table]
