"""Faults of the wire, and retries in any interleaving: what was asked for happens once."""

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import stripe
from conftest import client_of
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sandbox_process import SECRET_KEY, Sandbox, running
from stripe_acts import NO_REDIRECTS, customer_with, intent_for, onboarded

from opside_sandbox.stripe.api_faults import Kind

FIELDS = {"amount": "1000", "currency": "usd"}
EVERY_KIND = Kind.__args__


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """One of its own: faults count calls, and these are many."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def api(sandbox) -> stripe.StripeClient:
    return client_of(sandbox)


@pytest.fixture(scope="module")
def control(sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{sandbox.control}/control") as client:
        yield client


def plan(control, operation, kind, **more):
    rule = {"operation": operation, "kind": kind, **more}
    control.post("/stripe/faults", json=rule).raise_for_status()


def post(sandbox, path, key, timeout=60.0, **fields):
    headers = {"authorization": f"Bearer {SECRET_KEY}", "idempotency-key": key}
    return httpx.post(sandbox.stripe + path, data=fields, headers=headers, timeout=timeout)


def test_a_reset_after_the_commit_has_its_effect(sandbox, control):
    plan(control, "payment_intents.create", "reset_after")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        post(sandbox, "/v1/payment_intents", "reset-after", **FIELDS)
    again = post(sandbox, "/v1/payment_intents", "reset-after", **FIELDS)
    assert again.headers["idempotent-replayed"] == "true"


def test_a_body_comes_slowly(sandbox, control):
    plan(control, "payment_intents.create", "slow_body", seconds=0.8)
    started = time.monotonic()
    whole = post(sandbox, "/v1/payment_intents", "slow-body", **FIELDS)
    assert time.monotonic() - started >= 0.8
    assert whole.json()["amount"] == 1000
    assert whole.headers["request-id"].startswith("req_")
    plan(control, "payment_intents.create", "slow_body", seconds=8)
    with pytest.raises(httpx.ReadTimeout):
        post(sandbox, "/v1/payment_intents", "slow-body-2", timeout=0.3, **FIELDS)
    again = post(sandbox, "/v1/payment_intents", "slow-body-2", **FIELDS)
    assert again.headers["idempotent-replayed"] == "true"


def test_an_html_page_hides_what_has_happened(sandbox, control):
    plan(control, "payment_intents.create", "wrong_type")
    page = post(sandbox, "/v1/payment_intents", "html-1", **FIELDS)
    assert page.headers["content-type"].startswith("text/html")
    again = post(sandbox, "/v1/payment_intents", "html-1", **FIELDS)
    assert again.headers["idempotent-replayed"] == "true"
    plan(control, "payment_intents.create", "wrong_type")
    plain = stripe.StripeClient(SECRET_KEY, base_addresses={"api": sandbox.stripe})
    with pytest.raises(stripe.APIError, match="Invalid response body"):
        plain.v1.payment_intents.create({"amount": 1000, "currency": "usd"})


def test_a_held_lock_is_a_429_of_its_own(api, control):
    plan(control, "customers.create", "lock_timeout")
    with pytest.raises(stripe.RateLimitError) as caught:
        api.v1.customers.create({})
    assert caught.value.error.code == "lock_timeout"


def test_an_unknown_fault_is_refused(control):
    answer = control.post("/stripe/faults", json={"operation": "charges.list", "kind": "flood"})
    assert answer.status_code == 422


@dataclass(frozen=True)
class Act:
    """One thing to ask for, and how often it has happened."""

    operation: str
    path: str
    fields: dict[str, str]
    count: Any


def charged(api, **more):
    """A succeeded intent whose money is available at once."""
    customer, method = customer_with(api, "pm_card_bypassPending")
    intent = intent_for(api, customer, method, 5000, capture_method="automatic", **more)
    return api.v1.payment_intents.confirm(intent.id, {"off_session": True})


def a_refund(api):
    of = {"payment_intent": charged(api).id}
    return Act(
        "refunds.create",
        "/v1/refunds",
        {**of, "amount": "100"},
        lambda: len(api.v1.refunds.list(of).data),
    )


def a_confirmation(api):
    intent = intent_for(api, *customer_with(api))
    return Act(
        "payment_intents.confirm",
        f"/v1/payment_intents/{intent.id}/confirm",
        {"off_session": "true"},
        lambda: len(api.v1.charges.list({"payment_intent": intent.id}).data),
    )


def a_capture(api):
    intent = intent_for(api, *customer_with(api), capture_method="manual")
    api.v1.payment_intents.confirm(intent.id, {"off_session": True})
    return Act(
        "payment_intents.capture",
        f"/v1/payment_intents/{intent.id}/capture",
        {},
        lambda: api.v1.payment_intents.retrieve(intent.id).amount_received // 2000,
    )


def a_transfer(api):
    intent, account = charged(api), onboarded(api)
    return Act(
        "transfers.create",
        "/v1/transfers",
        {
            "amount": "100",
            "currency": "usd",
            "destination": account.id,
            "source_transaction": intent.latest_charge,
        },
        lambda: len(api.v1.transfers.list({"destination": account.id}).data),
    )


def a_reversal(api):
    made = a_transfer(api)
    transfer = api.v1.transfers.create({**made.fields, "amount": 300})
    return Act(
        "transfers.reversals.create",
        f"/v1/transfers/{transfer.id}/reversals",
        {"amount": "100"},
        lambda: len(api.v1.transfers.reversals.list(transfer.id).data),
    )


def a_payout(api):
    mark = charged(api).id
    return Act(
        "payouts.create",
        "/v1/payouts",
        {"amount": "100", "currency": "usd", "metadata[of]": mark},
        lambda: sum(one.metadata.to_dict().get("of") == mark for one in api.v1.payouts.list().data),
    )


@given(
    make=st.sampled_from([a_refund, a_confirmation, a_capture, a_transfer, a_reversal, a_payout]),
    kinds=st.lists(st.sampled_from([None, *EVERY_KIND]), min_size=1, max_size=5),
    at_once=st.booleans(),
)
@example(make=a_refund, kinds=["slow", None, None], at_once=True)
@example(make=a_transfer, kinds=["timeout_before", "slow", None], at_once=True)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_interleaving_of_retries_has_one_effect(sandbox, api, control, make, kinds, at_once):
    act = make(api)
    key = f"once-{secrets.token_hex(8)}"
    assert act.count() == 0
    answers: list[httpx.Response] = []

    def ask() -> None:
        try:
            answers.append(post(sandbox, act.path, key, **act.fields))
        except httpx.TransportError:
            return

    control.delete("/stripe/faults")
    for place, kind in enumerate(kinds):
        if kind:
            plan(control, act.operation, kind, nth=place + 1, seconds=0.1)
    threads = [threading.Thread(target=ask) for _ in kinds]
    for one in threads:
        one.start()
        if not at_once:
            one.join()
    for one in threads:
        one.join()
    control.delete("/stripe/faults")
    ask()
    last = answers[-1]
    effects = act.count()
    assert effects <= 1
    if last.status_code == 200:
        assert effects == 1
    else:  # a 500 stays a 500, whether or not it had an effect
        assert last.status_code == 500
        assert {"500_before", "500_after"} & set(kinds)
    good = {one.content for one in answers if one.status_code == 200 and _is_json(one)}
    assert len(good) <= 1
    book = control.get("/stripe/books").json()
    assert book["unbalanced"] == 0
    assert all(one["sum"] == 0 for one in book["currencies"].values())


def _is_json(answer: httpx.Response) -> bool:
    return answer.headers["content-type"].startswith("application/json")


@given(
    tries=st.lists(
        st.sampled_from(["pm_card_visa", "pm_card_chargeCustomerFail", "cancel", "capture"]),
        min_size=1,
        max_size=6,
    ),
    manual=st.booleans(),
)
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_an_intent_succeeds_at_most_once(api, tries, manual):
    intent = api.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "automatic_payment_methods": NO_REDIRECTS,
            "capture_method": "manual" if manual else "automatic",
        }
    )
    for one in tries:
        try:
            if one == "cancel":
                api.v1.payment_intents.cancel(intent.id)
            elif one == "capture":
                api.v1.payment_intents.capture(intent.id)
            else:
                api.v1.payment_intents.confirm(intent.id, {"payment_method": one})
        except (stripe.CardError, stripe.InvalidRequestError):
            continue
    known = api.v1.payment_intents.retrieve(intent.id)
    charges = api.v1.charges.list({"payment_intent": intent.id}).data
    captured = [one for one in charges if one.captured]
    assert len(captured) == (known.status == "succeeded")
    assert sum(one.paid for one in charges) <= 1
    assert known.amount_received == sum(one.amount_captured for one in captured)
