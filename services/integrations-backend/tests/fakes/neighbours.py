"""main-api and stripe-payments as this service sees them: over HTTP, keeping what they were told."""

import json
from dataclasses import dataclass, field

import httpx

from opside_chassis.http_client import ServiceClient
from opside_chassis.service_token import ServiceTokens
from opside_chassis.testing.fake_wire import FakeWire
from opside_contracts.accounts.client import AccountsClient
from opside_contracts.events import EVENT, Event
from opside_contracts.payments.client import PaymentsClient

NEIGHBOUR = "http://neighbour.test"


@dataclass
class Neighbours:
    """Both answer at once; `payments_down` makes stripe-payments answer 503."""

    events: list[Event] = field(default_factory=list)
    onboarded: list[dict[str, object]] = field(default_factory=list)
    payments_down: bool = False
    refusal: dict[str, object] | None = None
    """The problem that stripe-payments answers with, its status in it."""
    refused: int = 0

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/internal/events":
            self.events.append(EVENT.validate_python(body))
            return httpx.Response(200, json={"eventId": body["eventId"], "repeated": False})
        if self.payments_down:
            return httpx.Response(503)
        if self.refusal is not None:
            self.refused += 1
            return httpx.Response(int(str(self.refusal["status"])), json=self.refusal)
        self.onboarded.append(body)
        account = {
            "userId": body["userId"],
            "stripeAccountId": f"acct_{body['userId']}",
            "created": True,
            **dict.fromkeys(
                ("chargesEnabled", "payoutsEnabled", "detailsSubmitted", "transfersActive"), False
            ),
        }
        return httpx.Response(200, json=account)

    def accounts(self, tokens: ServiceTokens) -> AccountsClient:
        """The client of main-api."""
        return AccountsClient(self._client("main-api", tokens))

    def payments(self, tokens: ServiceTokens) -> PaymentsClient:
        """The client of stripe-payments."""
        return PaymentsClient(self._client("stripe-payments", tokens))

    def _client(self, audience: str, tokens: ServiceTokens) -> ServiceClient:
        wire = FakeWire(NEIGHBOUR, httpx.MockTransport(self._answer))
        return ServiceClient(NEIGHBOUR, audience, tokens, wire=wire)
