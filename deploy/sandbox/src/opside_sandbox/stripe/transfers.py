"""Transfers from the platform's balance to a connected account."""

from typing import Any

from opside_sandbox.stripe import accounts, book, charges
from opside_sandbox.stripe.balance import record as record_balance
from opside_sandbox.stripe.balance import totals
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import clearable, currency, metadata, one_of, text, whole_number
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take


def insufficient() -> StripeError:
    """400 balance_insufficient."""
    return StripeError(
        400,
        "You have insufficient available funds in your Stripe account. Try adding funds directly "
        "to your available balance by creating Charges using the 4000000000000077 test card. "
        "See: https://stripe.com/docs/testing#available-balance",
        code="balance_insufficient",
    )


def _create(world: World, ask: Ask) -> Document:
    if world.account is not None:
        raise invalid("Transfers are made by the platform, not for a connected account.")
    destination = accounts.known(world, ask.params["destination"], param="destination")
    if destination["capabilities"].get("transfers") != "active":
        raise StripeError(
            400,
            "Your destination account needs to have at least one of the following capabilities "
            "enabled: transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    code, group = ask.params["currency"], ask.get("transfer_group")
    available_on = world.now()
    source = ask.get("source_transaction")
    if source is not None:
        charge = _source(world, source, code)
        amount = _bounded(world, charge, ask.get("amount"))
        group = _group(world, charge, group)
        transaction = world.need("balance_transaction", charge["balance_transaction"])
        available_on = transaction["available_on"]
    else:
        amount = ask.get("amount")
        if amount is None:
            raise invalid(
                "Missing required param: amount.", param="amount", code="parameter_missing"
            )
        if amount > totals(world, code)[code][0]:
            raise insufficient()
    transfer = _build(world, ask, amount, group)
    _move(world, transfer, available_on)
    emit(world, "transfer.created", transfer)
    return shown(world, transfer)


def _source(world: World, charge_id: str, code: str) -> Document:
    """The charge that pays for the transfer."""
    charge = world.need("charge", charge_id, param="source_transaction", in_path=False)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise invalid(
            f"The charge {charge_id} has not succeeded and cannot be a source.",
            param="source_transaction",
        )
    if charge["currency"] != code:
        raise invalid(
            f"The currency of source_transaction's balance transaction ({charge['currency']}) "
            f"must be the same as the transfer currency ({code})",
            param="currency",
        )
    return charges.settle(world, charge_id)


def _bounded(world: World, charge: Document, wanted: int | None) -> int:
    """All transfers of one charge together, less reversals, stay within the charge."""
    known = world.state.store.list(world.collection("transfer"), source_transaction=charge["id"])
    used = sum(one["amount"] - one["amount_reversed"] for one in known)
    amount = charge["amount_captured"] if wanted is None else wanted
    if used + amount > charge["amount_captured"]:
        raise invalid(
            "Transfers using this transaction as a source must not exceed the source amount of "
            f"{charge['amount_captured']} (there is already an aggregate of {used} in transfers "
            "using this source).",
            param="amount",
        )
    return int(amount)


def _group(world: World, charge: Document, group: str | None) -> str:
    """A charge and its transfers share one group."""
    has = charge["transfer_group"]
    if group and has and group != has:
        raise invalid(
            f"The transfer_group of the source_transaction ({has}) differs.",
            param="transfer_group",
        )
    chosen = str(group or has or f"group_{charge['payment_intent']}")
    if has is None:
        charge["transfer_group"] = chosen
        world.save(charge)
    return chosen


def _build(world: World, ask: Ask, amount_minor: int, group: str | None) -> Document:
    transfer_id = world.new_id("transfer")
    return {
        "id": transfer_id,
        "object": "transfer",
        "amount": amount_minor,
        "amount_reversed": 0,
        "balance_transaction": None,
        "created": world.now(),
        "currency": ask.params["currency"],
        "description": ask.get("description"),
        "destination": ask.params["destination"],
        "destination_payment": f"py_1{world.state.token('payment', 22)}",
        "livemode": False,
        "metadata": merge_metadata(None, ask.params),
        "reversals": {
            "data": [],
            "has_more": False,
            "object": "list",
            "url": f"/v1/transfers/{transfer_id}/reversals",
        },
        "reversed": False,
        "source_transaction": ask.get("source_transaction"),
        "source_type": ask.get("source_type", "card"),
        "transfer_group": group,
    }


def _move(world: World, transfer: Document, available_on: int) -> None:
    """Platform balance down, connected balance up; a payment appears in the other account."""
    transaction = record_balance(
        world, "transfer", -transfer["amount"], source=transfer, available_on=available_on
    )
    transfer["balance_transaction"] = transaction["id"]
    world.save(transfer)
    other = world.at(transfer["destination"])
    payment = accounts.incoming_payment(other, transfer)
    received = record_balance(
        other, "payment", transfer["amount"], source=payment, available_on=available_on
    )
    payment["balance_transaction"] = received["id"]
    other.save(payment)
    book.post(
        world,
        "transfer",
        reference=transfer["id"],
        currency=transfer["currency"],
        moves={
            book.PLATFORM: -transfer["amount"],
            book.connected(transfer["destination"]): transfer["amount"],
        },
    )


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, world.need("transfer", ask.path["transfer"], param="transfer"))


def _update(world: World, ask: Ask) -> Document:
    transfer = world.need("transfer", ask.path["transfer"], param="transfer")
    before = dict(transfer)
    take(transfer, ask.params, "description")
    transfer["metadata"] = merge_metadata(transfer["metadata"], ask.params)
    world.save(transfer)
    if transfer != before:
        emit(world, "transfer.updated", transfer, before=before)
    return shown(world, transfer)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "transfer", url="/v1/transfers")


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"transfers.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        "/v1/transfers",
        "create",
        _create,
        fields={
            "amount": whole_number(1),
            "currency": currency,
            "description": text,
            "destination": text,
            "metadata": metadata,
            "source_transaction": text,
            "source_type": one_of("bank_account", "card", "fpx"),
            "transfer_group": text,
        },
        required=("currency", "destination"),
    ),
    _operation("GET", "/v1/transfers/{transfer}", "retrieve", _retrieve),
    _operation(
        "POST",
        "/v1/transfers/{transfer}",
        "update",
        _update,
        fields={"description": clearable(text), "metadata": metadata},
    ),
    _operation(
        "GET",
        "/v1/transfers",
        "list",
        _list,
        fields={**PAGE, **CREATED, "destination": text, "transfer_group": text},
    ),
]
