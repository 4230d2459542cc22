"""The queues that notifications go to, standing in for SQS and EventBridge.

Nothing runs in the background: whoever looks into a queue finds everything that Amazon would have
sent by now, each message once and always in the same words. Tests ask for one twice if they want
to see at-least-once delivery.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from opside_sandbox.amazon.cases.book import whole_view
from opside_sandbox.amazon.identifiers import request_id
from opside_sandbox.amazon.personas import Persona, everybody
from opside_sandbox.amazon.spapi import reports_queue
from opside_sandbox.amazon.spapi.transactions import Transaction, transactions
from opside_sandbox.state import SandboxState
from opside_sandbox.store import Document

DESTINATIONS, SUBSCRIPTIONS = "amazon.destinations", "amazon.subscriptions"
_MESSAGES = "amazon.messages"
_REPORTS, _MONEY, _STOCK = (
    "REPORT_PROCESSING_FINISHED", "TRANSACTION_UPDATE", "FBA_INVENTORY_AVAILABILITY_CHANGES",
)  # fmt: skip
VERSIONS = {_REPORTS: "2020-09-04", _MONEY: "1.0", _STOCK: "1.0"}
"""Notification type -> its payload version. The stock of a history does not move after its last
day, so that nothing is ever sent of the third."""
_FINISHED = {"DONE", "CANCELLED", "FATAL"}


def subscribe(
    state: SandboxState, persona: Persona, kind: str, *, client_id: str, body: dict[str, Any]
) -> Document:
    """Keep a subscription; only what happens from now on is sent."""
    kept = {
        "subscriptionId": request_id(state),
        "payloadVersion": body["payloadVersion"],
        "destinationId": body["destinationId"],
        "processingDirective": body.get("processingDirective"),
        "kind": kind,
        "client_id": client_id,
        "persona": persona.key,
        "since": state.clock.now().isoformat(),
    }
    return state.store.put(SUBSCRIPTIONS, str(kept["subscriptionId"]), kept)


def messages(state: SandboxState, destination_id: str) -> list[dict[str, Any]]:
    """Everything sent to a destination by now, oldest first."""
    for subscription in state.store.list(SUBSCRIPTIONS, destinationId=destination_id):
        persona = everybody(state)[subscription["persona"]]
        source = _reports if subscription["kind"] == _REPORTS else _money
        if subscription["kind"] == _STOCK:
            continue
        for key, at, payload in source(state, persona, subscription):
            _send(state, subscription, key, at, payload)
    found = state.store.list(_MESSAGES, destinationId=destination_id)
    return [one["body"] for one in sorted(found, key=lambda one: str(one["at"]))]


def send_test(state: SandboxState, kind: str, destination_id: str) -> None:
    """A mock notification of this type."""
    now = state.clock.now()
    subscription = {"kind": kind, "destinationId": destination_id, "subscriptionId": "test"}
    payload = _report_payload("TEST", "54517018502", "GET_FLAT_FILE_ACTIONABLE_ORDER_DATA", "DONE")
    if kind != _REPORTS:
        payload = {"TestNotification": {}}
    _send(state, subscription, f"test/{now.isoformat()}", now, payload)


def _send(
    state: SandboxState, subscription: Document, key: str, at: datetime, payload: dict[str, Any]
) -> None:
    name = f"{subscription['subscriptionId']}|{key}"
    if state.store.get(_MESSAGES, name) is not None:
        return
    version, when = VERSIONS[subscription["kind"]], at.isoformat(timespec="milliseconds")
    metadata = {
        "applicationId": state.settings.amazon_seller.application_id,
        "subscriptionId": subscription["subscriptionId"],
        "publishTime": when,
        "notificationId": request_id(state),
    }
    body: dict[str, Any] = {
        "notificationVersion": version,
        "notificationType": subscription["kind"],
        "payloadVersion": version,
        "eventTime": when,
        "payload": payload,
        "notificationMetadata": metadata,
    }
    if subscription["kind"] == _MONEY:
        # This type alone is written in capitals.
        body = {_capital(name): value for name, value in body.items()}
        body["NotificationMetadata"] = {_capital(key): value for key, value in metadata.items()}
    kept = {"destinationId": subscription["destinationId"], "at": when, "body": body}
    state.store.put(_MESSAGES, name, kept)


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


_Sent = Iterator[tuple[str, datetime, dict[str, Any]]]


def _report_payload(seller_id: str, report_id: str, kind: str, status: str) -> dict[str, Any]:
    payload = {
        "sellerId": seller_id,
        "accountId": f"amzn1.merchant.o.{seller_id}",
        "reportId": report_id,
        "reportType": kind,
        "processingStatus": status,
    }
    return {"reportProcessingFinishedNotification": payload}


def _reports(state: SandboxState, persona: Persona, subscription: Document) -> _Sent:
    since = datetime.fromisoformat(subscription["since"])
    for report in reversed(reports_queue.kept(state, persona)):
        status = reports_queue.status_of(state, report)
        asked = datetime.fromisoformat(report["asOf"])
        if asked < since or status not in _FINISHED:
            continue
        payload = _report_payload(
            persona.seller_id, report["reportId"], report["reportType"], status
        )
        if status != "CANCELLED" and report["documentId"]:
            inner = payload["reportProcessingFinishedNotification"]
            inner["reportDocumentId"] = report["documentId"]
        at = asked + timedelta(seconds=state.settings.amazon_pace.report_seconds)
        yield report["reportId"], at, payload


def _money(state: SandboxState, persona: Persona, subscription: Document) -> _Sent:
    since = datetime.fromisoformat(subscription["since"])
    for one in transactions(whole_view(state, persona)):
        if one.at >= since.replace(microsecond=0):
            yield one.id_as(one.status), one.at, _transaction_payload(persona, one)


def _transaction_payload(persona: Persona, one: Transaction) -> dict[str, Any]:
    named = []
    if one.order_id:
        named = [{"RelatedIdentifierName": "OrderId", "RelatedIdentifierValue": one.order_id}]
    payload = {
        "SellingPartnerMetadata": {
            "SellingPartnerId": persona.seller_id,
            "MarketplaceId": persona.store.id,
            "AccountType": "Standard Orders",
        },
        "RelatedIdentifiers": named,
        "TransactionType": one.kind,
        "PostedDate": one.at.isoformat(),
        "TotalAmount": {
            "CurrencyAmount": persona.store.major(one.total_minor),
            "CurrencyCode": persona.store.currency,
        },
    }
    return {"TransactionUpdateNotification": payload}
