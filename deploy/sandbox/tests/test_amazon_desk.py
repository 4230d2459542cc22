"""What Amazon does on its own clock: denies, pays in part, in stock, by itself, and reverses."""

from collections import Counter
from datetime import datetime

import pytest
from amazon_world import LEDGER, PAYMENTS, World, world

JSON = {"accept": "application/json"}
DAY = 86400.0


@pytest.fixture
def amazon() -> World:
    return world()


def losses(amazon: World, persona: str = "ada") -> list[dict]:
    return amazon.control.get(f"/truth/{persona}").json()["claimable"]


def entry(amazon: World, loss: dict, persona: str = "ada") -> dict:
    told = amazon.control.get(f"/truth/{persona}").json()
    everything = [*told["claimable"], *told["others"]]
    return next(one for one in everything if one["loss_id"] == loss["loss_id"])


def plan(amazon: World, loss: dict, **more):
    body = {"persona": "ada", "loss_id": loss["loss_id"], **more}
    return amazon.control.post("/desk", json=body)


def file(amazon: World, loss: dict, persona: str = "ada") -> str:
    form = {
        "persona": persona,
        "claimType": loss["claim_type"],
        "fnsku": loss["fnsku"],
        "orderId": loss["order_id"] or "",
        "referenceId": loss["reference"] or "",
        "quantity": str(loss["quantity"]),
    }
    return amazon.http.post("/seller-central/cases", data=form, headers=JSON).json()["caseId"]


def case(amazon: World, case_id: str) -> dict:
    return next(one for one in amazon.control.get("/cases").json() if one["caseId"] == case_id)


def paid_for(amazon: World, case_id: str) -> list[dict]:
    return [row for row in amazon.seller("ada").report(PAYMENTS) if row["caseid"] == case_id]


def stock_of(amazon: World, loss: dict) -> int:
    return amazon.control.get("/stock/ada").json()[loss["fnsku"]]


def test_amazon_may_deny_what_it_owes(amazon):
    loss = losses(amazon)[0]
    plan(amazon, loss, answer="deny")
    assert entry(amazon, loss)["amazon_pays_quantity"] == 0
    case_id = file(amazon, loss)
    amazon.state.clock.advance(3)
    assert case(amazon, case_id)["decision"] == "denied"
    assert paid_for(amazon, case_id) == []
    assert loss["loss_id"] in {one["loss_id"] for one in losses(amazon)}


@pytest.mark.parametrize("more_than_one", [True, False])
def test_amazon_may_pay_a_part(amazon, more_than_one):
    loss = next(one for one in losses(amazon) if (one["quantity"] > 1) == more_than_one)
    plan(amazon, loss, answer="part")
    told = entry(amazon, loss)
    assert 0 < told["amazon_pays_minor"] < loss["amazon_pays_minor"]
    case_id = file(amazon, loss)
    amazon.state.clock.advance(3)
    assert case(amazon, case_id)["decision"] == "approved_in_part"
    (row,) = paid_for(amazon, case_id)
    assert int(row["amounttotal"].replace(".", "")) == told["amazon_pays_minor"]
    assert int(row["quantityreimbursedcash"]) == told["amazon_pays_quantity"]


def test_amazon_may_pay_in_stock(amazon):
    loss = next(one for one in losses(amazon) if one["claim_type"] == "warehouse_lost")
    before = stock_of(amazon, loss)
    plan(amazon, loss, answer="stock")
    case_id = file(amazon, loss)
    amazon.state.clock.advance(3)
    (row,) = paid_for(amazon, case_id)
    assert (row["amounttotal"], row["quantityreimbursedcash"]) == ("0.00", "0")
    assert int(row["quantityreimbursedinventory"]) == loss["quantity"]
    assert stock_of(amazon, loss) == before + loss["quantity"]
    rows = amazon.seller("ada").report(LEDGER, FNSKU=loss["fnsku"], eventType="Adjustments")
    assert rows[-1]["reason"] == "N"
    assert int(rows[-1]["quantity"]) == loss["quantity"]
    query = {
        "granularityType": "Marketplace",
        "granularityId": "ATVPDKIKX0DER",
        "marketplaceIds": "ATVPDKIKX0DER",
        "sellerSkus": loss["sku"],
    }
    shown = amazon.seller("ada").call("GET", "/fba/inventory/v1/summaries", params=query).json()
    assert shown["payload"]["inventorySummaries"][0]["totalQuantity"] >= before + loss["quantity"]
    assert entry(amazon, loss)["reason"] == "paid_on_case"


def test_amazon_may_pay_by_itself_on_the_day_and_then_owes_nothing(amazon):
    loss = next(one for one in losses(amazon) if one["claim_type"] == "warehouse_damaged")
    plan(amazon, loss, automatic_after_seconds=3 * DAY)
    due = datetime.fromisoformat(entry(amazon, loss)["amazon_pays_unasked_at"])
    known = len(amazon.seller("ada").report(PAYMENTS))
    amazon.state.clock.advance(3 * DAY - 60)
    assert len(amazon.seller("ada").report(PAYMENTS)) == known
    amazon.state.clock.advance(5 * DAY)
    rows = amazon.seller("ada").report(PAYMENTS)
    assert len(rows) == known + 1
    row = next(row for row in rows if row["approvaldate"] == due.isoformat(timespec="seconds"))
    assert (row["caseid"], row["reason"]) == ("", "Damaged_Warehouse")
    assert int(row["amounttotal"].replace(".", "")) == loss["amazon_pays_minor"]
    assert entry(amazon, loss)["reason"] == "paid_cash"
    # The ledger has caught up, and whoever files now is too late.
    ledger = amazon.seller("ada").report(LEDGER, FNSKU=loss["fnsku"])
    mine = [r for r in ledger if (r["referenceid"], r["reason"]) == (loss["reference"], "E")]
    assert [one["unreconciledquantity"] for one in mine] == ["0"]
    case_id = file(amazon, loss)
    amazon.state.clock.advance(3)
    assert case(amazon, case_id)["decision"] == "denied"


def test_who_files_first_is_paid_once(amazon):
    loss = losses(amazon)[0]
    plan(amazon, loss, automatic_after_seconds=10)
    case_id = file(amazon, loss)
    known = len(amazon.seller("ada").report(PAYMENTS))
    amazon.state.clock.advance(60)
    assert case(amazon, case_id)["decision"] == "approved"
    assert len(amazon.seller("ada").report(PAYMENTS)) == known + 1


def test_amazon_may_reverse_later_when_the_units_are_found(amazon):
    loss = next(one for one in losses(amazon) if one["claim_type"] == "warehouse_lost")
    before = stock_of(amazon, loss)
    plan(amazon, loss, reverse_after_seconds=20 * DAY)
    case_id = file(amazon, loss)
    amazon.state.clock.advance(3)
    (paid,) = paid_for(amazon, case_id)
    body = {"reimbursement_id": paid["reimbursementid"], "amount": "1.00"}
    amazon.control.post("/reverse", json=body)
    amazon.state.clock.advance(20 * DAY)
    rows = amazon.seller("ada").report(PAYMENTS)
    mine = [row for row in rows if row["originalreimbursementid"] == paid["reimbursementid"]]
    taken = sum(int(row["amounttotal"].replace(".", "")) for row in mine)
    assert taken == -int(paid["amounttotal"].replace(".", ""))
    assert {row["reason"] for row in mine} == {"Reimbursement_Reversal"}
    assert stock_of(amazon, loss) == before + loss["quantity"]
    found = amazon.seller("ada").report(LEDGER, FNSKU=loss["fnsku"], eventType="Adjustments")[-1]
    assert (found["reason"], int(found["quantity"])) == ("F", loss["quantity"])


def test_an_account_with_surprises_gets_every_kind_of_answer(amazon):
    owed = losses(amazon, "dieter")
    kinds = Counter(one["amazon_answers"] for one in owed)
    assert set(kinds) == {"approve", "deny", "part", "stock"}
    assert any(one["amazon_pays_unasked_at"] for one in owed)
    assert any(one["amazon_reverses_after_seconds"] for one in owed)
    cases = {file(amazon, one, "dieter"): one for one in owed}
    amazon.state.clock.advance(3)
    for case_id, loss in cases.items():
        decided = case(amazon, case_id)
        assert (decided["decision"] == "denied") == (loss["amazon_answers"] == "deny")
        assert decided["paidQuantity"] == loss["amazon_pays_quantity"]
    reversals = sum(one["amazon_reverses_after_seconds"] is not None for one in owed)
    before = amazon.seller("dieter").report(PAYMENTS)
    amazon.state.clock.advance(31 * DAY)
    after = amazon.seller("dieter").report(PAYMENTS)
    new = [row["reason"] for row in after][len(before) :]
    unasked_for_others = [reason for reason in new if reason != "Reimbursement_Reversal"]
    assert new.count("Reimbursement_Reversal") == reversals
    assert set(unasked_for_others) <= {"Lost_Warehouse", "Damaged_Warehouse"}


def test_an_underpaid_claim_is_paid_as_more_money_for_the_first_payment(amazon):
    loss = next(one for one in losses(amazon, "dieter") if one["claim_type"] == "underpaid")
    plan(amazon, loss, persona="dieter", answer="stock")
    assert entry(amazon, loss, "dieter")["amazon_pays_minor"] == loss["value_minor"]
    case_id = file(amazon, loss, "dieter")
    amazon.state.clock.advance(3)
    rows = amazon.seller("dieter").report(PAYMENTS)
    (paid,) = [row for row in rows if row["caseid"] == case_id]
    assert (paid["quantityreimbursedcash"], paid["quantityreimbursedtotal"]) == ("0", "0")
    assert paid["originalreimbursementid"] == loss["reference"]
    assert loss["reference"] in {row["reimbursementid"] for row in rows}
    minor = int(paid["amounttotal"].replace(",", "").replace(".", ""))
    assert minor == loss["value_minor"]
    assert case(amazon, case_id)["decision"] == "approved"


def test_the_demonstration_accounts_meet_no_surprise(amazon):
    for persona in ("ada", "ben", "cleo"):
        assert {one["amazon_answers"] for one in losses(amazon, persona)} == {"approve"}


def test_plans_are_for_losses_that_exist(amazon):
    assert plan(amazon, {"loss_id": "loss-none"}).status_code == 404
    assert plan(amazon, losses(amazon)[0], answer="shrug").status_code == 422
