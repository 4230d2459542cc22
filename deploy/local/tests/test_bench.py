import json
from pathlib import Path

import pytest
from rich.console import Console

from opside_local.bench import harness
from opside_local.bench.figures import rates


async def test_both_sides_take_turns_and_show_their_best_round():
    turns: list[str] = []

    async def ours() -> int:
        turns.append("ours")
        return 10

    async def floor() -> int:
        turns.append("floor")
        return 100

    figures = await rates(ours, floor)
    assert turns[:4] == ["ours", "floor", "ours", "floor"]
    assert figures.value > 0
    assert figures.floor > 0


def test_every_bench_says_its_unit_and_measures():
    for name in harness.names():
        module = __import__(f"opside_local.bench.{name}", fromlist=["UNIT"])
        assert module.UNIT
        assert callable(module.measure)


def test_an_unknown_bench_names_the_known_ones():
    with pytest.raises(harness.UnknownBench, match="token_verify"):
        harness.run("no_such_bench", Console(quiet=True))


def test_a_floor_of_nothing_is_reached_by_nothing_alone():
    assert (harness._ratio(0.0, 0.0), harness._ratio(3.0, 0.0), harness._ratio(1.0, 2.0)) == (
        1,
        0,
        0.5,
    )


def test_one_bench_is_measured_and_the_rows_of_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    output = tmp_path / "bench.json"
    kept = {"name": "outbox_stage", "value": 1.0, "unit": "rows/s", "floor": 2.0, "ratio": 0.5}
    kept |= {"notes": "as it was"}
    gone = {**kept, "name": "no_longer_there"}
    output.write_text(json.dumps([kept, gone]))
    monkeypatch.setattr(harness, "OUTPUT", output)
    monkeypatch.setattr("opside_local.bench.token_verify.COUNT", 20)
    harness.run("token_verify", Console(quiet=True))
    written = {row["name"]: row for row in json.loads(output.read_text())}
    assert set(written) == {"outbox_stage", "token_verify"}
    assert written["outbox_stage"] == kept
    row = written["token_verify"]
    assert set(row) == {"name", "value", "unit", "floor", "ratio", "notes"}
    assert row["ratio"] == pytest.approx(row["value"] / row["floor"], rel=0.01)
