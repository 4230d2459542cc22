"""The life of a payout: sent, in transit, paid, failed, canceled, reversed."""

from opside_sandbox.stripe import accounts, bank_accounts, book, jobs, payout_schedule
from opside_sandbox.stripe.account_shape import requirements
from opside_sandbox.stripe.balance import record as record_balance
from opside_sandbox.stripe.balance import totals
from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.world import World

SUBMIT_SECONDS = {"standard": 3600.0, "instant": 1.0}
INSTANT_SECONDS = 60
STANDARD_DAYS = 2
INSTANT_FEE_RATE_BP = 100
INSTANT_FEE_LEAST_MINOR = 50


def instant_fee(amount_minor: int) -> int:
    """1 %, at least 50 minor units."""
    return max(INSTANT_FEE_LEAST_MINOR, (amount_minor * INSTANT_FEE_RATE_BP + 5000) // 10000)


def build(
    world: World,
    external: Document,
    amount_minor: int,
    *,
    method: str = "standard",
    automatic: bool = False,
) -> Document:
    """A pending payout to an external account; a negative amount is a debit of it."""
    arrival = (
        world.now() + INSTANT_SECONDS
        if method == "instant"
        else payout_schedule.working_days_after(world.now(), STANDARD_DAYS)
    )
    return {
        "id": world.new_id("payout"),
        "object": "payout",
        "amount": amount_minor,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival,
        "automatic": automatic,
        "balance_transaction": None,
        "created": world.now(),
        "currency": external["currency"],
        "description": "STRIPE PAYOUT" if automatic else None,
        "destination": external["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": method,
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": external["object"],
    }


def send(world: World, payout: Document, *, available_on: int | None = None) -> Document:
    """Take the money from the balance (a debit adds it, `available_on` says when)."""
    fee = instant_fee(payout["amount"]) if payout["method"] == "instant" else 0
    transaction = record_balance(
        world, "payout", -payout["amount"], source=payout, fee_minor=fee, available_on=available_on
    )
    payout["balance_transaction"] = transaction["id"]
    payout["_fee"] = fee
    world.save(payout)
    _move(world, "payout", payout, payout["amount"], fee)
    emit(world, "payout.created", payout)
    seconds = SUBMIT_SECONDS[payout["method"]]
    jobs.later(world, "submit_payout", payout["id"], seconds=seconds)
    return payout


def _move(world: World, kind: str, payout: Document, amount_minor: int, fee_minor: int) -> None:
    book.post(
        world,
        kind,
        reference=payout["id"],
        currency=payout["currency"],
        moves={
            book.balance_of(world): -amount_minor - fee_minor,
            book.BANKS: amount_minor,
            book.PAYOUT_FEES: fee_minor,
        },
    )


def submit(world: World, payout_id: str) -> None:
    """The bank has it now: it can no longer be canceled."""
    payout = world.need("payout", payout_id)
    if payout["status"] != "pending":
        return
    before = dict(payout)
    payout["status"] = "in_transit"
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
    world.save(payout)
    emit(world, "payout.updated", payout, before=before)
    if payout["automatic"]:
        emit(world, "payout.reconciliation_completed", payout)
    now = world.state.clock.now().timestamp()
    jobs.later(world, "arrive_payout", payout_id, seconds=max(0.0, payout["arrival_date"] - now))


def arrive(world: World, payout_id: str) -> None:
    """Paid, unless the test number says otherwise."""
    payout = world.need("payout", payout_id)
    if payout["status"] != "in_transit":
        return
    external = bank_accounts.find(world, payout["destination"])
    if external is not None and external["_failure"]:
        fail(world, payout, external["_failure"])
        return
    payout.update(
        status="paid",
        trace_id={"status": "supported", "value": world.state.token("trace", 15)},
    )
    world.save(payout)
    emit(world, "payout.paid", payout)


def fail(world: World, payout: Document, code: str) -> None:
    """The bank sends the money back, even after `paid`; its account is not used again."""
    _give_back(world, payout, "payout_failure")
    payout.update(
        status="failed",
        failure_code=code,
        failure_message=bank_accounts.FAILURE_MESSAGES[code],
    )
    world.save(payout)
    emit(world, "payout.failed", payout)
    external = bank_accounts.find(world, payout["destination"])
    if external is None:
        return
    before = dict(external)
    external["status"] = "errored"
    world.save(external)
    account = world.at(None).get("account", world.account) if world.account else None
    if account is None or account.get("deleted"):
        return
    emit(world, "account.external_account.updated", external, before=before)
    old = {**account, "capabilities": dict(account["capabilities"])}
    bank_accounts.embed(world, account)
    account.update(
        payouts_enabled=False,
        requirements={**requirements(["external_account"]), "disabled_reason": None},
    )
    accounts.changed(world, account, old)


def _give_back(world: World, payout: Document, kind: str) -> None:
    transaction = record_balance(
        world, kind, payout["amount"], source=payout, fee_minor=-payout["_fee"]
    )
    payout["failure_balance_transaction"] = transaction["id"]
    _move(world, kind, payout, -payout["amount"], -payout["_fee"])


def cancel(world: World, payout: Document) -> Document:
    """Only a pending payout that was asked for by hand."""
    if payout["automatic"] or payout["status"] != "pending":
        why = "it is automatic" if payout["automatic"] else f"its status is {payout['status']}"
        raise invalid(f"Payouts can be canceled while they are pending; {why}.", param="payout")
    _give_back(world, payout, "payout_cancel")
    payout["status"] = "canceled"
    world.save(payout)
    emit(world, "payout.canceled", payout)
    return payout


def reverse(world: World, payout: Document) -> Document:
    """Debit the bank account that a payout went to: a new payout with a negative amount."""
    external = bank_accounts.find(world, payout["destination"])
    if world.account is None or external is None or external["object"] != "bank_account":
        raise invalid("Only payouts of connected accounts to US bank accounts can be reversed.")
    if payout["status"] not in {"in_transit", "paid"} or payout["original_payout"]:
        raise invalid(f"A payout with the status {payout['status']} cannot be reversed.")
    if payout["reversed_by"]:
        raise invalid(f"Payout {payout['id']} has already been reversed.")
    back = build(world, external, -payout["amount"])
    back["original_payout"] = payout["id"]
    before = dict(payout)
    send(world, back, available_on=back["arrival_date"])
    payout["reversed_by"] = back["id"]
    world.save(payout)
    emit(world, "payout.updated", payout, before=before)
    return back


def run(world: World, account_id: str) -> None:
    """One run of the schedule: all that is available, and debts if the account allows it."""
    account = world.at(None).get("account", account_id)
    if account is None or account.get("deleted") or not account["payouts_enabled"]:
        return
    settings = account["settings"]["payouts"]
    if settings["schedule"]["interval"] == "manual":
        return
    for code, (available, pending) in totals(world).items():
        external = bank_accounts.default_for(world, code)
        owed = _owed(available, pending)
        if external is None or external["status"] != "new" or owed == 0:
            continue
        if owed < 0 and not settings["debit_negative_balances"]:
            continue
        payout = build(world, external, owed, automatic=True)
        payout["statement_descriptor"] = settings["statement_descriptor"]
        send(world, payout)
        _mark_paid_out(world, payout)
    known = world.state.store.list(world.collection("balance_transaction"))
    if pending_until := [one["available_on"] for one in known if one["available_on"] > world.now()]:
        payout_schedule.plan(world, min(pending_until))


def _owed(available_minor: int, pending_minor: int) -> int:
    """What a run pays out, or (below zero) what it has to fetch."""
    if available_minor < 0:
        return min(0, available_minor + pending_minor)
    return max(0, available_minor + min(0, pending_minor))


def _mark_paid_out(world: World, payout: Document) -> None:
    """So that the balance transactions of an automatic payout can be listed."""
    for one in world.state.store.list(
        world.collection("balance_transaction"), currency=payout["currency"], _payout=None
    ):
        if one["available_on"] <= world.now():
            world.save({**one, "_payout": payout["id"]})
