"""The background task: runs due jobs and sends due deliveries."""

import asyncio
from collections.abc import Mapping

import httpx

from opside_sandbox.state import SandboxState
from opside_sandbox.stripe import deliveries, jobs
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.world import World

_ANSWER_SECONDS = 10.0
_AT_ONCE = 8
_LONGEST_SLEEP_SECONDS = 5.0


class Courier:
    """Sends what is due on the sandbox's clock; `wake` after anything new."""

    def __init__(self, state: SandboxState, kinds: Mapping[str, jobs.Job]) -> None:
        self._state = state
        self._kinds = kinds
        self._news = asyncio.Event()
        self._sending: dict[str, asyncio.Task[None]] = {}
        state.clock.on_change(self.wake)

    def wake(self) -> None:
        """Look for due work now. Call it in the courier's event loop."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with httpx.AsyncClient(timeout=_ANSWER_SECONDS, trust_env=False) as client:
            try:
                while True:
                    self._news.clear()
                    await self._sleep(self._turn(client))
            finally:
                for task in self._sending.values():
                    task.cancel()

    def _turn(self, client: httpx.AsyncClient) -> float:
        """Start all due work; answers for how long nothing more is due."""
        jobs.run_due(self._state, self._kinds)
        now = self._state.clock.now().timestamp()
        soonest = jobs.next_due(self._state) or now + _LONGEST_SLEEP_SECONDS
        for row in self._state.store.list(deliveries.DELIVERIES, status="pending"):
            if row["id"] in self._sending:
                continue
            if row["due_at"] > now:
                soonest = min(soonest, row["due_at"])
            elif len(self._sending) < _AT_ONCE:
                task = asyncio.create_task(self._send(client, row))
                self._sending[row["id"]] = task
        return min(max(soonest - now, 0.01), _LONGEST_SLEEP_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self, client: httpx.AsyncClient, row: Document) -> None:
        try:
            delivered, outcome = await self._post(client, row)
            if self._state.store.get(deliveries.DELIVERIES, row["id"]):  # not reset meanwhile
                deliveries.note(self._state, row, delivered=delivered, outcome=outcome)
        finally:
            self._sending.pop(row["id"], None)
            self.wake()

    async def _post(self, client: httpx.AsyncClient, row: Document) -> tuple[bool, str]:
        endpoint = World(self._state).get("webhook_endpoint", row["endpoint"])
        event = World(self._state, account=row["account"]).get("event", row["event"])
        if endpoint is None or endpoint.get("deleted") or event is None:
            return True, "endpoint gone"
        body = deliveries.envelope(event, endpoint)
        secret = endpoint["_secret"]
        if row["forged"]:
            body, secret = body.replace(b'"livemode": false', b'"livemode": false '), "wrong"
        # Receivers have the machine's clock, not ours, and refuse old signatures.
        signed_at = int(self._state.clock.real_now().timestamp())
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": deliveries.signature(secret, signed_at, body),
        }
        try:
            answer = await client.post(endpoint["url"], content=body, headers=headers)
        except httpx.HTTPError as error:
            return False, type(error).__name__
        return answer.is_success, str(answer.status_code)
