"""Idempotency keys and faults: what an unlucky caller sees, and what has really happened."""

import threading

import httpx
import pytest
import stripe
from sandbox_process import PUBLISHABLE_KEY, SECRET_KEY, until
from stripe_acts import NO_REDIRECTS, customer_with, intent_for

INTENT = {"amount": 1000, "currency": "usd", "automatic_payment_methods": NO_REDIRECTS}


def plan(control, operation, kind, **more):
    answer = control.post("/stripe/faults", json={"operation": operation, "kind": kind, **more})
    assert answer.status_code == 200


def counted(api):
    """All intents: the whole run shares one sandbox."""
    return sum(1 for _ in api.v1.payment_intents.list({"limit": 100}).auto_paging_iter())


def post(sandbox, path, key, timeout=60.0, **fields):
    return httpx.post(
        sandbox.stripe + path,
        data=fields,
        headers={"authorization": f"Bearer {SECRET_KEY}", "idempotency-key": key},
        timeout=timeout,
    )


def test_a_repeated_key_replays_the_answer(sandbox):
    first = post(sandbox, "/v1/customers", "replay-1", email="a@example.com")
    again = post(sandbox, "/v1/customers", "replay-1", email="a@example.com")
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert again.headers["request-id"] != first.headers["request-id"]


def test_a_key_belongs_to_its_parameters_and_path(api):
    key = {"idempotency_key": "params-1"}
    api.v1.customers.create({"name": "a"}, key)
    for act in (
        lambda: api.v1.customers.create({"name": "b"}, key),
        lambda: api.v1.payment_intents.create(INTENT, key),
    ):
        with pytest.raises(stripe.IdempotencyError) as caught:
            act()
        assert caught.value.http_status == 400


def test_a_decline_is_replayed_too(api, control):
    customer, method = customer_with(api, "pm_card_chargeCustomerFail")
    intent = intent_for(api, customer, method)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.v1.payment_intents.confirm(
                intent.id, {"off_session": True}, {"idempotency_key": "decline-1"}
            )
    assert len(api.v1.charges.list({"payment_intent": intent.id}).data) == 1


def test_failed_validation_is_not_remembered(api):
    key = {"idempotency_key": "validation-1"}
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.customers.create({"nonsense": "x"}, key)
    assert api.v1.customers.create({"name": "x"}, key).name == "x"


def test_a_key_is_forgotten_after_a_day(api, control):
    key = {"idempotency_key": "expiry-1"}
    first = api.v1.customers.create({"name": "a"}, key)
    assert api.v1.customers.create({"name": "a"}, key).id == first.id
    control.post("/clock/advance", json={"seconds": 24 * 3600 + 1})
    assert api.v1.customers.create({"name": "a"}, key).id != first.id


@pytest.mark.parametrize(("kind", "effects"), [("500_before", 0), ("500_after", 1)])
def test_a_500_is_remembered_whether_or_not_it_had_effects(api, control, kind, effects):
    before = counted(api)
    plan(control, "payment_intents.create", kind)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            api.v1.payment_intents.create(INTENT, {"idempotency_key": f"{kind}-1"})
        assert caught.value.http_status == 500
    assert caught.value.headers["idempotent-replayed"] == "true"
    assert counted(api) == before + effects


def test_a_rate_limit_comes_before_idempotency(api, control):
    key = {"idempotency_key": "limit-1"}
    plan(control, "customers.create", "429")
    with pytest.raises(stripe.RateLimitError):
        api.v1.customers.create({"name": "x"}, key)
    first = api.v1.customers.create({"name": "x"}, key)
    plan(control, "customers.create", "429")
    with pytest.raises(stripe.RateLimitError):
        api.v1.customers.create({"name": "x"}, key)
    assert api.v1.customers.create({"name": "x"}, key).id == first.id


@pytest.mark.parametrize(("kind", "effects"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_timeout_leaves_the_effect_open(sandbox, api, control, kind, effects):
    before = counted(api)
    plan(control, "payment_intents.create", kind, seconds=30)
    fields = {"amount": "1000", "currency": "usd"}
    with pytest.raises(httpx.ReadTimeout):
        post(sandbox, "/v1/payment_intents", f"{kind}-2", timeout=0.3, **fields)
    until(lambda: counted(api) == before + effects)

    def answered() -> httpx.Response | None:
        """Once the sandbox noticed that the caller has gone, it lets go of the key."""
        answer = post(sandbox, "/v1/payment_intents", f"{kind}-2", **fields)
        return answer if answer.status_code != 409 else None

    again = until(answered)
    assert again.status_code == 200
    assert ("idempotent-replayed" in again.headers) == bool(effects)
    assert counted(api) == before + 1


def test_a_reset_connection_has_no_answer_and_no_effect(sandbox, api, control):
    before = counted(api)
    plan(control, "payment_intents.create", "reset")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        post(sandbox, "/v1/payment_intents", "reset-1", amount="1000", currency="usd")
    assert counted(api) == before


def test_the_nth_call_of_the_run_can_be_named(api, control):
    calls = control.get("/stripe/faults").json()["calls"].get("customers.list", 0)
    plan(control, "customers.list", "500_before", nth=calls + 2, relative=False)
    api.v1.customers.list()
    with pytest.raises(stripe.APIError):
        api.v1.customers.list()
    api.v1.customers.list()
    assert control.delete("/stripe/faults").json() == {"faults": []}


def calls(control) -> int:
    return control.get("/stripe/faults").json()["calls"].get("customers.create", 0)


def test_a_key_in_use_answers_409(sandbox, control):
    plan(control, "customers.create", "slow", seconds=2)
    before = calls(control)
    answers: list[httpx.Response] = []
    slow = threading.Thread(
        target=lambda: answers.append(post(sandbox, "/v1/customers", "busy-1", name="x"))
    )
    slow.start()
    until(lambda: calls(control) > before)
    refused = post(sandbox, "/v1/customers", "busy-1", name="x")
    slow.join()
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "idempotency_key_in_use"
    assert answers[0].status_code == 200
    after = post(sandbox, "/v1/customers", "busy-1", name="x")
    assert after.content == answers[0].content


def test_retries_at_once_have_one_effect(sandbox, api):
    before = counted(api)
    answers: list[httpx.Response] = []

    def retry():
        fields = {"amount": "1000", "currency": "usd"}
        answers.append(post(sandbox, "/v1/payment_intents", "racing-1", **fields))

    threads = [threading.Thread(target=retry) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert counted(api) == before + 1
    assert len({one.json()["id"] for one in answers if one.status_code == 200}) == 1
    assert {one.status_code for one in answers} <= {200, 409}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({}, None),
        ({"authorization": "Bearer nonsense"}, None),
        ({"authorization": "Bearer " + "sk_" + "live_" + "0123456789abcdef"}, None),
        ({"authorization": f"Bearer {PUBLISHABLE_KEY}"}, "secret_key_required"),
    ],
)
def test_only_test_secret_keys_open_the_api(sandbox, header, code):
    answer = httpx.get(f"{sandbox.stripe}/v1/customers", headers=header)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert (error["type"], error.get("code")) == ("invalid_request_error", code)
    assert "0123456789abcdef" not in answer.text
