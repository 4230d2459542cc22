"""A packed document to a file, piece by piece, within bounds of size, packing and disk."""

import shutil
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from integrations_backend.amazon_api.errors import AmazonUnavailable, NoRoomOnDisk, RequestRefused

PIECE_BYTES = 1024 * 1024
"""Unpacked at a time: a chunk of zeros would unpack to a thousand times itself in memory."""
MOST_TIMES_PACKED = 100
"""Reports of Amazon unpack to 5 to 20 times their packed size; gzip at its worst to a thousand times."""
LIKE_A_BOMB_FROM_BYTES = 64 * 1024 * 1024
"""Below it the packing is not looked at: a short report of one repeated row packs far better."""
LEAST_FREE_BYTES = 512 * 1024 * 1024
"""What a document leaves free on its disk, for its rows and for whoever else writes there."""
LARGEST_SETTING = "AMAZON_LARGEST_DOCUMENT_MIB"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def free_on_disk(folder: Path) -> int:
    """Bytes that may still be written where the folder is."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a document may take, unpacked or as it came, and who knows what the disk has left."""

    largest_bytes: int
    free_bytes: Callable[[Path], int] = free_on_disk


class Unpacking:
    """Takes a document's chunks in their order and writes what they are to a file.

    `received`: where a packed document is kept as it came; None for one that is not packed.
    """

    def __init__(
        self, target: BinaryIO, received: BinaryIO | None, folder: Path, bounds: Bounds
    ) -> None:
        self._target, self._received = target, received
        self._folder, self._bounds = folder, bounds
        self._gzip = zlib.decompressobj(_GZIP_WINDOW) if received else None
        self._taken = self._written = 0

    def take(self, chunk: bytes) -> None:
        """Write what one chunk holds.

        Raises:
            RequestRefused: the document is too large, or packed like a bomb, or has a tail.
            NoRoomOnDisk: the disk is almost full.
            zlib.error: it is no gzip file.
        """
        self._taken += len(chunk)
        if self._received:
            self._received.write(chunk)
        for piece in self._pieces(chunk):
            self._written += len(piece)
            self._look_at_bounds()
            self._target.write(piece)
        # A packed file may grow without unpacking to anything.
        self._look_at_bounds()

    def finish(self) -> None:
        """Raises AmazonUnavailable where a packed document did not come to its end."""
        if self._gzip is not None and not self._gzip.eof:
            raise AmazonUnavailable("the document is a truncated gzip file")

    def _pieces(self, chunk: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield chunk
            return
        while chunk:
            yield self._gzip.decompress(chunk, PIECE_BYTES)
            if self._gzip.unused_data:
                raise RequestRefused("the document goes on behind the end of its gzip file")
            chunk = self._gzip.unconsumed_tail

    def _look_at_bounds(self) -> None:
        largest = self._bounds.largest_bytes
        if max(self._written, self._taken) > largest:
            raise RequestRefused(
                f"the document is larger than {largest >> 20} MiB unpacked: {LARGEST_SETTING} allows no more"
            )
        if self._written > max(LIKE_A_BOMB_FROM_BYTES, self._taken * MOST_TIMES_PACKED):
            raise RequestRefused(
                f"the document unpacks to more than {MOST_TIMES_PACKED} times its packed size,"
                f" and to more than {LIKE_A_BOMB_FROM_BYTES >> 20} MiB: a compression bomb"
            )
        if self._bounds.free_bytes(self._folder) < LEAST_FREE_BYTES:
            raise NoRoomOnDisk(
                f"less than {LEAST_FREE_BYTES >> 20} MiB are free in {self._folder.parent}"
                f" after {self._written >> 20} MiB of the document"
            )
