"""The files of an export while it is collected, and the ZIP file made of them.

    ORDERED/<service>/<table>.json, .csv     the rows
    ORDERED/documents/<service>/...          stored documents as they were received
    ORDERED.zip                              all of these and manifest.json, once it is whole

A file has its name only when it is whole: a worker that died is followed by one that goes on.
"""

import csv
import hashlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

_PART_BYTES = 1024 * 1024
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """`root` is a seller's folder of exports."""

    root: Path
    export_id: str

    @property
    def zip_file(self) -> Path:
        """Where the whole export is, or will be."""
        return self.root / f"{self.export_id}.zip"

    @property
    def parts(self) -> Path:
        """Where its parts are collected."""
        return self.root / self.export_id

    def has(self, name: str) -> bool:
        """Whether this part is whole."""
        return (self.parts / name).exists()

    def open(self, name: str) -> "PartFile":
        """Begin this part; raises `ValueError` for a name that leads elsewhere."""
        place = (self.parts / name).resolve()
        if not place.is_relative_to(self.parts.resolve()):
            raise ValueError("a part of an export lies in its folder")
        return PartFile.begin(place)

    def pack(self, about: Mapping[str, Any], tables: Mapping[str, str]) -> None:
        """Make the ZIP file of the parts; `tables` says of each table (`service/table`) what it is."""
        unfinished = self.root / f".{secrets.token_hex(8)}.zip"
        listed = []
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for path in sorted(one for one in self.parts.rglob("[!.]*") if one.is_file()):
                name = path.relative_to(self.parts).as_posix()
                listed.append(_described(name, path, tables))
                packed.write(path, name)
            manifest = {**about, "files": listed}
            packed.writestr(MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False))
        unfinished.replace(self.zip_file)

    def seal(self) -> tuple[int, str]:
        """Size in bytes and SHA-256 of the ZIP file; its parts are not needed any more."""
        size, digest = self.zip_file.stat().st_size, _sha256(self.zip_file)
        shutil.rmtree(self.parts, ignore_errors=True)
        return size, digest

    def remove(self) -> None:
        """Remove everything of this export."""
        shutil.rmtree(self.parts, ignore_errors=True)
        self.zip_file.unlink(missing_ok=True)


def _described(name: str, path: Path, tables: Mapping[str, str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "path": name,
        "bytes": path.stat().st_size,
        "sha256": _sha256(path),
    }
    table = name.rpartition(".")[0]
    if table in tables:
        described |= {"about": tables[table], "rows": _count(path.with_suffix(".json"))}
    return described


def _count(path: Path) -> int:
    """Rows of a JSON file of ours: one a line, between the brackets."""
    with path.open(encoding="utf-8") as lines:
        return sum(1 for line in lines if line.startswith("{"))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            digest.update(part)
    return digest.hexdigest()


@dataclass(slots=True)
class PartFile:
    """A file that gets its name when it is whole."""

    place: Path
    unfinished: Path
    file: IO[bytes]

    @classmethod
    def begin(cls, place: Path) -> Self:
        """Under a name that nobody else has, in the folder where it belongs."""
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.parent.parent / f".{secrets.token_hex(8)}"
        return cls(place, unfinished, unfinished.open("xb"))

    def write(self, parts: Iterable[bytes]) -> None:
        """Append."""
        self.file.writelines(parts)

    def finish(self) -> None:
        """It is whole."""
        self.file.close()
        self.unfinished.replace(self.place)

    def give_up(self) -> None:
        """It never will be."""
        self.file.close()
        self.unfinished.unlink(missing_ok=True)


@dataclass(slots=True)
class TableFiles:
    """The rows of a table as JSON (exact) and as CSV (for a spreadsheet)."""

    columns: Sequence[str]
    as_json: PartFile
    as_csv: PartFile
    written: int = 0

    @classmethod
    def begin(cls, folder: ExportFolder, table: str, columns: Sequence[str]) -> Self:
        """Open both, with their heads."""
        files = cls(columns, folder.open(f"{table}.json"), folder.open(f"{table}.csv"))
        files.as_json.write([b"[\n"])
        files.as_csv.write([_csv_line(columns)])
        return files

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows."""
        for row in rows:
            line = json.dumps(row, ensure_ascii=False).encode()
            self.as_json.write([b",\n" if self.written else b"", line])
            self.as_csv.write([_csv_line([_cell(row.get(name)) for name in self.columns])])
            self.written += 1

    def finish(self) -> None:
        """Both are whole; the JSON file is named last, since it is the one that is looked for."""
        self.as_json.write([b"\n]\n"])
        self.as_csv.finish()
        self.as_json.finish()

    def give_up(self) -> None:
        """Neither will be."""
        self.as_csv.give_up()
        self.as_json.give_up()


def _cell(value: object) -> str:
    """Text as it is, but never a formula for the program that opens the file; structures as JSON."""
    match value:
        case None:
            return ""
        case str():
            return f"'{value}" if value.startswith(_STARTS_A_FORMULA) else value
        case _:
            return json.dumps(value, ensure_ascii=False)


class _Line:
    """What `csv` writes to: it hands over one line at a time."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def _csv_line(cells: Sequence[str]) -> bytes:
    line = _Line()
    csv.writer(line).writerow(cells)
    return line.text.encode()
