"""A little server that takes webhooks, as a service would."""

import http.server
import json
import threading
from dataclasses import dataclass, field
from typing import Any, Self

import stripe
from sandbox_process import until
from stripe_contract import CONTRACT


@dataclass
class Delivery:
    """The raw bytes of one delivery."""

    body: bytes
    signature: str


@dataclass
class Receiver:
    """Keeps what arrives; answers `answers` in turn, then 200."""

    deliveries: list[Delivery] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def __enter__(self) -> Self:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.deliveries.append(Delivery(body, self.headers["stripe-signature"]))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/stripe"
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def events(self, secret: str) -> list[dict[str, Any]]:
        """What arrived with a good signature, each checked against the contract."""
        known = []
        for one in list(self.deliveries):
            try:
                stripe.Webhook.construct_event(one.body, one.signature, secret)
            except stripe.SignatureVerificationError:
                continue
            whole = json.loads(one.body)
            CONTRACT.event(whole)
            known.append(whole)
        return known

    def wait_for(self, secret: str, *types: str) -> list[dict[str, Any]]:
        """All events, once every one of these types has come."""

        def arrived() -> list[dict[str, Any]] | None:
            events = self.events(secret)
            return events if set(types) <= {one["type"] for one in events} else None

        return until(arrived)
