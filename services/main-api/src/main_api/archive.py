"""Where documents are kept: each under the checksum of its content, one folder a seller."""

import hashlib
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

from opside_chassis.settings import WrongSetting

_SELLER = re.compile(r"[A-Za-z0-9_-]{1,100}")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"[0-9a-f]{32}")
_PART_BYTES = 1024 * 1024
_FOR_OURSELVES = 0o600
"""Nobody else reads a seller's papers, and nobody at all executes them."""


@dataclass(frozen=True, slots=True)
class Received:
    """A content in a file of ours, not kept yet."""

    file: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class EvidenceArchive:
    """A folder of ours. No name in it comes from a seller."""

    root: Path

    @classmethod
    def open(cls, url: str) -> Self:
        """Raises `WrongSetting` when the folder cannot be written."""
        root = Path(urlsplit(url).path if url.startswith("file:") else url)
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe = root / f".writable-{secrets.token_hex(4)}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise WrongSetting(
                "EVIDENCE_ARCHIVE_URL",
                f"{root} cannot be written",
                "name a folder that this user owns",
            ) from error
        return cls(root)

    def receive(self, content: IO[bytes]) -> Received:
        """Write a content to a file of ours; `keep` or `discard` it."""
        file = self.new_file()
        checksum = hashlib.sha256()
        private = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FOR_OURSELVES)
        with os.fdopen(private, "wb") as target:
            while part := content.read(_PART_BYTES):
                checksum.update(part)
                target.write(part)
            target.flush()
            os.fsync(target.fileno())
            size = target.tell()
        return Received(file, checksum.hexdigest(), size)

    def keep(self, received: Received, *, user_id: str) -> None:
        """Move a received file to its place; the same content again changes nothing."""
        place = self.place(user_id=user_id, sha256=received.sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        received.file.replace(place)

    def discard(self, received: Received) -> None:
        """Forget a received file, unless it was kept."""
        received.file.unlink(missing_ok=True)

    def place(self, *, user_id: str, sha256: str) -> Path:
        """Where a seller's document with this checksum is, or would be."""
        if not _SELLER.fullmatch(user_id) or not _CHECKSUM.fullmatch(sha256):
            raise ValueError("no place in the archive has such a name")
        return self.root / user_id / sha256[:2] / sha256

    def seller_folder(self, user_id: str) -> Path:
        """The folder of everything that is kept of a seller."""
        if not _SELLER.fullmatch(user_id):
            raise ValueError("no place in the archive has such a name")
        return self.root / user_id

    def packet(self, *, user_id: str, digest: str) -> Path:
        """Where a bound packet of the seller is, or would be; it can be made again at any time."""
        if not _SELLER.fullmatch(user_id) or not _DIGEST.fullmatch(digest):
            raise ValueError("no place in the archive has such a name")
        return self.root / user_id / "packets" / f"{digest}.pdf"

    def forget_packets(self, *, user_id: str) -> None:
        """Remove the seller's bound packets: they may hold pages of a document that he deleted."""
        shutil.rmtree(self.seller_folder(user_id) / "packets", ignore_errors=True)

    def new_file(self) -> Path:
        """A name that nobody has; what is written there is moved to its place, or removed."""
        folder = self.root / "incoming"
        folder.mkdir(exist_ok=True)
        return folder / secrets.token_hex(16)

    def remove(self, *, user_id: str, sha256: str) -> None:
        """Remove a document, if it is there."""
        self.place(user_id=user_id, sha256=sha256).unlink(missing_ok=True)
