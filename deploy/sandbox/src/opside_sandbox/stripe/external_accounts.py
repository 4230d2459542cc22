"""External accounts of connected accounts: bank accounts and debit cards that payouts go to."""

from typing import Any

from opside_sandbox.stripe import accounts, bank_accounts, payout_schedule
from opside_sandbox.stripe.account_shape import requirements
from opside_sandbox.stripe.errors import Document, invalid, missing
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
from opside_sandbox.stripe.listing import PAGE, page_of
from opside_sandbox.stripe.present import plain, shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World, merge_metadata, take


def _create(world: World, ask: Ask) -> Document:
    account = accounts.known(world, ask.path["account"])
    given = ask.get("external_account") or ask.get("bank_account")
    if given is None:
        raise invalid(
            "Missing required param: external_account.",
            param="external_account",
            code="parameter_missing",
        )
    own = world.at(account["id"])
    external = _build(own, account, given)
    external["metadata"] = merge_metadata(None, ask.params)
    bank_accounts.keep(own, external, default=ask.get("default_for_currency", False))
    emit(own, "account.external_account.created", external)
    _answer_requirement(world, account)
    return shown(own, external)


def _build(own: World, account: Document, given: str | Document) -> Document:
    if isinstance(given, str):
        external = bank_accounts.from_token(own, account, given)
        if external is None:
            raise missing("token", given, param="external_account", in_path=False)
        return external
    if given.get("object", "bank_account") != "bank_account":
        raise invalid(
            "Cards are given as tokens, such as tok_visa_debit.", param="external_account"
        )
    number = given["account_number"]
    if given.get("routing_number") != bank_accounts.ROUTING_NUMBER:
        raise invalid(
            "You must use a test bank account number in test mode. The sandbox knows the routing "
            f"number {bank_accounts.ROUTING_NUMBER}.",
            param="external_account[routing_number]",
            code="routing_number_invalid",
        )
    if number not in bank_accounts.BY_NUMBER:
        raise invalid(
            "You must use a test bank account number in test mode. Try 000123456789 or see more "
            "options at https://stripe.com/docs/connect/testing#account-numbers.",
            param="external_account[account_number]",
            code="account_number_invalid",
        )
    return bank_accounts.bank_account(own, account, number, given)


def _answer_requirement(world: World, account: Document) -> None:
    """A new place for payouts answers the requirement that a failed payout has left."""
    before = {**account, "capabilities": dict(account["capabilities"])}
    bank_accounts.embed(world.at(account["id"]), account)
    if account["requirements"]["currently_due"] == ["external_account"]:
        account.update(requirements=requirements([]), payouts_enabled=True)
    accounts.changed(world, account, before)
    payout_schedule.plan(world.at(account["id"]), world.now())


def replace(world: World, account: Document, number: str) -> None:
    """What the onboarding page does when only a new bank account is due."""
    own = world.at(account["id"])
    external = bank_accounts.bank_account(own, account, number)
    bank_accounts.keep(own, external, default=True)
    emit(own, "account.external_account.created", external)
    _answer_requirement(world, account)


def _known(world: World, ask: Ask) -> tuple[Document, World, Document]:
    account = accounts.known(world, ask.path["account"])
    own = world.at(account["id"])
    external = bank_accounts.find(own, ask.path["id"])
    if external is None:
        raise missing("external account", ask.path["id"])
    return account, own, external


def _retrieve(world: World, ask: Ask) -> Document:
    _, own, external = _known(world, ask)
    return shown(own, external)


def _update(world: World, ask: Ask) -> Document:
    """Also the way to use a bank account again after a payout to it has failed."""
    account, own, external = _known(world, ask)
    before = dict(external)
    take(external, ask.params, "account_holder_name", "account_holder_type", "account_type")
    external["metadata"] = merge_metadata(external["metadata"], ask.params)
    if external["status"] == "errored":
        external["status"] = "new"
    bank_accounts.keep(own, external, default=ask.get("default_for_currency", False))
    emit(own, "account.external_account.updated", external, before=before)
    _answer_requirement(world, account)
    return shown(own, external)


def _delete(world: World, ask: Ask) -> Document:
    account, own, external = _known(world, ask)
    if external["default_for_currency"] and external["currency"] == account["default_currency"]:
        raise invalid(
            "You cannot delete the default external account for your default currency. Please "
            "make another external account the default using the `default_for_currency` param, "
            "and then delete this one."
        )
    gone = {"id": external["id"], "object": external["object"], "deleted": True}
    own.save({**gone, "currency": external["currency"]})
    before = {**account, "capabilities": dict(account["capabilities"])}
    bank_accounts.embed(own, account)
    emit(own, "account.external_account.deleted", plain(external))
    accounts.changed(world, account, before)
    return gone


def _list(world: World, ask: Ask) -> Document:
    account = accounts.known(world, ask.path["account"])
    wanted = ask.get("object")
    return page_of(
        world,
        ask,
        reversed(bank_accounts.held(world.at(account["id"]))),
        url=f"/v1/accounts/{account['id']}/external_accounts",
        keep=lambda one: wanted in {None, one["object"]},
    )


_BANK_ACCOUNT = record(
    {
        "object": one_of("bank_account", "card"),
        "account_holder_name": text,
        "account_holder_type": one_of("company", "individual"),
        "account_number": text,
        "account_type": one_of("checking", "savings"),
        "country": text,
        "currency": currency,
        "routing_number": text,
    },
    required=("account_number", "country"),
)


def _token_or_bank(value: Any, param: str) -> Any:  # noqa: ANN401
    return _BANK_ACCOUNT(value, param) if isinstance(value, dict) else text(value, param)


_ALL = "/v1/accounts/{account}/external_accounts"
_ONE = _ALL + "/{id}"
_SHARED: dict[str, Kind] = {"default_for_currency": boolean, "metadata": metadata}


def _operation(method: str, path: str, name: str, handler: Any, **more: Any) -> Operation:  # noqa: ANN401
    return Operation(method, path, f"accounts.external_accounts.{name}", handler, **more)


OPERATIONS = [
    _operation(
        "POST",
        _ALL,
        "create",
        _create,
        fields={**_SHARED, "bank_account": _token_or_bank, "external_account": _token_or_bank},
    ),
    _operation("GET", _ALL, "list", _list, fields={**PAGE, "object": one_of(*bank_accounts.KINDS)}),
    _operation("GET", _ONE, "retrieve", _retrieve),
    _operation(
        "POST",
        _ONE,
        "update",
        _update,
        fields={
            **_SHARED,
            "account_holder_name": text,
            "account_holder_type": clearable(one_of("company", "individual")),
            "account_type": one_of("checking", "savings"),
        },
    ),
    _operation("DELETE", _ONE, "delete", _delete),
]
