"""One Stripe account's view of the stored objects, and the request that acts on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe.errors import Document, missing

PREFIXES = {
    "account": "acct_1",
    "balance_transaction": "txn_1",
    "bank_account": "ba_1",
    "card": "card_1",
    "charge": "ch_3",
    "billing_portal.configuration": "bpc_1",
    "billing_portal.session": "bps_1",
    "checkout.session": "cs_test_a1",
    "customer": "cus_",
    "dispute": "du_1",
    "event": "evt_1",
    "invoice": "in_1",
    "invoice_payment": "inpay_1",
    "invoiceitem": "ii_1",
    "item": "li_1",
    "line_item": "il_1",
    "payment_intent": "pi_3",
    "payment_method": "pm_1",
    "payout": "po_1",
    "price": "price_1",
    "product": "prod_",
    "refund": "re_3",
    "request": "req_",
    "setup_attempt": "setatt_1",
    "setup_intent": "seti_1",
    "subscription": "sub_1",
    "subscription_item": "si_",
    "test_helpers.test_clock": "clock_1",
    "transfer": "tr_1",
    "transfer_reversal": "trr_1",
    "webhook_endpoint": "we_1",
}
_ID_LENGTH = {
    "request": 14, "customer": 14, "account": 15, "product": 14, "subscription_item": 14,
    "checkout.session": 58,
}  # fmt: skip


OWN_ACCOUNTS = "stripe.standard_accounts"
"""Where the accounts of people are kept that had one before they met the platform."""
SEARCHED = {
    "charge", "customer", "invoice", "payment_intent", "price", "product", "subscription",
}  # fmt: skip
"""The kinds that can be searched: each change of them waits for the index to catch up."""


@dataclass(frozen=True, slots=True)
class World:
    """Objects of one account (`account` None: the platform) and what caused the present act.

    `as_of` is set while Billing catches up after a jump of the clock: when the act was due.
    """

    state: SandboxState
    account: str | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    as_of: int | None = None

    def at(self, account: str | None) -> "World":
        """The same act, seen in another account."""
        return replace(self, account=account)

    def now(self) -> int:
        """Unix seconds of the sandbox."""
        return self.state.clock.timestamp()

    def new_id(self, kind: str) -> str:
        """A Stripe-looking id that follows from the run's seed."""
        return PREFIXES[kind] + self.state.token(kind, _ID_LENGTH.get(kind, 22))

    def collection(self, kind: str) -> str:
        """Where this account's objects of a kind are kept."""
        return f"stripe.{self.account or 'platform'}.{kind}"

    def save(self, document: Document) -> Document:
        """Store an object under its own kind and id; names that begin with `_` stay inside."""
        if document["object"] in SEARCHED:
            self._mark_unindexed(document)
        return self.state.store.put(self.collection(document["object"]), document["id"], document)

    def _mark_unindexed(self, document: Document) -> None:
        rows = unindexed(self, document["object"])
        if self.state.store.get(rows, document["id"]) is None:
            row = {"id": document["id"], "since": self.now()}
            self.state.store.put(rows, document["id"], row)

    def get(self, kind: str, object_id: str) -> Document | None:
        """The object, or None."""
        return self.state.store.get(self.collection(kind), object_id)

    def need(
        self, kind: str, object_id: str, *, param: str = "id", in_path: bool = True
    ) -> Document:
        """The object. Raises resource_missing: 404 in the path, 400 for a parameter."""
        found = self.get(kind, object_id)
        if found is None or found.get("deleted"):
            raise missing(kind, object_id, param=param, in_path=in_path)
        return found


@dataclass(frozen=True, slots=True)
class Ask:
    """What one request asks: checked parameters, ids of the path, and who asks."""

    params: dict[str, Any]
    path: Mapping[str, str] = field(default_factory=dict)
    publishable: bool = False
    base_url: str = ""

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 (any parameter)
        """A parameter, or the default."""
        return self.params.get(name, default)


def is_own_account(world: World, account_id: str) -> bool:
    """Whether the account is a person's own, which the platform may look at and owes nothing."""
    return world.state.store.get(OWN_ACCOUNTS, account_id) is not None


def unindexed(world: World, kind: str) -> str:
    """Where it is kept which objects of a kind the search index has not caught up with."""
    return f"{world.collection(kind)}.unindexed"


def merge_metadata(known: Document | None, ask: Mapping[str, Any]) -> Document:
    """Metadata after an update: named keys replaced, empty ones removed, "" clears all."""
    if "metadata" not in ask:
        return known or {}
    given = ask["metadata"]
    if given is None:
        return {}
    return {key: value for key, value in {**(known or {}), **given}.items() if value != ""}


def take(document: Document, ask: Mapping[str, Any], *names: str) -> None:
    """Copy the parameters that the request gave into the object."""
    for name in names:
        if name in ask:
            document[name] = ask[name]
