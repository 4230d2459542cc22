"""A person files in Seller Central; Amazon decides, pays, and sometimes takes back."""

import pytest
from amazon_world import LEDGER, PAYMENTS, World, world

JSON = {"accept": "application/json"}


@pytest.fixture
def amazon() -> World:
    return world()


def file(amazon: World, loss: dict, **change: str):
    form = {
        "persona": "ada",
        "claimType": loss["claim_type"],
        "fnsku": loss["fnsku"],
        "msku": loss["sku"],
        "orderId": loss["order_id"] or "",
        "referenceId": loss["reference"] or "",
        "quantity": str(loss["quantity"]),
        **change,
    }
    return amazon.http.post("/seller-central/cases", data=form, headers=JSON)


def truth(amazon: World) -> dict:
    return amazon.control.get("/truth/ada").json()


def cases(amazon: World) -> dict[str, dict]:
    return {one["caseId"]: one for one in amazon.control.get("/cases").json()}


def test_every_claimable_loss_is_paid_and_nothing_else(amazon):
    ada, before = amazon.seller("ada"), truth(amazon)
    known = {row["reimbursementid"] for row in ada.report(PAYMENTS)}
    owed = {file(amazon, one).json()["caseId"]: one for one in before["claimable"]}
    refused = [file(amazon, one).json()["caseId"] for one in before["others"]]
    assert all(case.isdigit() and len(case) in {10, 11} for case in [*owed, *refused])
    amazon.state.clock.advance(2.5)
    decided = cases(amazon)
    assert {decided[case]["decision"] for case in refused} == {"denied"}
    rows = [row for row in ada.report(PAYMENTS) if row["reimbursementid"] not in known]
    by_case = {row["caseid"]: row for row in rows}
    assert set(by_case) == set(owed)
    parts = 0
    for case, loss in owed.items():
        row = by_case[case]
        units = int(row["quantityreimbursedcash"])
        assert row["fnsku"] == loss["fnsku"]
        assert units == loss["amazon_pays_quantity"] <= loss["quantity"]
        minor = int(row["amounttotal"].replace(".", ""))
        assert minor == units * int(row["amountperunit"].replace(".", ""))
        assert minor == loss["amazon_pays_minor"] > 0
        parts += units < loss["quantity"]
    assert parts == 2
    assert truth(amazon)["claimable"] == []


def test_a_loss_is_paid_once(amazon):
    loss = truth(amazon)["claimable"][0]
    first, second = file(amazon, loss).json(), file(amazon, loss).json()
    assert first["status"] == "open"
    amazon.state.clock.advance(2.5)
    decided = cases(amazon)
    assert decided[first["caseId"]]["decision"] == "approved"
    assert decided[second["caseId"]]["decision"] == "denied"


def test_twins_are_two_losses(amazon):
    claimable = truth(amazon)["claimable"]
    places = [(one["fnsku"], one["reference"], one["event_date"]) for one in claimable]
    twins = [one for one, place in zip(claimable, places, strict=True) if places.count(place) == 2]
    ids = [file(amazon, one).json()["caseId"] for one in twins]
    amazon.state.clock.advance(2.5)
    assert [cases(amazon)[one]["decision"] for one in ids] == ["approved", "approved"]


def test_asking_for_more_pays_what_is_owed(amazon):
    loss = next(one for one in truth(amazon)["claimable"] if one["quantity"] == 1)
    case = file(amazon, loss, quantity="9").json()["caseId"]
    amazon.state.clock.advance(2.5)
    assert cases(amazon)[case]["decision"] == "approved_in_part"
    assert cases(amazon)[case]["paidQuantity"] == 1


def test_the_ledger_catches_up_with_a_payment_days_later(amazon):
    loss = next(o for o in truth(amazon)["claimable"] if o["claim_type"] == "warehouse_damaged")

    def open_units() -> int:
        # A token lives an hour; the clock below moves days.
        rows = amazon.seller("ada").report(LEDGER, FNSKU=loss["fnsku"])
        mine = [r for r in rows if (r["referenceid"], r["reason"]) == (loss["reference"], "E")]
        return sum(int(row["unreconciledquantity"]) for row in mine)

    file(amazon, loss)
    amazon.state.clock.advance(2.5)
    assert open_units() == loss["quantity"]
    amazon.state.clock.advance(3 * 86400)
    assert open_units() == 0


def test_a_payment_is_taken_back_in_parts_but_never_more(amazon):
    ada = amazon.seller("ada")
    loss = truth(amazon)["claimable"][0]
    case = file(amazon, loss).json()["caseId"]
    amazon.state.clock.advance(2.5)
    paid = next(row for row in ada.report(PAYMENTS) if row["caseid"] == case)
    body = {"reimbursement_id": paid["reimbursementid"], "amount": "1.00"}
    assert amazon.control.post("/reverse", json=body).status_code == 200
    everything = {**body, "amount": paid["amounttotal"]}
    assert amazon.control.post("/reverse", json=everything).status_code == 422
    assert (
        amazon.control.post("/reverse", json={**body, "reimbursement_id": "0"}).status_code == 404
    )
    taken = [
        row
        for row in ada.report(PAYMENTS)
        if row["originalreimbursementid"] == paid["reimbursementid"]
    ]
    assert [(row["amounttotal"], row["originalreimbursementtype"]) for row in taken] == [
        ("-1.00", paid["reason"])
    ]


@pytest.mark.parametrize(
    "change", [{"claimType": "magic"}, {"quantity": "-1"}, {"quantity": "0"}, {"fnsku": ""}]
)
def test_a_form_that_makes_no_sense(amazon, change):
    loss = truth(amazon)["claimable"][0]
    assert file(amazon, loss, **change).status_code == 400
    assert cases(amazon) == {}


def test_the_case_log_is_the_sellers_own(amazon):
    case = file(amazon, truth(amazon)["claimable"][0]).json()["caseId"]
    mine = amazon.http.get("/seller-central/cases?persona=ada", headers=JSON).json()["cases"]
    assert [one["caseId"] for one in mine] == [case]
    assert "lossId" not in mine[0]
    other = amazon.http.get("/seller-central/cases?persona=ben", headers=JSON).json()["cases"]
    assert other == []
    assert amazon.http.get("/seller-central/cases?persona=olga").status_code == 401
    assert case in amazon.http.get("/seller-central/cases?persona=ada").text


def test_the_seller_knows_his_costs(amazon):
    costs = amazon.http.get("/seller-central/sourcing-costs?persona=ada", headers=JSON).json()
    assert len({one["sku"] for one in costs}) == 40
    assert all(one["unitCostCents"] > 0 and one["currency"] == "usd" for one in costs)
