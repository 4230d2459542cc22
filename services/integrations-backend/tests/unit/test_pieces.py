"""A file in pieces of whole lines, and calls that are made beside each other."""

import io
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.reports.errors import UnreadableReport
from integrations_backend.reports.lines import LONGEST_LINE_BYTES, pieces
from integrations_backend.reports.side_by_side import THREADS, side_by_side


def cut(data: bytes, size: int, charset: str = "utf-8") -> list[bytes]:
    return list(pieces(io.BytesIO(data), charset, size=size))


@given(
    st.lists(st.text("aé表\r", max_size=6), max_size=12),
    st.integers(1, 40),
    st.sampled_from(["utf-8", "cp932", "gb18030"]),
)
def test_pieces_are_the_file_in_whole_lines(text: list[str], size: int, charset: str) -> None:
    text = [line.replace("é", "") for line in text] if charset == "cp932" else text
    written = "x\n" + "\n".join(text)
    found = cut(written.encode(charset), size, charset)
    assert b"".join(found).decode() == written
    assert all(piece.endswith(b"\n") for piece in found[:-1])


@pytest.mark.parametrize("size", [100, LONGEST_LINE_BYTES, 3 * LONGEST_LINE_BYTES])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_the_longest_line_is_read_and_a_longer_one_refused(size: int, end: bytes) -> None:
    head = b"a\n"
    longest = b"x" * (LONGEST_LINE_BYTES - 1) + end
    assert b"".join(cut(head + longest, size)) == head + longest
    endless = b"x" * 4 * LONGEST_LINE_BYTES
    with pytest.raises(UnreadableReport, match="longer than 1 MiB"):
        cut(head + endless + end + b"b", size)


def test_results_come_in_the_order_of_the_calls_some_at_a_time() -> None:
    together = threading.Barrier(THREADS, timeout=20)
    held: list[int] = []

    def call(number: int) -> int:
        together.wait()
        held.append(number)
        return number

    calls = (partial(call, number) for number in range(4 * THREADS))
    for place, number in enumerate(side_by_side(calls)):
        assert number == place
        assert len(held) <= place + 2 + THREADS, "no more are made than wait to be taken"


def test_the_first_call_that_fails_ends_it() -> None:
    made: list[int] = []

    def call(number: int) -> int:
        made.append(number)
        return 1 // (3 - number)

    def calls() -> Iterator[Callable[[], int]]:
        yield from (partial(call, number) for number in range(1000))

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(calls()))
    assert len(made) <= 3 + 2 + THREADS
