"""Nothing lost, nothing double: every fee at rest, and both books equal to the cent."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
from charging import Charging, Fee
from house import House
from proof import control, differences

from opside_local.journey.listing import everything
from opside_local.journey.waiting import until

SETTLED = "settled"
PATIENCE_SECONDS = 180.0
"""The jobs of a dead worker are taken over after 30 s, what failed twice waits 10 s more."""
HOUSEWORK = {"sweep_overdue", "poll_events", "poll_accounts", "compare_books"}
"""Jobs that come again and again whatever happens."""


async def prove_all_is_well(charging: Charging) -> None:
    """Wait until everything is at rest; then hold ours against what was asked and against Stripe."""
    house, fees = charging.house, charging.accepted
    await until(
        lambda: _on_its_way(house),
        done=lambda left: not left,
        what="the end of all jobs",
        patience_seconds=PATIENCE_SECONDS,
    )
    known = await _transactions(house)
    assert sorted(known) == sorted(fee.transaction_id for fee in fees)
    assert [wrong for fee in fees for wrong in _mistakes(fee, known[fee.transaction_id])] == []
    await _stripe_agrees(house, fees, known)
    assert await differences(house.system, house.admin) == []
    await _nobody_is_needed(house)


async def _on_its_way(house: House) -> dict[str, Any]:
    """What still moves: jobs by kind; when there are none, commissions by state."""
    stats = await house.admin.get("/api/v1/stripe/queue-stats")
    jobs = {
        kind["kind"]: kind
        for kind in stats["kinds"]
        if kind["kind"] not in HOUSEWORK and kind["waiting"] + kind["planned"] + kind["active"]
    }
    if jobs:
        return jobs
    states = Counter(one["state"] for one in (await _transactions(house)).values())
    return {state: count for state, count in states.items() if state != SETTLED}


async def _transactions(house: House) -> dict[str, dict[str, Any]]:
    return {
        one["transactionId"]: one
        for payer in (house.net, house.gross)
        for one in await everything(
            house.admin, f"/api/v1/stripe/users/{payer.user_id}/transactions"
        )
    }


def _mistakes(fee: Fee, found: Mapping[str, Any]) -> list[str]:
    """What does not hold of one transaction of ours, each as a sentence."""
    wanted = {
        "state": SETTLED,
        "amountRecoveredCents": fee.recovered,
        "collectedCents": fee.collected,
        "refundedCents": fee.refunded,
    }
    wrong = [
        f"{fee.transaction_id} {name}: {found[name]} instead of {value}"
        for name, value in wanted.items()
        if found[name] != value
    ]
    if fee.gross is not bool(found["transferId"]):
        wrong.append(f"{fee.transaction_id} has the transfer {found['transferId']}")
    return wrong


async def _stripe_agrees(
    house: House, fees: Sequence[Fee], known: Mapping[str, Mapping[str, Any]]
) -> None:
    """One intent a fee, paid once; as many transfers and refunds as were due, and no more."""
    intents: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for intent in await _listed(house, "payment_intents"):
        paid = (intent["id"], intent["status"], intent["amount_received"])
        intents[intent["metadata"]["commission"]].append(paid)
    assert intents == {
        fee.transaction_id: [
            (known[fee.transaction_id]["paymentIntentId"], "succeeded", fee.collected)
        ]
        for fee in fees
    }
    journals = await control(house.system, "stripe/books/journals")
    kinds = Counter(journal["kind"] for journal in journals)
    assert (kinds["charge"], kinds["transfer"], kinds["refund"]) == (
        len(fees),
        sum(fee.gross for fee in fees),
        sum(fee.taken_back > 0 for fee in fees),
    )
    books = (await control(house.system, "stripe/books"))["currencies"]["usd"]
    assert books["transfers"] - books["reversals"] == sum(fee.sent for fee in fees)


async def _listed(house: House, objects: str) -> list[dict[str, Any]]:
    """Every object of a kind, asked of Stripe itself."""
    key = house.system.place.secrets.stripe_secret_key
    found: list[dict[str, Any]] = []
    async with httpx.AsyncClient(
        base_url=house.system.urls.stripe, auth=(key, ""), trust_env=False
    ) as stripe:
        more, query = True, {"limit": "100"}
        while more:
            answer = (await stripe.get(f"/v1/{objects}", params=query)).raise_for_status().json()
            found += answer["data"]
            more = answer["has_more"]
            query["starting_after"] = found[-1]["id"]
    return found


async def _nobody_is_needed(house: House) -> None:
    """No case, no dead job, no difference of any object, and every audit chain unbroken."""
    compared = await house.admin.send("POST", "/api/v1/stripe/process-reconciliations", body={})
    assert compared["differences"] == 0
    summary = await house.admin.get("/api/v1/stripe/reconciliation-summary")
    assert (summary["breaks"], summary["cases"]) == ([], [])
    assert (await house.admin.get("/api/v1/stripe/queue-stats"))["dead"] == 0
    chains = await house.admin.get("/api/v1/stripe/audit/verify")
    assert chains["objects"] >= len(await _transactions(house))
    assert (chains["broken"], chains["silent"]) == ([], [])
