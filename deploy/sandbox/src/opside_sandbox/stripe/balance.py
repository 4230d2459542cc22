"""Balance transactions and the balance that they add up to."""

from collections.abc import Callable

from opside_sandbox.stripe import bank_accounts, payout_schedule
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.fields import currency, text
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World

PENDING_SECONDS = 2 * 24 * 3600
"""A US platform's card money becomes available two days after the charge."""

FEE_RATE_BP = 290
FEE_FIXED_MINOR = 30
_CATEGORY = {
    "payment": "charge",
    "payment_refund": "refund",
    "payout_cancel": "payout_reversal",
    "payout_failure": "payout_reversal",
    "refund_failure": "refund_failure",
    "transfer_refund": "transfer_reversal",
}

_FEES = {"adjustment": "Dispute fee", "payout": "Instant Payout fee"}


def processing_fee(amount_minor: int) -> int:
    """2.9 % + 30 minor units, half up, never more than the amount itself."""
    return min(amount_minor, (amount_minor * FEE_RATE_BP + 5000) // 10000 + FEE_FIXED_MINOR)


def record(
    world: World,
    kind: str,
    amount_minor: int,
    *,
    source: Document,
    available_on: int | None = None,
    fee_minor: int = 0,
    category: str | None = None,
) -> Document:
    """One balance transaction of this account. Amounts are signed minor units.

    `category` is the `reporting_category` where the type does not say it.
    """
    code = source["currency"]
    fees = [
        {
            "amount": fee_minor,
            "application": None,
            "currency": code,
            "description": _FEES.get(kind, "Stripe processing fees"),
            "type": "stripe_fee",
        }
    ]
    when = world.now() if available_on is None else available_on
    payout_schedule.plan(world, when)
    return world.save(
        {
            "id": world.new_id("balance_transaction"),
            "object": "balance_transaction",
            "amount": amount_minor,
            "available_on": when,
            "balance_type": "payments",
            "created": world.now(),
            "currency": code,
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee_minor,
            "fee_details": fees if fee_minor else [],
            "net": amount_minor - fee_minor,
            "reporting_category": category or _CATEGORY.get(kind, kind),
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
    )


def totals(world: World, code: str | None = None) -> dict[str, tuple[int, int]]:
    """Per currency: (available, pending) minor units of this account."""
    now, sums = world.now(), {code or "usd": (0, 0)}
    for one in world.state.store.list(world.collection("balance_transaction")):
        available, pending = sums.get(one["currency"], (0, 0))
        if one["available_on"] <= now:
            available += one["net"]
        else:
            pending += one["net"]
        sums[one["currency"]] = (available, pending)
    return sums


def _retrieve_balance(world: World, ask: Ask) -> Document:  # noqa: ARG001 (no parameters)
    sums = totals(world)

    def part(pick: Callable[[tuple[int, int]], int]) -> list[Document]:
        return [
            {"amount": pick(both), "currency": code, "source_types": {"card": pick(both)}}
            for code, both in sums.items()
        ]

    instant: Document = {}
    if any("instant" in one["available_payout_methods"] for one in bank_accounts.held(world)):
        instant["instant_available"] = part(lambda both: max(0, both[0]))
    return {
        **instant,
        "object": "balance",
        "available": part(lambda both: both[0]),
        "connect_reserved": [{"amount": 0, "currency": code} for code in sums],
        "livemode": False,
        "pending": part(lambda both: both[1]),
    }


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("balance_transaction", ask.path["id"]))


def _list(world: World, ask: Ask) -> Document:
    """`payout` lists what one automatic payout has paid out."""
    payout = ask.params.pop("payout", None)
    return page(
        world,
        ask,
        "balance_transaction",
        url="/v1/balance_transactions",
        keep=lambda one: payout is None or one.get("_payout") == payout,
    )


OPERATIONS = [
    Operation("GET", "/v1/balance", "balance.retrieve", _retrieve_balance),
    Operation("GET", "/v1/balance_transactions/{id}", "balance_transactions.retrieve", _retrieve),
    Operation(
        "GET",
        "/v1/balance_transactions",
        "balance_transactions.list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "currency": currency,
            "payout": text,
            "source": text,
            "type": text,
        },
    ),
]
