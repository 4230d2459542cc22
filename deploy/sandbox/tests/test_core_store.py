"""The store, the clock and the settings."""

from datetime import UTC, datetime

import pytest

from opside_sandbox.clock import VirtualClock
from opside_sandbox.settings import WrongSetting, load
from opside_sandbox.state import open_state
from opside_sandbox.store import Store


def test_documents_keep_their_order_and_are_found_by_field():
    store = Store(None)
    for number in (1, 2, 3):
        store.put("things", f"t{number}", {"n": number, "in": {"kind": f"k{number % 2}"}})
    store.put("things", "t1", {"n": 10, "in": {"kind": "k1"}})
    assert [one["n"] for one in store.list("things")] == [10, 2, 3]
    assert [one["n"] for one in store.list("things", newest_first=True, limit=1)] == [3]
    assert [one["n"] for one in store.list("things", in__kind="k1")] == [10, 3]
    assert store.find("things", in__kind="k1") == {"n": 3, "in": {"kind": "k1"}}
    assert store.find("things", in__kind=None) is None
    assert (store.count("things"), store.delete("things", "t1"), store.get("things", "t1")) == (
        3,
        True,
        None,
    )
    store.index("in.kind")
    assert [one["n"] for one in store.list("things", where={"in.kind": "k1"})] == [3]


def test_a_field_name_cannot_carry_sql():
    with pytest.raises(ValueError, match="is not a field name"):
        Store(None).list("things", where={"a') or 1=1 --": "x"})


def test_a_transaction_is_all_or_nothing(tmp_path):
    store = Store(tmp_path / "a.sqlite")
    store.put("things", "kept", {"n": 1})

    def fail() -> None:
        with store.transaction():
            store.put("things", "kept", {"n": 2})
            with store.transaction():
                store.put("things", "new", {"n": 3})
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        fail()
    assert store.list("things") == [{"n": 1}]
    store.close()
    assert Store(tmp_path / "a.sqlite").list("things") == [{"n": 1}]


def test_snapshot_and_reset():
    store = Store(None)
    store.put("a", "1", {"x": 1})
    store.next_number("ids")
    before = store.snapshot()
    store.put("a", "2", {"x": 2})
    store.reset(before)
    assert store.list("a") == [{"x": 1}]
    assert store.next_number("ids") == 2
    store.reset()
    assert store.snapshot() == {}


def test_the_clock_moves_forward_only_and_remembers(tmp_path):
    real = datetime(2026, 1, 1, tzinfo=UTC)
    store, woken = Store(tmp_path / "clock.sqlite"), []
    clock = VirtualClock(store, lambda: real)
    clock.on_change(lambda: woken.append(1))
    assert clock.advance(86400).isoformat() == "2026-01-02T00:00:00+00:00"
    assert (clock.real_now(), woken) == (real, [1])
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
    again = VirtualClock(Store(tmp_path / "clock.sqlite"), lambda: real)
    assert again.timestamp() == clock.timestamp()


def test_ids_follow_from_the_seed_and_never_repeat():
    first, second = (open_state(load({"SANDBOX_SEED": "s"})) for _ in range(2))
    ids = [first.token("x") for _ in range(100)]
    assert ids == [second.token("x") for _ in range(100)]
    assert len(set(ids)) == 100
    other = open_state(load({"SANDBOX_SEED": "t"}))
    assert other.token("x") != ids[0]
    assert first.rng("a").random() == second.rng("a").random()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_STRIPE_PORT", "http"),
        ("SANDBOX_AMAZON_PORT", "70000"),
        ("SANDBOX_CONTROL", "yes"),
        ("SANDBOX_WEBHOOK_RETRY_SCALE", "0"),
        ("SANDBOX_STATE", "/proc/none/here"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(name, value):
    with pytest.raises(WrongSetting, match=rf"^{name}: .*; mend: "):
        load({name: value})


def test_secrets_stay_out_of_the_settings_text():
    settings = load({"SANDBOX_AMAZON_CLIENT_SECRET": "hush", "SANDBOX_WEBHOOK_SECRET": "hush"})
    assert "hush" not in repr(settings)
    assert settings.amazon_seller.client_secret == "hush"


def test_a_folder_or_a_file_holds_the_state(tmp_path):
    assert load({"SANDBOX_STATE": str(tmp_path)}).state_path == tmp_path / "sandbox.sqlite"
    named = tmp_path / "new" / "run.db"
    assert load({"SANDBOX_STATE": str(named)}).state_path == named
    assert load({}).state_path is None
