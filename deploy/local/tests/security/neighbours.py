"""Every route that takes an id, asked by Ben for what is Cleo's. The routes are read from the services'
descriptions, so that a new one is covered the day it is written; one that takes an id of a new kind
fails until `belongings` makes such a thing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
from fastapi import FastAPI
from security.belongings import Owned, belongings
from security.house import BEN, CLEO, INTEGRATIONS, MAIN_API, PAYMENTS, House, Session, bearer
from security.row import Attack, Built, Together, without_tenants

from opside_chassis.access import Caller
from opside_chassis.user_token import UserIdentity, UserTokens, UserTokenVerifier
from opside_local.folders import PROJECT

PARAMETER = re.compile(r"\{(\w+)\}")
CAMEL = re.compile(r"(?<!^)(?=[A-Z])")
NOBODYS = {
    "claim_id": "told by a service that charges for it",
    "break_id": "of the books; for admins",
    "objection_id": "for admins",
    "amazon_case_id": "Amazon's, told by whoever filed",
    "customer_id": "Stripe's, compared with the caller's own",
    "price_id": "of a plan",
    "subscription_id": "Stripe's, looked up among the caller's own",
    "notification_id": "a place in the caller's own list: what comes before it is read",
    "reversal_id": "Amazon's; for admins and services",
}
"""Ids that no seller owns. Every other one must be in `belongings`."""
DESCRIPTIONS = {
    MAIN_API: PROJECT / "services/main-api/src/main_api/dashboard/product_openapi.json",
    INTEGRATIONS: PROJECT / "services" / INTEGRATIONS / "openapi.json",
    PAYMENTS: PROJECT / "services" / PAYMENTS / "openapi.json",
}
"""main-api's with what it passes on, bodies included."""
REFUSALS = {403, 404}
HAS_NONE = (
    *("/document", "/download", "/packet.pdf", "/packet.zip"),
    *("/subscriptions/{user_id}", "/stripe/invoices/{user_id}"),
)
"""Ends of paths where Cleo herself is told nothing: her papers were put into the tables, her export is
not ready yet, her filing is a draft, she has no plan. Ben asks all the same."""


@dataclass(frozen=True)
class Route:
    """One operation of a description."""

    service: str
    method: str
    path: str
    operation: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.method} {self.path}"

    def body_schema(self) -> Mapping[str, Any] | None:
        """Of its JSON body."""
        content = self.operation.get("requestBody", {}).get("content", {})
        return (
            self.resolved(content["application/json"]["schema"])
            if "application/json" in content
            else None
        )

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Behind references and choices."""
        while "$ref" in schema or "anyOf" in schema:
            schema = (
                schema.get("anyOf", [{}])[0]
                if "anyOf" in schema
                else self.schemas[schema["$ref"].rpartition("/")[2]]
            )
        return schema

    def ids(self) -> set[str]:
        """The ids it takes: in its path, its query and its body."""
        query = (
            one["name"] for one in self.operation.get("parameters", []) if one["in"] == "query"
        )
        names = {*PARAMETER.findall(self.path), *query, *self._members(self.body_schema() or {})}
        return {
            one for one in map(snake, names) if one.endswith(("_id", "_ids")) or one == "reference"
        }

    def _members(self, schema: Mapping[str, Any]) -> Iterator[str]:
        for name, member in schema.get("properties", {}).items():
            yield name
            yield from self._members(self.resolved(self.resolved(member).get("items", {})))


def snake(name: str) -> str:
    """As the parameters of paths are written."""
    return CAMEL.sub("_", name).lower()


def routes() -> list[Route]:
    """All of the three services that take an id, but for services and providers; readers first."""
    found = []
    for service in (MAIN_API, INTEGRATIONS, PAYMENTS):
        described = json.loads(DESCRIPTIONS[service].read_text())
        for path, operations in described["paths"].items():
            for method, operation in operations.items():
                schemas = described["components"]["schemas"]
                route = Route(service, method.upper(), path, operation, schemas)
                if (
                    path.startswith("/api/")
                    and route.ids() - NOBODYS.keys()
                    and "/callback" not in path
                ):
                    found.append(route)
    order = ("GET", "POST", "PUT", "PATCH", "DELETE")
    # Without a session the rest would be refused for another reason.
    return sorted(found, key=lambda r: (order.index(r.method), "sessions" in r.path))


def example(route: Route, schema: Mapping[str, Any], name: str, owned: Owned) -> Any:
    """The smallest value a schema allows; an id is Cleo's."""
    schema = route.resolved(schema)
    if "properties" in schema:
        needed = set(schema.get("required", ())) | {
            one for one in schema["properties"] if snake(one) in owned
        }
        return {one: example(route, schema["properties"][one], snake(one), owned) for one in needed}
    if schema.get("type") == "array":
        return [example(route, schema["items"], name.removesuffix("s"), owned)]
    if name in owned:
        return owned[name]
    fixed = {"date": "2026-11-01", "^[A-Za-z]{3}$": "usd", "^[A-Z]{2}$": "US"}
    for hint in (schema.get("format"), schema.get("pattern")):
        if hint in fixed:
            return fixed[hint]
    if "enum" in schema:
        return schema["enum"][0]
    numbers = {"integer": 1, "number": 1, "boolean": True}
    return numbers.get(schema["type"], "1234567890")


async def asked(
    house: House, route: Route, owned: Owned, headers: Mapping[str, str]
) -> httpx.Response:
    """The route, for what is Cleo's, as whoever has these headers."""
    by_path = {"transaction_id": owned.get(route.path, owned["transaction_id"])}
    path = route.path
    for name in PARAMETER.findall(route.path):
        path = path.replace(
            f"{{{name}}}", (owned | by_path | {"month": "2026-11"}).get(name, "x_1")
        )
    query = {
        one["name"]: owned[snake(one["name"])]
        for one in route.operation.get("parameters", [])
        if one["in"] == "query" and snake(one["name"]) in owned
    }
    schema = route.body_schema()
    body = {"json": example(route, schema, "", owned)} if schema is not None else {}
    key = {"Idempotency-Key": f"{route.name}-1"}
    url = house.door(route.service) + path
    return await house.ask(route.method, url, params=query, headers={**headers, **key}, **body)


def tokens_of(house: House, who: Session, service: str) -> dict[str, str]:
    """A person at a door: his session at main-api, a token of his own at the others."""
    if service == MAIN_API:
        return bearer(who.token)
    mint = UserTokens(house.signing_key(MAIN_API)).mint
    return bearer(
        mint(audience=service, user_id=who.user_id, role="user", session_id=who.session_id)
    )


def told(answer: httpx.Response) -> bool:
    """Whether somebody learned or changed anything: an empty list, or a list of refusals, is nothing."""
    if answer.status_code in REFUSALS:
        return False
    if not answer.is_success or not answer.content:
        return True
    if not answer.headers.get("content-type", "").startswith("application/json"):
        return True
    found = answer.json()
    items = found.get("items", found.get("results")) if isinstance(found, dict) else found
    return items is None or any(one.get("outcome") != "refused" for one in items)


async def told_to_ben(house: House) -> str:
    """'nothing', 'all that Cleo herself is told', or the routes that told him something."""
    owned = await belongings(house)
    unknown = {one for route in routes() for one in route.ids()} - owned.keys() - NOBODYS.keys()
    unknown = {one for one in unknown if one.removesuffix("s") not in owned}
    assert not unknown, f"ids of a new kind; let belongings.py make one of Cleo's: {unknown}"
    ben, cleo = await house.signed_in(BEN), await house.signed_in(CLEO)
    hers, his = set(), set()
    for route in routes():
        if route.method == "GET" and not route.path.endswith(HAS_NONE):
            answer = await asked(house, route, owned, tokens_of(house, cleo, route.service))
            hers |= {route.name} if told(answer) else set()
        answer = await asked(house, route, owned, tokens_of(house, ben, route.service))
        his |= {route.name} if told(answer) else set()
    readers = {r.name for r in routes() if r.method == "GET" and not r.path.endswith(HAS_NONE)}
    assert hers >= readers, f"Cleo has nothing there herself: {sorted(readers - hers)}"
    if not his:
        return "nothing"
    return "all that Cleo herself is told" if his >= hers else f"{sorted(his)}"


async def something_told(house: House) -> bool:
    """Whether any of it told him anything."""
    return await told_to_ben(house) != "nothing"


@dataclass(frozen=True)
class Impostor:
    """Takes the user from somewhere else than his token: here everybody is Cleo."""

    verifier: UserTokenVerifier
    owned: Owned

    def verify(self, token: str) -> UserIdentity:
        found = self.verifier.verify(token)
        return replace(found, user_id=self.owned["user_id"], session_id=self.owned["session_id"])


def everybody_is_cleo(service: str) -> Built:
    """A service that does not ask who is asking."""

    def change(app: FastAPI, house: House) -> None:
        own = app.state.access
        person = Impostor(own.user_verifier, house.shared["owned"])
        reader = own.person_reader

        async def read(identity: UserIdentity) -> Caller:
            cleo = house.shared["owned"]
            return await reader(
                replace(identity, user_id=cleo["user_id"], session_id=cleo["session_id"])
            )

        app.state.access = replace(
            own, user_verifier=person, person_reader=read if reader is not None else None
        )

    return Built(service, app=change)


ATTACKS = (
    *(
        Attack(
            f"neighbour: what only the policies of {schema} keep",
            something_told,
            False,
            without_tenants(schema),
            True,
        )
        for schema in ("main_api", "integrations", "payments")
    ),
    # The last of the table: everybody may change and delete what is Cleo's.
    Attack(
        "neighbour: every id of Cleo's, asked by Ben",
        told_to_ben,
        "nothing",
        Together(
            everybody_is_cleo(INTEGRATIONS),
            everybody_is_cleo(PAYMENTS),
            everybody_is_cleo(MAIN_API),
        ),
        "all that Cleo herself is told",
    ),
)
