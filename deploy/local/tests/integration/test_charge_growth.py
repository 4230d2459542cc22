"""The bench of growing tables, small: it fills, measures both sides and says over how many rows."""

import pytest

from opside_local.bench import charge_growth


async def test_a_commission_costs_about_the_same_over_more_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(charge_growth, "COUNT", 100)
    figures = await charge_growth.measure(many_rows=20_000, few_rows=200)
    assert figures.value > figures.floor / 2
    assert "20,000 rows" in figures.notes
