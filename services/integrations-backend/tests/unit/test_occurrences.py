"""How-manieth a row is of its like, however the file is parted."""

from collections import Counter

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from integrations_backend.archive import LINE, OCCURRENCE
from integrations_backend.reports.identity import HASH, Occurrences


@given(st.lists(st.lists(st.integers(0, 4), max_size=8), max_size=5))
def test_rows_are_counted_over_all_parts(parts: list[list[int]]) -> None:
    occurrences, seen, line = Occurrences(), Counter[int](), 2
    for part in parts:
        lines = list(range(line, line + len(part)))
        line += len(part)
        schema = {LINE: pl.UInt32, HASH: pl.UInt64}
        found = occurrences.repeated(pl.DataFrame({LINE: lines, HASH: part}, schema=schema))
        wanted = []
        for number, one in zip(lines, part, strict=True):
            seen[one] += 1
            if seen[one] > 1:
                wanted.append((number, seen[one]))
        assert found.select(LINE, OCCURRENCE).sort(LINE).rows() == wanted
