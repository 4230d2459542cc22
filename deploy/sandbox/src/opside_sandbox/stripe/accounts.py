"""Connected accounts (Express), their capabilities, and what stands between them and money."""

from typing import Any

from opside_sandbox.stripe import bank_accounts, payout_schedule, payout_settings
from opside_sandbox.stripe.account_shape import REQUIRED, build, requirements
from opside_sandbox.stripe.errors import Document, StripeError, invalid
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import (
    Kind,
    boolean,
    clearable,
    currency,
    metadata,
    one_of,
    record,
    text,
)
from opside_sandbox.stripe.listing import CREATED, PAGE, page
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take


def known(world: World, account_id: str, *, param: str = "account") -> Document:
    """The platform's connected account. Raises resource_missing or 403 account_invalid."""
    found = world.at(None).get("account", account_id)
    if found is None or found.get("deleted"):
        if param == "account":
            raise forbidden(account_id)
        raise StripeError(
            400, f"No such destination: '{account_id}'", code="resource_missing", param=param
        )
    return found


def forbidden(account_id: str) -> StripeError:
    """403: the account does not exist or is not ours."""
    error = StripeError(
        403,
        f"The provided key does not have access to account '{account_id}' (or that account does "
        "not exist). Application access may have been revoked.",
        code="account_invalid",
    )
    error.saved = False
    return error


def _create(world: World, ask: Ask) -> Document:
    controller = ask.get("controller")
    if controller is not None and "type" in ask.params:
        raise invalid("You may only specify one of these parameters: type, controller.")
    if controller is None and ask.get("type") is None:
        raise invalid("Missing required param: type.", param="type", code="parameter_missing")
    if controller is not None:
        _check_controller(controller)
    account = build(world, ask)
    payout_settings.apply(world, account, ask.get("settings"))
    world.at(None).save(account)
    return shown(world, account)


_EXPRESS = {
    ("stripe_dashboard", "type"): "express",
    ("fees", "payer"): "application",
    ("losses", "payments"): "application",
}


def _check_controller(controller: Document) -> None:
    for (part, name), value in _EXPRESS.items():
        if (controller.get(part) or {}).get(name) != value:
            raise invalid(
                f"The sandbox knows controller[{part}][{name}]={value} only.",
                param=f"controller[{part}][{name}]",
            )


def changed(world: World, account: Document, before: Document) -> None:
    """Save and tell the account's change to Connect endpoints."""
    world.at(None).save(account)
    own = world.at(account["id"])
    for name, status in account["capabilities"].items():
        if before["capabilities"].get(name) != status:
            emit(own, "capability.updated", capability(account, name))
    emit(own, "account.updated", account, before=before)


def capability(account: Document, name: str) -> Document:
    """One capability of an account, as an object."""
    status = account["capabilities"].get(name, "unrequested")
    due = list(REQUIRED) if status == "inactive" else []
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": requirements([]),
        "requested": status != "unrequested",
        "requested_at": account["_requested_at"].get(name),
        "requirements": requirements(due, reason="requirements.fields_needed"),
        "status": status,
    }


def complete(world: World, account: Document, answers: Document) -> Document:
    """Onboarding is done: nothing is due any more, capabilities become active."""
    before = {**account, "capabilities": dict(account["capabilities"])}
    account.update(
        business_type=answers["business_type"],
        charges_enabled=account["capabilities"].get("card_payments") is not None,
        details_submitted=True,
        payouts_enabled=True,
        requirements=requirements([]),
        capabilities=dict.fromkeys(account["capabilities"], "active"),
    )
    account["business_profile"] = {**account["business_profile"], "url": answers["url"]}
    own = world.at(account["id"])
    bank = bank_accounts.bank_account(own, account, answers["account_number"])
    bank_accounts.keep(own, bank)
    bank_accounts.embed(own, account)
    account["tos_acceptance"] = {"date": world.now(), "ip": "127.0.0.1", "user_agent": None}
    if account["email"] is None:
        account["email"] = answers["email"]
    changed(world, account, before)
    payout_schedule.plan(own, world.now())
    return account


def incoming_payment(world: World, transfer: Document) -> Document:
    """The payment that a transfer becomes in the connected account."""
    return {
        "id": transfer["destination_payment"],
        "object": "charge",
        "amount": transfer["amount"],
        "amount_captured": transfer["amount"],
        "amount_refunded": 0,
        **dict.fromkeys(_NULL_IN_PAYMENTS),
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            **dict.fromkeys(("email", "name", "phone", "tax_id")),
        },
        "captured": True,
        "created": world.now(),
        "currency": transfer["currency"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "paid": True,
        "refunded": False,
        "source_transfer": transfer["id"],
        "status": "succeeded",
        "transfer_group": None,
    }


_NULL_IN_PAYMENTS = (
    "application", "application_fee", "application_fee_amount", "balance_transaction",
    "calculated_statement_descriptor", "customer", "description", "failure_balance_transaction",
    "failure_code", "failure_message", "on_behalf_of", "outcome", "payment_intent",
    "payment_method", "payment_method_details", "receipt_email", "receipt_number", "receipt_url",
    "review", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_data",
)  # fmt: skip


def outgoing_refund(world: World, transfer: Document, amount_minor: int) -> Document:
    """The refund of that payment when the transfer is reversed; also marks the payment."""
    payment = world.need("charge", transfer["destination_payment"])
    payment["amount_refunded"] += amount_minor
    payment["refunded"] = payment["amount_refunded"] == payment["amount"]
    world.save(payment)
    return {
        "id": f"pyr_1{world.state.token('payment_refund', 22)}",
        "object": "refund",
        "amount": amount_minor,
        "balance_transaction": None,
        "charge": payment["id"],
        "created": world.now(),
        "currency": transfer["currency"],
        "destination_details": {"type": "card"},
        "metadata": {},
        "payment_intent": None,
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def _retrieve(world: World, ask: Ask) -> Document:
    return shown(world, known(world, ask.path["account"]))


def _retrieve_own(world: World, ask: Ask) -> Document:  # noqa: ARG001 (no parameters)
    """The account that the key opens; the platform's own has no other face here."""
    if world.account is None:
        raise invalid("The sandbox shows connected accounts only: name one in the path.")
    return shown(world, known(world, world.account))


def _update(world: World, ask: Ask) -> Document:
    account = known(world, ask.path["account"])
    before = {**account, "capabilities": dict(account["capabilities"])}
    take(account, ask.params, "email", "business_type")
    if profile := ask.get("business_profile"):
        account["business_profile"] = {**account["business_profile"], **profile}
    account["metadata"] = merge_metadata(account["metadata"], ask.params)
    payout_settings.apply(world, account, ask.get("settings"))
    for name, asked in (ask.get("capabilities") or {}).items():
        request_capability(world, account, name, requested=asked.get("requested", True))
    if account != before:
        changed(world, account, before)
    return shown(world, account)


def request_capability(world: World, account: Document, name: str, *, requested: bool) -> None:
    """Ask for a capability, or give it up. The caller saves."""
    if not requested:
        account["capabilities"].pop(name, None)
        account["_requested_at"].pop(name, None)
        return
    if name not in account["capabilities"]:
        done = account["details_submitted"]
        account["capabilities"][name] = "active" if done else "inactive"
        account["_requested_at"][name] = world.now()


def _delete(world: World, ask: Ask) -> Document:
    account = known(world, ask.path["account"])
    gone = {"id": account["id"], "object": "account", "deleted": True}
    return world.at(None).save(gone)


def _list(world: World, ask: Ask) -> Document:
    return page(world, ask, "account", url="/v1/accounts")


_ASKED = record({"requested": boolean})
CAPABILITIES = ("card_payments", "transfers")
_COMMON: dict[str, Kind] = {
    "business_profile": record(
        dict.fromkeys(
            ("mcc", "name", "product_description", "support_email", "support_phone", "url"),
            clearable(text),
        )
    ),
    "business_type": one_of("company", "government_entity", "individual", "non_profit"),
    "capabilities": record(dict.fromkeys(CAPABILITIES, _ASKED)),
    "email": text,
    "metadata": metadata,
    "settings": payout_settings.SETTINGS,
}
_CONTROLLER = record(
    {
        "fees": record({"payer": one_of("account", "application")}),
        "losses": record({"payments": one_of("application", "stripe")}),
        "requirement_collection": one_of("application", "stripe"),
        "stripe_dashboard": record({"type": one_of("express", "full", "none")}),
    }
)
_ALL, _ONE = "/v1/accounts", "/v1/accounts/{account}"


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"accounts.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        _ALL,
        "create",
        _create,
        fields={
            **_COMMON,
            "controller": _CONTROLLER,
            "country": text,
            "default_currency": currency,
            "type": one_of("express"),
        },
    ),
    _operation("GET", _ALL, "list", _list, fields={**PAGE, **CREATED}),
    _operation("GET", "/v1/account", "retrieve_own", _retrieve_own),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation("POST", _ONE, "update", _update, fields=_COMMON),
    _operation("DELETE", _ONE, "delete", _delete),
]
