"""How a marketplace writes its report files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from opside_sandbox.amazon.personas import Marketplace


@dataclass(frozen=True, slots=True)
class Dialect:
    """Character set, day format and quoting of one marketplace's files.

    Quoting never escapes: a quote character inside a cell stands as it is, as in the real files.
    """

    charset: str
    content_charset: str
    day_format: str
    quoted: bool

    def line(self, cells: Iterable[str]) -> str:
        """One tab separated line."""
        if self.quoted:
            return "\t".join(f'"{cell}"' for cell in cells) + "\r\n"
        return "\t".join(cells) + "\n"

    def day(self, at: datetime) -> str:
        """A calendar day as this marketplace writes it."""
        return at.strftime(self.day_format)

    def encode(self, lines: Iterable[str]) -> Iterator[bytes]:
        """Bytes in chunks of some hundred lines."""
        chunk: list[str] = []
        for line in lines:
            chunk.append(line)
            if len(chunk) == 500:
                yield "".join(chunk).encode(self.charset, "replace")
                chunk = []
        if chunk:
            yield "".join(chunk).encode(self.charset, "replace")


_NA = Dialect("utf-8", "UTF-8", "%m/%d/%Y", quoted=False)
_UK = Dialect("cp1252", "Cp1252", "%d/%m/%Y", quoted=True)


def dialect_of(marketplace: Marketplace) -> Dialect:
    """The dialect of a marketplace's FBA reports."""
    return _UK if marketplace.country == "GB" else _NA


def stamp(at: datetime) -> str:
    """ISO 8601 with offset, whole seconds."""
    return at.isoformat(timespec="seconds")


def money(amount_minor: int) -> str:
    """Minor units of a two-decimal currency as decimal text."""
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{abs(amount_minor) // 100}.{abs(amount_minor) % 100:02d}"
