"""An object as it is shown: private names dropped, times applied, `expand` followed."""

from typing import Any

from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.included import PARTS
from opside_sandbox.stripe.world import World

_KIND_OF_FIELD = {
    "balance_transaction": "balance_transaction",
    "failure_balance_transaction": "balance_transaction",
    "charge": "charge",
    "latest_charge": "charge",
    "source_transaction": "charge",
    "customer": "customer",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "default_payment_method": "payment_method",
    "setup_intent": "setup_intent",
    "latest_attempt": "setup_attempt",
    "transfer": "transfer",
    "original_payout": "payout",
    "reversed_by": "payout",
    "product": "product",
    "price": "price",
    "default_price": "price",
    "invoice": "invoice",
    "latest_invoice": "invoice",
    "subscription": "subscription",
    "pending_setup_intent": "setup_intent",
    "configuration": "billing_portal.configuration",
    "test_clock": "test_helpers.test_clock",
    "account": "account",
    "destination": "account",
}
_NEVER_SET = {
    "application", "application_fee", "on_behalf_of", "review", "mandate", "single_use_mandate",
    "source_transfer", "source_refund", "transfer_reversal", "source_transfer_reversal",
}  # fmt: skip
_BY_PREFIX = {
    "ch_": "charge", "py_": "charge", "re_": "refund", "pyr_": "refund", "tr_": "transfer",
    "trr_": "transfer_reversal", "po_": "payout", "du_": "dispute", "ba_": "bank_account",
    "card_": "card",
}  # fmt: skip
_MAX_LEVELS = 4


def plain(document: Document) -> Document:
    """Without the names that begin with `_`."""
    return {key: value for key, value in document.items() if not key.startswith("_")}


def shown(world: World, document: Document, expand: list[str] | None = None) -> Document:
    """The object for an answer. Raises StripeError when something cannot be expanded."""
    answer = plain(document)
    if answer.get("object") == "balance_transaction":
        available = answer["available_on"] <= world.now()
        answer["status"] = "available" if available else "pending"
    if answer.get("object") == "dispute":
        answer["balance_transactions"] = [
            shown(world, one) for one in answer["balance_transactions"]
        ]
    for path in expand or []:
        parts = path.split(".")
        if len(parts) > _MAX_LEVELS:
            raise invalid("You cannot expand more than 4 levels of a property", param="expand")
        _expand(world, answer, parts, path)
    return answer


def _expand(world: World, node: Any, parts: list[str], path: str) -> None:  # noqa: ANN401
    if node is None or not parts:
        return
    if isinstance(node, list):
        for one in node:
            _expand(world, one, parts, path)
        return
    name, rest = parts[0], parts[1:]
    if isinstance(node, dict) and name == "refunds" and node.get("object") == "charge":
        node[name] = _refunds(world, node)
    if isinstance(node, dict) and (part := PARTS.get((str(node.get("object")), name))):
        node[name] = part(world, node)
    if not isinstance(node, dict) or name not in node:
        raise _refused(path)
    value = node[name]
    if isinstance(value, str):
        value = node[name] = _follow(world, node, name, value, path)
    elif not _expandable(name, value, rest):
        raise _refused(path)
    _expand(world, value, rest, path)


def _expandable(name: str, value: object, rest: list[str]) -> bool:
    """May `expand` name this field, whose value is not an id?"""
    if value is None:
        return name in _KIND_OF_FIELD or name in _NEVER_SET or name == "confirmation_secret"
    return bool(rest) or isinstance(value, dict | list)


def _follow(world: World, node: Document, name: str, value: str, path: str) -> Document:
    """The object that an id in this field names."""
    home, kind = world, _KIND_OF_FIELD.get(name)
    if name in {"source", "destination", "destination_payment", "destination_payment_refund"}:
        kind = _BY_PREFIX.get(value[: value.find("_") + 1], kind)
        if name == "destination_payment":
            home = world.at(node.get("destination"))
    if kind is None:
        raise _refused(path)
    if kind == "account":
        home = world.at(None)
    found = home.get(kind, value)
    if found is None:
        raise _refused(path)
    return shown(home, found)


def _refunds(world: World, charge: Document) -> Document:
    known = world.state.store.list(
        world.collection("refund"), newest_first=True, charge=charge["id"]
    )
    return {
        "object": "list",
        "data": [shown(world, one) for one in known],
        "has_more": False,
        "url": f"/v1/charges/{charge['id']}/refunds",
    }


def _refused(path: str) -> Exception:
    return invalid(f"This property cannot be expanded ({path}).", param="expand")
