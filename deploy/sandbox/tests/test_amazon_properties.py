"""What no order of calls may break: usage plans, one payment a loss, no more back than was paid."""

from typing import Any

from amazon_world import LEDGER, PAYMENTS, World, world
from hypothesis import given, settings
from hypothesis import strategies as st

JSON = {"accept": "application/json"}
WAITS = st.integers(min_value=0, max_value=80)
"""Forty of them stay within the hour that an access token lives."""


@settings(max_examples=25, deadline=None)
@given(st.lists(WAITS, min_size=16, max_size=40))
def test_no_window_holds_more_calls_than_burst_and_rate_allow(waits):
    amazon = world(SANDBOX_AMAZON_RATE_FACTOR="1")
    ada, now, taken = amazon.seller("ada"), 0, []
    for wait in waits:
        amazon.state.clock.advance(wait)
        now += wait
        status = ada.create(LEDGER, 5).status_code
        assert status in {202, 429}
        if status == 202:
            taken.append(now)
    for first, begun in enumerate(taken):
        for count, at in enumerate(taken[first:], start=1):
            # A second of slack: real time passes too.
            assert count <= 15 + 0.0167 * (at - begun + 1) + 1e-6


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=60), max_size=30))
def test_a_full_bucket_is_never_refused_and_waiting_pays_off(waits):
    amazon = world(SANDBOX_AMAZON_RATE_FACTOR="1")
    ada = amazon.seller("ada")
    while ada.create(LEDGER, 5).status_code == 202:
        pass
    for wait in waits:
        amazon.state.clock.advance(wait)
    amazon.state.clock.advance(1 / 0.0167)
    assert ada.create(LEDGER, 5).status_code == 202


ACTS = st.one_of(
    st.tuples(st.just("file"), st.integers(1, 9)),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 3.0, 86400.0, 5 * 86400.0])),
    st.tuples(st.just("reverse"), st.integers(1, 5000)),
    st.tuples(
        st.just("plan"),
        st.sampled_from(
            [
                {"answer": "approve"},
                {"answer": "deny"},
                {"answer": "part"},
                {"answer": "stock"},
                {"automatic_after_seconds": 2.0},
                {"reverse_after_seconds": 86400.0},
            ]
        ),
    ),
)


def act(amazon: World, loss: dict[str, Any], name: str, value: Any) -> None:
    match name:
        case "file":
            form = {
                "persona": "ada",
                "claimType": loss["claim_type"],
                "fnsku": loss["fnsku"],
                "referenceId": loss["reference"],
                "quantity": str(value),
            }
            assert amazon.http.post("/seller-central/cases", data=form).status_code == 201
        case "wait":
            amazon.state.clock.advance(value)
        case "plan":
            body = {"persona": "ada", "loss_id": loss["loss_id"], **value}
            assert amazon.control.post("/desk", json=body).status_code == 200
        case "reverse":
            for paid in payments(amazon, loss):
                amount = f"{value // 100}.{value % 100:02d}"
                body = {"reimbursement_id": paid["reimbursement_id"], "amount": amount}
                assert amazon.control.post("/reverse", json=body).status_code in {200, 422, 404}


def payments(amazon: World, loss: dict[str, Any]) -> list[dict[str, Any]]:
    """What was paid for this product since the history ended, reversals among it."""
    born = amazon.state.store.get("amazon.birth", "day")["date"]
    rows = amazon.control.get("/reimbursements/ada").json()
    return [one for one in rows if one["fnsku"] == loss["fnsku"] and one["approved_at"] >= born]


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=14))
def test_a_loss_is_paid_once_and_no_more_goes_back(acts):
    amazon = world()
    told = amazon.control.get("/truth/ada").json()["claimable"]
    loss = next(
        one for one in told if one["claim_type"] == "warehouse_lost" and one["quantity"] > 1
    )
    stock = amazon.control.get("/stock/ada").json()[loss["fnsku"]]
    for name, value in acts:
        act(amazon, loss, name, value)
    amazon.state.clock.advance(30 * 86400)
    rows = payments(amazon, loss)
    paid = [one for one in rows if not one["original_reimbursement_id"]]
    assert len(paid) <= 1
    assert sum(one["cash"] + one["inventory"] for one in paid) <= loss["quantity"]
    total = sum(one["amount_total_minor"] for one in rows)
    assert 0 <= total <= loss["amazon_pays_minor"]
    # Units enter the stock only when they were paid in stock or found again.
    came = amazon.control.get("/stock/ada").json()[loss["fnsku"]] - stock
    assert 0 <= came <= loss["quantity"]
    report = amazon.seller("ada").report(PAYMENTS)
    ids = {one["reimbursement_id"] for one in rows}
    shown = [row for row in report if row["reimbursementid"] in ids]
    assert sum(int(row["amounttotal"].replace(".", "")) for row in shown) == total
