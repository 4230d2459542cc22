"""A filing's packet for a person to take to Amazon: one PDF, or a ZIP with everything as received."""

import asyncio
import contextlib
import csv
import io
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from main_api.archive import EvidenceArchive
from main_api.case_facts.facts import Facts
from main_api.evidence.packet_evidence import PacketDocument
from main_api.filings.claim_text import field_sheet
from main_api.filings.errors import PacketChanged, PacketNotBound
from main_api.filings.listing import evidence_of, own_filing, text_of
from main_api.filings.packet_spec import AT, BoundDocument, PacketSpec
from opside_chassis.database import Sessions, transaction
from opside_chassis.errors import Unavailable

WALL_SECONDS = 25.0
"""Longer than its processor time; shorter than a browser waits."""
MOST_DEADLY = 3
"""So many documents may end the binding, each left out in the next try; then only the ZIP is offered."""
BINDER = ("-I", "-m", "main_api.filings.bind_packet")
_AT_ONCE = asyncio.Semaphore(2)
"""Binders at work in one program: each may take a gigabyte."""
_STAMP = (2020, 1, 1, 0, 0, 0)
"""Of every file in a ZIP: the same packet is the same bytes."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Packet:
    """What a filing's packet is made of, and how its files are called."""

    name: str
    spec: PacketSpec
    documents: tuple[PacketDocument, ...]


async def read_packet(
    sessions: Sessions, archive: EvidenceArchive, *, user_id: str, filing_id: str
) -> Packet:
    """The packet of a filing: frozen once it is ready, as of now while it is a draft.

    Raises:
        NoSuchFiling: unknown, or of somebody else.
    """
    async with transaction(sessions, tenant=user_id) as session:
        filing = await own_filing(session, user_id=user_id, filing_id=filing_id)
        documents = await evidence_of(session, filing)
    facts = Facts.from_json(filing.facts)
    spec = PacketSpec(
        title=f"Claim {filing.claim_id}: {filing.claim_type.replace('_', ' ')}",
        text=text_of(filing, len(documents)),
        field_sheet=tuple(field_sheet(facts).items()),
        documents=tuple(
            BoundDocument(
                path=str(archive.place(user_id=user_id, sha256=one.sha256)),
                title=one.file_name,
                media_type=one.media_type,
                sha256=one.sha256,
            )
            for one in documents
        ),
    )
    return Packet(f"opside-{filing.case_id}", spec, tuple(documents))


async def bound_pdf(
    archive: EvidenceArchive, packet: Packet, *, user_id: str, binder: Sequence[str] = BINDER
) -> Path:
    """The packet as one PDF. Documents that cannot be bound are named on its first pages.

    Raises:
        PacketNotBound: too many of the documents break whatever opens them; the ZIP has them all.
        Unavailable: binding takes too long just now.
    """
    place = archive.packet(user_id=user_id, digest=packet.spec.digest())
    if place.exists():
        return place
    spec = packet.spec
    for _ in range(MOST_DEADLY + 1):
        async with _AT_ONCE:
            unfinished = archive.new_file()
            try:
                last = await _bind(spec, unfinished, binder)
                if last is None:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    unfinished.replace(place)
                    return place
            finally:
                unfinished.unlink(missing_ok=True)
        if last < 0:
            raise Unavailable("the packet cannot be bound just now", retry_after_seconds=30)
        spec = _without(spec, last)
    raise PacketNotBound("the documents cannot be bound into one PDF; take the ZIP")


def _without(spec: PacketSpec, place: int) -> PacketSpec:
    out = spec.documents[place]
    kept = tuple(one for one in spec.documents if one is not out)
    why = (out.title, "it takes more time or memory than a paper may")
    return replace(spec, documents=kept, left_out=(*spec.left_out, why))


async def _bind(spec: PacketSpec, target: Path, binder: Sequence[str]) -> int | None:
    """None when it is bound; else the place of the document that ended it, -1 for none of them."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *binder,
        str(target),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    said = b""
    try:
        async with asyncio.timeout(WALL_SECONDS):
            said, _ = await process.communicate(spec.as_json().encode())
    except TimeoutError:
        return -1
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode == 0:
        return None
    places = [line.split()[1] for line in said.decode().splitlines() if line.startswith(AT)]
    return int(places[-1]) if places else -1


def write_zip(packet: Packet, target: Path) -> None:
    """The packet as a ZIP: text, field sheet, every document as received, and their checksums.

    Raises:
        PacketChanged: a document went away meanwhile.
    """
    try:
        _write_zip(packet, target)
    except FileNotFoundError as error:
        target.unlink(missing_ok=True)
        raise PacketChanged("a document of this packet was deleted just now; ask again") from error
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _write_zip(packet: Packet, target: Path) -> None:
    names = names_in_zip(packet.documents)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        _add(archive, "claim.txt", packet.spec.text.encode())
        _add(archive, "field-sheet.csv", sheet_csv(packet.spec.field_sheet).encode())
        sums = [f"{one.sha256}  {name}" for one, name in zip(packet.documents, names, strict=True)]
        _add(archive, "checksums.sha256", "".join(f"{line}\n" for line in sums).encode())
        for one, name in zip(packet.spec.documents, names, strict=True):
            with Path(one.path).open("rb") as source, archive.open(_entry(name), "w") as inside:
                while part := source.read(1024 * 1024):
                    inside.write(part)


def names_in_zip(documents: Sequence[PacketDocument]) -> list[str]:
    """Numbered, so that no two are alike; none is a path out of the folder."""
    return [
        f"evidence/{number:02} {one.file_name.replace('/', '_')}"
        for number, one in enumerate(documents, 1)
    ]


def sheet_csv(rows: Sequence[tuple[str, str]]) -> str:
    """The field sheet for a spreadsheet; no cell of it is taken for a formula."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(["field", "value"])
    writer.writerows([[_cell(name), _cell(value)] for name, value in rows])
    return target.getvalue()


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, date_time=_STAMP)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_entry(name), content)
