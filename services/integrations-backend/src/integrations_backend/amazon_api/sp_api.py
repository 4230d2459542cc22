"""One call of the SP-API: inside the usage plan, and every answer by its meaning."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from integrations_backend.amazon_api.buckets import Bucket
from integrations_backend.amazon_api.errors import (
    AccessDenied,
    AmazonUnavailable,
    RequestRefused,
    Throttled,
)
from integrations_backend.amazon_api.pacing import Pacing
from integrations_backend.provider_answers import json_object
from opside_chassis.database import refuse_open_transaction

USER_AGENT = "Opside/0.1 (Language=Python; Platform=Linux)"
RATE_HEADER = "x-amzn-RateLimit-Limit"


@dataclass(frozen=True, slots=True)
class SpApi:
    """Calls for one seller; without a seller (a consent that is not stored yet) they are not paced."""

    client: httpx.AsyncClient
    pacing: Pacing
    seller: str | None = None

    async def call(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        access_token: str,
        detail: str = "",
        json: object = None,
    ) -> dict[str, Any]:
        """Make it. `detail` names what Amazon may hold back by itself, such as a report type.

        Raises:
            Throttled: the bucket is empty and nothing was asked, or Amazon refused: see `wait_seconds`.
            AccessDenied, RequestRefused, AmazonUnavailable: see there.
        """
        refuse_open_transaction()
        bucket = Bucket(self.seller, operation, detail) if self.seller else None
        if bucket:
            await self.pacing.take(bucket)
        headers = {"x-amz-access-token": access_token, "user-agent": USER_AGENT}
        try:
            answer = await self.client.request(method, path, headers=headers, json=json)
        except httpx.HTTPError as error:
            raise AmazonUnavailable(type(error).__name__) from error
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            waits = _retry_after(answer)
            if bucket:
                raise await self.pacing.refused(bucket, waits)
            raise Throttled(operation, waits or 60.0)
        if bucket:
            await self.pacing.answered(bucket, _told_rate(answer))
        return _meaning(answer, path)


def _meaning(answer: httpx.Response, path: str) -> dict[str, Any]:
    """The status first: a 503 may carry HTML, a 403 no content type."""
    match answer.status_code:
        case 403:
            raise AccessDenied(path)
        case 400 | 404:
            raise RequestRefused(f"{answer.status_code} {path}: {answer.text[:200]}")
    if not answer.is_success:
        raise AmazonUnavailable(f"{answer.status_code} {path}")
    return json_object(answer, AmazonUnavailable)


def _told_rate(answer: httpx.Response) -> float | None:
    try:
        return float(answer.headers[RATE_HEADER])
    except (KeyError, ValueError):
        return None


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds; Amazon was seen to send none (facts section 2), a proxy before it may."""
    said = answer.headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(1.0, (aware - datetime.now(UTC)).total_seconds())
