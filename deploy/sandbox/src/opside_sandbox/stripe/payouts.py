"""Payouts to bank accounts and cards: the API; what happens to them is in paying_out.py."""

from typing import Any

from opside_sandbox.stripe import accounts, bank_accounts, paying_out
from opside_sandbox.stripe.balance import totals
from opside_sandbox.stripe.errors import Document, StripeError, invalid, missing
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import currency, metadata, one_of, text, whole_number
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take


def _create(world: World, ask: Ask) -> Document:
    amount, code, method = ask.params["amount"], ask.params["currency"], ask.get("method")
    external = _destination(world, ask.get("destination"), code)
    instant = method == "instant"
    if instant and "instant" not in external["available_payout_methods"]:
        raise invalid(
            "This external account doesn't support Instant Payouts.",
            param="method",
            code="instant_payouts_unsupported",
        )
    taken = amount + (paying_out.instant_fee(amount) if instant else 0)
    if taken > totals(world, code)[code][0]:
        raise _insufficient()
    payout = paying_out.build(world, external, amount, method=method or "standard")
    take(payout, ask.params, "description", "statement_descriptor", "source_type")
    payout["metadata"] = merge_metadata(None, ask.params)
    return shown(world, paying_out.send(world, payout))


def _destination(world: World, wanted: str | None, code: str) -> Document:
    """The external account; the default of the currency unless the request names one."""
    if world.account is not None and not accounts.known(world, world.account)["payouts_enabled"]:
        raise invalid(
            "Payouts are not enabled on this account: it has to be onboarded first, or its "
            "external account has to be replaced after a payout has failed.",
            code="payouts_not_allowed",
        )
    if wanted is not None:
        external = bank_accounts.find(world, wanted)
    elif world.account is None:
        external = bank_accounts.of_platform(world, code)
    else:
        external = bank_accounts.default_for(world, code)
    if external is None and wanted is not None:
        raise missing("external account", wanted, param="destination", in_path=False)
    if external is None or external["currency"] != code:
        raise invalid(
            f"Sorry, you don't have any external accounts in that currency ({code}).",
            param="currency",
        )
    if external["status"] == "errored":
        raise invalid(
            "The bank account provided cannot be used for payouts, because a payout to it has "
            "failed. A different bank account must be used.",
            param="destination",
            code="bank_account_unusable",
        )
    return external


def _insufficient() -> StripeError:
    return StripeError(
        400,
        "You have insufficient funds in your Stripe account for this payout. You can use the "
        "/v1/balance endpoint to view your Stripe balance.",
        code="balance_insufficient",
        param="amount",
    )


def _known(world: World, ask: Ask) -> Document:
    return world.need("payout", ask.path["payout"], param="payout")


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, _known(world, ask))


def _update(world: World, ask: Ask) -> Document:
    payout = _known(world, ask)
    before = dict(payout)
    payout["metadata"] = merge_metadata(payout["metadata"], ask.params)
    world.save(payout)
    if payout != before:
        emit(world, "payout.updated", payout, before=before)
    return shown(world, payout)


def _cancel(world: World, ask: Ask) -> Document:
    return shown(world, paying_out.cancel(world, _known(world, ask)))


def _reverse(world: World, ask: Ask) -> Document:
    back = paying_out.reverse(world, _known(world, ask))
    back["metadata"] = merge_metadata(None, ask.params)
    return shown(world, world.save(back))


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "payout", url="/v1/payouts")


_ALL, _ONE = "/v1/payouts", "/v1/payouts/{payout}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"payouts.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        _ALL,
        "create",
        _create,
        fields={
            "amount": whole_number(1),
            "currency": currency,
            "description": text,
            "destination": text,
            "metadata": metadata,
            "method": one_of("instant", "standard"),
            "source_type": one_of("bank_account", "card", "fpx"),
            "statement_descriptor": text,
        },
        required=("amount", "currency"),
    ),
    _operation(
        "GET",
        _ALL,
        "list",
        _list,
        fields={
            **PAGE,
            **CREATED,
            "destination": text,
            "status": one_of("canceled", "failed", "in_transit", "paid", "pending"),
        },
    ),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation("POST", _ONE, "update", _update, fields={"metadata": metadata}),
    _operation("POST", _ONE + "/cancel", "cancel", _cancel),
    _operation("POST", _ONE + "/reverse", "reverse", _reverse, fields={"metadata": metadata}),
]
