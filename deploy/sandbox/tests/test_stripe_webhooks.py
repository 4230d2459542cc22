"""Deliveries: signed, retried, listed; and on demand doubled, lost, late, reordered, forged."""

import httpx
import pytest
import stripe
from conftest import client_of
from sandbox_process import running, until
from stripe_acts import customer_with, intent_for, onboarded, paid
from stripe_contract import CONTRACT

from opside_sandbox.stripe.event_types import EVENT_TYPES


@pytest.fixture
def endpoint(api, receiver):
    made = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
    yield made
    api.v1.webhook_endpoints.delete(made.id)


def types_of(events):
    return [one["type"] for one in events]


def test_every_step_of_a_payment_is_told(api, receiver, endpoint):
    intent = paid(api)
    events = receiver.wait_for(
        endpoint.secret,
        "customer.created",
        "payment_method.attached",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
    )
    updated = next(one for one in events if one["type"] == "charge.updated")
    assert updated["data"]["previous_attributes"] == {"balance_transaction": None}
    created = next(one for one in events if one["type"] == "payment_intent.created")
    assert created["data"]["object"]["id"] == intent.id
    assert created["request"]["idempotency_key"]
    refund = api.v1.refunds.create({"payment_intent": intent.id})
    api.v1.refunds.update(refund.id, {"metadata": {"a": "1"}})
    receiver.wait_for(
        endpoint.secret,
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    )


def test_a_decline_is_told(api, receiver, endpoint):
    customer, method = customer_with(api, "pm_card_chargeCustomerFail")
    intent = intent_for(api, customer, method)
    with pytest.raises(stripe.CardError):
        api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    events = receiver.wait_for(endpoint.secret, "charge.failed", "payment_intent.payment_failed")
    failed = next(one for one in events if one["type"] == "payment_intent.payment_failed")
    assert failed["data"]["object"]["last_payment_error"]["code"] == "card_declined"


def test_platform_and_connect_endpoints_get_their_own_events(api, receiver, endpoint):
    connect = api.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["*"], "connect": True}
    )
    assert connect.secret != endpoint.secret
    account = onboarded(api)
    intent = paid(api)
    transfer = api.v1.transfers.create(
        {
            "amount": 1000,
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
        }
    )
    api.v1.transfers.update(transfer.id, {"metadata": {"a": "1"}})
    api.v1.transfers.reversals.create(transfer.id)
    theirs = receiver.wait_for(connect.secret, "account.updated", "capability.updated")
    assert {one["account"] for one in theirs} == {account.id}
    ours = receiver.wait_for(
        endpoint.secret, "transfer.created", "transfer.updated", "transfer.reversed"
    )
    assert all("account" not in one for one in ours)
    assert not {"account.updated", "capability.updated"} & set(types_of(ours))
    listed = api.v1.events.list({"limit": 100}, {"stripe_account": account.id})
    assert "account.updated" in [one.type for one in listed.data]
    api.v1.webhook_endpoints.delete(connect.id)


def test_a_refused_delivery_comes_again_until_it_is_taken(api, receiver, control):
    made = api.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created"]}
    )
    receiver.answers += [500, 404]
    api.v1.customers.create({})
    until(lambda: len(receiver.deliveries) == 3)
    [event_id] = {one["id"] for one in receiver.events(made.secret)}
    until(lambda: api.v1.events.retrieve(event_id).pending_webhooks == 0)
    [row] = control.get("/stripe/webhooks/deliveries", params={"event": event_id}).json()
    assert (row["status"], row["attempt"]) == ("delivered", 3)
    control.post(f"/stripe/webhooks/redeliver/{event_id}")
    until(lambda: len(receiver.deliveries) == 4)
    api.v1.webhook_endpoints.delete(made.id)


def test_undelivered_events_can_be_listed(api, receiver, control):
    made = api.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.updated", "customer.created"]}
    )
    customer = api.v1.customers.create({})
    receiver.wait_for(made.secret, "customer.created")
    control.post("/stripe/webhooks/faults", json={"kind": "lose"})
    api.v1.customers.update(customer.id, {"name": "Jenny"})
    until(
        lambda: (
            [one.type for one in api.v1.events.list({"delivery_success": False, "limit": 100}).data]
            == ["customer.updated"]
        )
    )
    [lost] = api.v1.events.list({"delivery_success": False}).data
    assert lost.pending_webhooks == 1
    assert lost.data.object.name == "Jenny"
    control.post(f"/stripe/webhooks/redeliver/{lost.id}")
    receiver.wait_for(made.secret, "customer.updated")
    until(lambda: api.v1.events.retrieve(lost.id).pending_webhooks == 0)
    api.v1.webhook_endpoints.delete(made.id)


def test_duplicates_delays_and_reordering_on_demand(api, receiver, control):
    made = api.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created", "customer.updated"]}
    )
    control.post("/stripe/webhooks/faults", json={"kind": "duplicate"})
    customer = api.v1.customers.create({})
    until(lambda: len(receiver.deliveries) == 2)
    assert len({one["id"] for one in receiver.events(made.secret)}) == 1
    receiver.deliveries.clear()
    control.post("/stripe/webhooks/faults", json={"kind": "reorder"})
    api.v1.customers.update(customer.id, {"name": "first"})
    api.v1.customers.update(customer.id, {"name": "second"})
    until(lambda: len(receiver.deliveries) == 2)
    names = [one["data"]["object"]["name"] for one in receiver.events(made.secret)]
    assert names == ["second", "first"]
    receiver.deliveries.clear()
    control.post("/stripe/webhooks/faults", json={"kind": "delay", "seconds": 3600})
    api.v1.customers.update(customer.id, {"name": "late"})
    api.v1.customers.update(customer.id, {"name": "soon"})
    until(lambda: len(receiver.deliveries) == 1)
    control.post("/clock/advance", json={"seconds": 3600})
    until(lambda: len(receiver.deliveries) == 2)
    api.v1.webhook_endpoints.delete(made.id)


def test_a_forged_delivery_does_not_verify(api, receiver, control):
    made = api.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.created"]}
    )
    control.post("/stripe/webhooks/faults", json={"kind": "forge"})
    api.v1.customers.create({})
    until(lambda: len(receiver.deliveries) == 2)
    assert len(receiver.events(made.secret)) == 1
    api.v1.webhook_endpoints.delete(made.id)


def test_an_endpoint_gets_what_it_asked_for(api, receiver):
    made = api.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["customer.updated"], "metadata": {"a": "1"}}
    )
    with pytest.raises(AttributeError):
        _ = api.v1.webhook_endpoints.retrieve(made.id).secret
    api.v1.webhook_endpoints.update(made.id, {"enabled_events": ["customer.created"]})
    customer = api.v1.customers.create({})
    api.v1.customers.update(customer.id, {"name": "x"})
    receiver.wait_for(made.secret, "customer.created")
    api.v1.webhook_endpoints.update(made.id, {"disabled": True})
    api.v1.customers.create({})
    assert [one.id for one in api.v1.webhook_endpoints.list().data] == [made.id]
    api.v1.webhook_endpoints.delete(made.id)
    assert types_of(receiver.events(made.secret)) == ["customer.created"]
    for wrong in ("transfer.paid", "no.such"):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": [wrong]})


def test_events_are_listed_for_thirty_days(api, control):
    customer = api.v1.customers.create({})
    found = api.v1.events.list({"type": "customer.created"}).data[0]
    assert found.data.object.id == customer.id
    both = api.v1.events.list({"types": ["customer.*"], "created": {"gte": found.created}})
    assert found.id in [one.id for one in both.data]
    control.post("/clock/advance", json={"seconds": 31 * 24 * 3600})
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.events.retrieve(found.id)
    assert api.v1.events.list({"created": {"lte": found.created}}).data == []


def test_deliveries_survive_a_killed_process(tmp_path, receiver):
    kept = {"SANDBOX_STATE": str(tmp_path), "SANDBOX_WEBHOOK_RETRY_SCALE": "0.1"}
    with running(**kept) as sandbox:
        api = client_of(sandbox)
        made = api.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"]})
        receiver.answers += [503]
        customer = api.v1.customers.create({"name": "kept"})
        until(lambda: receiver.deliveries)
        sandbox.process.kill()
        sandbox.process.wait()
    with running(**kept) as again:
        until(lambda: len(receiver.deliveries) == 2)
        [event] = receiver.events(made.secret)[1:]
        assert event["data"]["object"]["id"] == customer.id
        assert client_of(again).v1.customers.retrieve(customer.id).name == "kept"


def test_endpoints_with_known_secrets_are_made_at_the_start_and_after_a_reset(receiver):
    secret = "whsec_" + "known-beforehand"
    known = {"SANDBOX_WEBHOOK_URL": receiver.url, "SANDBOX_WEBHOOK_SECRET": secret}
    with running(**known) as sandbox:
        client_of(sandbox).v1.customers.create({})
        receiver.wait_for(secret, "customer.created")
        httpx.post(f"{sandbox.control}/control/reset").raise_for_status()
        receiver.deliveries.clear()
        client_of(sandbox).v1.customers.create({})
        receiver.wait_for(secret, "customer.created")


def test_the_event_types_are_those_of_the_contract():
    if not CONTRACT.present:
        assert "absent" in CONTRACT.summary()
        return
    assert CONTRACT.event_types() == EVENT_TYPES
