"""The archive: report files as received and their rows as Parquet, by seller, type and period.

    USER/TYPE/2026-10/DOCUMENT-0000.parquet   rows of one month; `undated` where they name no day
    USER/TYPE/received/DOCUMENT.gz            the file as received
    USER/TYPE/kept-aside/DOCUMENT.csv         lines that were not understood, and why

DOCUMENT begins with its place in the order of reading. Its kept-aside file is written last: a document
without one is not there yet. Workers on many machines share it without a lock.
"""

import hashlib
import os
import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, cast
from urllib.parse import urlsplit

import obstore
import polars as pl
from obstore.store import LocalStore, ObjectStore, S3Store

from opside_chassis.settings import WrongSetting

if TYPE_CHECKING:  # these names are in obstore's stubs alone
    from obstore.store import RetryConfig, S3Config

LINE = "line"
"""First column of every stored row: its line in the file; the header is 1."""
OCCURRENCE = "occurrence"
"""How-manieth of its identity in its file. The columns between `LINE` and this one are the identity."""
ROW_KEY = "row_key"
"""Column of rows that are given out: the cells of their identity together."""
_SEPARATOR = "\x1f"
RECEIVED, KEPT_ASIDE = "received", "kept-aside"
_PATIENCE: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
_PLAIN_KEY = re.compile(r"(?!\.)[\w.-]+(?:/(?!\.)[\w.-]+)*", re.ASCII)
"""A key that is a path as it stands; what any other one means is for the store to say, or to refuse."""
_DELETED_AT_ONCE = 500
_PUT_AT_ONCE = 4
"""A bucket answers each file after a while; a document may have one for every month."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file's key at its source, and its place in the order of reading."""

    key: str
    order: int

    @property
    def name(self) -> str:
        """Its name in the archive: later documents sort behind earlier ones."""
        return f"{self.order:012d}-{hashlib.sha256(self.key.encode()).hexdigest()[:24]}"


class Written(Protocol):
    """What a report file became: PERIOD/NUMBER.parquet, at least one, and the rows kept aside."""

    @property
    def report_type(self) -> str:
        """Amazon's name."""

    @property
    def files(self) -> list[Path]:
        """Of rows."""

    @property
    def kept_aside(self) -> Path:
        """Line and reason of rows that were not understood."""


def row_key(identity: Sequence[str]) -> pl.Expr:
    """The cells of these columns as one text."""
    cells = [pl.col(name).cast(pl.String).fill_null("") for name in identity]
    return pl.concat_str(cells, separator=_SEPARATOR).alias(ROW_KEY)


@dataclass(frozen=True, slots=True)
class Archive:
    """A folder or bucket of ours; what is in it can be read again at any time."""

    url: str
    """Folder, or s3://bucket/prefix."""
    _store: ObjectStore = field(repr=False)
    _options: Mapping[str, str] | None = field(default=None, repr=False)

    @classmethod
    def open(cls, url: str, s3: Mapping[str, str] | None = None) -> Self:
        """The archive at a folder (path or file: address) or s3://bucket/prefix.

        `s3` are names of AWS settings in lower case, without the empty ones.

        Raises:
            WrongSetting: it cannot be written.
        """
        match urlsplit(url).scheme:
            case "s3":
                archive = cls._in_bucket(url.rstrip("/"), dict(s3 or {}))
            case "" | "file":
                archive = cls._in_folder(url)
            case scheme:
                raise WrongSetting(
                    "ARCHIVE_URL",
                    f"{scheme}: is not understood",
                    "name a folder or s3://bucket/prefix",
                )
        archive._check_writable()
        return archive

    @classmethod
    def _in_folder(cls, url: str) -> Self:
        root = Path(urlsplit(url).path if url.startswith("file:") else url).absolute()
        try:
            root.mkdir(parents=True, exist_ok=True)
            return cls(str(root), LocalStore(root, automatic_cleanup=True))
        except OSError as error:
            raise _not_writable(str(root), "name a folder that this user owns") from error

    @classmethod
    def _in_bucket(cls, url: str, options: dict[str, str]) -> Self:
        allow_http = options.get("aws_endpoint_url", "").startswith("http:")
        try:
            store = S3Store.from_url(
                url,
                config=cast("S3Config", options),
                client_options={"allow_http": allow_http, "connect_timeout": "5s"},
                retry_config=_PATIENCE,
            )
        except obstore.exceptions.BaseError as error:
            raise _not_writable(url, "look at the AWS_ settings") from error
        return cls(url, store, options | {"aws_allow_http": str(allow_http).lower()})

    def _check_writable(self) -> None:
        probe = f".writable-{secrets.token_hex(8)}"
        try:
            obstore.put(self._store, probe, b"")
            obstore.delete(self._store, probe)
        except (OSError, obstore.exceptions.BaseError) as error:
            mend = "name a folder that this user owns"
            if self._options is not None:
                mend = "look at the bucket, its region and the AWS_ settings"
            raise _not_writable(self.url, mend) from error

    @property
    def root(self) -> Path:
        """The folder of an archive in a folder."""
        return Path(self.url)

    def keep(
        self, written: Written, *, user_id: str, document: Document, packed: Path | None
    ) -> str:
        """Store a file's rows and, if given, the file itself; the same document twice is one.

        Where rows differ in a cell that may change, those of the last document count.
        """
        folder = f"{user_id}/{written.report_type}"
        files = {
            f"{folder}/{file.parent.name}/{document.name}-{file.stem}.parquet": file
            for file in written.files
        }
        if packed is not None:
            files[f"{folder}/{RECEIVED}/{document.name}.gz"] = packed
        with ThreadPoolExecutor(_PUT_AT_ONCE) as pool:
            list(pool.map(self._put, files.keys(), files.values()))
        self._put(f"{folder}/{KEPT_ASIDE}/{document.name}.csv", written.kept_aside)
        return f"{folder}/{document.name}"

    def scan(self, user_id: str, report_type: str) -> pl.LazyFrame | None:
        """Every row of a type that was ever read, once each; None when nothing was read yet.

        Of files with overlapping windows, each key counts as often as in the file that has it most.
        Filters on columns of the identity reach the files themselves.
        """
        return self._once_each(self._stored(user_id, report_type))

    def rows(self, user_id: str, report_type: str) -> pl.DataFrame | None:
        """As `scan`, in memory."""
        return _collected(self.scan(user_id, report_type))

    def rows_of(self, archived_as: Sequence[str]) -> pl.DataFrame | None:
        """As `rows`, of these documents of one type alone, by the names that `keep` gave them."""
        if not archived_as:
            return None
        user_id, report_type, _ = archived_as[0].split("/")
        wanted = {name.rsplit("/", 1)[1] for name in archived_as}
        stored = self._stored(user_id, report_type)
        chosen = {name: files for name, files in stored.items() if name in wanted}
        return _collected(self._once_each(chosen))

    def document(self, archived_as: str) -> pl.DataFrame:
        """The rows of one document in their order, by the name that `keep` gave it."""
        rows = self.rows_of([archived_as])
        if rows is None:
            raise FileNotFoundError(archived_as)
        return rows.sort(LINE)

    def keep_file(self, key: str, content: Path) -> None:
        """Store a file as received under USER/...; the same key twice is the same file."""
        self._put(key, content)

    def file(self, key: str) -> bytes:
        """A file that `keep_file` stored; raises `FileNotFoundError`."""
        return bytes(obstore.get(self._store, key).bytes())

    def files_of(self, user_id: str) -> list[tuple[str, int]]:
        """Key and size in bytes of every file of a user that was received, or kept aside for him.

        Rows in Parquet are made from these.
        """
        return sorted(
            (one["path"], one["size"])
            for some in obstore.list(self._store, f"{user_id}/")
            for one in some
            if not one["path"].endswith(".parquet")
        )

    async def parts_of(self, key: str) -> AsyncIterator[bytes]:
        """A file as it comes from the store; raises `FileNotFoundError`."""
        found = await obstore.get_async(self._store, key)
        async for part in found.stream():
            yield bytes(part)

    def drop(self, archived_as: str) -> None:
        """Remove a document and its rows, by the name that `keep` gave it."""
        folder, name = archived_as.rsplit("/", 1)
        for key in list(self._keys(f"{folder}/")):
            if key.rsplit("/", 1)[1].startswith(name):
                obstore.delete(self._store, key)

    def forget(self, user_id: str) -> None:
        """Remove everything of a user."""
        for found in obstore.list(self._store, f"{user_id}/", chunk_size=_DELETED_AT_ONCE):
            obstore.delete(self._store, [one["path"] for one in found])

    def _put(self, key: str, file: Path) -> None:
        in_folder = self._options is None and _PLAIN_KEY.fullmatch(key) is not None
        if not in_folder or not _linked(file, self.root / key):
            obstore.put(self._store, key, file)

    def _stored(self, user_id: str, report_type: str) -> dict[str, dict[str, list[str]]]:
        """Files of rows by document and period, of documents that are whole."""
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        whole = set()
        for key in self._keys(f"{user_id}/{report_type}/"):
            period, file = key.rsplit("/", 2)[1:]
            name, _, kind = file.rpartition(".")
            if period == KEPT_ASIDE:
                whole.add(name)
            elif kind == "parquet":
                found[name.rpartition("-")[0]][period].append(f"{self.url}/{key}")
        return {name: found[name] for name in sorted(whole)}

    def _keys(self, prefix: str) -> Iterator[str]:
        for some in obstore.list(self._store, prefix):
            yield from sorted(one["path"] for one in some)

    def _once_each(self, stored: Mapping[str, Mapping[str, list[str]]]) -> pl.LazyFrame | None:
        periods: dict[str, list[list[str]]] = defaultdict(list)
        for files_of in stored.values():
            for period, files in files_of.items():
                periods[period].append(sorted(files))
        if not periods:
            return None
        # The last document has every column that its type has today.
        newest = next(iter(stored[max(stored)].values()))
        schema = self._scan(newest).collect_schema()
        names = schema.names()
        identity = names[names.index(LINE) + 1 : names.index(OCCURRENCE)]
        parts = [self._period(periods[period], schema, identity) for period in sorted(periods)]
        return pl.concat(parts).with_columns(row_key(identity))

    def _period(
        self, documents: list[list[str]], schema: pl.Schema, identity: list[str]
    ) -> pl.LazyFrame:
        """Rows of a month; one document has none twice, and that needs no looking."""
        rows = self._scan([file for files in documents for file in files], schema)
        if len(documents) == 1:
            return rows
        return rows.unique([*identity, OCCURRENCE], keep="last", maintain_order=True)

    def _scan(self, files: list[str], schema: pl.Schema | None = None) -> pl.LazyFrame:
        return pl.scan_parquet(
            files,
            schema=schema,
            missing_columns="insert",
            extra_columns="ignore",
            storage_options=dict(self._options) if self._options is not None else None,
        )


def _collected(rows: pl.LazyFrame | None) -> pl.DataFrame | None:
    return None if rows is None else rows.collect(engine="streaming")


def _linked(file: Path, target: Path) -> bool:
    """Give a file a second name, whole at once; False where it must be copied to another file system.

    Who wrote it may delete its first name, and never writes into it again.
    """
    # The store lists no file that is called so.
    beside = target.with_name(f"{target.name}#{secrets.randbits(64)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, beside)
    except OSError:
        return False
    try:
        beside.replace(target)
    finally:
        # Where both are one file already, nothing is replaced.
        beside.unlink(missing_ok=True)
    return True


def _not_writable(url: str, mend: str) -> WrongSetting:
    return WrongSetting("ARCHIVE_URL", f"{url} cannot be written", mend)
