"""A few commissions through the whole of `settle_cycle`: the bench itself, small."""

import re

import pytest

from opside_local.bench import settle_cycle

FEW = 40


async def test_a_commission_settles_within_its_statements():
    figures = await settle_cycle.measure(FEW)
    assert figures.value > 0
    assert figures.floor > 0
    found = re.search(r"([\d.]+) SQL statements each", figures.notes)
    assert found
    assert 50 < float(found[1]) <= settle_cycle.MOST_STATEMENTS


async def test_a_commission_that_takes_too_many_statements_is_told(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(settle_cycle, "MOST_STATEMENTS", 20)
    with pytest.raises(settle_cycle.NotSettled, match="statements a commission"):
        await settle_cycle.measure(5)
