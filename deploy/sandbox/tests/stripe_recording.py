"""The SDK's own HTTP client, with every exchange shown to the contract."""

import json
from typing import Any

import stripe
from stripe_contract import CONTRACT


class RecordingClient(stripe.RequestsClient):
    """Sends as ever; then validates the request and the answer."""

    def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
        body, status, answer_headers = super().request(method, url, headers, post_data)
        if "/oauth/" in url:  # Stripe's description covers the API only
            return body, status, answer_headers
        answer = json.loads(body)
        CONTRACT.exchange(method, url, _text(post_data), status, answer)
        assert answer_headers["request-id"].startswith("req_")
        return body, status, answer_headers


def _text(post_data: Any) -> str:
    if isinstance(post_data, bytes):
        return post_data.decode()
    return post_data or ""
