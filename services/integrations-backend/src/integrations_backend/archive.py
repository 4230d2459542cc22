"""The archive: every file as received, and its rows as Parquet, one folder a seller and type."""

import gzip
import hashlib
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import polars as pl

from opside_chassis.settings import WrongSetting

ROW_KEY = "row_key"
"""Column of every archived row: its meaning-carrying cells together."""
OCCURRENCE = "occurrence"
"""Column of every archived row: how-manieth with this key in its file."""
_READ_ORDER = "read_order"


@dataclass(frozen=True, slots=True)
class Document:
    """A file's key at its source, and its place in the order of reading."""

    key: str
    order: int


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder of ours; what is in it can be read again at any time."""

    root: Path

    @classmethod
    def open(cls, url: str) -> Self:
        """Raises `WrongSetting` when the folder cannot be written."""
        root = Path(urlsplit(url).path if url.startswith("file:") else url)
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe = root / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise WrongSetting(
                "ARCHIVE_URL", f"{root} cannot be written", "name a folder that this user owns"
            ) from error
        return cls(root)

    def keep(
        self,
        content: Path,
        rows: pl.DataFrame,
        *,
        user_id: str,
        report_type: str,
        document: Document,
    ) -> str:
        """Store the file and its rows; the same document stored twice is the same file.

        Where rows differ in a cell that may change, those of the last document count.
        """
        folder = self._folder(user_id, report_type)
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(document.key.encode()).hexdigest()[:32]
        # A name of its own until it is whole: the same file may be on its way twice.
        unfinished = folder / f"{name}.{secrets.token_hex(8)}.part"
        with content.open("rb") as source, gzip.open(unfinished, "wb") as target:
            shutil.copyfileobj(source, target)
        unfinished.rename(folder / f"{name}.gz")
        ordered = rows.with_columns(pl.lit(document.order, dtype=pl.Int64).alias(_READ_ORDER))
        ordered.write_parquet(unfinished)
        unfinished.rename(folder / f"{name}.parquet")
        return f"{user_id}/{report_type}/{name}"

    def rows(self, user_id: str, report_type: str) -> pl.DataFrame | None:
        """Every row of a type that was ever read, once each; None when nothing was read yet.

        Of files with overlapping windows, each key counts as often as in the file that has it most.
        """
        return _once_each(sorted(self._folder(user_id, report_type).glob("*.parquet")))

    def rows_of(self, archived_as: Sequence[str]) -> pl.DataFrame | None:
        """As `rows`, of these documents alone, by the names that `keep` gave them."""
        return _once_each([self.root / f"{name}.parquet" for name in archived_as])

    def document(self, archived_as: str) -> pl.DataFrame:
        """The rows of one document, by the name that `keep` gave it."""
        return pl.read_parquet(self.root / f"{archived_as}.parquet")

    def keep_file(self, key: str, content: Path) -> None:
        """Store a file as received under USER/...; the same key twice is the same file."""
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.{secrets.token_hex(8)}.part")
        shutil.copyfile(content, unfinished)
        unfinished.rename(target)

    def file(self, key: str) -> bytes:
        """A file that `keep_file` stored; raises `FileNotFoundError`."""
        return (self.root / key).read_bytes()

    def forget(self, user_id: str) -> None:
        """Remove all files of a user."""
        shutil.rmtree(self.root / user_id, ignore_errors=True)

    def _folder(self, user_id: str, report_type: str) -> Path:
        return self.root / user_id / report_type


def _once_each(files: list[Path]) -> pl.DataFrame | None:
    if not files:
        return None
    return (
        pl.scan_parquet(files)
        .sort(_READ_ORDER)
        .unique([ROW_KEY, OCCURRENCE], keep="last", maintain_order=True)
        .collect()
    )
