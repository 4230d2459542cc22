"""The floor of `webhook_intake`: bare ASGI, the signature check, one insert and its commit a request.

`python -m opside_local.bench.intake_floor PORT` with DATABASE_URL and SECRET.
"""

import asyncio
import hmac
import json
import os
import sys
import time
from hashlib import sha256

import asyncpg
import uvicorn
from starlette.types import Receive, Scope, Send

TABLE = """
CREATE TABLE floor.events (
    event_id text PRIMARY KEY, type text NOT NULL, payload jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now())
"""
INSERT = "INSERT INTO events (event_id, type, payload) VALUES ($1, $2, $3)"
TOLERANCE_SECONDS = 300


class Intake:
    """The app."""

    def __init__(self, database_url: str, secret: bytes) -> None:
        self._database_url = database_url
        self._secret = secret
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; a GET tells that the server is up."""
        if scope["type"] != "http":
            return
        status = 200 if scope["method"] == "GET" else await self._store(scope, receive)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
            }
        )
        await send({"type": "http.response.body", "body": b"{}"})

    async def _store(self, scope: Scope, receive: Receive) -> int:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if not self._is_signed(dict(scope["headers"]).get(b"stripe-signature", b""), body):
            return 400
        event = json.loads(body)
        pool = await self._connected()
        await pool.execute(INSERT, event["id"], event["type"], body.decode())
        return 200

    def _is_signed(self, header: bytes, body: bytes) -> bool:
        parts = dict(part.partition(b"=")[::2] for part in header.split(b","))
        stamp = parts.get(b"t", b"0")
        expected = hmac.new(self._secret, stamp + b"." + body, sha256).hexdigest().encode()
        fresh = abs(time.time() - int(stamp)) < TOLERANCE_SECONDS
        return fresh and hmac.compare_digest(expected, parts.get(b"v1", b""))

    async def _connected(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(self._database_url, min_size=1, max_size=10)
        return self._pool


def main() -> None:
    """Serve until killed."""
    app = Intake(os.environ["DATABASE_URL"], os.environ["SECRET"].encode())
    uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
