"""Documents unpacked piece by piece: every byte, little memory, and an end to what only grows."""

import gzip
import io
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.amazon_api import unpack
from integrations_backend.amazon_api.errors import AmazonUnavailable, NoRoomOnDisk, RequestRefused
from integrations_backend.amazon_api.unpack import Bounds, Unpacking
from integrations_backend.settings import Settings

MIB = 1 << 20
LEDGER_ROW_BYTES = 200
"""Wider than those of real ledgers by a quarter."""
HERE = Path(__file__).parent


def unpacking(
    target: io.BytesIO, received: io.BytesIO | None, *, largest: int = 1 << 40, free: int = 1 << 40
) -> Unpacking:
    return Unpacking(target, received, HERE, Bounds(largest, lambda _: free))


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    whole, part = divmod(size, MIB)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(whole))
    return packed + packer.compress(bytes(part)) + packer.flush()


class Counting(io.BytesIO):
    """A file that counts and forgets."""

    written = 0

    def write(self, data: object, /) -> int:
        self.written += len(bytes(data))  # type: ignore[call-overload]
        return 0


@given(
    st.lists(st.binary(max_size=3_000) | st.just(b"x" * 400_000), max_size=8).map(b"".join),
    st.integers(1, 70_000),
)
def test_what_was_packed_comes_out_whole_in_whatever_chunks_it_comes(
    content: bytes, chunk: int
) -> None:
    packed = gzip.compress(content, mtime=0)
    target, received = io.BytesIO(), io.BytesIO()
    one = unpacking(target, received)
    for start in range(0, len(packed), chunk):
        with pytest.raises(AmazonUnavailable, match="truncated"):
            one.finish()
        one.take(packed[start : start + chunk])
    one.finish()
    assert target.getvalue() == content
    assert received.getvalue() == packed, "kept as it came"


def test_the_usual_limit_lets_a_ledger_of_ten_million_rows_in() -> None:
    allowed = Settings.model_fields["amazon_largest_document_mib"].default * MIB
    assert allowed > 10_000_000 * LEDGER_ROW_BYTES
    assert allowed < 25_000_000 * 2 * LEDGER_ROW_BYTES, "no longer file is read anyway"


@pytest.mark.parametrize("packed", [True, False])
def test_a_document_may_be_as_large_as_the_limit_and_no_byte_larger(packed: bool) -> None:
    for size in (MIB, MIB + 1):
        content = gzip.compress(b"a" * size) if packed else b"a" * size
        one = unpacking(Counting(), Counting() if packed else None, largest=MIB)
        if size == MIB:
            one.take(content)
            one.finish()
        else:
            with pytest.raises(
                RequestRefused, match=r"larger than 1 MiB .*AMAZON_LARGEST_DOCUMENT_MIB"
            ):
                one.take(content)


def test_a_bomb_ends_early_in_little_memory_time_and_disk() -> None:
    bomb = zeros(128 * MIB)
    target = Counting()
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(RequestRefused, match="compression bomb"):
        unpacking(target, Counting()).take(bomb)
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert target.written <= unpack.LIKE_A_BOMB_FROM_BYTES
    assert peak < 8 * MIB
    assert seconds < 5


def test_a_report_that_packs_very_well_is_no_bomb() -> None:
    row = b"11/20/2026\tX00AAAAAAA\tB0AAAAAAAA\tSKU-1\tShipments\t-1\tPHX7\tSELLABLE\n"
    content = row * (unpack.LIKE_A_BOMB_FROM_BYTES // len(row))
    packed = gzip.compress(content)
    assert len(content) > len(packed) * unpack.MOST_TIMES_PACKED
    target = Counting()
    unpacking(target, Counting()).take(packed)
    assert target.written == len(content)


def test_a_packed_document_that_unpacks_to_nothing_ends_at_the_limit_too() -> None:
    head = zlib.compressobj(0, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    start = head.compress(b"a") + head.flush(zlib.Z_FULL_FLUSH)
    nothing = b"\x00\x00\x00\xff\xff" * 10_000
    received = Counting()
    one = unpacking(Counting(), received, largest=MIB)
    one.take(start)
    with pytest.raises(RequestRefused, match="larger than 1 MiB"):
        for _ in range(100):
            one.take(nothing)
    assert received.written < 2 * MIB


def test_a_disk_that_is_almost_full_takes_no_more() -> None:
    for free, fits in ((unpack.LEAST_FREE_BYTES, True), (unpack.LEAST_FREE_BYTES - 1, False)):
        target = Counting()
        one = unpacking(target, None, free=free)
        if fits:
            one.take(b"rows")
        else:
            with pytest.raises(NoRoomOnDisk, match="512 MiB"):
                one.take(b"rows")
        assert target.written == (4 if fits else 0)
