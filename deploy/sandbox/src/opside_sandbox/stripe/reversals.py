"""Transfer reversals: money comes back from a connected account, if it is still there."""

from opside_sandbox.stripe import accounts, book
from opside_sandbox.stripe.balance import record as record_balance
from opside_sandbox.stripe.balance import totals
from opside_sandbox.stripe.errors import Document, invalid, missing
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import metadata, text, whole_number
from opside_sandbox.stripe.listing import PAGE, page_of
from opside_sandbox.stripe.present import plain, shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.transfers import insufficient
from opside_sandbox.stripe.world import Ask, World, merge_metadata


def _create(world: World, ask: Ask) -> Document:
    transfer = world.need("transfer", ask.path["transfer"], param="transfer")
    amount = _amount(transfer, ask.get("amount"))
    other = world.at(transfer["destination"])
    if amount > sum(totals(other, transfer["currency"])[transfer["currency"]]):
        raise insufficient()
    reversal: Document = {
        "id": world.new_id("transfer_reversal"),
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": None,
        "created": world.now(),
        "currency": transfer["currency"],
        "destination_payment_refund": None,
        "metadata": merge_metadata(None, ask.params),
        "source_refund": None,
        "transfer": transfer["id"],
    }
    _move(world, reversal, transfer)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    _embed(world, transfer)
    world.save(transfer)
    emit(world, "transfer.reversed", transfer)
    return shown(world, reversal)


def _amount(transfer: Document, wanted: int | None) -> int:
    left = transfer["amount"] - transfer["amount_reversed"]
    if left <= 0:
        raise invalid(f"Transfer {transfer['id']} is already fully reversed.")
    if wanted is not None and wanted > left:
        raise invalid(
            f"Reversal amount ({wanted}) is greater than the unreversed amount ({left})",
            param="amount",
        )
    return int(left if wanted is None else wanted)


def _move(world: World, reversal: Document, transfer: Document) -> None:
    amount, other = reversal["amount"], world.at(transfer["destination"])
    # Money that is still pending comes back as pending, or the two balances would not meet.
    source = world.need("balance_transaction", transfer["balance_transaction"])
    available_on = max(world.now(), source["available_on"])
    transaction = record_balance(
        world, "transfer_refund", amount, source=reversal, available_on=available_on
    )
    reversal["balance_transaction"] = transaction["id"]
    refund = accounts.outgoing_refund(other, transfer, amount)
    taken = record_balance(
        other, "payment_refund", -amount, source=refund, available_on=available_on
    )
    refund["balance_transaction"] = taken["id"]
    other.save(refund)
    reversal["destination_payment_refund"] = refund["id"]
    world.save(reversal)
    book.post(
        world,
        "reversal",
        reference=reversal["id"],
        currency=reversal["currency"],
        moves={book.connected(transfer["destination"]): -amount, book.PLATFORM: amount},
    )


def _of(world: World, transfer_id: str) -> list[Document]:
    return world.state.store.list(
        world.collection("transfer_reversal"), newest_first=True, transfer=transfer_id
    )


def _embed(world: World, transfer: Document) -> None:
    """A transfer shows its ten newest reversals."""
    known = _of(world, transfer["id"])
    transfer["reversals"].update(data=[plain(one) for one in known[:10]], has_more=len(known) > 10)


def _need(world: World, ask: Ask) -> Document:
    reversal = world.need("transfer_reversal", ask.path["id"])
    if reversal["transfer"] != ask.path["transfer"]:
        raise missing("transfer_reversal", reversal["id"])
    return reversal


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _need(world, ask))


def _update(world: World, ask: Ask) -> Document:
    reversal = _need(world, ask)
    reversal["metadata"] = merge_metadata(reversal["metadata"], ask.params)
    world.save(reversal)
    transfer = world.need("transfer", reversal["transfer"])
    _embed(world, transfer)
    world.save(transfer)
    return shown(world, reversal)


def _list(world: World, ask: Ask) -> Document:
    transfer = world.need("transfer", ask.path["transfer"], param="transfer")
    url = f"/v1/transfers/{transfer['id']}/reversals"
    return page_of(world, ask, _of(world, transfer["id"]), url=url)


_ALL = "/v1/transfers/{transfer}/reversals"
OPERATIONS = [
    Operation(
        "POST",
        _ALL,
        "transfers.reversals.create",
        _create,
        fields={"amount": whole_number(1), "description": text, "metadata": metadata},
    ),
    Operation("GET", _ALL, "transfers.reversals.list", _list, fields=PAGE),
    Operation("GET", _ALL + "/{id}", "transfers.reversals.retrieve", _retrieve),
    Operation(
        "POST",
        _ALL + "/{id}",
        "transfers.reversals.update",
        _update,
        fields={"metadata": metadata},
    ),
]
