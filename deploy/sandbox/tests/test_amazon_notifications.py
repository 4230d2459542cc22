"""Destinations (grantless), subscriptions (the seller's), what arrives; restricted data tokens."""

import json
from typing import Any

import jsonschema_rs
import pytest
from amazon_contract import shared
from amazon_world import LEDGER, SELLER, SellerApi, World, world

BASE = "/notifications/v1"
ARN = "arn:aws:sqs:us-east-2:444455556666:queue1"
FINISHED, MONEY = "REPORT_PROCESSING_FINISHED", "TRANSACTION_UPDATE"


@pytest.fixture
def amazon() -> World:
    return world()


@pytest.fixture
def app(amazon) -> SellerApi:
    """The application itself: a token without a seller."""
    scope = "sellingpartnerapi::notifications"
    granted = amazon.token(grant_type="client_credentials", scope=scope, **SELLER).json()
    return SellerApi(amazon, "nobody", granted["access_token"])


def destination(app: SellerApi, name: str = "queue", arn: str = ARN) -> str:
    body = {"name": name, "resourceSpecification": {"sqs": {"arn": arn}}}
    return app.call("POST", f"{BASE}/destinations", json=body).json()["payload"]["destinationId"]


def subscribe(seller: SellerApi, place: str, kind: str = FINISHED, version: str = "2020-09-04"):
    body = {"payloadVersion": version, "destinationId": place}
    return seller.call("POST", f"{BASE}/subscriptions/{kind}", json=body)


def queue(amazon: World, place: str) -> list[dict[str, Any]]:
    return amazon.control.get(f"/queues/{place}").json()


def valid(name: str, message: dict[str, Any]) -> None:
    path = shared("contracts", "amazon", "notification-schemas", name)
    if path is None:
        pytest.skip("../shared/contracts/amazon is absent")
    jsonschema_rs.validator_for(json.loads(path.read_text())).validate(message)


def test_the_life_of_a_destination(app):
    place = destination(app)
    shown = app.call("GET", f"{BASE}/destinations/{place}").json()["payload"]
    assert shown == {"name": "queue", "destinationId": place, "resource": {"sqs": {"arn": ARN}}}
    bridge = {"name": "bus", "resourceSpecification": {"eventBridge": {"region": "us-east-1"}}}
    assert app.call("POST", f"{BASE}/destinations", json=bridge).status_code == 400
    bridge["resourceSpecification"]["eventBridge"]["accountId"] = "444455556666"
    made = app.call("POST", f"{BASE}/destinations", json=bridge).json()["payload"]
    assert made["resource"]["eventBridge"]["name"].startswith("aws.partner/")
    assert len(app.call("GET", f"{BASE}/destinations").json()["payload"]) == 2
    again = {"name": "queue", "resourceSpecification": {"sqs": {"arn": ARN + "2"}}}
    assert app.call("POST", f"{BASE}/destinations", json=again).status_code == 409
    assert app.call("DELETE", f"{BASE}/destinations/{place}").json() == {}
    assert app.call("GET", f"{BASE}/destinations/{place}").status_code == 404


def test_whose_token_each_call_needs(amazon, app):
    ada = amazon.seller("ada")
    place = destination(app)
    assert ada.call("GET", f"{BASE}/destinations").status_code == 403
    assert subscribe(app, place).status_code == 403
    rotation = "sellingpartnerapi::client_credential:rotation"
    other = amazon.token(grant_type="client_credentials", scope=rotation, **SELLER).json()
    wrong = SellerApi(amazon, "nobody", other["access_token"])
    assert wrong.call("GET", f"{BASE}/destinations").status_code == 403
    assert app.call("GET", "/sellers/v1/marketplaceParticipations").status_code == 403


def test_a_subscription_is_one_for_each_type_and_version(amazon, app):
    ada, place = amazon.seller("ada"), destination(app)
    path = f"{BASE}/subscriptions/{FINISHED}"
    assert ada.call("GET", path).status_code == 404
    made = subscribe(ada, place).json()["payload"]
    assert subscribe(ada, place).status_code == 409
    assert subscribe(ada, place, version="1.0").status_code == 400
    assert subscribe(ada, "nowhere", kind=MONEY, version="1.0").status_code == 400
    assert subscribe(ada, place, kind="GOSSIP").status_code == 400
    assert ada.call("GET", path).json()["payload"] == made
    query = {"notificationTypes": FINISHED}
    listed = ada.call("GET", f"{BASE}/subscriptions", params=query).json()["payload"]
    assert listed == {"subscriptions": [made]}
    assert amazon.seller("ben").call("GET", path).status_code == 404
    one = f"{path}/{made['subscriptionId']}"
    assert app.call("GET", one).json()["payload"] == made
    assert app.call("DELETE", f"{BASE}/destinations/{place}").status_code == 409
    assert app.call("DELETE", one).json() == {}
    assert app.call("GET", one).status_code == 404
    assert app.call("DELETE", f"{BASE}/destinations/{place}").json() == {}


def test_finished_reports_are_announced_once(amazon, app):
    ada, place = amazon.seller("ada"), destination(app)
    early = ada.create(LEDGER).json()["reportId"]
    amazon.state.clock.advance(2)
    subscribe(ada, place)
    report_id = ada.create(LEDGER).json()["reportId"]
    empty = ada.create(LEDGER, days=0).json()["reportId"]
    amazon.seller("ben").create(LEDGER)
    assert queue(amazon, place) == []
    amazon.state.clock.advance(2)
    messages = queue(amazon, place)
    for message in messages:
        valid("ReportProcessingFinishedNotification.json", message)
    told = [one["payload"]["reportProcessingFinishedNotification"] for one in messages]
    assert [one["reportId"] for one in told] == [report_id, empty]
    assert early not in {one["reportId"] for one in told}
    assert [one["processingStatus"] for one in told] == ["DONE", "CANCELLED"]
    assert told[0]["reportDocumentId"] == ada.status(report_id)["reportDocumentId"]
    assert "reportDocumentId" not in told[1]
    assert queue(amazon, place) == messages


def test_a_payment_on_a_case_is_a_transaction(amazon, app):
    ada, place = amazon.seller("ada"), destination(app)
    subscribe(ada, place, kind=MONEY, version="1.0")
    loss = amazon.control.get("/truth/ada").json()["claimable"][0]
    form = {"persona": "ada", "claimType": loss["claim_type"], "fnsku": loss["fnsku"]}
    form |= {"referenceId": loss["reference"], "quantity": str(loss["quantity"])}
    amazon.http.post("/seller-central/cases", data=form)
    amazon.state.clock.advance(3)
    (message,) = queue(amazon, place)
    valid("TransactionUpdateNotification.json", message)
    told = message["Payload"]["TransactionUpdateNotification"]
    assert told["TransactionType"] == "Adjustment"
    assert round(told["TotalAmount"]["CurrencyAmount"] * 100) == loss["amazon_pays_minor"]


def test_a_test_notification_needs_no_seller(amazon, app):
    place = destination(app)
    body = {"destinationId": place, "testNotification": {"payloadVersion": "2020-09-04"}}
    path = f"{BASE}/subscriptions/{FINISHED}/testNotification"
    assert app.call("POST", path, json=body).status_code == 200
    (message,) = queue(amazon, place)
    valid("ReportProcessingFinishedNotification.json", message)


def restricted(seller: SellerApi, *resources: dict[str, Any]):
    path = "/tokens/2021-03-01/restrictedDataToken"
    return seller.call("POST", path, json={"restrictedResources": list(resources)})


def test_a_restricted_token_opens_its_paths_only_for_an_hour(amazon):
    ada = amazon.seller("ada")
    report_id = ada.create(LEDGER).json()["reportId"]
    answer = restricted(ada, {"method": "GET", "path": "/reports/2021-06-30/reports/{reportId}"})
    granted = answer.json()
    assert granted["restrictedDataToken"].startswith("Atz.sprdt|")
    assert granted["expiresIn"] == 3600
    narrow = SellerApi(amazon, "ada", granted["restrictedDataToken"])
    assert narrow.status(report_id)["reportId"] == report_id
    assert narrow.create(LEDGER).status_code == 403
    amazon.state.clock.advance(3601)
    path = f"/reports/2021-06-30/reports/{report_id}"
    assert narrow.call("GET", path).status_code == 403


def test_a_withdrawn_authorisation_ends_restricted_tokens_too(amazon):
    ada = amazon.seller("ada")
    path = "/sellers/v1/account"
    token = restricted(ada, {"method": "GET", "path": path}).json()["restrictedDataToken"]
    narrow = SellerApi(amazon, "ada", token)
    assert narrow.call("GET", path).status_code == 200
    amazon.control.post("/revoke", json={"persona": "ada"})
    assert narrow.call("GET", path).status_code == 403


@pytest.mark.parametrize(
    "resources",
    [
        [],
        [{"method": "", "path": "/orders/v0/orders"}],
        [{"method": "GET", "path": "orders"}],
        [{"method": "GET", "path": "/orders/v0/orders", "dataElements": ["everything"]}],
        [{"method": "GET", "path": "/orders/v0/orders"}] * 51,
    ],
)
def test_restricted_resources_that_make_no_sense(amazon, resources):
    answer = restricted(amazon.seller("ada"), *resources)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "InvalidRequest"
