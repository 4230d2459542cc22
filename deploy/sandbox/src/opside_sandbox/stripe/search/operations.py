"""`GET /v1/{resource}/search`."""

from collections.abc import Callable
from itertools import dropwhile

from opside_sandbox.stripe.errors import Document, invalid
from opside_sandbox.stripe.fields import text, whole_number
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.search import index, query
from opside_sandbox.stripe.world import SEARCHED, Ask, World

_FIELDS: dict[str, dict[str, str]] = {
    "charge": {
        "amount": "number", "created": "number", "currency": "token", "customer": "token",
        "disputed": "token", "metadata": "metadata", "refunded": "token", "status": "token",
    },
    "customer": {
        "created": "number", "email": "text", "metadata": "metadata", "name": "text",
        "phone": "text",
    },
    "invoice": {
        "created": "number", "currency": "token", "customer": "token", "metadata": "metadata",
        "number": "text", "receipt_number": "text", "status": "token", "subscription": "token",
        "total": "number",
    },
    "payment_intent": {
        "amount": "number", "created": "number", "currency": "token", "customer": "token",
        "metadata": "metadata", "status": "token",
    },
    "price": {
        "active": "token", "currency": "token", "lookup_key": "text", "metadata": "metadata",
        "product": "token", "type": "token",
    },
    "product": {
        "active": "token", "description": "text", "metadata": "metadata", "name": "text",
        "shippable": "token", "url": "text",
    },
    "subscription": {
        "canceled_at": "number", "created": "number", "metadata": "metadata", "status": "token",
    },
}  # fmt: skip


def _search(kind: str) -> Callable[[World, Ask], Document]:
    def handler(world: World, ask: Ask) -> Document:
        wanted = query.parse(ask.params["query"], _FIELDS[kind])
        found = [one for one in index.known(world, kind) if wanted.holds(_searchable(one))]
        return _page(world, ask, found, f"/v1/{kind}s/search")

    return handler


def _searchable(document: Document) -> Document:
    """An invoice's subscription is searched as a field of its own."""
    parent = document.get("parent") if document["object"] == "invoice" else None
    if parent is None:
        return document
    return {**document, "subscription": parent["subscription_details"]["subscription"]}


def _page(world: World, ask: Ask, found: list[Document], url: str) -> Document:
    limit = ask.get("limit", 10)
    if cursor := ask.get("page"):
        found = list(dropwhile(lambda one: _cursor(one) != cursor, found))[1:]
        if not cursor.startswith("after_"):
            raise invalid("Invalid page.", param="page")
    shown_now, more = found[:limit], len(found) > limit
    return {
        "object": "search_result",
        "data": [shown(world, one) for one in shown_now],
        "has_more": more,
        "next_page": _cursor(shown_now[-1]) if more else None,
        "url": url,
    }


def _cursor(document: Document) -> str:
    return f"after_{document['id']}"


OPERATIONS = [
    Operation(
        "GET",
        f"/v1/{kind}s/search",
        f"{kind}s.search",
        _search(kind),
        fields={"limit": whole_number(1, 100), "page": text, "query": text},
        required=("query",),
    )
    for kind in sorted(SEARCHED)
]
